package bot_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/timbot-go/timbot/bot/journal/sqlite"
)

// diskVariable says that the test runs in a process with mounts of its own.
const diskVariable = "TIMBOT_BOT_TEST_DISK"

// ownMounts runs the calling test again in a process that may mount, and reports whether this is that process. Root alone
// may; where that is not possible the test fails.
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

// TestAFullDisk is about a disk that is really full, once while the bot runs and once while it is stopped and started.
func TestAFullDisk(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	for _, leave := range []int64{0, 4 << 10, 40 << 10} {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
			t.Fatalf("mounting a small disk: %v", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Errorf("unmounting: %v", err)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			d := newOnDisk(t, filepath.Join(dir, "journal.db"), "")
			d.talk(2)
			d.b.idle()
			empty := fill(t, dir, leave)
			d.talkUntilItFails()
			d.wantHeldBack("the disk is full", 9)
			empty()
			d.b.idle()
			if got := d.b.Health(); !got.Ready {
				t.Errorf("there is room again, and the health is %+v", got)
			}
			d.wantAnswers()
			d.wantTold(1)

			empty = fill(t, dir, leave)
			d.talkUntilItFails()
			d.wantHeldBack("the disk is full", 9)
			_ = d.close() // what it cannot write is not lost: nobody was told that it is kept
			if leave == 0 {
				if j, err := sqlite.Open(t.Context(), filepath.Join(dir, "new.db"), sqlite.Config{}); err == nil {
					t.Error("a journal was made on a full disk")
					j.Close()
				} else if !strings.Contains(err.Error(), "the disk is full") {
					t.Errorf("Open on a full disk: %v", err)
				}
			}
			empty()
			d.open()
			d.b.idle()
			d.wantAnswers()
			d.talk(3)
			d.b.idle()
			d.wantAnswers()
			d.wantEmpty()
			if err := d.close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}
