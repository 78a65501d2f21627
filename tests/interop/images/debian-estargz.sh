# after: debian
# The layer of debian as eStargz, by the library of those who specified it ("$here/lazy/estargz.go"). No truth of its own,
# so that only the part `lazy` looks at it.
blobs=$dir/debian/blobs/sha256
manifest=$(jq -r '.manifests[0].digest' "$dir/debian/index.json")
layer=$(jq -r '.layers[0].digest' "$blobs/${manifest#sha256:}")
estargz "$blobs/${layer#sha256:}" layer.tar.gz >digests
read -r toc _ <digests
layout layer.tar.gz

# The digest of the table belongs into the manifest.
cd "$dir/$image"
manifest=$(jq -r '.manifests[0].digest' index.json)
jq -cj --arg toc "$toc" '.layers[0].annotations["containerd.io/snapshot/stargz/toc.digest"] = $toc' \
    "blobs/sha256/${manifest#sha256:}" >manifest
rm "blobs/sha256/${manifest#sha256:}"
manifest=$(sha256sum manifest | cut -d ' ' -f 1)
jq -c --arg digest "sha256:$manifest" --argjson size "$(stat -c %s manifest)" \
    '.manifests[0] += {digest: $digest, size: $size}' index.json >index.new
mv index.new index.json
mv manifest "blobs/sha256/$manifest"
