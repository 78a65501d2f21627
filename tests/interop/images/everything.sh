# after: debian debian-pip debian-npm debian-jars debian-binaries
# The layers of all Debian images on top of each other: the largest image, with the sum of their packages.
layout "oci:$dir/debian-pip" "oci:$dir/debian-npm" "oci:$dir/debian-jars" "oci:$dir/debian-binaries"
cat "$dir"/debian*.truth.tsv | LC_ALL=C sort -u >"$dir/$image.truth.tsv"
