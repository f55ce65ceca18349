package local

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// diskVariable says that the test runs in a process with mounts of its own.
const diskVariable = "TIMBOT_LOCAL_TEST_DISK"

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
		dir := mount(t, "4m")
		c := newFaultChat(t, filepath.Join(dir, "chat.db"))
		if err := c.say(t, "before"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			empty := fill(t, dir, leave)
			failures := 0
			for failures < 5 {
				err := c.say(t, strings.Repeat("x", 10<<10))
				if err == nil {
					continue
				}
				failures++
				if !errors.Is(err, sdkconn.CodeDatabaseFailure) || !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("on a full disk: %v", err)
				}
			}
			c.whole(t, c.alice)
			empty()
			if err := c.say(t, "after"); err != nil {
				t.Fatalf("when there is room again: %v", err)
			}
		}
		c.reopened(t)
		empty := fill(t, dir, 0)
		if chat, err := Open(t.Context(), filepath.Join(dir, "new.db"), Config{}); err == nil {
			t.Error("a chat was made on a full disk")
			chat.Close()
		} else if !strings.Contains(err.Error(), "full") && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Open on a full disk: %v", err)
		}
		empty()
		chat, err := Open(t.Context(), filepath.Join(dir, "new.db"), Config{})
		if err != nil {
			t.Fatalf("when there is room again: %v", err)
		}
		login(t, chat, "alice")
		if err := chat.Close(); err != nil {
			t.Error(err)
		}
		intact(t, filepath.Join(dir, "new.db"))
	}
}

func TestReadOnlyDisk(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := mount(t, "4m")
	c := newFaultChat(t, filepath.Join(dir, "chat.db"))
	if err := c.say(t, "one"); err != nil {
		t.Fatal(err)
	}
	c.reopened(t)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if chat, err := Open(t.Context(), c.path, Config{}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Open on a read-only disk: %v", err)
		if err == nil {
			chat.Close()
		}
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	chat, err := Open(t.Context(), c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.chat, c.alice = chat, login(t, chat, "alice")
	if err := c.say(t, "two"); err != nil {
		t.Error(err)
	}
	c.reopened(t)
}
