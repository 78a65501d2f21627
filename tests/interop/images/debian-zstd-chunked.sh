# after: debian
# The layer of debian as zstd:chunked, by skopeo. No truth of its own, so that only the part `lazy` looks at it.
skopeo copy --quiet --dest-compress-format zstd:chunked "oci:$dir/debian:1" "oci:$dir/$image:1"
