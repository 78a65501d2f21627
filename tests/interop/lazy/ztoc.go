// Writes the document (zTOC) that SOCI keeps beside a gzip layer, with the library of soci-snapshotter.
//
// usage: ztoc LAYER TO
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/awslabs/soci-snapshotter/ztoc"
)

// The size that the command `soci` takes by default.
const spanBytes = 4 << 20

func write(layer, to string) error {
	built, err := ztoc.NewBuilder("ztoc").BuildZtoc(layer, spanBytes)
	if err != nil {
		return err
	}
	document, _, err := ztoc.Marshal(built)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, document); err != nil {
		return err
	}
	return out.Close()
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: ztoc LAYER TO")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
