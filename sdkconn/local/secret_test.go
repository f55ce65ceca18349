package local

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/usersig"
)

func TestSecret(t *testing.T) {
	const app, key = 1400000000, "the key"
	path := filepath.Join(t.TempDir(), "chat.db")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := clockwork.NewFakeClockAt(now)
	chat, err := Open(t.Context(), path, Config{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer chat.Close()
	sig := func(app uint64, key, user string) string {
		s, err := usersig.New(app, key, user, now, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	check := func(what string, app uint64, user, sig string, want sdkconn.Code, says string) {
		t.Helper()
		expires, err := chat.CheckUserSig(t.Context(), app, user, sig)
		if sdkconn.CodeOf(err) != want || want != 0 && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %d %q", what, err, want, says)
		}
		if want == 0 && expires.IsZero() != (says == "for ever") || want != 0 && !expires.IsZero() {
			t.Errorf("%s: until %s", what, expires)
		}
		if err != nil && (strings.Contains(err.Error(), key) || sig != "" && strings.Contains(err.Error(), sig)) {
			t.Errorf("%s: %v tells a secret", what, err)
		}
	}
	check("no secret", 7, "alice", "any", 0, "for ever")
	if err := chat.SetSecret(t.Context(), app, key); err != nil {
		t.Fatal(err)
	}
	good := sig(app, key, "alice")
	if info, err := Info(t.Context(), path); err != nil || info.SecretApp != app {
		t.Errorf("%+v, %v", info, err)
	}
	check("good", app, "alice", good, 0, "")
	check("no user", app, "", good, sdkconn.CodeInvalidIdentifier, "user id")
	check("no signature", app, "alice", "", sdkconn.CodeSvrUserSigEmpty, "no UserSig")
	check("no UserSig", app, "alice", "any", sdkconn.CodeSvrUserSigCheckFailed, "not a UserSig")
	check("cut off", app, "alice", good[:len(good)-8], sdkconn.CodeSvrUserSigCheckFailed, "does not unpack")
	check("another user's", app, "bob", good, sdkconn.CodeSvrUserSigMismatchID, `for user "alice", the login for "bob"`)
	check("another app's", app, "alice", sig(7, key, "alice"), sdkconn.CodeSvrUserSigMismatchApp, "for app 7, the login for 1400000000")
	check("another key", app, "alice", sig(app, "another", "alice"), sdkconn.CodeSvrUserSigMismatchKey, "another key")
	check("an app that is not there", 7, "alice", sig(7, key, "alice"), sdkconn.CodeSvrSDKAppIDNotFound, "of app 1400000000, not of 7")
	clock.Advance(time.Hour - time.Second)
	check("the last second", app, "alice", good, 0, "")
	clock.Advance(time.Second)
	check("too late", app, "alice", good, sdkconn.CodeSvrUserSigExpired, "expired on 2026-03-01T13:00:00Z")

	if err := chat.SetSecret(t.Context(), 7, "another"); err != nil {
		t.Fatal(err)
	}
	now = clock.Now()
	check("another secret", 7, "alice", sig(7, "another", "alice"), 0, "")
	for _, s := range []struct {
		app uint64
		key string
	}{{0, "key"}, {7, ""}} {
		if err := chat.SetSecret(t.Context(), s.app, s.key); sdkconn.CodeOf(err) != sdkconn.CodeInvalidParameters {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := chat.Login(t.Context(), "alice"); err != nil {
		t.Errorf("who has the file is not let in: %v", err)
	}
	if err := chat.ClearSecret(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("no secret any more", 9, "alice", "any", 0, "for ever")
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := chat.CheckUserSig(t.Context(), 7, "alice", "any"); sdkconn.CodeOf(err) != sdkconn.CodeNotInitialized {
		t.Errorf("after Close: %v", err)
	}
}

// An older file, which no present timbot has opened yet, has no secret.
func TestInfoOfAnOlderFileKnowsOfNoSecret(t *testing.T) {
	if secretSchema > schemaVersion || migrations[secretSchema-2] != loginSecret {
		t.Fatalf("schema %d is not the first one with a secret", secretSchema)
	}
	if info, err := Info(t.Context(), oldFile(t, 1)); err != nil || info.SecretApp != 0 || info.Schema != 1 {
		t.Errorf("%+v, %v", info, err)
	}
}
