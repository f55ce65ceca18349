package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// faultChat is a chat with a group, and what was acknowledged in it.
type faultChat struct {
	path  string
	chat  *Chat
	alice *Conn
	acked []string
}

func newFaultChat(t *testing.T, path string) *faultChat {
	t.Helper()
	chat, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	alice := login(t, chat, "alice")
	if _, err := alice.GroupCreate(t.Context(), sdkconn.GroupCreateParam{GroupID: "g", GroupName: "g"}); err != nil {
		t.Fatal(err)
	}
	return &faultChat{path: path, chat: chat, alice: alice}
}

// say sends a text to the group.
func (c *faultChat) say(t *testing.T, s string) error {
	_, err := c.alice.SendNewMsg(t.Context(), sdkconn.Group("g"), text(s))
	if err == nil {
		c.acked = append(c.acked, s)
	}
	return err
}

// whole checks that exactly the acknowledged messages are there, in their order and numbered without a gap.
func (c *faultChat) whole(t *testing.T, alice *Conn) {
	t.Helper()
	list, err := alice.GetMsgList(t.Context(), sdkconn.Group("g"), sdkconn.GetMsgListParam{Count: 1 << 30})
	if err != nil || len(list) != len(c.acked) {
		t.Fatalf("%d messages, acknowledged were %d; %v", len(list), len(c.acked), err)
	}
	for i, m := range list {
		if at := len(list) - i; m.Seq != uint64(at) || m.Text() != c.acked[at-1] {
			t.Fatalf("message %d is %d, %.20q", at, m.Seq, m.Text())
		}
	}
}

// reopened closes the chat, checks the file, and looks again.
func (c *faultChat) reopened(t *testing.T) {
	t.Helper()
	if err := c.chat.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	intact(t, c.path)
	again, err := Open(t.Context(), c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.whole(t, login(t, again, "alice"))
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestFaultsOfTheDisk fails the n-th operation of a kind, and those after it, for every n of the first few commits. Calls
// say what is wrong; as soon as the disk is well, they work again; nothing acknowledged is lost.
func TestFaultsOfTheDisk(t *testing.T) {
	v := faulty(t)
	dir := t.TempDir()
	for i, fault := range []struct {
		op   string
		wal  bool
		err  error
		says string
	}{
		{"write", true, sqlite3.FULL, "full"},
		{"write", true, sqlite3.IOERR_WRITE, "I/O error"},
		{"write", true, sqlite3.READONLY, "readonly"},
		{"sync", true, sqlite3.IOERR_FSYNC, "I/O error"},
	} {
		for n := range 8 {
			c := newFaultChat(t, filepath.Join(dir, fmt.Sprint(i, "-", n, ".db")))
			if err := c.say(t, "before"); err != nil {
				t.Fatal(err)
			}
			left, failed := n, 0
			v.Set(func(op string, wal bool) error {
				if op != fault.op || wal != fault.wal {
					return nil
				}
				if left--; left >= 0 {
					return nil
				}
				failed++
				return fault.err
			})
			for k := range 16 {
				err := c.say(t, fmt.Sprint("during ", k))
				if err == nil {
					continue
				}
				if !errors.Is(err, sdkconn.CodeDatabaseFailure) || !errors.Is(err, fault.err) && !strings.Contains(err.Error(), fault.says) {
					t.Errorf("%s %d: %v", fault.op, n, err)
				}
			}
			if failed == 0 {
				t.Errorf("%s %d never failed", fault.op, n)
			}
			v.Set(nil)
			c.whole(t, c.alice)
			if err := c.say(t, "after"); err != nil {
				t.Errorf("%s %d: after the fault: %v", fault.op, n, err)
			}
			c.reopened(t)
		}
	}
}

// TestFaultOfCheckpoint has the chat file itself fail while the log beside it works: calls go on, and nothing is lost.
func TestFaultOfCheckpoint(t *testing.T) {
	v := faulty(t)
	c := newFaultChat(t, filepath.Join(t.TempDir(), "chat.db"))
	failed := 0
	v.Set(func(op string, wal bool) error {
		if op == "write" && !wal {
			failed++
			return sqlite3.IOERR_WRITE
		}
		return nil
	})
	long := strings.Repeat("x", 11<<10)
	for i := range 500 { // beyond the size of the log at which SQLite folds it into the file
		if err := c.say(t, fmt.Sprint(i, long)); err != nil {
			t.Fatal(err)
		}
	}
	if failed == 0 {
		t.Error("nothing was folded")
	}
	v.Set(nil)
	c.reopened(t)
}

// TestFaultOfReading: a page that cannot be read is told; when it can, all goes on.
func TestFaultOfReading(t *testing.T) {
	v := faulty(t)
	c := newFaultChat(t, filepath.Join(t.TempDir(), "chat.db"))
	if err := c.say(t, "one"); err != nil {
		t.Fatal(err)
	}
	v.Set(func(op string, _ bool) error {
		if op == "read" {
			return sqlite3.IOERR_READ
		}
		return nil
	})
	_, err := c.alice.GetMsgList(t.Context(), sdkconn.Group("g"), sdkconn.GetMsgListParam{Count: 10})
	if !errors.Is(err, sdkconn.CodeDatabaseFailure) {
		t.Errorf("got %v", err)
	}
	v.Set(nil)
	c.whole(t, c.alice)
	c.reopened(t)
}

// TestTruncatedFileIsTold cuts a chat file at many places: opening it, or a call, says that it is damaged.
func TestTruncatedFileIsTold(t *testing.T) {
	dir := t.TempDir()
	c := newFaultChat(t, filepath.Join(dir, "chat.db"))
	for i := range 60 {
		if err := c.say(t, fmt.Sprint(i, strings.Repeat("x", 2000))); err != nil {
			t.Fatal(err)
		}
	}
	c.reopened(t)
	data, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 40; i++ {
		cut := len(data) * i / 40
		path := filepath.Join(dir, fmt.Sprint(cut, ".db"))
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		chat, err := Open(t.Context(), path, Config{})
		if err == nil {
			chat.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "the file is damaged or no chat") {
			t.Errorf("cut at %d of %d: %v", cut, len(data), err)
		}
	}
}
