package sqlite

import (
	"testing"

	"github.com/timbot-go/timbot/internal/faultvfs"
)

// vfs is what the ledgers' files are opened through: another than the operating system's in a test that calls faulty.
var vfs string

// faulty opens all files of this test through a VFS that fails when it is told to.
func faulty(t *testing.T) *faultvfs.VFS {
	t.Helper()
	v := faultvfs.New(t)
	vfs = v.Name()
	t.Cleanup(func() { vfs = "" })
	return v
}
