//go:build !nonative && (linux || darwin)

package native

import (
	"runtime"

	"github.com/ebitengine/purego"
)

// openLibrary never gives a library back: it stays until the process ends.
func openLibrary(path string) (uintptr, error) {
	runtime.LockOSThread() // the reason of a failure is kept for the thread
	defer runtime.UnlockOSThread()
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func findSymbol(handle uintptr, name string) (uintptr, error) { return purego.Dlsym(handle, name) }
