# after: debian
# A Node.js application in two layers: `npm install`, then packages removed, changed and put back
# (whiteouts and opaque directories). The truth is `npm ls` of the end.
npm_here() {
    npm --prefix "$PWD/root/app" --ignore-scripts --no-audit --no-fund --no-update-notifier "$@"
}

mkdir -p root/app
cat >root/app/package.json <<'JSON'
{"name": "app", "version": "1.0.0", "private": true, "license": "UNLICENSED"}
JSON
npm_here install express@4 jest@29 eslint@8 webpack@5 webpack-cli@5 @babel/preset-env@7 axios@1 lodash@4.17.20
pack root | gzip -6 >install.tar.gz
cp -a root before
npm_here uninstall eslint
npm_here install lodash@4.17.21 @types/node@20
rm -rf root/app/node_modules/axios/dist root/app/node_modules/.bin
mkdir root/app/node_modules/axios/dist
echo '// built again' >root/app/node_modules/axios/dist/axios.min.js
python3 "$here/layout.py" --diff before root change.tar
gzip -6 change.tar
layout "oci:$dir/debian" install.tar.gz change.tar.gz
cp "$dir/debian.truth.tsv" "$dir/$image.truth.tsv"
# Each line is path:name@version, the first one the application itself.
npm_here ls --all --parseable --long | tail -n +2 |
    sed -E 's/^[^:]*:(@?[^@:]+)@([^:]+).*$/\1\t\2/' | truth npm
