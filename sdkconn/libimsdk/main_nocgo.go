//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "libimsdk is a C library: docs/libimsdk.md says how to build it, with CGO_ENABLED=1")
	os.Exit(1)
}
