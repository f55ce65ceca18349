// Package faultvfs puts faults below SQLite: a VFS that is the operating system's until a test makes its operations fail.
package faultvfs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	sqlitevfs "github.com/ncruces/go-sqlite3/vfs"
)

// VFS is the operating system's VFS with faults. Make one with New.
type VFS struct {
	sqlitevfs.VFSFilename
	name string

	mu    sync.Mutex
	fault func(op string, wal bool) error // nil: none
}

var made atomic.Int64

// New registers a VFS until the test ends.
func New(t testing.TB) *VFS {
	t.Helper()
	v := &VFS{VFSFilename: sqlitevfs.Find("").(sqlitevfs.VFSFilename), name: fmt.Sprint("faulty", made.Add(1))}
	sqlitevfs.Register(v.name, v)
	t.Cleanup(func() { sqlitevfs.Unregister(v.name) })
	return v
}

// Name is the name under which SQLite opens files through it.
func (v *VFS) Name() string { return v.name }

// Set makes every operation ("read", "write", "truncate", "sync") ask fault first, which is called by one goroutine at a
// time; wal says that the file is a log. A nil fault ends the faults.
func (v *VFS) Set(fault func(op string, wal bool) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fault = fault
}

// Slow calls wait while other operations go on. It is for the fault itself: of a disk that takes its time.
func (v *VFS) Slow(wait func()) {
	v.mu.Unlock()
	defer v.mu.Lock()
	wait()
}

func (v *VFS) ask(op string, wal bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault == nil {
		return nil
	}
	return v.fault(op, wal)
}

// OpenFilename implements SQLite's interface.
func (v *VFS) OpenFilename(name *sqlitevfs.Filename, flags sqlitevfs.OpenFlag) (sqlitevfs.File, sqlitevfs.OpenFlag, error) {
	f, out, err := v.VFSFilename.OpenFilename(name, flags)
	if err != nil {
		return nil, out, err
	}
	return &file{File: f, v: v, wal: flags&sqlitevfs.OPEN_WAL != 0}, out, nil
}

type file struct {
	sqlitevfs.File
	v   *VFS
	wal bool
}

func (f *file) SharedMemory() sqlitevfs.SharedMemory {
	if s, ok := f.File.(sqlitevfs.FileSharedMemory); ok {
		return s.SharedMemory()
	}
	return nil
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.v.ask("read", f.wal); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// WriteAt leaves half of what it should write behind when it fails.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.v.ask("write", f.wal); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *file) Truncate(size int64) error {
	if err := f.v.ask("truncate", f.wal); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *file) Sync(flags sqlitevfs.SyncFlag) error {
	if err := f.v.ask("sync", f.wal); err != nil {
		return err
	}
	return f.File.Sync(flags)
}
