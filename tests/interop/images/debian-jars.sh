# after: debian
# Java libraries of a Maven project, flat in one folder; the truth is Maven's dependency list.
mvn --batch-mode --quiet --file "$here/images/debian-jars.xml" -Dmaven.repo.local="$PWD/repository" \
    dependency:copy-dependencies -DoutputDirectory="$PWD/root/app/lib" \
    dependency:list -DoutputFile="$PWD/list" -DexcludeTransitive=false
pack root | gzip -6 >jars.tar.gz
layout "oci:$dir/debian" jars.tar.gz
cp "$dir/debian.truth.tsv" "$dir/$image.truth.tsv"
# Lines are group:artifact:jar[:classifier]:version:scope.
sed -nE 's/^ *([^ :]+):([^:]+):jar:([^:]+:)?([^:]+):(compile|runtime|provided|system|test).*$/\1:\2\t\4/p' list | truth maven
