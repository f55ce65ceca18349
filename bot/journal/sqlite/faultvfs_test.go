package sqlite

import (
	"sync"
	"testing"

	sqlitevfs "github.com/ncruces/go-sqlite3/vfs"
)

// faultVFS is the operating system's VFS with faults.
type faultVFS struct {
	sqlitevfs.VFSFilename

	mu    sync.Mutex
	fault func(op string, wal bool) error // nil: none
}

// vfs is what the ledgers' files are opened through: "faulty" in a test that calls faulty.
var vfs string

// faulty opens all files of this test through a VFS that fails when it is told to.
func faulty(t *testing.T) *faultVFS {
	t.Helper()
	v := &faultVFS{VFSFilename: sqlitevfs.Find("").(sqlitevfs.VFSFilename)}
	sqlitevfs.Register("faulty", v)
	vfs = "faulty"
	t.Cleanup(func() {
		vfs = ""
		sqlitevfs.Unregister("faulty")
	})
	return v
}

// set makes every operation ask f, which is called by one goroutine at a time.
func (v *faultVFS) set(f func(op string, wal bool) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fault = f
}

func (v *faultVFS) ask(op string, wal bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault == nil {
		return nil
	}
	return v.fault(op, wal)
}

func (v *faultVFS) OpenFilename(name *sqlitevfs.Filename, flags sqlitevfs.OpenFlag) (sqlitevfs.File, sqlitevfs.OpenFlag, error) {
	f, out, err := v.VFSFilename.OpenFilename(name, flags)
	if err != nil {
		return nil, out, err
	}
	return &faultFile{File: f, v: v, wal: flags&sqlitevfs.OPEN_WAL != 0}, out, nil
}

type faultFile struct {
	sqlitevfs.File
	v   *faultVFS
	wal bool
}

func (f *faultFile) SharedMemory() sqlitevfs.SharedMemory {
	if s, ok := f.File.(sqlitevfs.FileSharedMemory); ok {
		return s.SharedMemory()
	}
	return nil
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.v.ask("read", f.wal); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// WriteAt leaves half of what it should write behind when it fails.
func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.v.ask("write", f.wal); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *faultFile) Truncate(size int64) error {
	if err := f.v.ask("truncate", f.wal); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultFile) Sync(flags sqlitevfs.SyncFlag) error {
	if err := f.v.ask("sync", f.wal); err != nil {
		return err
	}
	return f.File.Sync(flags)
}
