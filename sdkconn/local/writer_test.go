package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestSendersShareCommits(t *testing.T) {
	const senders = 64
	chat := tempChat(t)
	login(t, chat, "bot")
	conns := make([]*Conn, senders)
	for i := range conns {
		conns[i] = login(t, chat, fmt.Sprint("user", i))
		send(t, conns[i], sdkconn.C2C("bot"), "first")
	}
	commits := 0
	chat.e.w.mu.Lock()
	chat.e.w.conn.CommitHook(func() bool { commits++; return true })
	chat.e.w.mu.Unlock()
	busy, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := chat.e.write(context.Background(), "", nil, func(*tx) error {
			close(busy)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-busy
	for _, c := range conns {
		all.Go(func() { send(t, c, sdkconn.C2C("bot"), "second") })
	}
	for waiting := 0; waiting < senders; {
		chat.e.mu.Lock()
		waiting = len(chat.e.queue)
		chat.e.mu.Unlock()
		runtime.Gosched()
	}
	close(release)
	all.Wait()
	if commits > 2 { // the one that kept the writer busy, and theirs
		t.Errorf("%d commits for %d messages that waited together", commits, senders)
	}
}

func TestOneRefusalCostsNoOther(t *testing.T) {
	chat := open(t, Memory, Config{})
	alice := login(t, chat, "alice")
	login(t, chat, "bob")
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if i%2 == 0 {
				send(t, alice, sdkconn.C2C("bob"), "x")
				return
			}
			if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("nobody"), text("x")); !errors.Is(err, sdkconn.CodeSvrMsgInvalidID) {
				t.Errorf("to nobody: %v", err)
			}
		})
	}
	all.Wait()
	if n := len(history(t, alice, sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 100})); n != 25 {
		t.Errorf("%d messages, want 25", n)
	}
}

func TestFailedCommitChangesNothing(t *testing.T) {
	chat := tempChat(t)
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	events := listen(t, bob)
	if _, err := alice.GroupCreate(t.Context(), sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "g", Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}},
	}); err != nil {
		t.Fatal(err)
	}
	chat.e.w.mu.Lock()
	chat.e.w.conn.CommitHook(func() bool { return false }) // the disk is full
	chat.e.w.mu.Unlock()
	for range 3 {
		_, err := alice.SendNewMsg(t.Context(), sdkconn.Group("g"), text("lost"))
		if !errors.Is(err, sdkconn.CodeDatabaseFailure) || !sdkconn.Retryable(err) {
			t.Errorf("a failed commit: %v", err)
		}
	}
	chat.e.w.mu.Lock()
	chat.e.w.conn.CommitHook(nil)
	chat.e.w.mu.Unlock()
	if m := send(t, alice, sdkconn.Group("g"), "kept"); m.Seq != 1 {
		t.Errorf("seq %d after failed commits, want 1", m.Seq)
	}
	for {
		if ev := next(t, events, sdkconn.EventNewMsg); ev.Message.ConvType == sdkconn.ConvGroup {
			if ev.Message.Text() != "kept" {
				t.Errorf("told %q", ev.Message.Text())
			}
			break
		}
	}
}

func TestCancelledCallReturns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	chat := open(t, path, Config{})
	alice := login(t, chat, "alice")
	login(t, chat, "bob")
	other, err := openFileLock(path + "-lock")
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if err := other.lock(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := alice.SendNewMsg(ctx, sdkconn.C2C("bob"), text("x"))
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || !sdkconn.EffectUnknown(err) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := chat.Login(ctx, "carol"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled login: %v", err)
	}
	if err := other.unlock(); err != nil {
		t.Fatal(err)
	}
	carol := login(t, chat, "carol") // the abandoned login is in nobody's way
	send(t, alice, sdkconn.C2C("carol"), "hi")
	next(t, listen(t, carol), sdkconn.EventNewMsg)
}

// counter is a source of bytes that is the same every time.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		*c += 7
		p[i] = byte(*c)
	}
	return len(p), nil
}

func TestSameInputSameMessages(t *testing.T) {
	var ids [2][]string
	for i := range ids {
		chat := open(t, Memory, Config{Clock: clockwork.NewFakeClockAt(time.Unix(1700000000, 0)), Rand: new(counter)})
		alice := login(t, chat, "alice")
		login(t, chat, "bob")
		group, err := alice.GroupCreate(t.Context(), sdkconn.GroupCreateParam{GroupName: "g"})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			ids[i] = append(ids[i], send(t, alice, sdkconn.C2C("bob"), "x").MsgID, send(t, alice, sdkconn.Group(group), "x").MsgID)
		}
	}
	if fmt.Sprint(ids[0]) != fmt.Sprint(ids[1]) {
		t.Errorf("%v and %v", ids[0], ids[1])
	}
}
