# after: debian
# The image debian as `soci convert` leaves it: an index with the manifest, which names a SOCI index of version 2, and with
# that index, which names the zTOC of the layer ("$here/lazy/ztoc.go"). No truth of its own, so that only the part `lazy`
# looks at it.
blobs=$dir/$image/blobs/sha256
layout "oci:$dir/debian"
cd "$dir/$image"

# put FILE MEDIA_TYPE: into the layout; prints its descriptor.
put() {
    hex=$(sha256sum "$1" | cut -d ' ' -f 1)
    jq -nc --arg type "$2" --arg digest "sha256:$hex" --argjson size "$(stat -c %s "$1")" \
        '{mediaType: $type, digest: $digest, size: $size}'
    mv "$1" "$blobs/$hex"
}

manifest_type=application/vnd.oci.image.manifest.v1+json
index_type=application/vnd.amazon.soci.index.v2+json
manifest=$(jq -r '.manifests[0].digest' index.json)
layer=$(jq -c '.layers[0]' "$blobs/${manifest#sha256:}")
hex=$(echo "$layer" | jq -r .digest | cut -d : -f 2)
ztoc "$blobs/$hex" table
table=$(put table application/octet-stream)
printf '{}' >config
config=$(put config "$index_type")
jq -ncj --arg type "$manifest_type" --arg artifact "$index_type" --argjson layer "$layer" --argjson table "$table" \
    --argjson config "$config" '{schemaVersion: 2, mediaType: $type, artifactType: $artifact, config: $config, layers:
        [$table + {annotations: {"com.amazon.soci.image-layer-digest": $layer.digest,
            "com.amazon.soci.image-layer-mediaType": $layer.mediaType}}]}' >index
index=$(put index "$manifest_type")
jq -cj --argjson index "$index" '.annotations["com.amazon.soci.index-digest"] = $index.digest' "$blobs/${manifest#sha256:}" >new
rm "$blobs/${manifest#sha256:}"
manifest=$(put new "$manifest_type")
jq -ncj --argjson manifest "$manifest" --argjson index "$index" --arg artifact "$index_type" '
    {architecture: "amd64", os: "linux"} as $platform |
    {schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests:
        [$manifest + {platform: $platform}, $index + {platform: $platform, artifactType: $artifact}]}' >both
put both application/vnd.oci.image.index.v1+json | jq -c \
    '{schemaVersion: 2, manifests: [. + {annotations: {"org.opencontainers.image.ref.name": "1"}}]}' >index.json
