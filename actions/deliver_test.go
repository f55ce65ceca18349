package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// ownMessage is one that the bot sent with an effect's id.
func ownMessage(effect string, at int64, status sdkconn.Status) *sdkconn.Message {
	return &sdkconn.Message{
		Sender: "bot", IsFromSelf: true, MsgID: "own", ServerTime: uint64(at), Status: status,
		CloudCustom: sdkconn.WithEffect("", effect), Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "hi"}},
	}
}

// paged is a recorder with a history of several pages.
type paged struct {
	*recorder
	history []*sdkconn.Message // newest first
}

func (p *paged) GetMsgList(_ context.Context, conv sdkconn.Conversation, param sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	if err := p.note(call{Op: "GetMsgList", Conv: conv, Page: param}); err != nil {
		return nil, err
	}
	from := 0
	if param.LastMsg != nil {
		from = slices.Index(p.history, param.LastMsg) + 1
	}
	return p.history[from:min(from+int(param.Count), len(p.history))], nil
}

// window is a connection that knows repeated sends for so long.
type window struct {
	*recorder
	time.Duration
}

func (w window) RepeatWindow(sdkconn.Conversation) time.Duration { return w.Duration }

func (r *recorder) ops() string {
	var ops []string
	for _, c := range r.calls {
		ops = append(ops, c.Op)
	}
	return strings.Join(ops, " ")
}

// TestAnUnknownSendIsLookedFor: the test's clock stands at 100 s after the event; the attempt began 60 s before that.
func TestAnUnknownSendIsLookedFor(t *testing.T) {
	const began = 1_700_000_040
	other := func(at int64) *sdkconn.Message { return ownMessage("another", at, sdkconn.StatusSendSucc) }
	stranger := ownMessage("e1", began+1, sdkconn.StatusSendSucc)
	stranger.Sender, stranger.IsFromSelf = "mallory", false
	var busy []*sdkconn.Message
	for range 3 * askPage {
		busy = append(busy, other(began+50))
	}
	for name, test := range map[string]struct {
		history []*sdkconn.Message
		input   args
		ops     string
		id      string
		fails   bool
	}{
		"there":                  {[]*sdkconn.Message{other(began + 9), ownMessage("e1", began, 2)}, args{}, "GetMsgList", "own", false},
		"there and revoked":      {[]*sdkconn.Message{ownMessage("e1", began, sdkconn.StatusRevoked)}, args{}, "GetMsgList", "own", false},
		"on a later page":        {append(slices.Clone(busy), ownMessage("e1", began, 2)), args{}, strings.Repeat("GetMsgList ", 3) + "GetMsgList", "own", false},
		"the clocks differ":      {[]*sdkconn.Message{ownMessage("e1", began-59, 2)}, args{}, "GetMsgList", "own", false},
		"not there":              {[]*sdkconn.Message{other(began + 9), other(began - 61)}, args{}, "GetMsgList SendNewMsg", "bot-9-8", false},
		"a short history":        {[]*sdkconn.Message{other(began)}, args{}, "GetMsgList GetMsgList SendNewMsg", "bot-9-8", false},
		"somebody copied it":     {[]*sdkconn.Message{stranger, other(began - 61)}, args{}, "GetMsgList SendNewMsg", "bot-9-8", false},
		"the copy never left":    {[]*sdkconn.Message{ownMessage("e1", began, sdkconn.StatusSendFail), other(1)}, args{}, "GetMsgList SendNewMsg", "bot-9-8", false},
		"still on its way":       {[]*sdkconn.Message{ownMessage("e1", began, sdkconn.StatusSending)}, args{}, "GetMsgList", "", true},
		"a group without any":    {nil, args{}, "GetMsgList", "", true},
		"a first word to a user": {nil, args{"to_user": "bob"}, "GetMsgList SendNewMsg", "bot-9-8", false},
		"for those online only":  {nil, args{"online_only": true}, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			conn := &paged{new(recorder), test.history}
			c := newCall(t, conn)
			c.Unsettled = time.Unix(began, 0)
			test.input["text"] = "hi"
			res, err := Send.Run(t.Context(), c, test.input)
			if got := conn.ops(); got != test.ops {
				t.Errorf("calls %q, want %q", got, test.ops)
			}
			if test.fails {
				if !errors.Is(err, ErrUnsettled) {
					t.Errorf("err %v", err)
				}
				return
			}
			if err != nil || res.Values()["msg_id"] != test.id {
				t.Errorf("got %v, %v; want the message %s", res.Values(), err, test.id)
			}
			for _, asked := range conn.calls {
				if p := asked.Page; asked.Op == "GetMsgList" && (p.Count != askPage || !p.IsRamble || p.IsForward) {
					t.Errorf("asked with %+v", p)
				}
			}
		})
	}
}

func TestTheSearchHasAnEnd(t *testing.T) {
	conn := &paged{recorder: new(recorder)}
	for range askPages*askPage + 1 {
		conn.history = append(conn.history, ownMessage("another", 1_700_000_090, sdkconn.StatusSendSucc))
	}
	c := newCall(t, conn)
	c.Unsettled = time.Unix(1_700_000_040, 0)
	_, err := Send.Run(t.Context(), c, args{"text": "hi"})
	if _, again := RetryAfter(err); !errors.Is(err, ErrUnsettled) || again || len(conn.calls) != askPages {
		t.Errorf("%v after %d pages", err, len(conn.calls))
	}
}

func TestAHistoryThatCannotBeReadNowMayBeLater(t *testing.T) {
	conn := &recorder{err: map[string]error{"GetMsgList": &sdkconn.Error{Code: sdkconn.CodeNotLoggedIn}}}
	c := newCall(t, conn)
	c.Unsettled = c.Clock.Now()
	_, err := Reply.Run(t.Context(), c, args{"text": "hi"})
	if _, again := RetryAfter(err); !errors.Is(err, ErrUnsettled) || !errors.Is(err, sdkconn.CodeNotLoggedIn) || !again {
		t.Errorf("err %v", err)
	}
	if conn.ops() != "GetMsgList" {
		t.Errorf("calls %q", conn.ops())
	}
}

// TestAConnectionThatKnowsRepeatsIsNotAsked: within its window, and only there.
func TestAConnectionThatKnowsRepeatsIsNotAsked(t *testing.T) {
	for _, test := range []struct {
		window, ago time.Duration
		ops         string
	}{
		{-1, 240 * time.Hour, "SendNewMsg"},
		{5 * time.Minute, time.Minute, "SendNewMsg"},
		{5 * time.Minute, 3 * time.Minute, "GetMsgList SendNewMsg"}, // it may stand in line past the window's end
		{5 * time.Minute, time.Hour, "GetMsgList SendNewMsg"},
		{0, time.Second, "GetMsgList SendNewMsg"},
	} {
		conn := window{new(recorder), test.window}
		c := newCall(t, conn)
		c.Unsettled = c.Clock.Now().Add(-test.ago)
		if _, err := Send.Run(t.Context(), c, args{"text": "hi", "to_user": "bob"}); err != nil {
			t.Error(err)
		}
		if conn.ops() != test.ops {
			t.Errorf("window %s, %s ago: calls %q, want %q", test.window, test.ago, conn.ops(), test.ops)
		}
	}
	conn := window{new(recorder), -1}
	c := newCall(t, conn)
	c.Unsettled = c.Clock.Now()
	if _, err := Send.Run(t.Context(), c, args{"text": "hi", "online_only": true}); !errors.Is(err, ErrUnsettled) || conn.ops() != "" {
		t.Errorf("to those online: %v, calls %q", err, conn.ops())
	}
}

// forgetful is the embedded chat without its memory of sends: each gets an id of its own there.
type forgetful struct {
	sdkconn.Conn
	sdkconn.Groups
	n *int
}

func (f forgetful) unseen(msg *sdkconn.Message) *sdkconn.Message {
	*f.n++
	id, rest := sdkconn.SplitEffect(msg.CloudCustom)
	other := *msg
	other.CloudCustom = sdkconn.WithEffect(rest, fmt.Sprintf("%s+%d", id, *f.n))
	return &other
}

func (f forgetful) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	return f.Conn.SendNewMsg(ctx, conv, f.unseen(msg))
}

func (f forgetful) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	return f.Conn.BatchSend(ctx, users, f.unseen(msg))
}

func (f forgetful) GetMsgList(ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	msgs, err := f.Conn.GetMsgList(ctx, conv, p)
	for _, m := range msgs {
		id, rest := sdkconn.SplitEffect(m.CloudCustom)
		id, _, _ = strings.Cut(id, "+")
		m.CloudCustom = sdkconn.WithEffect(rest, id)
	}
	return msgs, err
}

func TestALiveGroupCannotBeAsked(t *testing.T) {
	w := newWorld(t)
	id, err := w.bot.GroupCreate(t.Context(), sdkconn.GroupCreateParam{GroupName: "live", GroupType: sdkconn.GroupAVChatRoom})
	w.must(err)
	for _, group := range []string{id, w.group.ID} {
		c := newCall(t, forgetful{w.bot, w.bot, new(int)})
		c.Clock, c.Unsettled = w.clock, w.clock.Now()
		_, err := Send.Run(t.Context(), c, args{"to_group": group, "text": "hi"})
		if live := group == id; errors.Is(err, ErrUnsettled) != live {
			t.Errorf("%s: %v", group, err)
		}
	}
}

// TestLocalSendsHappenOnce tries everything that sends a second time, as after a crash.
func TestLocalSendsHappenOnce(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("known by the connection ", known), func(t *testing.T) {
			w := newWorld(t)
			hi := w.says(w.group, text("hi"))
			var conn sdkconn.Conn = w.bot
			if !known {
				conn = forgetful{w.bot, w.bot, new(int)}
			}
			run := func(a Action, effect string, unsettled bool, in args) map[string]any {
				c := newCall(t, conn)
				c.Clock, c.EffectID, c.Conversation = w.clock, effect, hi.Conversation()
				if unsettled {
					c.Unsettled = w.clock.Now()
				}
				res, err := a.Run(t.Context(), c, in)
				w.must(err)
				return res.Values()
			}
			first := run(Reply, "a", false, args{"text": "reply", "custom_data": "mine"})
			again := run(Reply, "a", true, args{"text": "reply", "custom_data": "mine"})
			if first["msg_id"] != again["msg_id"] {
				t.Errorf("the second answer is %v, the first was %v", again["msg_id"], first["msg_id"])
			}
			to := args{"to": args{"users": []any{"alice", "carol"}, "groups": []any{"shop"}}, "text": "news"}
			run(Announce, "b", false, args{"to": args{"users": []any{"carol"}, "groups": []any{"shop"}}, "text": "news"}) // cut short
			if out := run(Announce, "b", true, to); out["sent"] != int64(3) {
				t.Errorf("announced: %v", out)
			}
			if got := texts(w.history(w.alice, w.group)); !slices.Equal(got[:2], []string{"news", "reply"}) || got[2] != "hi" {
				t.Errorf("the group has %q", got)
			}
			for _, conn := range []sdkconn.Conn{w.alice, w.carol} {
				if got := texts(w.history(conn, sdkconn.C2C("concierge"))); !slices.Equal(got, []string{"news"}) {
					t.Errorf("%s has %q", conn.Self(), got)
				}
			}
			if id, rest := sdkconn.SplitEffect(w.history(w.alice, w.group)[1].CloudCustom); id[:1] != "a" || rest != "mine" {
				t.Errorf("the reply carries %q and %q", id, rest)
			}
		})
	}
}

func TestTheMarkCountsInTheSize(t *testing.T) {
	c := newCall(t, new(recorder))
	mark := len(sdkconn.WithEffect("", c.EffectID))
	if _, err := Send.Run(t.Context(), c, args{"text": strings.Repeat("x", sdkconn.MaxMsgBytes-mark)}); err != nil {
		t.Error(err)
	}
	for _, a := range []struct {
		action Action
		in     args
	}{{Send, args{}}, {Announce, args{"to": args{"users": []any{"a"}}}}} {
		conn := new(recorder)
		c.Conn = conn
		a.in["text"] = strings.Repeat("x", sdkconn.MaxMsgBytes-mark+1)
		_, err := a.action.Run(t.Context(), c, a.in)
		if !errors.Is(err, sdkconn.CodeMsgBodySizeLimit) || len(conn.calls) != 0 ||
			!strings.Contains(err.Error(), "12289 bytes, at most 12288: 12268 are content, 21 are custom_data with timbot's own mark") {
			t.Errorf("err %v", err)
		}
	}
}

// TestCopiesLoseTheMark: what is forwarded, bundled, saved and imported is another message.
func TestCopiesLoseTheMark(t *testing.T) {
	conn := new(recorder)
	m := ownMessage("old", 5, sdkconn.StatusSendSucc)
	m.CloudCustom = sdkconn.WithEffect("mine", "old")
	for _, test := range []struct {
		action Action
		in     args
	}{
		{Save, args{"copy": m}}, {Import, args{"copies": []any{m}}}, {Send, args{"forward": m}},
		{Send, args{"text": "x", "custom_data": m.CloudCustom}},
		{Send, args{"elements": []any{args{"merge": args{"title": "t", "messages": []any{m}}}}}},
	} {
		if _, err := test.action.Run(t.Context(), newCall(t, conn), test.in); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"mine", "mine", `{"timbot":{"e":"e1"}}`, `{"timbot":{"e":"e1"},"d":"mine"}`}
	got := []string{conn.calls[0].Msg.CloudCustom, conn.calls[1].Msgs[0].CloudCustom, conn.calls[2].Msg.CloudCustom, conn.calls[3].Msg.CloudCustom}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if in := conn.calls[4].Msg.Elems[0].(*sdkconn.MergeElem).Messages[0]; in.CloudCustom != "mine" {
		t.Errorf("in a bundle: %q", in.CloudCustom)
	}
	if id, _ := sdkconn.SplitEffect(m.CloudCustom); id != "old" {
		t.Errorf("the input was changed: %q", m.CloudCustom)
	}
}

// putOff has no room now.
type putOff struct{}

func (putOff) SendNewMsg(context.Context, sdkconn.Conversation, *sdkconn.Message) (*sdkconn.Message, error) {
	return nil, ErrLater
}

func (putOff) BatchSend(context.Context, []string, *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	return nil, ErrLater
}

func TestAStepThatIsPutOffSaysSo(t *testing.T) {
	for _, to := range []args{{"users": []any{"a"}}, {"groups": []any{"g"}}} {
		c := newCall(t, new(recorder))
		c.Out = putOff{}
		if _, err := Announce.Run(t.Context(), c, args{"to": to, "text": "x"}); !errors.Is(err, ErrLater) {
			t.Errorf("%v: %v", to, err)
		}
	}
}
