//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "libimsdk is a C library: build it with CGO_ENABLED=1 go build -buildmode=c-shared -o libImSDK.so")
	os.Exit(1)
}
