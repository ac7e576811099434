// The official Pulumi plugin for Kubernetes, from the packages of its own module.
//
// Its schema lies beside the program: the file is in the folder of another main package, where Go
// lets nobody embed it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	program, err := os.Executable()
	if err != nil {
		end(err)
	}
	folder := filepath.Dir(program)
	provider.Serve("kubernetes", version.Version,
		read(folder, "schema.json"), read(folder, "terraform-mapping.json"))
}

func read(folder, name string) []byte {
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		end(err)
	}
	return content
}

func end(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
