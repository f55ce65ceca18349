package actions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// world is a chat with a bot, two users, and a group that the bot owns and alice is in.
type world struct {
	t                 *testing.T
	clock             *clockwork.FakeClock
	bot, alice, carol *local.Conn
	group             sdkconn.Conversation
	dir, data         string
	effects           int
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: clockwork.NewFakeClockAt(time.Unix(1_700_000_000, 0)), dir: t.TempDir(), data: t.TempDir()}
	chat, err := local.Open(t.Context(), local.Memory, local.Config{Clock: w.clock})
	w.must(err)
	t.Cleanup(func() { w.must(chat.Close()) })
	login := func(user string) *local.Conn {
		conn, err := chat.Login(t.Context(), user)
		w.must(err)
		t.Cleanup(func() { w.must(conn.Close()) })
		return conn
	}
	w.bot, w.alice, w.carol = login("concierge"), login("alice"), login("carol")
	id, err := w.bot.GroupCreate(t.Context(), sdkconn.GroupCreateParam{
		GroupID: "shop", GroupName: "Shop", GroupType: sdkconn.GroupPublic,
		Members: []sdkconn.GroupMemberInfo{{Identifier: "alice"}},
	})
	w.must(err)
	w.group = sdkconn.Group(id)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// says sends a text as alice and returns it as the bot sees it.
func (w *world) says(conv sdkconn.Conversation, elems ...sdkconn.Elem) *sdkconn.Message {
	w.t.Helper()
	_, err := w.alice.SendNewMsg(w.t.Context(), conv, &sdkconn.Message{Elems: elems})
	w.must(err)
	if conv.Type == sdkconn.ConvC2C {
		conv = sdkconn.C2C("alice")
	}
	w.clock.Advance(time.Second)
	return w.history(w.bot, conv)[0]
}

func (w *world) history(conn sdkconn.Conn, conv sdkconn.Conversation) []*sdkconn.Message {
	w.t.Helper()
	msgs, err := conn.GetMsgList(w.t.Context(), conv, sdkconn.GetMsgListParam{Count: 100})
	w.must(err)
	return msgs
}

func texts(msgs []*sdkconn.Message) []string {
	var list []string
	for _, m := range msgs {
		list = append(list, m.Text())
	}
	return list
}

// run does an action about a message; nil is an event without one.
func (w *world) run(a Action, about *sdkconn.Message, in args) (Result, error) {
	c := newCall(w.t, w.bot)
	w.effects++
	c.EffectID = fmt.Sprint("e", w.effects)
	c.Clock, c.Dir, c.DataDir = w.clock, w.dir, w.data
	c.Event, c.Conversation = nil, sdkconn.Conversation{}
	if about != nil {
		c.Event = &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: about.ServerTime, Message: about}
		c.Conversation = about.Conversation()
	}
	return a.Run(w.t.Context(), c, in)
}

func (w *world) does(a Action, about *sdkconn.Message, in args) map[string]any {
	w.t.Helper()
	res, err := w.run(a, about, in)
	w.must(err)
	return res.Values()
}

func text(s string) sdkconn.Elem { return &sdkconn.TextElem{Text: s} }

func TestLocalReplyAndRevoke(t *testing.T) {
	w := newWorld(t)
	hi := w.says(sdkconn.C2C("concierge"), text("hi"))
	out := w.does(Reply, hi, args{"text": "您好"})
	if got := texts(w.history(w.alice, sdkconn.C2C("concierge"))); !slices.Equal(got, []string{"您好", "hi"}) {
		t.Errorf("alice sees %q", got)
	}
	for range 2 { // the second time is no failure
		w.does(Revoke, nil, args{"msg": out["msg"]})
	}
	if m := w.history(w.alice, sdkconn.C2C("concierge"))[0]; m.Status != sdkconn.StatusRevoked {
		t.Errorf("status %d", m.Status)
	}

	ad := w.says(w.group, text("加微信"))
	w.does(Revoke, ad, args{"locator": ad.Locator()})
	if m := w.history(w.alice, w.group)[0]; m.Status != sdkconn.StatusRevoked || m.RevokerUserID != "concierge" {
		t.Errorf("in the group: status %d by %q", m.Status, m.RevokerUserID)
	}

	off := ad.Locator()
	off.Rand++
	var input *InputError
	if _, err := w.run(Revoke, ad, args{"locator": off}); !errors.As(err, &input) {
		t.Errorf("a locator off by one field: %v", err)
	}
	if _, err := w.run(Revoke, hi, args{}); sdkconn.CodeOf(err) == 0 {
		t.Errorf("somebody else's: %v", err)
	}
	late := w.does(Reply, hi, args{"text": "late"})
	w.clock.Advance(3 * time.Minute)
	if _, err := w.run(Revoke, nil, args{"msg": late["msg"]}); !errors.Is(err, sdkconn.CodeRevokeTimeLimit) {
		t.Errorf("after the window: %v", err)
	}
}

func TestLocalSendFilesAndDownload(t *testing.T) {
	w := newWorld(t)
	write(t, w.dir, "menu.png", picture(t, 4, 3))
	write(t, w.dir, "a.pdf", []byte("a pdf"))
	write(t, w.dir, "v.mp4", []byte("a video"))
	write(t, w.dir, "s.m4a", []byte("a voice"))
	w.does(Send, nil, args{"to_group": w.group.ID, "mentions": []any{"alice", "all"}, "elements": []any{
		args{"text": "看"}, args{"image": args{"path": "menu.png"}}, args{"face": args{"index": 2}},
		args{"location": args{"latitude": 31.2, "longitude": 121.5, "desc": "店"}}, args{"custom": args{"data": "d"}},
	}})
	w.does(Send, nil, args{"to_user": "alice", "elements": []any{args{"file": args{"path": "a.pdf", "name": "../价目.pdf"}}}})
	w.does(Send, nil, args{"to_user": "alice", "elements": []any{args{"video": args{"path": "v.mp4", "snapshot": "menu.png", "duration": "3s"}}}})
	w.does(Send, nil, args{"to_user": "alice", "elements": []any{args{"sound": args{"path": "s.m4a", "duration": "3s"}}}})
	got := w.history(w.alice, w.group)[0]
	if len(got.Elems) != 5 || !got.Mentions("alice") || got.Text() != "看" {
		t.Errorf("alice got %+v", got)
	}

	bundle := w.does(Send, nil, args{"to_user": "alice", "elements": []any{
		args{"merge": args{"title": "记录", "messages": []any{got}}},
	}})
	if e := bundle["msg"].(*sdkconn.Message).Elems[0].(*sdkconn.MergeElem); len(e.Messages) != 1 {
		t.Errorf("bundle %+v", e)
	}
	w.does(Send, nil, args{"to_user": "carol", "forward": got})
	if m := w.history(w.carol, sdkconn.C2C("concierge"))[0]; len(m.Elems) != 5 {
		t.Errorf("forwarded %+v", m)
	}

	sizes := map[string]int64{
		"image": int64(len(picture(t, 4, 3))), "file": 5, "video": 7, "snapshot": int64(len(picture(t, 4, 3))), "sound": 7,
	}
	seen := 0
	for _, m := range append(w.history(w.bot, w.group), w.history(w.bot, sdkconn.C2C("alice"))...) {
		for _, f := range w.does(Download, m, args{})["files"].([]any) {
			f := f.(map[string]any)
			info, err := os.Stat(f["path"].(string))
			w.must(err)
			if kind := f["kind"].(string); f["size"] != sizes[kind] || info.Size() != sizes[kind] {
				t.Errorf("%s: size %v, on disk %d", kind, f["size"], info.Size())
			}
			if dir := filepath.Dir(f["path"].(string)); dir != filepath.Join(w.data, "downloads") {
				t.Errorf("in %s", dir)
			}
			seen++
		}
	}
	if seen != 5 {
		t.Errorf("%d files", seen)
	}

	_, err := w.run(Send, nil, args{"to_user": "nobody", "text": "x"})
	if sdkconn.CodeOf(err) == 0 {
		t.Errorf("to nobody: %v", err)
	}
	if _, err = w.run(Send, nil, args{"to_group": "nope", "text": "x"}); sdkconn.CodeOf(err) == 0 {
		t.Errorf("to no group: %v", err)
	}
	if _, err = w.run(Send, nil, args{"to_user": "alice", "text": string(make([]byte, sdkconn.MaxMsgBytes+1))}); !errors.Is(err, sdkconn.CodeMsgBodySizeLimit) {
		t.Errorf("too long: %v", err)
	}
}

func TestLocalMarkRead(t *testing.T) {
	w := newWorld(t)
	unread := func() uint64 {
		convs, err := w.bot.ConvGetConvList(t.Context())
		w.must(err)
		for _, c := range convs {
			if c.ID == "alice" {
				return c.UnreadNum
			}
		}
		return 0
	}
	w.says(sdkconn.C2C("concierge"), text("1"))
	two := w.says(sdkconn.C2C("concierge"), text("2"))
	w.says(sdkconn.C2C("concierge"), text("3"))
	if unread() != 3 {
		t.Fatalf("%d unread", unread())
	}
	w.does(MarkRead, two, args{})
	if unread() != 1 {
		t.Errorf("%d unread after the second", unread())
	}
	w.does(MarkRead, nil, args{"in_user": "alice"})
	if unread() != 0 {
		t.Errorf("%d unread at the end", unread())
	}
}

func TestLocalAnnounce(t *testing.T) {
	w := newWorld(t)
	out := w.does(Announce, nil, args{
		"to":   args{"users": []any{"alice", "nobody", "carol", "alice"}, "groups": []any{w.group.ID, "nope"}},
		"text": "news",
	})
	if out["total"] != int64(5) || out["sent"] != int64(3) || out["failed"] != int64(2) || out["skipped"] != int64(1) {
		t.Errorf("out %v", out)
	}
	for _, conn := range []*local.Conn{w.alice, w.carol} {
		if got := texts(w.history(conn, sdkconn.C2C("concierge"))); !slices.Equal(got, []string{"news"}) {
			t.Errorf("%s sees %q", conn.Self(), got)
		}
	}
	for _, r := range out["results"].([]any) {
		r := r.(map[string]any)
		if r["ok"] != true {
			if r["error"] == "" || r["code"] == int64(0) {
				t.Errorf("no reason: %v", r)
			}
			continue
		}
		w.does(Revoke, nil, args{"locator": r["locator"]}) // each can be taken back by what is in its result
	}
	if m := w.history(w.carol, sdkconn.C2C("concierge"))[0]; m.Status != sdkconn.StatusRevoked {
		t.Errorf("status %d", m.Status)
	}
}

func TestLocalHistory(t *testing.T) {
	w := newWorld(t)
	var msgs []*sdkconn.Message
	for _, s := range []string{"1", "2", "3", "4"} {
		msgs = append(msgs, w.says(sdkconn.C2C("concierge"), text(s)))
	}
	for _, tt := range []struct {
		in   args
		want []string
	}{
		{args{}, []string{"4", "3", "2", "1"}},
		{args{"count": 2}, []string{"4", "3"}},
		{args{"before": msgs[2]}, []string{"2", "1"}},
		{args{"after": msgs[1]}, []string{"3", "4"}},
		{args{"since": int64(msgs[2].Time())}, []string{"4", "3"}},
		{args{"until": int64(msgs[1].Time())}, []string{"2", "1"}},
		{args{"types": []any{"image"}}, nil},
	} {
		out := w.does(History, msgs[0], tt.in)
		var got []string
		for _, m := range out["messages"].([]any) {
			got = append(got, m.(*sdkconn.Message).Text())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %q, want %q", tt.in, got, tt.want)
		}
	}
	out := w.does(Find, msgs[0], args{"locators": []any{msgs[2].Locator(), msgs[0].Locator(), sdkconn.Locator{Time: 1, Seq: 1, Rand: 1}}})
	if list := out["messages"].([]any); len(list) != 2 || list[0].(*sdkconn.Message).Text() != "3" {
		t.Errorf("found %v", list)
	}
}

func TestLocalSaveImportDelete(t *testing.T) {
	w := newWorld(t)
	alice := sdkconn.C2C("alice")
	hi := w.says(sdkconn.C2C("concierge"), text("hi"))
	w.does(Save, hi, args{"text": "note", "from": "alice"})
	list := args{"in_user": "alice", "messages": []any{
		args{"from": "alice", "at": 1_600_000_000, "text": "old"},
		args{"from": "concierge", "at": 1_600_000_001, "text": "older reply"},
	}}
	w.does(Import, nil, list)
	w.does(Import, nil, list) // changes nothing
	if got := texts(w.history(w.bot, alice)); !slices.Equal(got, []string{"note", "hi", "older reply", "old"}) {
		t.Errorf("the bot sees %q", got)
	}
	if got := texts(w.history(w.alice, sdkconn.C2C("concierge"))); !slices.Equal(got, []string{"hi"}) {
		t.Errorf("alice sees %q", got)
	}

	data, err := sdkconn.Marshal(w.history(w.bot, alice))
	w.must(err)
	write(t, w.dir, "export.json", data)
	w.does(Import, nil, args{"in_user": "carol", "file": "export.json"})
	if got := w.history(w.bot, sdkconn.C2C("carol")); len(got) != 4 {
		t.Errorf("imported from a file: %q", texts(got))
	}

	w.does(Delete, hi, args{})
	w.does(Delete, hi, args{}) // again
	if got := texts(w.history(w.bot, alice)); slices.Contains(got, "hi") || len(got) != 3 {
		t.Errorf("after delete: %q", got)
	}
	w.does(Delete, hi, args{"all": true})
	if got := w.history(w.bot, alice); len(got) != 0 {
		t.Errorf("after delete of all: %q", texts(got))
	}
	if got := texts(w.history(w.alice, sdkconn.C2C("concierge"))); !slices.Equal(got, []string{"hi"}) {
		t.Errorf("alice sees %q", got)
	}
}

func TestLocalDeadline(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := newCall(t, w.bot)
	c.Conversation = sdkconn.C2C("alice")
	if _, err := Reply.Run(ctx, c, args{"text": "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
