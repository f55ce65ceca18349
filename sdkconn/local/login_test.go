package local

import (
	"bufio"
	"errors"
	"path/filepath"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

// another opens the file a second time in this process, without sharing anything with the first one: what a second
// program would have.
func another(t testing.TB, path string, config Config) *Chat {
	t.Helper()
	e, err := openEngine(path, config.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	chat := &Chat{e: e, conns: make(map[*Conn]struct{})}
	t.Cleanup(func() {
		chat.mu.Lock()
		conns := chat.conns
		chat.conns, chat.closed = nil, true
		chat.mu.Unlock()
		for c := range conns {
			if err := c.logout(); err != nil {
				t.Error(err)
			}
		}
		if err := e.close(); err != nil {
			t.Error(err)
		}
	})
	return chat
}

// startChat makes a chat file with bob in it.
func startChat(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chat.db")
	chat, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.AddUser(t.Context(), "bob", ""); err != nil {
		t.Fatal(err)
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// says reads lines up to one, dropping others.
func says(t *testing.T, out *bufio.Scanner, want string) {
	t.Helper()
	for out.Scan() {
		if out.Text() == want {
			return
		}
	}
	t.Fatalf("the other process never said %q", want)
}

func TestLoginEndsThatOfAnotherProcess(t *testing.T) {
	path := startChat(t)
	cmd, out := child(t, "stay", path)
	says(t, out, "here")
	chat := open(t, path, Config{})
	alice := login(t, chat, "alice")
	says(t, out, string(sdkconn.EventKickedOffline))
	says(t, out, "ended: ERR_SDK_NOT_LOGGED_IN")
	says(t, out, "send: 6014")
	send(t, alice, sdkconn.C2C("bob"), "mine")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestLoginOfKilledProcessIsFree(t *testing.T) {
	path := startChat(t)
	cmd, out := child(t, "stay", path)
	says(t, out, "here")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	chat := open(t, path, Config{Clock: clockwork.NewFakeClock()}) // no time passes
	login(t, chat, "alice")
}

// TestTakenOverLoginHandsOnWhatItTook: nothing is told twice that the first login's handler took, and nothing is lost.
func TestTakenOverLoginHandsOnWhatItTook(t *testing.T) {
	path := startChat(t)
	first, second := open(t, path, Config{}), another(t, path, Config{})
	alice := login(t, first, "alice")
	bob := login(t, first, "bob")
	events := listen(t, bob)
	for range 3 {
		send(t, alice, sdkconn.C2C("bob"), "to the first")
		next(t, events, sdkconn.EventNewMsg)
	}
	if err := bob.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := login(t, second, "bob")
	if err := bob.check(""); !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("the first login: %v", err)
	}
	next(t, events, sdkconn.EventKickedOffline)
	send(t, alice, sdkconn.C2C("bob"), "to the second")
	if got := next(t, listen(t, again), sdkconn.EventNewMsg).Message.Text(); got != "to the second" {
		t.Errorf("the second login is told %q first", got)
	}
	third := login(t, first, "bob") // back again
	if err := again.check(""); !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("the second login: %v", err)
	}
	send(t, third, sdkconn.C2C("alice"), "x")
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
	send(t, login(t, second, "bob"), sdkconn.C2C("alice"), "x")
}

// TestManyLoginsLeaveOne lets two copies of the chat log the same user in at once, many times: one login is left each time.
func TestManyLoginsLeaveOne(t *testing.T) {
	path := startChat(t)
	chats := [2]*Chat{open(t, path, Config{}), another(t, path, Config{})}
	for round := range 50 {
		var conns [2]*Conn
		var errs [2]error
		done := make(chan struct{})
		for i, chat := range chats {
			go func() {
				conns[i], errs[i] = chat.Login(t.Context(), "bob")
				done <- struct{}{}
			}()
		}
		<-done
		<-done
		working := 0
		for i, c := range conns {
			if errs[i] != nil {
				if !errors.Is(errs[i], sdkconn.CodeLoginKickedOffByOther) {
					t.Fatalf("round %d: %v", round, errs[i])
				}
				continue
			}
			if _, err := c.SendNewMsg(t.Context(), sdkconn.C2C("bob"), text("x")); err == nil {
				working++
			} else if !errors.Is(err, sdkconn.CodeNotLoggedIn) && !errors.Is(err, sdkconn.CodeInterrupt) {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if working != 1 {
			t.Fatalf("round %d: %d logins work: %v", round, working, errs)
		}
	}
}
