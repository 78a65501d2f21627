# Four layers: node with npm as its official image lays them out, and an application of about 950 packages.
npm_tree
base
node=$work/node
mkdir -p "$node/bin" "$node/lib/node_modules"
cp -L "$(command -v node)" "$node/bin/node"
cp -a "$(npm root -g)/npm" "$node/lib/node_modules/"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$node/bin/npm"
add "$node" usr/local
add "$dir/.inputs/npm" app
run 'rm /app/.done; echo "require(\"express\")" >/app/index.js; mkdir -p /app/dist'
finish
