package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(runChild())
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		largeFiles.remove()
		os.Exit(code)
	}))
}

// open opens a chat that the test closes.
func open(t testing.TB, path string, config Config) *Chat {
	t.Helper()
	chat, err := Open(t.Context(), path, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chat.Close(); err != nil {
			t.Error(err)
		}
	})
	return chat
}

func tempChat(t testing.TB) *Chat {
	return open(t, filepath.Join(t.TempDir(), "chat.db"), Config{})
}

func login(t testing.TB, chat *Chat, user string) *Conn {
	t.Helper()
	c, err := chat.Login(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(s string) *sdkconn.Message {
	return &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: s}}}
}

func send(t testing.TB, c *Conn, conv sdkconn.Conversation, s string) *sdkconn.Message {
	t.Helper()
	m, err := c.SendNewMsg(t.Context(), conv, text(s))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// listen collects a login's events from a goroutine that ends with the test.
func listen(t testing.TB, c *Conn) <-chan sdkconn.Event {
	t.Helper()
	events := make(chan sdkconn.Event, 10000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Subscribe(ctx, func(_ context.Context, batch []sdkconn.Event) error {
			for _, ev := range batch {
				events <- ev
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return events
}

// next waits for an event of a kind and drops others before it.
func next(t testing.TB, events <-chan sdkconn.Event, kind sdkconn.EventKind) sdkconn.Event {
	t.Helper()
	timeout := time.NewTimer(20 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case ev := <-events:
			if ev.Kind == kind {
				return ev
			}
		case <-timeout.C:
			t.Fatalf("no %s event", kind)
		}
	}
}

func history(t testing.TB, c *Conn, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) []string {
	t.Helper()
	list, err := c.GetMsgList(t.Context(), conv, p)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, m := range list {
		texts = append(texts, m.Text())
	}
	return texts
}

func TestSendIsDelivered(t *testing.T) {
	for _, path := range []string{Memory, filepath.Join(t.TempDir(), "chat.db")} {
		chat := open(t, path, Config{})
		alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
		events, own := listen(t, bob), listen(t, alice)
		sent := send(t, alice, sdkconn.C2C("bob"), "hello")
		ev := next(t, events, sdkconn.EventNewMsg)
		if got := ev.Message; got.Text() != "hello" || got.Sender != "alice" || got.ConvID != "alice" || got.IsFromSelf ||
			got.IsRead || got.Seq != sent.Seq || got.Rand != sent.Rand || got.MsgID != sent.MsgID || got.UniqueID != sent.UniqueID {
			t.Errorf("%s: bob got %+v of %+v", path, got, sent)
		}
		conv := next(t, events, sdkconn.EventConv)
		if conv.ConvChange != sdkconn.ConvAdded || conv.Conv.UnreadNum != 1 || conv.Conv.LastMsg.Text() != "hello" {
			t.Errorf("%s: bob's conversation: %+v", path, conv.Conv)
		}
		if ev := <-own; ev.Kind != sdkconn.EventConv || ev.Conv.UnreadNum != 0 {
			t.Errorf("%s: alice was told %+v", path, ev)
		}
		if got := history(t, bob, sdkconn.C2C("alice"), sdkconn.GetMsgListParam{Count: 10}); len(got) != 1 || got[0] != "hello" {
			t.Errorf("%s: bob's history: %q", path, got)
		}
		if err := bob.WaitIdle(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestSameFileIsShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	one, two := open(t, path, Config{}), open(t, filepath.Join(filepath.Dir(path), ".", "chat.db"), Config{})
	if one.e != two.e {
		t.Fatal("two engines for one file")
	}
	alice, bob := login(t, one, "alice"), login(t, two, "bob")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.GetMsgList(t.Context(), sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 1}); !errors.Is(err, sdkconn.CodeNotInitialized) {
		t.Errorf("after Close: %v", err)
	}
	send(t, bob, sdkconn.C2C("alice"), "still here")
	if _, err := one.Users(t.Context()); !errors.Is(err, sdkconn.CodeNotInitialized) {
		t.Errorf("Users of a closed chat: %v", err)
	}
}

func TestUsers(t *testing.T) {
	chat := open(t, Memory, Config{Clock: clockwork.NewFakeClock()})
	login(t, chat, "alice")
	if err := chat.AddUser(t.Context(), "bob", "Bobby"); err != nil {
		t.Fatal(err)
	}
	if err := chat.AddUser(t.Context(), "nö", ""); !errors.Is(err, sdkconn.CodeInvalidIdentifier) {
		t.Errorf("AddUser: %v", err)
	}
	users, err := chat.Users(t.Context())
	if err != nil || len(users) != 2 || users[0].Identifier != "alice" || users[1].NickName != "Bobby" {
		t.Errorf("Users: %+v, %v", users, err)
	}
}
