// lazy LAYOUT TARGET: the image of an OCI layout with every layer in eStargz form, by the library that wrote the form.
package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/containerd/stargz-snapshotter/estargz"
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: lazy LAYOUT TARGET")
	}
	if err := convert(os.Args[1], os.Args[2]); err != nil {
		log.Fatal("lazy: ", err)
	}
}

func convert(from, to string) error {
	if err := os.MkdirAll(filepath.Join(to, "blobs/sha256"), 0o755); err != nil {
		return err
	}
	var list index
	if err := readJSON(filepath.Join(from, "index.json"), &list); err != nil {
		return err
	}
	var image manifest
	if err := readJSON(blob(from, list.Manifests[0].Digest), &image); err != nil {
		return err
	}
	var config map[string]any
	if err := readJSON(blob(from, image.Config.Digest), &config); err != nil {
		return err
	}
	var diffIDs []string
	for at, layer := range image.Layers {
		packed, diffID, err := pack(from, to, layer)
		if err != nil {
			return fmt.Errorf("layer %d: %w", at, err)
		}
		image.Layers[at] = packed
		diffIDs = append(diffIDs, diffID)
	}
	config["rootfs"] = map[string]any{"type": "layers", "diff_ids": diffIDs}
	return finish(to, list, image, config)
}

// pack writes one layer in eStargz form and names the digest of its table of contents.
func pack(from, to string, layer descriptor) (descriptor, string, error) {
	file, err := os.Open(blob(from, layer.Digest))
	if err != nil {
		return layer, "", err
	}
	defer file.Close()
	built, err := estargz.Build(io.NewSectionReader(file, 0, layer.Size), estargz.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return layer, "", err
	}
	defer built.Close()
	target, err := os.CreateTemp(to, "layer")
	if err != nil {
		return layer, "", err
	}
	defer target.Close()
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(target, hash), built)
	if err != nil {
		return layer, "", err
	}
	digest := fmt.Sprintf("sha256:%x", hash.Sum(nil))
	toc := map[string]string{estargz.TOCJSONDigestAnnotation: built.TOCDigest().String()}
	packed := descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Digest: digest, Size: size, Annotations: toc}
	if err := os.Chmod(target.Name(), 0o644); err != nil {
		return layer, "", err
	}
	return packed, built.DiffID().String(), os.Rename(target.Name(), blob(to, digest))
}

func finish(to string, list index, image manifest, config map[string]any) error {
	var err error
	if image.Config, err = writeJSON(to, image.Config, config); err != nil {
		return err
	}
	if image.MediaType == "" {
		image.MediaType = "application/vnd.oci.image.manifest.v1+json"
	}
	entry := descriptor{MediaType: image.MediaType}
	if entry, err = writeJSON(to, entry, image); err != nil {
		return err
	}
	entry.Annotations = map[string]string{"org.opencontainers.image.ref.name": "latest"}
	list.Manifests = []descriptor{entry}
	bytes, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, "index.json"), bytes, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
}

func blob(layout, digest string) string {
	return filepath.Join(layout, "blobs/sha256", digest[len("sha256:"):])
}

func readJSON(file string, into any) error {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(bytes, into)
}

func writeJSON(layout string, as descriptor, value any) (descriptor, error) {
	bytes, err := json.Marshal(value)
	if err != nil {
		return as, err
	}
	as.Digest, as.Size = fmt.Sprintf("sha256:%x", sha256.Sum256(bytes)), int64(len(bytes))
	return as, os.WriteFile(blob(layout, as.Digest), bytes, 0o644)
}
