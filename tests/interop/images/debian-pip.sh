# after: debian
# Python packages on top of Debian, installed by pip; the truth is pip's own list. Versions are
# pinned, dependencies included, so that the differences.tsv of one day fits the next; the machine's own Python may be older.
site=root/usr/local/lib/python3.11/dist-packages
"$peers/venv/bin/pip" install --quiet --no-deps --no-compile --only-binary :all: --python-version 3.11.9 \
    --ignore-requires-python --target "$site" --requirement "$here/images/debian-pip.txt"
pack root | gzip -6 >pip.tar.gz
layout "oci:$dir/debian" pip.tar.gz
cp "$dir/debian.truth.tsv" "$dir/$image.truth.tsv"
"$peers/venv/bin/pip" list --format json --path "$site" | jq -r '.[] | [.name, .version] | @tsv' | truth pypi
