package face

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestInitChecksItsArguments(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	for _, c := range []struct {
		app    uint64
		config string
		want   sdkconn.Code
	}{
		{1, "", sdkconn.CodeParam}, {0, "{}", sdkconn.CodeParam}, {1, "{", sdkconn.CodeJSON}, {1, "[]", sdkconn.CodeJSON},
		{1, "{}", 0}, {2, "{}", 0},
	} {
		if got := s.Init(c.app, c.config); got != c.want {
			t.Errorf("Init(%d, %q) = %d, want %d", c.app, c.config, got, c.want)
		}
	}
}

func TestTheChatIsInTheFolderThatInitNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // the second time Alice has something to hear
		s := New(Config{Thread: threadNumber})
		if code := s.Init(1, fmt.Sprintf(`{"sdk_config_config_file_path":%q}`, dir)); code != 0 {
			t.Fatal(code)
		}
		as(t, s, "alice")
		good(t, func(r Reply) sdkconn.Code { return s.MsgSaveMsg("bob", 1, text("kept"), r) })
		page := good(t, func(r Reply) sdkconn.Code {
			return s.MsgGetMsgList("bob", 1, `{"msg_getmsglist_param_count":9}`, r)
		})
		contains(t, page, "kept")
		s.Close()
	}
	files, err := filepath.Glob(filepath.Join(dir, "chat.db*"))
	if err != nil || len(files) == 0 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestAChatThatCannotBeOpenedIsToldByTheLogin(t *testing.T) {
	s := New(Config{Chat: func() string { return filepath.Join(t.TempDir(), "no", "folder.db") }})
	defer s.Close()
	s.Init(1, "{}")
	a := ask(t, func(r Reply) sdkconn.Code { return s.Login("alice", "any", r) })
	if a.code != sdkconn.CodeDatabaseOperateFailed || a.desc == "" {
		t.Errorf("got %+v", a)
	}
	if s.GetLoginStatus() != LoginNone {
		t.Error("somebody is logged in")
	}
}

func TestLoginAndLogoutTakeTurns(t *testing.T) {
	s := open(t)
	login := func(user string) func(Reply) sdkconn.Code {
		return func(r Reply) sdkconn.Code { return s.Login(user, "any", r) }
	}
	// A login is on its way as long as this is locked.
	s.term.mu.Lock()
	first, second, out := make(chan sdkconn.Code, 1), make(chan sdkconn.Code, 1), make(chan sdkconn.Code, 1)
	to := func(c chan sdkconn.Code) Reply { return func(code sdkconn.Code, _, _ string) { c <- code } }
	s.Login("alice", "any", to(first))
	if got := s.GetLoginStatus(); got != LoginRunning {
		t.Errorf("status %d", got)
	}
	s.Login("alice", "any", to(second))
	if got := hears(t, second); got != sdkconn.CodeLoginInProcess {
		t.Errorf("a second login answers %d", got)
	}
	s.Logout(to(out))
	if got := hears(t, out); got != 0 {
		t.Errorf("logout answers %d", got)
	}
	s.term.mu.Unlock()
	if got := hears(t, first); got != sdkconn.CodeLoggedOutBeforeLoginFinished {
		t.Errorf("the login answers %d", got)
	}
	if s.GetLoginStatus() != LoginNone || s.GetLoginUserID() != "" {
		t.Error("somebody is logged in")
	}

	good(t, login("alice"))
	good(t, login("alice"))
	if s.GetLoginStatus() != LoginDone || s.GetLoginUserID() != "alice" {
		t.Error("alice is not logged in")
	}
	// A logout waits for the calls before it.
	wait := make(chan struct{})
	s.mu.Lock()
	s.session.add(func(context.Context) { <-wait })
	s.mu.Unlock()
	sent := make(chan sdkconn.Code, 1)
	s.MsgSaveMsg("bob", 1, text("x"), to(sent))
	s.Logout(to(out))
	for call, want := range map[string]sdkconn.Code{"login": sdkconn.CodeLogoutInProcess, "logout": sdkconn.CodeLogoutInProcess, "send": sdkconn.CodeNotLoggedIn} {
		a := ask(t, func(r Reply) sdkconn.Code {
			switch call {
			case "login":
				return s.Login("bob", "any", r)
			case "logout":
				return s.Logout(r)
			}
			return s.MsgSendNewMsg("bob", 1, text("x"), r)
		})
		if a.code != want {
			t.Errorf("%s while a logout runs: %+v", call, a)
		}
	}
	close(wait)
	if got := hears(t, sent); got != 0 {
		t.Errorf("a call before the logout answers %d", got)
	}
	if got := hears(t, out); got != 0 {
		t.Errorf("logout answers %d", got)
	}
	good(t, login("bob"))
	if a := ask(t, login("an id that is much longer than 32 bytes")); a.code != sdkconn.CodeInvalidIdentifier {
		t.Errorf("a bad id: %+v", a)
	}
	if s.GetLoginUserID() != "" { // bob was logged out for it
		t.Error("somebody is logged in")
	}
}

func TestUninitEndsEverything(t *testing.T) {
	s := open(t)
	as(t, s, "alice")
	s.SetKickedOfflineCallback(func() {})
	// A reply that is running is waited for, what is behind it never comes.
	begun, goOn, finished := make(chan struct{}), make(chan struct{}), false
	s.MsgFindMessages(`["x"]`, func(sdkconn.Code, string, string) {
		close(begun)
		<-goOn
		finished = true
	})
	s.MsgFindMessages(`["x"]`, func(sdkconn.Code, string, string) { t.Error("an answer after Uninit") })
	<-begun
	over := make(chan sdkconn.Code)
	go func() { over <- s.Uninit() }()
	for s.GetLoginStatus() != LoginNone { // it has begun, and nothing more is told
	}
	close(goOn)
	if code := <-over; code != 0 || !finished && threadNumber != nil {
		t.Errorf("Uninit returned %d, the reply was finished: %v", code, finished)
	}
	if s.heard(s.listeners).kicked != nil {
		t.Error("a listener is still there")
	}
	a := ask(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("x"), r) })
	if a.code != sdkconn.CodeNotInitialized {
		t.Errorf("after Uninit: %+v", a)
	}
	contains(t, a.json, `"message_msg_id":"-0-0"`, `"message_client_time":0`)
	if s.Uninit() != 0 || s.Init(1, "{}") != 0 {
		t.Error("it does not begin again")
	}
	as(t, s, "alice")
}

func TestAReplyMayCallAnything(t *testing.T) {
	s := open(t)
	as(t, s, "bob")
	as(t, s, "alice")
	done := make(chan string, 10)
	s.MsgSendNewMsg("bob", 1, text("one"), func(code sdkconn.Code, _, _ string) {
		id, ret := s.MsgSendMessage("bob", 1, text("two"), func(sdkconn.Code, string, string) {
			if s.Uninit() != 0 {
				t.Error("Uninit fails")
			}
			if s.Init(1, "{}") != 0 {
				t.Error("Init fails")
			}
			s.Login("carol", "any", func(code sdkconn.Code, desc, _ string) { done <- fmt.Sprint(code, desc, s.GetLoginUserID()) })
		})
		if id == "" || ret != 0 {
			t.Errorf("id %q, returns %d", id, ret)
		}
	})
	if got := hears(t, done); got != "0carol" && got != "0 carol" {
		t.Errorf("got %q", got)
	}
}

func TestRepliesComeInOrderOnOneThread(t *testing.T) {
	s := open(t)
	as(t, s, "alice")
	const calls = 300
	var mu sync.Mutex
	var order []int
	threads := make(map[uint64]bool)
	all := make(chan struct{})
	for i := range calls {
		s.MsgSaveMsg("bob", 1, text("x"), func(sdkconn.Code, string, string) {
			mu.Lock()
			defer mu.Unlock()
			if threadNumber != nil {
				threads[threadNumber()] = true
			}
			if order = append(order, i); len(order) == calls {
				close(all)
			}
		})
	}
	hears(t, all)
	if !slices.IsSorted(order) || len(threads) > 1 {
		t.Errorf("order %v on %d threads", order, len(threads))
	}
}

func TestUserSigMustBeThere(t *testing.T) {
	s := open(t)
	for _, c := range [][2]string{{"", "sig"}, {"alice", ""}} {
		if got := s.Login(c[0], c[1], nil); got != sdkconn.CodeParam {
			t.Errorf("Login(%q) = %d", c, got)
		}
	}
}
