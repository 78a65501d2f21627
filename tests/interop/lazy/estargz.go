// Writes an eStargz layer from another layer with the library of stargz-snapshotter, and prints the digests of its table
// of contents and of its archive.
//
// usage: estargz FROM TO
package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"

	"github.com/containerd/stargz-snapshotter/estargz"
)

func write(from, to string) error {
	layer, err := os.Open(from)
	if err != nil {
		return err
	}
	defer layer.Close()
	about, err := layer.Stat()
	if err != nil {
		return err
	}
	blob := io.NewSectionReader(layer, 0, about.Size())
	built, err := estargz.Build(blob, estargz.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return err
	}
	defer built.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, built); err != nil {
		return err
	}
	fmt.Println(built.TOCDigest(), built.DiffID())
	return out.Close()
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: estargz FROM TO")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
