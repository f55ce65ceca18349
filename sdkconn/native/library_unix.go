//go:build !nonative && (linux || darwin)

package native

import "github.com/ebitengine/purego"

// openLibrary never gives a library back: it stays until the process ends.
func openLibrary(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func findSymbol(handle uintptr, name string) (uintptr, error) { return purego.Dlsym(handle, name) }
