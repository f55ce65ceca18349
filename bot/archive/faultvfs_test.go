package archive

import (
	"testing"

	"github.com/timbot-go/timbot/internal/faultvfs"
)

// faulty opens all files of this test through a VFS that fails when it is told to.
func faulty(t *testing.T) *faultvfs.VFS {
	t.Helper()
	v := faultvfs.New(t)
	vfs = v.Name()
	t.Cleanup(func() { vfs = "" })
	return v
}
