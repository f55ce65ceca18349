package local

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// readWhole opens, reads and closes files by hand, as a backup program does: with locks of the POSIX kind that alone would
// free those of SQLite.
func readWhole(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if data, err := os.ReadFile(path); err != nil || len(data) == 0 {
			t.Fatalf("%s: %d bytes, %v", path, len(data), err)
		}
	}
}

// TestNoRowIsLostWhateverElseReadsTheFile holds a transaction open, reads the chat file and its -shm by hand, and writes
// from a second process and a second copy in this process: each must wait for the transaction, and all rows are there.
func TestNoRowIsLostWhateverElseReadsTheFile(t *testing.T) {
	path := startChat(t)
	chat, copied := open(t, path, Config{}), another(t, path, Config{})
	bob, carol := login(t, chat, "bob"), login(t, copied, "carol")
	if err := chat.AddUser(t.Context(), "alice", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.GroupCreate(t.Context(), sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "g", Members: []sdkconn.GroupMemberInfo{{Identifier: "alice"}, {Identifier: "carol"}},
	}); err != nil {
		t.Fatal(err)
	}
	d, err := bob.draft(t.Context(), "", text("held"))
	if err != nil {
		t.Fatal(err)
	}
	held, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := bob.write(context.Background(), "", func(t *tx) error {
			for range 10 {
				if _, err := t.send("", bob.user, sdkconn.Group("g"), d); err != nil {
					return err
				}
			}
			close(held)
			<-release
			for range 10 {
				if _, err := t.send("", bob.user, sdkconn.Group("g"), d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	readWhole(t, path, path+"-shm")
	cmd, _ := child(t, "group", path)
	waiting := make(chan error, 1)
	go func() {
		_, err := carol.SendNewMsg(t.Context(), sdkconn.Group("g"), text("copy 0"))
		waiting <- err
	}()
	readWhole(t, path, path+"-shm")
	// A program that knows no lock file must find the transaction's own lock, which reading by hand did not free.
	d2, err := openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d2.conn.Exec(`PRAGMA busy_timeout = 0; BEGIN IMMEDIATE`); err == nil {
		t.Error("two transactions write at once")
	}
	if err := d2.close(); err != nil {
		t.Error(err)
	}
	readWhole(t, path, path+"-shm")
	select {
	case err := <-waiting:
		t.Errorf("the second copy did not wait: %v", err)
		waiting <- err
	default:
	}
	close(release)
	all.Wait()
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 100; i++ {
		send(t, carol, sdkconn.Group("g"), fmt.Sprint("copy ", i))
		send(t, bob, sdkconn.Group("g"), fmt.Sprint("own ", i))
		if i%10 == 0 {
			readWhole(t, path, path+"-shm")
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
	const want = 20 + 100 + 100 + 99
	for name, c := range map[string]*Conn{"bob": bob, "carol": carol} {
		list, err := c.GetMsgList(t.Context(), sdkconn.Group("g"), sdkconn.GetMsgListParam{Count: 1000})
		if err != nil || len(list) != want {
			t.Fatalf("%s sees %d messages, want %d; %v", name, len(list), want, err)
		}
		for i, m := range list {
			if m.Seq != uint64(want-i) {
				t.Fatalf("%s: message %d from the end has seq %d", name, i, m.Seq)
			}
		}
	}
	intact(t, path)
}

// intact runs SQLite's own check on a chat file.
func intact(t testing.TB, path string) {
	t.Helper()
	d, err := openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var said string
	s, err := d.stmt(`PRAGMA integrity_check`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for s.Step() {
		said += s.ColumnText(0)
	}
	if said != "ok" || s.Err() != nil {
		t.Errorf("integrity check: %s %v", said, s.Err())
	}
}
