# Seventeen layers, 5 GB: a bit of everything, with what real Dockerfiles do to it. A purge and an autoremove, an
# upgrade (the old copy stays below), a chmod that doubles every jar, removed folders, an opaque folder.
jars
npm_tree
go_programs
base
clean='rm -rf /var/lib/apt/lists/* /var/cache/apt/*'
pip='pip3 install --break-system-packages'
run "apt-get update; apt-get install -y python3 python3-pip git curl build-essential ca-certificates; $clean"
run "apt-get update; apt-get install -y libreoffice-writer-nogui libreoffice-calc-nogui; $clean"
run "apt-get update; apt-get install -y texlive-latex-recommended texlive-fonts-recommended; $clean"
run "apt-get update; mkdir -p /usr/share/man/man1
     apt-get install -y openjdk-17-jre-headless nodejs ruby php-cli perl; $clean"
run "$pip numpy pandas scikit-learn 'django<5' 'requests<2.31' 'urllib3<2' 'boto3<1.30' flask sqlalchemy cryptography"
run "$pip --no-deps torch"
add "$dir/.inputs/npm" app
add "$dir/.inputs/jars/spark" opt/spark/jars
add "$dir/.inputs/go/bin" usr/local/bin
run "apt-get purge -y 'texlive*' tex-common; apt-get autoremove -y --purge; rm -rf /usr/share/texlive"
run "$pip -U 'django>=5' 'requests>=2.32' 'urllib3>=2' 'boto3>=1.35'"
run 'chmod -R g-w,o+r /opt/spark/jars; chmod 640 /opt/spark/jars/*.jar'
run 'rm -rf /app/node_modules/aws-sdk /app/node_modules/webpack-cli'
run 'rm -rf /app/node_modules/lodash; mkdir /app/node_modules/lodash; rm /usr/local/bin/trivy
     echo "{\"name\":\"lodash\",\"version\":\"4.17.99-patched\"}" >/app/node_modules/lodash/package.json'
run "apt-get update; apt-get install -y jq vim-tiny less procps; $clean"
run 'mkdir -p /app/dist; date >/app/BUILD; useradd -m app'
finish
