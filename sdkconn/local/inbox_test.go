package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// take subscribes until the login is idle, and returns the texts of the new messages and how many events there were.
func take(t *testing.T, c *Conn) (texts []string, events []sdkconn.Event) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- c.Subscribe(ctx, func(_ context.Context, batch []sdkconn.Event) error {
			for _, ev := range batch {
				if ev.Kind == sdkconn.EventNewMsg {
					texts = append(texts, ev.Message.Text())
				}
				events = append(events, ev)
			}
			return nil
		})
	}()
	if err := c.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return texts, events
}

func TestMessagesWaitForTheNextLogin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	chat := open(t, path, Config{})
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	send(t, alice, sdkconn.C2C("bob"), "one")
	if texts, events := take(t, bob); fmt.Sprint(texts) != "[one]" || events[0].CaughtUp {
		t.Errorf("told %q, %+v", texts, events)
	}
	send(t, alice, sdkconn.C2C("bob"), "two") // he does not take it
	if err := bob.Close(); err != nil {
		t.Fatal(err)
	}
	send(t, alice, sdkconn.C2C("bob"), "three")
	m := send(t, alice, sdkconn.C2C("bob"), "four")
	if err := alice.Revoke(t.Context(), sdkconn.C2C("bob"), m); err != nil {
		t.Fatal(err)
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}

	again := open(t, path, Config{})
	bob = login(t, again, "bob")
	texts, events := take(t, bob)
	if fmt.Sprint(texts) != "[two three four]" || !events[0].CaughtUp {
		t.Errorf("told %q, %+v", texts, events)
	}
	var kinds []sdkconn.EventKind
	for _, ev := range events {
		kinds = append(kinds, ev.Kind)
	}
	if fmt.Sprint(kinds) != "[new_msg new_msg new_msg msg_revoke conv]" {
		t.Errorf("kinds %v", kinds)
	}
	if conv := events[4].Conv; conv.UnreadNum != 3 || conv.LastMsg.Text() != "four" || conv.LastMsg.Status != sdkconn.StatusRevoked {
		t.Errorf("the conversation: %+v", conv)
	}
	if texts, _ := take(t, bob); len(texts) != 0 {
		t.Errorf("told again: %q", texts)
	}
}

func TestHandlerThatFailsIsToldAgain(t *testing.T) {
	chat := tempChat(t)
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	for i := range 3 {
		send(t, alice, sdkconn.C2C("bob"), fmt.Sprint(i))
	}
	broken := errors.New("broken")
	err := bob.Subscribe(t.Context(), func(context.Context, []sdkconn.Event) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("Subscribe: %v", err)
	}
	send(t, alice, sdkconn.C2C("bob"), "3")
	if texts, _ := take(t, bob); fmt.Sprint(texts) != "[0 1 2 3]" {
		t.Errorf("told %q", texts)
	}
}

func TestSlowHandlerLosesNothing(t *testing.T) {
	chat := open(t, Memory, Config{})
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	const n = maxQueue + 1500
	users := make([]string, maxBatchUsers)
	for i := range users {
		users[i] = "bob"
	}
	for sent := 0; sent < n; sent += len(users) {
		if _, err := alice.BatchSend(t.Context(), users[:min(len(users), n-sent)], text("x")); err != nil {
			t.Fatal(err)
		}
	}
	bob.inbox.mu.Lock()
	lagging, waiting := bob.inbox.lagging, len(bob.inbox.queue)
	bob.inbox.mu.Unlock()
	if !lagging || waiting > maxQueue+1 {
		t.Errorf("%d events wait in memory, lagging is %v", waiting, lagging)
	}
	texts, events := take(t, bob)
	if len(texts) != n {
		t.Fatalf("told %d messages, want %d", len(texts), n)
	}
	last := int64(0)
	for _, ev := range events {
		if ev.Kind == sdkconn.EventNewMsg {
			if seq := int64(ev.Message.Seq); seq <= last {
				t.Fatalf("seq %d after %d", seq, last)
			} else {
				last = seq
			}
		}
	}
	send(t, alice, sdkconn.C2C("bob"), "and on")
	if texts, _ := take(t, bob); fmt.Sprint(texts) != "[and on]" {
		t.Errorf("told %q", texts)
	}
}

func TestSecondLoginEndsTheFirst(t *testing.T) {
	chat := tempChat(t)
	alice, first := login(t, chat, "alice"), login(t, chat, "bob")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := make(chan sdkconn.Event, 100)
	done := make(chan error, 1)
	go func() {
		done <- first.Subscribe(ctx, func(_ context.Context, batch []sdkconn.Event) error {
			for _, ev := range batch {
				events <- ev
			}
			return nil
		})
	}()
	send(t, alice, sdkconn.C2C("bob"), "one")
	next(t, events, sdkconn.EventNewMsg)
	if err := first.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := login(t, chat, "bob")
	next(t, events, sdkconn.EventKickedOffline)
	if err := <-done; !errors.Is(err, sdkconn.CodeNotLoggedIn) || !errors.Is(err, sdkconn.CodeLoginKickedOffByOther) {
		t.Errorf("Subscribe: %v", err)
	}
	if _, err := first.SendNewMsg(ctx, sdkconn.C2C("alice"), text("x")); !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("SendNewMsg: %v", err)
	}
	send(t, alice, sdkconn.C2C("bob"), "two")
	if texts, _ := take(t, second); fmt.Sprint(texts) != "[two]" {
		t.Errorf("the second login was told %q", texts)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := first.SendNewMsg(ctx, sdkconn.C2C("alice"), text("x")); !errors.Is(err, sdkconn.CodeNotInitialized) {
		t.Errorf("SendNewMsg after Close: %v", err)
	}
	send(t, second, sdkconn.C2C("alice"), "still logged in")
}

func TestCloseEndsSubscription(t *testing.T) {
	chat := tempChat(t)
	alice := login(t, chat, "alice")
	done := make(chan error, 1)
	go func() {
		done <- alice.Subscribe(context.Background(), func(context.Context, []sdkconn.Event) error { return nil })
	}()
	if err := alice.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := alice.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, sdkconn.CodeNotInitialized) {
		t.Errorf("Subscribe: %v", err)
	}
	if err := alice.WaitIdle(t.Context()); !errors.Is(err, sdkconn.CodeNotInitialized) {
		t.Errorf("WaitIdle: %v", err)
	}
}

// TestIdleKnowsEventsWithoutRows waits for conversation events too, whose log positions were taken before.
func TestIdleKnowsEventsWithoutRows(t *testing.T) {
	chat := open(t, Memory, Config{})
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	for range 200 {
		send(t, alice, sdkconn.C2C("bob"), "x")
		if _, events := take(t, bob); len(events) != 2 || events[1].Kind != sdkconn.EventConv {
			t.Fatalf("told %+v", events)
		}
		if err := bob.ReportReaded(t.Context(), sdkconn.C2C("alice"), nil); err != nil {
			t.Fatal(err)
		}
		if _, events := take(t, bob); len(events) != 1 || events[0].Conv.UnreadNum != 0 {
			t.Fatalf("after reading: %+v", events)
		}
	}
}

// However a login is kicked while somebody begins to listen, he is told.
func TestWhoeverIsKickedIsTold(t *testing.T) {
	chat := open(t, Memory, Config{})
	for range 500 {
		conn := login(t, chat, "alice")
		told := 0
		done := make(chan error, 1)
		go func() {
			done <- conn.Subscribe(t.Context(), func(_ context.Context, events []sdkconn.Event) error {
				for i := range events {
					if events[i].Kind == sdkconn.EventKickedOffline {
						told++
					}
				}
				return nil
			})
		}()
		login(t, chat, "alice").Close()
		if err := <-done; !errors.Is(err, sdkconn.CodeLoginKickedOffByOther) || told != 1 {
			t.Fatalf("told %d times, then %v", told, err)
		}
		conn.Close()
	}
}

// What a handler did not take is told again, and nothing else, after another login too.
func TestAHandlerTakesAPart(t *testing.T) {
	chat := open(t, Memory, Config{})
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	for _, s := range []string{"one", "two", "three"} {
		send(t, alice, sdkconn.C2C("bob"), s)
	}
	enough := errors.New("enough")
	var heard []string
	upTo := func(word string) sdkconn.Handler {
		return func(_ context.Context, events []sdkconn.Event) error {
			for i := range events {
				if events[i].Kind != sdkconn.EventNewMsg {
					continue
				}
				heard = append(heard, events[i].Message.Text())
				if heard[len(heard)-1] == word {
					return &Partly{N: i + 1, Err: enough}
				}
			}
			return nil
		}
	}
	if err := bob.Subscribe(t.Context(), upTo("one")); !errors.Is(err, enough) {
		t.Fatalf("Subscribe: %v", err)
	}
	if err := bob.Subscribe(t.Context(), upTo("two")); !errors.Is(err, enough) {
		t.Fatalf("Subscribe: %v", err)
	}
	if err := bob.Close(); err != nil {
		t.Fatal(err)
	}
	texts, _ := take(t, login(t, chat, "bob"))
	if heard = append(heard, texts...); fmt.Sprint(heard) != "[one two three]" {
		t.Errorf("told %q", heard)
	}
}
