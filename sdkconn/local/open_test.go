package local

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sql := func(name, sql string) string {
		path := filepath.Join(dir, name)
		d, err := openDB(path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		if err := d.conn.Exec(sql); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := sql("newer.db", `CREATE TABLE t (a); PRAGMA application_id = 1416187234; PRAGMA user_version = 99`)
	for name, c := range map[string]struct {
		path string
		is   error
		says string
	}{
		"no path":          {"", nil, "no path"},
		"no folder":        {filepath.Join(dir, "nowhere", "chat.db"), os.ErrNotExist, "nowhere"},
		"a folder":         {dir, nil, "open"},
		"no database":      {write("garbage.db", bytes.Repeat([]byte("garbage "), 1000)), nil, "damaged or no chat"},
		"another database": {sql("other.db", `CREATE TABLE t (a)`), ErrNotChat, "not a chat"},
		"a newer schema":   {newer, ErrNewerSchema, "schema 99, known up to 3"},
	} {
		_, err := Open(t.Context(), c.path, Config{})
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if mode, err := os.ReadFile(newer); err != nil || mode[18] != 1 {
		t.Error("a newer file was changed to WAL")
	}
	if _, err := Open(t.Context(), Memory, Config{RevokeWindow: -1}); err == nil {
		t.Error("a negative window was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Memory, Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestDamagedFileIsTold damages pages behind the schema: the file opens, and calls say what is wrong.
func TestDamagedFileIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	chat, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	alice := login(t, chat, "alice")
	login(t, chat, "bob")
	for range 200 {
		send(t, alice, sdkconn.C2C("bob"), strings.Repeat("words ", 100))
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 2; i < len(data); i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), path, Config{})
	if err != nil {
		return // it was noticed at once
	}
	defer again.Close()
	alice, err = again.Login(t.Context(), "alice")
	if err == nil {
		_, err = alice.GetMsgList(t.Context(), sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 200})
	}
	if !errors.Is(err, sdkconn.CodeDatabaseFailure) {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestReopenedChatGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	clock := clockwork.NewFakeClock()
	var last *sdkconn.Message
	for i := range 3 {
		chat, err := Open(t.Context(), path, Config{Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		alice := login(t, chat, "alice")
		login(t, chat, "bob")
		if i == 0 {
			if _, err := alice.GroupCreate(t.Context(), sdkconn.GroupCreateParam{GroupID: "g", GroupName: "g"}); err != nil {
				t.Fatal(err)
			}
		}
		m := send(t, alice, sdkconn.Group("g"), "x")
		if m.Seq != uint64(i+1) {
			t.Errorf("seq %d in round %d", m.Seq, i)
		}
		if last != nil && m.ServerTime < last.ServerTime {
			t.Errorf("time went back from %d to %d", last.ServerTime, m.ServerTime)
		}
		last = m
		if n := len(history(t, alice, sdkconn.Group("g"), sdkconn.GetMsgListParam{Count: 10})); n != i+1 {
			t.Errorf("%d messages in round %d", n, i)
		}
		if err := chat.Close(); err != nil {
			t.Fatal(err)
		}
		clock = clockwork.NewFakeClockAt(clock.Now().Add(-time.Hour)) // the machine's clock was set back
	}
}

// TestMemoryInBubble shows that a chat in memory lives inside a synctest bubble: virtual time passes only while everything
// waits on channels, and the bubble ends only when every goroutine has.
func TestMemoryInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat, err := Open(t.Context(), Memory, Config{})
		if err != nil {
			t.Fatal(err)
		}
		alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		go bob.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			for _, ev := range events {
				if ev.Kind == sdkconn.EventNewMsg {
					told = append(told, ev.Message.Text())
				}
			}
			return nil
		})
		m := send(t, alice, sdkconn.C2C("bob"), "one")
		time.Sleep(121 * time.Second) // virtual
		if err := alice.Revoke(t.Context(), sdkconn.C2C("bob"), m); !errors.Is(err, sdkconn.CodeRevokeTimeLimit) {
			t.Errorf("Revoke after the window: %v", err)
		}
		synctest.Wait()
		if len(told) != 1 || told[0] != "one" {
			t.Errorf("told %q", told)
		}
		cancel()
		if err := chat.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDriver(t *testing.T) {
	dir := t.TempDir()
	config := sdkconn.Config{Dir: dir, Clock: clockwork.NewFakeClock()}
	conn, err := sdkconn.Open(t.Context(), "local:a%20chat.db?user=alice&revoke_window=5s", config)
	if err != nil {
		t.Fatal(err)
	}
	other, err := sdkconn.Open(t.Context(), "local:"+filepath.ToSlash(dir)+"/a%20chat.db?user=bob", sdkconn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if conn.Self() != "alice" || other.Self() != "bob" || conn.(*Conn).e != other.(*Conn).e {
		t.Error("the two do not share a chat")
	}
	m := send(t, conn.(*Conn), sdkconn.C2C("bob"), "x")
	config.Clock.(*clockwork.FakeClock).Advance(6 * time.Second)
	if err := conn.Revoke(t.Context(), sdkconn.C2C("bob"), m); !errors.Is(err, sdkconn.CodeRevokeTimeLimit) {
		t.Errorf("Revoke: %v", err)
	}
	for _, c := range []sdkconn.Conn{conn, other, conn} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	memory, err := sdkconn.Open(t.Context(), "local::memory:?user=alice", sdkconn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := memory.Close(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"local:?user=a", "local:chat.db", "local:chat.db?user=a&user=b", "local:chat.db?user=a&colour=red",
		"local://chat.db?user=a", "local:chat.db?user=a&revoke_window=soon", "local:chat.db?user=a&revoke_window=0s",
		"local:chat.db?user=" + strings.Repeat("a", 33),
	} {
		if _, err := sdkconn.Open(t.Context(), bad, sdkconn.Config{Dir: dir}); err == nil {
			t.Errorf("%s was opened", bad)
		}
	}
}
