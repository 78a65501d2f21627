# Seven layers: a JRE, Debian's Java libraries, the jars of Spark and of Flink, one jar of 279 MB with everything
# inside, and jars in a jar (stored, as Spring Boot does) and in a war.
jars
jars=$dir/.inputs/jars
base
clean='rm -rf /var/lib/apt/lists/* /var/cache/apt/*'
run "apt-get update; mkdir -p /usr/share/man/man1; apt-get install -y openjdk-17-jre-headless; $clean"
run "apt-get update; apt-get install -y libspring-core-java libspring-web-java libspring-context-java \
    libcommons-lang3-java libguava-java libjackson2-databind-java liblog4j2-java libhttpclient-java \
    libtomcat10-java libjetty9-java maven ant; $clean"
add "$jars/spark" opt/spark/jars
add "$jars/flink" opt/flink/lib
add "$jars/h2o" opt/h2o
mkdir -p "$work/boot/BOOT-INF/lib" "$work/boot/META-INF/maven/com.example/demo" "$work/war/WEB-INF/lib" "$work/apps"
printf 'Manifest-Version: 1.0\nImplementation-Title: demo\nImplementation-Version: 0.0.1-SNAPSHOT\n' \
    >"$work/boot/META-INF/MANIFEST.MF"
printf 'groupId=com.example\nartifactId=demo\nversion=0.0.1-SNAPSHOT\n' \
    >"$work/boot/META-INF/maven/com.example/demo/pom.properties"
ls "$jars"/spark/*.jar | awk 'NR % 5 == 0' | head -n 60 | xargs cp -t "$work/boot/BOOT-INF/lib"
ls "$jars"/spark/*.jar | awk 'NR % 7 == 0' | head -n 30 | xargs cp -t "$work/war/WEB-INF/lib"
(cd "$work/boot" && zip -q -0 -r "$work/apps/demo.jar" META-INF BOOT-INF)
(cd "$work/war" && zip -q -r "$work/apps/demo.war" WEB-INF)
add "$work/apps" app
finish
