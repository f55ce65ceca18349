package native

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

// script is an engine that answers as a test wants. Everything it is not told about succeeds with nothing.
type script struct {
	*queue
	version string

	mu      sync.Mutex
	calls   []string
	answers map[string]func(call) []signal // by function; nil: no answer
}

func newScript() *script {
	return &script{queue: newQueue(), version: "8.0.5903", answers: make(map[string]func(call) []signal)}
}

func (s *script) start(c call) error {
	s.mu.Lock()
	s.calls = append(s.calls, c.function)
	f, told := s.answers[c.function]
	s.mu.Unlock()
	signals := []signal{{id: c.id, returned: !c.callback}}
	if told {
		signals = f(c)
	}
	for _, sig := range signals { // before start returns, as the library may
		s.put(sig)
	}
	return nil
}

func (s *script) next() ([]signal, error) {
	if signals := s.take(); len(signals) > 0 {
		return signals, nil
	}
	return nil, errors.New("the script ended")
}

func (s *script) about() loaded { return loaded{version: s.version} }
func (s *script) close()        { s.end() }

func (s *script) on(function string, f func(call) []signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[function] = f
}

// count is how often a function was called.
func (s *script) count(function string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.calls {
		if f == function {
			n++
		}
	}
	return n
}

func code(code sdkconn.Code, desc string) func(call) []signal {
	return func(c call) []signal { return []signal{{id: c.id, code: int32(code), desc: desc}} }
}

// openScript opens a connection on scripts, one after the other.
func openScript(t *testing.T, clock clockwork.Clock, scripts ...*script) (*Conn, error) {
	t.Helper()
	t.Setenv(secretEnv, "key")
	o := options{appID: 7, user: "bot", data: t.TempDir(), timeout: 30 * time.Second, secretEnv: secretEnv, sigLife: 10 * time.Hour}
	next := 0
	conn, err := open(t.Context(), o, sdkconn.Config{Clock: clock}.WithDefaults(), func(context.Context) (engine, error) {
		if next == len(scripts) {
			return nil, errors.New("no more scripts")
		}
		next++
		return scripts[next-1], nil
	}, time.Second)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func mustOpenScript(t *testing.T, clock clockwork.Clock, scripts ...*script) *Conn {
	t.Helper()
	conn, err := openScript(t, clock, scripts...)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func text(s string) *sdkconn.Message {
	return &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: s}}}
}

var bob = sdkconn.C2C("bob")

func TestCallThatIsNeverAnswered(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	s := newScript()
	var late uint64
	s.on("TIMMsgSendNewMsg", func(c call) []signal { late = c.id; return nil })
	conn := mustOpenScript(t, clock, s)
	done := make(chan error)
	go func() {
		_, err := conn.SendNewMsg(t.Context(), bob, text("x"))
		done <- err
	}()
	if err := clock.BlockUntilContext(t.Context(), 2); err != nil { // the renewal of the signature, and the call
		t.Fatal(err)
	}
	clock.Advance(30 * time.Second)
	err := <-done
	if sdkconn.CodeOf(err) != sdkconn.CodeRequestTimeout || !sdkconn.EffectUnknown(err) {
		t.Errorf("the call ended with %v", err)
	}
	s.put(signal{id: late}) // nobody waits for it
	if err := conn.Revoke(t.Context(), bob, text("x")); err != nil {
		t.Error(err)
	}
}

func TestDownloadMayTakeLong(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	s := newScript()
	id := make(chan uint64, 1)
	s.on("TIMMsgDownloadElemToPath", func(c call) []signal { id <- c.id; return nil })
	conn := mustOpenScript(t, clock, s)
	done := make(chan error)
	var steps []uint64
	told := make(chan struct{})
	go func() {
		done <- conn.DownloadElemToPath(t.Context(), sdkconn.DownloadElemParam{ID: "f"}, "/tmp/x", func(now, total uint64) {
			steps = append(steps, now)
			told <- struct{}{}
		})
	}()
	call := <-id
	for i := range 4 {
		if err := clock.BlockUntilContext(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		clock.Advance(20 * time.Second) // 80 s in all, but never 30 without a sign
		s.put(signal{id: call, desc: "downloading", json: fmt.Appendf(nil,
			`{"msg_download_elem_result_current_size":%d,"msg_download_elem_result_total_size":4}`, i+1)})
		<-told
	}
	s.put(signal{id: call, desc: "OK"})
	if err := <-done; err != nil || fmt.Sprint(steps) != "[1 2 3 4]" {
		t.Errorf("%v, %v", steps, err)
	}
}

func TestSignatureIsRenewed(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	s := newScript()
	sigs := make(chan string, 10)
	s.on("TIMLogin", func(c call) []signal { sigs <- c.args[1].(string); return []signal{{id: c.id}} })
	conn := mustOpenScript(t, clock, s)
	first := <-sigs
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(9 * time.Hour)
	second := <-sigs
	if second == first {
		t.Error("the signature is the old one")
	}
	// Calls wait for the new login; an event makes the next.
	if err := conn.Revoke(t.Context(), bob, text("x")); err != nil {
		t.Error(err)
	}
	clock.Advance(time.Second)
	s.put(signal{event: userSigExpired})
	if third := <-sigs; third == second {
		t.Error("after the service said that it expired, the signature is the old one")
	}
	if n := s.count("TIMLogout"); n != 2 {
		t.Errorf("%d logouts, want 2", n)
	}
	events := take(t, conn, 1)
	if events[0].Kind != sdkconn.EventUserSigExpired {
		t.Errorf("told was %+v", events)
	}
}

// take is the next n events.
func take(t *testing.T, conn *Conn, n int) []sdkconn.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []sdkconn.Event
	err := conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
		if all = append(all, events...); len(all) >= n {
			cancel()
		}
		return nil
	})
	if err != nil || len(all) < n {
		t.Fatalf("%d events, want %d; %v", len(all), n, err)
	}
	return all
}

func TestLoginTriesAgain(t *testing.T) {
	// TIMInit goes on after it returned.
	clock := clockwork.NewFakeClockAt(noon)
	early := newScript()
	n := 0
	early.on("TIMLogin", func(c call) []signal {
		if n++; n < 3 {
			go clock.Advance(initPause)
			return []signal{{id: c.id, code: 6013}}
		}
		return []signal{{id: c.id}}
	})
	mustOpenScript(t, clockwork.NewRealClock(), early)

	// Who was kicked while he was away is told so once.
	kicked, second := newScript(), newScript()
	kicked.on("TIMLogin", code(sdkconn.CodeLoginKickedOffByOther, "kicked"))
	mustOpenScript(t, clock, kicked, second)

	wrong := newScript()
	wrong.on("TIMLogin", code(70013, "wrong"))
	if _, err := openScript(t, clock, wrong); sdkconn.CodeOf(err) != sdkconn.CodeSvrUserSigMismatchID {
		t.Errorf("login with a wrong signature: %v", err)
	}
	if wrong.count("TIMUninit") != 1 {
		t.Error("the library was not ended")
	}
}

// history has a script answer with a history of one conversation.
func history(s *script, msgs ...string) {
	s.on("TIMConvGetConvList", func(c call) []signal {
		return []signal{{id: c.id, json: []byte(`[{"conv_id":"bob","conv_type":1,"conv_last_msg":` + msgs[0] + `}]`)}}
	})
	s.on("TIMMsgGetMsgList", func(c call) []signal { return []signal{{id: c.id, json: []byte("[" + strings.Join(msgs, ",") + "]")}} })
}

func message(text string, at time.Time, self bool) string {
	return fmt.Sprintf(`{"message_conv_id":"bob","message_conv_type":1,"message_sender":"bob","message_server_time":%d,"message_seq":1,`+
		`"message_rand":%d,"message_is_from_self":%v,"message_status":2,"message_elem_array":[{"elem_type":0,"text_elem_content":%q}]}`,
		at.Unix(), len(text), self, text)
}

func TestWhatTheLibraryTookWithItIsReadBack(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	first, second, third := newScript(), newScript(), newScript()
	conn := mustOpenScript(t, clock, first, second, third)
	at := noon.Add(time.Second)
	first.put(signal{event: newMsg, json: []byte("[" + message("a", at, false) + "]")})
	if got := take(t, conn, 1); got[0].Message.Text() != "a" || got[0].CaughtUp {
		t.Fatalf("told was %+v", got)
	}
	// "bb" was told to a process that ended; the others must not come.
	history(second, message("dddd", at, true), message("bb", at, false), message("a", at, false), message("ccc", noon.Add(-time.Hour), false))
	first.end()
	got := take(t, conn, 3)
	if got[0].Network != sdkconn.NetworkDisconnected || got[1].Kind != sdkconn.EventNetworkStatus || got[1].Network != sdkconn.NetworkConnected ||
		got[2].Kind != sdkconn.EventNewMsg || got[2].Message.Text() != "bb" || !got[2].CaughtUp || len(got) != 3 {
		t.Errorf("told was %+v", got)
	}
	// The service may tell it after all.
	second.put(signal{event: newMsg, json: []byte("[" + message("bb", at, false) + "," + message("eeeee", at, false) + "]")})
	if got := take(t, conn, 1); got[0].Message.Text() != "eeeee" {
		t.Errorf("told was %+v", got)
	}

	// Another login of the user is the end.
	third.on("TIMLogin", code(sdkconn.CodeLoginKickedOffByOther, "kicked"))
	second.end()
	done := make(chan error)
	go func() {
		done <- conn.Subscribe(t.Context(), func(context.Context, []sdkconn.Event) error { return nil })
	}()
	var err error
	for waiting := true; waiting; {
		select {
		case err = <-done:
			waiting = false
		case <-time.After(time.Millisecond):
			clock.Advance(time.Second) // the wait before another start
		}
	}
	if sdkconn.CodeOf(err) != sdkconn.CodeNotLoggedIn || !errors.Is(err, sdkconn.CodeLoginKickedOffByOther) {
		t.Errorf("Subscribe ended with %v", err)
	}
	if err := conn.Revoke(t.Context(), bob, text("x")); sdkconn.CodeOf(err) != sdkconn.CodeNotLoggedIn {
		t.Errorf("a call after it: %v", err)
	}
}

func TestCallsWaitForTheNextLibrary(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	first, second := newScript(), newScript()
	conn := mustOpenScript(t, clock, first, second)
	first.end()
	told := len(take(t, conn, 1)) // that the network is gone, maybe already that it is back
	if err := conn.Revoke(t.Context(), bob, text("x")); err != nil || second.count("TIMMsgRevoke") != 1 {
		t.Errorf("%v, %d calls", err, second.count("TIMMsgRevoke"))
	}
	second.end() // and there is no other
	take(t, conn, 3-told)
	done := make(chan error)
	go func() {
		_, err := conn.GetMsgList(t.Context(), bob, sdkconn.GetMsgListParam{Count: 1})
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if sdkconn.CodeOf(err) != sdkconn.CodeReqNoNetOnReq || sdkconn.EffectUnknown(err) {
				t.Errorf("a call that waited in vain: %v", err)
			}
			return
		case <-time.After(time.Millisecond):
			clock.Advance(time.Second)
		}
	}
}

func TestOldLibrary(t *testing.T) {
	s := newScript()
	s.version = "5.0.106"
	conn := mustOpenScript(t, clockwork.NewFakeClockAt(noon), s)
	var sent []string
	for _, f := range []string{"TIMMsgSendNewMsg", "TIMMsgGetMsgList", "TIMMsgDelete"} {
		s.on(f, func(c call) []signal {
			sent = append(sent, c.function+" "+c.args[2].(string))
			return []signal{{id: c.id}}
		})
	}
	s.on("TIMGroupGetMemberInfoList", func(c call) []signal {
		return []signal{{id: c.id, json: []byte(`{"group_get_memeber_info_list_result_next_seq":0,` +
			`"group_get_memeber_info_list_result_info_array":[{"group_member_info_identifier":"u"}]}`)}}
	})
	s.on("TIMMsgFindMessages", func(c call) []signal { return []signal{{id: c.id, code: codeMissing, desc: "not there"}} })
	m := text("x")
	m.OfflinePush = &sdkconn.OfflinePushConfig{Desc: "d"}
	got, err := conn.SendNewMsg(t.Context(), bob, m)
	if err != nil || got.Text() != "x" || got.Sender != "bot" || got.Status != sdkconn.StatusSendSucc {
		t.Errorf("sent %+v, %v", got, err)
	}
	if _, err := conn.GetMsgList(t.Context(), bob, sdkconn.GetMsgListParam{Count: 1, IsRamble: true}); err != nil {
		t.Error(err)
	}
	if err := conn.Delete(t.Context(), bob, nil); err != nil {
		t.Error(err)
	}
	for i, key := range []string{`"message_offlie_push_config":{`, `"msg_getmsglist_param_is_remble":true`, `TIMMsgDelete {"`} {
		if i >= len(sent) || !strings.Contains(sent[i], key) {
			t.Errorf("call %d of %q has no %s", i, sent, key)
		}
	}
	if members, err := conn.GroupGetMemberInfoList(t.Context(), "g"); err != nil || len(members) != 1 || members[0].Identifier != "u" {
		t.Errorf("members %+v, %v", members, err)
	}
	if _, err := conn.MsgFindMessages(t.Context(), []string{"1"}); sdkconn.CodeOf(err) != sdkconn.CodeInterfaceNotSupport {
		t.Errorf("a function that is not there: %v", err)
	}
}

func TestEventsThatCannotBeRead(t *testing.T) {
	s := newScript()
	conn := mustOpenScript(t, clockwork.NewFakeClockAt(noon), s)
	for _, sig := range []signal{
		{event: newMsg, json: []byte(`{`)}, {event: newMsg, json: []byte(`[null]`)}, {event: 99},
		{event: convEvent, numbers: []uint64{4}}, {event: networkStatus}, {event: uploadProgress}, {id: 1 << 60},
		{event: networkStatus, numbers: []uint64{1}, code: 9508, desc: "gone"},
	} {
		s.put(sig)
	}
	got := take(t, conn, 1)
	if len(got) != 1 || got[0].Network != sdkconn.NetworkDisconnected || got[0].Code != sdkconn.CodeNetDisconnect || got[0].Desc != "gone" {
		t.Errorf("told was %+v", got)
	}
}
