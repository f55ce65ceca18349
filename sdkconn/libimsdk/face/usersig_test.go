package face

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
	"github.com/timbot-go/timbot/sdkconn/usersig"
)

const app, key = 1400000000, "the key"

// secretive makes an SDK whose chat verifies signatures, and one of the signatures of an hour that it is to make.
func secretive(t *testing.T) (s *SDK, clock *clockwork.FakeClock, sign func(user string) string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chat.db")
	chat, err := local.Open(t.Context(), path, local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.SetSecret(t.Context(), app, key); err != nil {
		t.Fatal(err)
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	clock = clockwork.NewFakeClock()
	s = New(Config{Chat: func() string { return path }, Clock: clock, Thread: threadNumber})
	t.Cleanup(s.Close)
	if code := s.Init(app, "{}"); code != 0 {
		t.Fatal(code)
	}
	return s, clock, func(user string) string {
		sig, err := usersig.New(app, key, user, clock.Now(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

func loggingIn(s *SDK, user, sig string) func(Reply) sdkconn.Code {
	return func(r Reply) sdkconn.Code { return s.Login(user, sig, r) }
}

func TestUserSigsAreVerified(t *testing.T) {
	s, clock, sign := secretive(t)
	foreign, err := usersig.New(app, "another", "alice", clock.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sig  string
		want sdkconn.Code
	}{
		{"any", sdkconn.CodeSvrUserSigCheckFailed},
		{sign("bob"), sdkconn.CodeSvrUserSigMismatchID},
		{foreign, sdkconn.CodeSvrUserSigMismatchKey},
	} {
		if a := ask(t, loggingIn(s, "alice", c.sig)); a.code != c.want || a.desc == "" || s.GetLoginStatus() != LoginNone {
			t.Errorf("%+v, want %d", a, c.want)
		}
	}
	good(t, loggingIn(s, "alice", sign("alice")))
	if a := ask(t, loggingIn(s, "alice", "any")); a.code != sdkconn.CodeSvrUserSigCheckFailed || s.GetLoginUserID() != "alice" {
		t.Errorf("again, with another signature: %+v", a)
	}
	if a := ask(t, loggingIn(s, "bob", sign("alice"))); a.code != sdkconn.CodeSvrUserSigMismatchID || s.GetLoginUserID() != "" {
		t.Errorf("another user: %+v", a)
	}
	if s.Uninit() != 0 || s.Init(app+1, "{}") != 0 {
		t.Fatal("it does not begin again")
	}
	if a := ask(t, loggingIn(s, "alice", sign("alice"))); a.code != sdkconn.CodeSvrSDKAppIDNotFound {
		t.Errorf("another app: %+v", a)
	}
}

func TestALoginEndsWithItsUserSig(t *testing.T) {
	s, clock, sign := secretive(t)
	heard := make(chan string, 10)
	s.SetKickedOfflineCallback(func() { heard <- "kicked" })
	s.SetUserSigExpiredCallback(func() {
		heard <- "expired"
		s.Login("alice", sign("alice"), func(code sdkconn.Code, desc, _ string) { heard <- "back " + desc })
	})
	good(t, loggingIn(s, "alice", sign("alice")))
	clock.Advance(40 * time.Minute)
	good(t, loggingIn(s, "alice", sign("alice"))) // renews
	clock.Advance(40 * time.Minute)
	good(t, func(r Reply) sdkconn.Code { return s.MsgSaveMsg("bob", 1, text("still there"), r) })
	clock.Advance(20 * time.Minute)
	if got := hears(t, heard); got != "expired" {
		t.Fatalf("heard %q", got)
	}
	if got := hears(t, heard); got != "back " {
		t.Fatalf("heard %q", got)
	}
	good(t, func(r Reply) sdkconn.Code { return s.MsgSaveMsg("bob", 1, text("again"), r) })
	s.SetUserSigExpiredCallback(nil)
	clock.Advance(time.Hour)
	for s.GetLoginStatus() != LoginNone { // nobody hears of it
	}
	if a := ask(t, func(r Reply) sdkconn.Code { return s.MsgSaveMsg("bob", 1, text("too late"), r) }); a.code != sdkconn.CodeNotLoggedIn {
		t.Errorf("after the end: %+v", a)
	}
	if a := ask(t, loggingIn(s, "bob", sign("bob"))); a.code != 0 || len(heard) > 0 {
		t.Errorf("the next one: %+v, heard %d more", a, len(heard))
	}
}
