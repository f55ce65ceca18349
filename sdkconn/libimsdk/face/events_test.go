package face

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// channel has what a listener of one kind is told go to a channel.
func channel() (chan string, func(string)) {
	c := make(chan string, 100)
	return c, func(json string) { c <- json }
}

func TestWhatIsHeardAfterAnAbsence(t *testing.T) {
	s := open(t)
	as(t, s, "bob")
	as(t, s, "alice")
	sent := good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("a\\/b"), r) })
	good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("second"), r) })
	msgs, hear := channel()
	revoked, hearRevoked := channel()
	s.AddRecvNewMsgCallback(1, hear)
	s.SetMsgRevokeCallback(hearRevoked)
	good(t, func(r Reply) sdkconn.Code { return s.MsgRevoke("bob", 1, sent, r) })
	as(t, s, "bob")
	both := hears(t, msgs)
	contains(t, both, `"text_elem_content":"a\/b"`, `"text_elem_content":"second"`, `"message_is_from_self":false`)
	contains(t, hears(t, revoked), `"message_locator_conv_id":"alice"`, `"message_locator_is_revoked":true`, `"message_revoker_user_id":"alice"`)
}

func TestAListenerThatEndsItAllHasHeard(t *testing.T) {
	s := open(t)
	as(t, s, "bob")
	as(t, s, "alice")
	good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("first"), r) })
	stop := make(chan string, 10)
	s.AddRecvNewMsgCallback(1, func(json string) {
		s.Logout(func(sdkconn.Code, string, string) { stop <- json })
	})
	as(t, s, "bob")
	contains(t, hears(t, stop), "first")
	as(t, s, "alice")
	good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("second"), r) })
	as(t, s, "bob")
	if got := hears(t, stop); strings.Contains(got, "first") {
		t.Error("the first message is told twice")
	}
}

// shared opens an SDK on a file that a Go program has open as well, in which Bob is logged in.
func shared(t *testing.T) (*SDK, *local.Chat, *local.Conn) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "chat.db")
	chat, err := local.Open(t.Context(), file, local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chat.Close() })
	bob, err := chat.Login(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Chat: func() string { return file }, Thread: threadNumber})
	t.Cleanup(s.Close)
	s.Init(1, "{}")
	as(t, s, "alice")
	return s, chat, bob
}

func say(t *testing.T, from *local.Conn, to, what string) {
	t.Helper()
	msg := &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: what}}}
	if _, err := from.SendNewMsg(t.Context(), sdkconn.C2C(to), msg); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasNotToldIsToldAtTheNextLogin(t *testing.T) {
	s, _, bob := shared(t)
	s.AddRecvNewMsgCallback(1, func(string) { t.Error("told after Uninit") })
	// While a reply runs, nothing is told.
	begun, goOn := make(chan struct{}), make(chan struct{})
	s.SetConfig("{}", func(sdkconn.Code, string, string) {
		close(begun)
		<-goOn
	})
	<-begun
	say(t, bob, "alice", "late")
	for s.thread.length() == 0 {
	}
	over := make(chan struct{})
	go func() {
		s.Uninit()
		close(over)
	}()
	for s.GetLoginStatus() != LoginNone {
	}
	close(goOn)
	<-over
	msgs, hear := channel()
	s.AddRecvNewMsgCallback(1, hear)
	s.Init(1, "{}")
	as(t, s, "alice")
	contains(t, hears(t, msgs), "late")
}

func TestAListenerThatDoesNotReturnHoldsNoLogoutUp(t *testing.T) {
	s, _, bob := shared(t)
	done := make(chan struct{})
	s.AddRecvNewMsgCallback(1, func(string) {
		s.Logout(nil)
		for s.GetLoginStatus() != LoginNone {
		}
		s.Login("alice", "any", nil)
		for s.GetLoginStatus() != LoginDone {
		}
		s.Login("carol", "any", nil)
		for s.GetLoginUserID() != "carol" {
		}
		close(done)
	})
	say(t, bob, "alice", "go")
	hears(t, done)
}

func TestWhoIsKickedIsLoggedInNoMore(t *testing.T) {
	s, chat, _ := shared(t)
	status := make(chan LoginStatus, 1)
	s.SetKickedOfflineCallback(func() { status <- s.GetLoginStatus() })
	if _, err := chat.Login(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if got := hears(t, status); got != LoginNone {
		t.Errorf("status %d", got)
	}
	if a := ask(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("x"), r) }); a.code != sdkconn.CodeNotLoggedIn {
		t.Errorf("then: %+v", a)
	}
}

// A program may end the SDK as soon as it hears that it was kicked, on the thread that tells it.
func TestUninitOfTheKicked(t *testing.T) {
	for range 20 {
		s, chat, _ := shared(t)
		ended := make(chan sdkconn.Code, 1)
		s.SetKickedOfflineCallback(func() { ended <- s.Uninit() })
		if _, err := chat.Login(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		if code := hears(t, ended); code != 0 {
			t.Errorf("Uninit: %d", code)
		}
	}
}

func TestListenersToNewMessages(t *testing.T) {
	s := open(t)
	as(t, s, "bob")
	as(t, s, "alice")
	one, first := channel()
	two, second := channel()
	s.AddRecvNewMsgCallback(1, func(string) { t.Error("a listener that was replaced hears") })
	s.AddRecvNewMsgCallback(1, first)
	s.AddRecvNewMsgCallback(2, second)
	s.AddRecvNewMsgCallback(3, func(string) { t.Error("a listener that was removed hears") })
	s.RemoveRecvNewMsgCallback(3)
	good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("x"), r) })
	as(t, s, "bob")
	hears(t, one)
	hears(t, two)
}

func TestReceiptsUpdatesAndCounts(t *testing.T) {
	s := open(t)
	as(t, s, "bob")
	as(t, s, "alice")
	sent := good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("x"), r) })
	updated, hearUpdated := channel()
	receipts, hearReceipts := channel()
	unread := make(chan uint64, 100)
	s.SetMsgUpdateCallback(hearUpdated)
	s.SetMsgReadedReceiptCallback(hearReceipts)
	edited := strings.Replace(sent, `"text_elem_content":"x"`, `"text_elem_content":"y"`, 1)
	newest := good(t, func(r Reply) sdkconn.Code { return s.MsgModifyMessage(edited, r) })
	contains(t, newest, `"text_elem_content":"y"`)
	contains(t, hears(t, updated), `"text_elem_content":"y"`)
	again := ask(t, func(r Reply) sdkconn.Code { return s.MsgModifyMessage(edited, r) })
	if again.code != sdkconn.CodeMsgModifyConflict {
		t.Errorf("editing the old version: %+v", again)
	}
	contains(t, again.json, `"text_elem_content":"y"`)

	s.SetConvTotalUnreadMessageCountChangedCallback(func(n uint64) { unread <- n })
	as(t, s, "bob")
	for hears(t, unread) != 1 {
	}
	contains(t, good(t, s.ConvGetTotalUnreadMessageCount), `_unread_count":1}`)
	good(t, func(r Reply) sdkconn.Code { return s.ConvCleanConversationUnreadMessageCount("c2c_alice", 0, 0, r) })
	for hears(t, unread) != 0 {
	}
	as(t, s, "alice")
	contains(t, hears(t, receipts), `"msg_receipt_conv_id":"bob"`)
}

func TestTheNetworkIsThere(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	c := make(chan sdkconn.NetworkStatus, 10)
	s.SetNetworkStatusListenerCallback(func(status sdkconn.NetworkStatus, code sdkconn.Code, desc string) { c <- status })
	s.Init(1, "{}")
	if a, b := hears(t, c), hears(t, c); a != sdkconn.NetworkConnecting || b != sdkconn.NetworkConnected {
		t.Errorf("got %d, %d", a, b)
	}
}

func TestGroupTipsAndNotices(t *testing.T) {
	s := open(t)
	for _, user := range []string{"bob", "carol", "alice"} {
		as(t, s, user)
	}
	id := good(t, func(r Reply) sdkconn.Code {
		return s.GroupCreate(`{"create_group_param_group_name":"Work","create_group_param_group_id":"work","create_group_param_group_type":1,`+
			`"create_group_param_group_member_array":[{"group_member_info_identifier":"bob"}]}`, r)
	})
	contains(t, id, `{"create_group_result_groupid":"work"}`)
	good(t, func(r Reply) sdkconn.Code {
		return s.GroupModifyGroupInfo(`{"group_modify_info_param_group_id":"work","group_modify_info_param_modify_flag":3,`+
			`"group_modify_info_param_group_name":"New","group_modify_info_param_notification":"read me"}`, r)
	})
	tips, hear := channel()
	s.SetGroupTipsEventCallback(hear)
	as(t, s, "bob")
	contains(t, hears(t, tips), `"group_tips_elem_group_id":"work"`, `"group_tips_elem_op_user":"alice"`)
}
