package sqlite

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// diskVariable says that the test runs in a process with mounts of its own.
const diskVariable = "TIMBOT_JOURNAL_TEST_DISK"

// ownMounts runs the calling test again in a process that may mount, and reports whether this is that process. Root alone
// may; chmod would stop nobody, for tests run as root. Where that is not possible the test fails.
func ownMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(diskVariable) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), diskVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in a process with mounts of its own (this needs root, or user namespaces): %v\n%s", err, out)
	}
	return false
}

// mount makes a disk of its own for the test.
func mount(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// fill leaves no room on a disk but some bytes, and returns what empties it again.
func fill(t *testing.T, dir string, leave int64) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(0)
	for block := make([]byte, 4096); err == nil; {
		var n int
		n, err = f.Write(block)
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(max(0, size-leave)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	for _, leave := range []int64{0, 4 << 10, 40 << 10, 200 << 10} {
		dir := mount(t, "8m")
		l := newLedger(t, filepath.Join(dir, "journal.db"))
		if err := l.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			empty := fill(t, dir, leave)
			for failures := 0; failures < 5; {
				err := l.step(t.Context())
				if err == nil {
					continue
				}
				failures++
				if !strings.Contains(err.Error(), "the disk is full") {
					t.Fatalf("on a full disk: %v", err)
				}
			}
			l.whole(t)
			empty()
			if err := l.step(t.Context()); err != nil {
				t.Fatalf("when there is room again: %v", err)
			}
		}
		l.reopened(t)
		empty := fill(t, dir, 0)
		if j, err := Open(t.Context(), filepath.Join(dir, "new.db"), Config{}); err == nil {
			t.Error("a journal was made on a full disk")
			j.Close()
		} else if !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("Open on a full disk: %v", err)
		}
		if err := l.j.Backup(t.Context(), filepath.Join(dir, "copy.db")); err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("Backup to a full disk: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "copy.db")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a backup that failed left something behind: %v", err)
		}
		empty()
		j, err := Open(t.Context(), filepath.Join(dir, "new.db"), Config{})
		if err != nil {
			t.Fatalf("when there is room again: %v", err)
		}
		sound(t, j)
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		l.close(t)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := mount(t, "8m")
	l := newLedger(t, filepath.Join(dir, "journal.db"))
	if err := l.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.close(t)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if j, err := Open(t.Context(), l.path, Config{}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("Open on a read-only disk: %v", err)
		if err == nil {
			j.Close()
		}
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	j, err := Open(t.Context(), l.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	l.j = j
	l.whole(t)
	l.close(t)
}
