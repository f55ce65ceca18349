package local

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/sdkconn"
)

var modelUsers = []string{"alice", "bob", "carol"}

// TestModel does what three users may do, at random, and compares every answer and refusal and, after each step, all
// histories, unread counts and members with a model of a few lines.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newModelWalk(t)
		defer w.close(t)
		t.Repeat(map[string]func(*rapid.T){
			"": w.compare,
			// Sending is the most frequent.
			"send": w.send, "send more": w.send, "send again": w.send, "send online": w.sendOnline,
			"revoke": w.revoke, "revoke own": w.revokeOwn, "delete": w.delete, "clear": w.clear, "import": w.importMsg, "save": w.save,
			"edit": w.edit, "read": w.read, "look up": w.lookUp, "page": w.page, "page again": w.page, "pass": w.pass,
			"create": w.create, "join": w.join, "quit": w.quit, "invite": w.invite, "remove": w.remove, "role": w.role, "mute": w.mute,
		})
		for _, r := range w.rooms {
			w.touched = r
			w.compare(t)
		}
	})
}

type modelWalk struct {
	ctx     context.Context
	chat    *Chat
	clock   *clockwork.FakeClock
	conns   map[string]*Conn
	rooms   []*modelRoom
	touched *modelRoom // by the last step
	said    int
}

const modelWindow = 120 * time.Second

func newModelWalk(t *rapid.T) *modelWalk {
	w := &modelWalk{ctx: context.Background(), clock: clockwork.NewFakeClockAt(time.Unix(1700000000, 0)), conns: make(map[string]*Conn)}
	var err error
	if w.chat, err = Open(w.ctx, Memory, Config{Clock: w.clock, RevokeWindow: modelWindow}); err != nil {
		t.Fatal(err)
	}
	for i, name := range modelUsers {
		if w.conns[name], err = w.chat.Login(w.ctx, name); err != nil {
			t.Fatal(err)
		}
		for _, peer := range modelUsers[:i] {
			r := newModelRoom()
			r.pair = [2]string{peer, name}
			w.rooms = append(w.rooms, r)
		}
	}
	w.create(t)
	w.create(t)
	return w
}

func (w *modelWalk) close(t *rapid.T) {
	if err := w.chat.Close(); err != nil {
		t.Error(err)
	}
}

func (w *modelWalk) now() uint64 { return uint64(w.clock.Now().Unix()) }

// refused checks an answer's code; 0 is none.
func refused(t *rapid.T, what string, err error, want sdkconn.Code) {
	t.Helper()
	got := sdkconn.Code(0)
	if err != nil {
		got = sdkconn.CodeOf(err)
	}
	if got != want {
		t.Fatalf("%s: %v, want code %d", what, err, want)
	}
}

func sameLines(t *rapid.T, what string, got []*sdkconn.Message, want []modelLine) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = lineOf(got[i]).String()
		}
		if i < len(want) {
			w = want[i].String()
		}
		if g != w {
			t.Errorf("%s, message %d of %d:\n got %s\nwant %s", what, i, len(want), g, w)
		}
	}
}

// pick draws a user and a room that is a conversation of his.
func (w *modelWalk) pick(t *rapid.T) (string, *modelRoom) {
	r := rapid.SampledFrom(w.rooms).Draw(t, "room")
	w.touched = r
	return rapid.SampledFrom(modelUsers).Filter(r.has).Draw(t, "user"), r
}

// pickGroup draws a user and a group that he may be in or not.
func (w *modelWalk) pickGroup(t *rapid.T) (string, *modelRoom) {
	r := rapid.SampledFrom(w.rooms[3:]).Draw(t, "group")
	w.touched = r
	return modelUser(t, "user"), r
}

func modelUser(t *rapid.T, label string) string { return rapid.SampledFrom(modelUsers).Draw(t, label) }

// locator draws a message of the room, sometimes one that this user cannot see or that is not there. It is not ok when
// nothing was said yet.
func (w *modelWalk) locator(t *rapid.T, me string, r *modelRoom) (loc sdkconn.Locator, ok bool) {
	whose := me
	if rapid.IntRange(0, 5).Draw(t, "of another view") == 0 {
		whose = rapid.SampledFrom(modelUsers).Filter(r.has).Draw(t, "whose")
	}
	lines := r.lines(whose)
	if len(lines) == 0 {
		return loc, false
	}
	// Newer ones are drawn more often.
	i := len(lines) - 1 - rapid.IntRange(0, len(lines)-1).Draw(t, "how old")
	loc = lines[i].locator()
	if lines[i].msg != nil {
		loc.IsSelf = lines[i].msg.from == me
	}
	switch rapid.IntRange(0, 15).Draw(t, "miss") {
	case 1:
		loc.Seq++
	case 2:
		loc.IsSelf = !loc.IsSelf
	case 3:
		loc.Rand++
	case 4:
		loc.Time--
	}
	return loc, true
}

func (w *modelWalk) text(what string) string {
	w.said++
	return fmt.Sprint(what, w.said)
}

func (w *modelWalk) pass(t *rapid.T) {
	w.clock.Advance(time.Duration(rapid.SampledFrom([]int{0, 1, 2, 40, 119, 120, 121, 300}).Draw(t, "seconds")) * time.Second)
}

func (w *modelWalk) send(t *rapid.T) {
	me, r := w.pick(t)
	w.sendTo(t, me, r)
}

func (w *modelWalk) sendTo(t *rapid.T, me string, r *modelRoom) {
	m := &modelMsg{from: me, text: w.text("m")}
	msg := text(m.text)
	effect := ""
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 1:
		msg.ExcludedFromUnread, m.noUnread = true, true
	case 2:
		if r.group() {
			msg.TargetMembers = rapid.SliceOfNDistinct(rapid.SampledFrom(modelUsers), 1, 2, rapid.ID).Draw(t, "targets")
			m.targets, m.noUnread = msg.TargetMembers, true
		}
	case 3:
		msg.GroupAtUsers = []string{sdkconn.MentionAll, modelUser(t, "mentioned")}
	case 4, 5:
		effect = rapid.SampledFrom([]string{"e1", "e2"}).Draw(t, "effect")
		msg.CloudCustom = sdkconn.WithEffect("", effect)
	}
	sent, err := w.conns[me].SendNewMsg(w.ctx, r.conv(me), msg)
	if first := r.effects[[2]string{me, effect}]; effect != "" && first != nil {
		refused(t, "a repeated send", err, 0)
		status := sdkconn.StatusSendSucc
		if first.revoked {
			status = sdkconn.StatusRevoked
		}
		if (key{sent.Time(), sent.Seq, sent.Rand}) != first.key || sent.Text() != first.text || sent.Status != status || sent.Version != first.version {
			t.Fatalf("a repeated send is answered with %s, want %+v", lineOf(sent), first)
		}
		return
	}
	code := r.mayWrite(me, w.now())
	refused(t, me+" sends", err, code)
	if code != 0 {
		return
	}
	if m.key = (key{sent.Time(), sent.Seq, sent.Rand}); m.time != w.now() {
		t.Errorf("sent at %d, now is %d", m.time, w.now())
	}
	if r.group() && m.seq != uint64(len(r.log)+1) {
		t.Errorf("seq %d after %d messages", m.seq, len(r.log))
	}
	if n := len(r.log); n > 0 && !r.log[n-1].less(m.key) {
		t.Errorf("a message of %+v after one of %+v", m.key, r.log[n-1].key)
	}
	if effect != "" {
		r.effects[[2]string{me, effect}] = m
	}
	r.post(m)
}

func (w *modelWalk) sendOnline(t *rapid.T) {
	me, r := w.pick(t)
	msg := text(w.text("online"))
	msg.IsOnlineMsg = true
	sent, err := w.conns[me].SendNewMsg(w.ctx, r.conv(me), msg)
	code := r.mayWrite(me, w.now())
	refused(t, me+" sends online-only", err, code)
	if code == 0 {
		refused(t, "revoking it", w.conns[me].Revoke(w.ctx, r.conv(me), sent), sdkconn.CodeGroupRevokeMsgDeny)
	}
}

func (w *modelWalk) revoke(t *rapid.T) {
	me, r := w.pick(t)
	if loc, ok := w.locator(t, me, r); ok {
		w.takeBack(t, me, r, loc)
	}
}

// revokeOwn takes back one of the newest messages, by who wrote it.
func (w *modelWalk) revokeOwn(t *rapid.T) {
	_, r := w.pick(t)
	if len(r.log) == 0 {
		return
	}
	m := r.log[len(r.log)-1-rapid.IntRange(0, min(len(r.log), 4)-1).Draw(t, "how old")]
	if m.from != sdkconn.SystemSender {
		w.takeBack(t, m.from, r, modelLine{key: m.key, self: true}.locator())
	}
}

func (w *modelWalk) takeBack(t *rapid.T, me string, r *modelRoom, loc sdkconn.Locator) {
	err := w.conns[me].Revoke(w.ctx, r.conv(me), loc.Message())
	notFound, late := sdkconn.CodeInvalidParameters, sdkconn.CodeRevokeTimeLimit
	if r.group() {
		notFound, late = sdkconn.CodeGroupRevokeMsgNotFound, sdkconn.CodeGroupRevokeMsgTimeLimit
	}
	l := r.find(me, loc)
	switch {
	case l == nil || l.msg == nil || l.msg.from == sdkconn.SystemSender:
		refused(t, "revoking what is not there", err, notFound)
	case l.msg.revoked:
		refused(t, "revoking again", err, 0)
	case l.msg.from != me && r.views[me].role < sdkconn.RoleAdmin:
		refused(t, "revoking another's", err, sdkconn.CodeGroupPermissionDeny)
	case w.now()-l.time > uint64(modelWindow.Seconds()):
		refused(t, "revoking late", err, late)
	default:
		refused(t, "revoking", err, 0)
		l.msg.revoked = true
	}
}

func (w *modelWalk) delete(t *rapid.T) {
	me, r := w.pick(t)
	loc, ok := w.locator(t, me, r)
	if !ok {
		return
	}
	l := r.find(me, loc)
	var err error
	if rapid.Bool().Draw(t, "in a list") {
		err = w.conns[me].MsgListDelete(w.ctx, r.conv(me), []*sdkconn.Message{loc.Message()})
	} else {
		err = w.conns[me].Delete(w.ctx, r.conv(me), loc.Message())
	}
	if l == nil {
		refused(t, "deleting what is not there", err, sdkconn.CodeInvalidParameters)
		return
	}
	refused(t, "deleting", err, 0)
	if l.own != nil {
		l.own.deleted = true
	} else {
		r.views[me].hidden[l.msg] = true
	}
}

func (w *modelWalk) clear(t *rapid.T) {
	me, r := w.pick(t)
	if rapid.Bool().Draw(t, "all deleted") {
		refused(t, "deleting all", w.conns[me].Delete(w.ctx, r.conv(me), nil), 0)
	} else {
		refused(t, "clearing", w.conns[me].MsgClearHistoryMessage(w.ctx, r.conv(me)), 0)
	}
	r.clear(me)
}

func (w *modelWalk) importMsg(t *rapid.T) {
	me, r := w.pick(t)
	// Few identities, so that some are there already.
	o := &modelOwn{text: w.text("i"), sender: "dave", key: key{
		1700000000 + rapid.Uint64Range(0, 2).Draw(t, "time"), rapid.Uint64Range(1, 2).Draw(t, "seq"), rapid.Uint64Range(1, 2).Draw(t, "rand"),
	}}
	if o.self = o.rand == 1; o.self { // no two at one place
		o.sender = me
	}
	if lines := r.lines(me); len(lines) > 0 && rapid.IntRange(0, 3).Draw(t, "there") == 0 {
		l := rapid.SampledFrom(lines).Draw(t, "which")
		o.key, o.self, o.sender = l.key, l.self, l.sender
	}
	msg := text(o.text)
	msg.ServerTime, msg.Seq, msg.Rand, msg.Sender, msg.IsFromSelf = o.time, o.seq, o.rand, o.sender, o.self
	var err error
	if rapid.Bool().Draw(t, "saved") {
		err = w.conns[me].SaveMsg(w.ctx, r.conv(me), msg)
	} else {
		err = w.conns[me].ImportMsgList(w.ctx, r.conv(me), []*sdkconn.Message{msg})
	}
	refused(t, "importing", err, 0)
	r.views[me].began = true
	if r.find(me, modelLine{key: o.key, self: o.self}.locator()) == nil {
		r.views[me].own = append(r.views[me].own, o)
	}
}

// save leaves the identity to the service.
func (w *modelWalk) save(t *rapid.T) {
	me, r := w.pick(t)
	o := &modelOwn{text: w.text("s"), self: true, sender: me}
	refused(t, "saving", w.conns[me].SaveMsg(w.ctx, r.conv(me), text(o.text)), 0)
	list := w.history(t, me, r, sdkconn.GetMsgListParam{Count: 1000, TimeBegin: w.now()})
	i := slices.IndexFunc(list, func(m *sdkconn.Message) bool { return m.Text() == o.text })
	if i < 0 || list[i].Time() != w.now() {
		t.Fatalf("%s's saved message is not there now", me)
	}
	o.key = key{list[i].Time(), list[i].Seq, list[i].Rand}
	r.views[me].began = true
	r.views[me].own = append(r.views[me].own, o)
}

func (w *modelWalk) edit(t *rapid.T) {
	me, r := w.pick(t)
	loc, ok := w.locator(t, me, r)
	if !ok {
		return
	}
	l := r.find(me, loc)
	msg := loc.Message()
	msg.ConvID, msg.ConvType = r.conv(me).ID, r.conv(me).Type
	msg.Elems = text(w.text("edited")).Elems
	stale := rapid.IntRange(0, 3).Draw(t, "stale") == 0
	if l != nil {
		msg.Version = l.version
	}
	if stale {
		msg.Version++
	}
	got, err := w.conns[me].MsgModifyMessage(w.ctx, msg)
	code := r.mayWrite(me, w.now())
	switch {
	case code != 0:
	case l == nil || l.msg == nil || l.msg.from == sdkconn.SystemSender || l.msg.revoked:
		code = sdkconn.CodeInvalidParameters
	case stale:
		code = sdkconn.CodeMsgModifyConflict
	default:
		l.msg.text = msg.Text()
		l.msg.version++
	}
	refused(t, "editing", err, code)
	if code == 0 || code == sdkconn.CodeMsgModifyConflict {
		sameLines(t, "the newest message", []*sdkconn.Message{got}, []modelLine{*r.find(me, loc)})
	}
}

func (w *modelWalk) read(t *rapid.T) {
	me, r := w.pick(t)
	var upTo *sdkconn.Message
	var at *key
	if loc, ok := w.locator(t, me, r); ok && rapid.Bool().Draw(t, "up to one") {
		upTo, at = loc.Message(), &key{loc.Time, loc.Seq, loc.Rand}
	}
	err := w.conns[me].ReportReaded(w.ctx, r.conv(me), upTo)
	if r.group() && !r.views[me].in() {
		refused(t, "reading as no member", err, sdkconn.CodeGroupPermissionDeny)
		return
	}
	refused(t, "reading", err, 0)
	r.report(me, at)
}

func (w *modelWalk) lookUp(t *rapid.T) {
	me, r := w.pick(t)
	var locs []sdkconn.Locator
	var want []modelLine
	for range rapid.IntRange(1, 4).Draw(t, "locators") {
		loc, ok := w.locator(t, me, r)
		if !ok {
			return
		}
		if l := r.find(me, loc); l != nil && !slices.ContainsFunc(locs, func(o sdkconn.Locator) bool { return sameLocator(o, loc) }) {
			want = append(want, *l)
		}
		locs = append(locs, loc)
	}
	got, err := w.conns[me].FindByMsgLocatorList(w.ctx, r.conv(me), locs)
	refused(t, "looking up", err, 0)
	sameLines(t, me+" looks up", got, want)
}

func (w *modelWalk) page(t *rapid.T) {
	me, r := w.pick(t)
	p := sdkconn.GetMsgListParam{Count: rapid.Uint32Range(1, 6).Draw(t, "count"), IsForward: rapid.Bool().Draw(t, "forward")}
	switch rapid.IntRange(0, 4).Draw(t, "position") {
	case 1, 2, 3:
		if loc, ok := w.locator(t, me, r); ok {
			p.LastMsg = loc.Message()
		}
	case 4:
		if r.group() {
			p.LastMsgSeq = rapid.Uint64Range(1, uint64(len(r.log)+2)).Draw(t, "seq")
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "timed") == 0 {
		p.TimeBegin = w.now() - rapid.Uint64Range(0, 100).Draw(t, "ago")
		p.TimePeriod = rapid.Uint64Range(0, 100).Draw(t, "period")
	}
	sameLines(t, fmt.Sprintf("%s's page %+v", me, p), w.history(t, me, r, p), r.page(me, p))
}

func (w *modelWalk) history(t *rapid.T, me string, r *modelRoom, p sdkconn.GetMsgListParam) []*sdkconn.Message {
	list, err := w.conns[me].GetMsgList(w.ctx, r.conv(me), p)
	refused(t, me+"'s history", err, 0)
	return list
}

// compare looks at the room of the last step with the eyes of all its users.
func (w *modelWalk) compare(t *rapid.T) {
	r := w.touched
	for _, me := range modelUsers {
		if !r.has(me) {
			continue
		}
		all := sdkconn.GetMsgListParam{Count: 1000}
		sameLines(t, me+"'s history with "+r.conv(me).ID, w.history(t, me, r, all), r.page(me, all))
		list, err := w.conns[me].ConvGetConvList(w.ctx)
		refused(t, "conversations", err, 0)
		unread := uint64(0)
		for _, c := range list {
			if c.Conversation() == r.conv(me) {
				unread = c.UnreadNum
			}
		}
		if want := r.unread(me); unread != want {
			t.Errorf("%s has %d unread in %s, want %d", me, unread, r.conv(me).ID, want)
		}
		if r.group() {
			w.compareMembers(t, me, r)
		}
	}
}
