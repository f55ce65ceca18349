package conntest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// modelChecks walk at random through the calls and compare every answer with a model of a few lines: each user's view
// of each conversation is a list.
var modelChecks = walks(6)

func walks(n int) []check {
	var all []check
	for seed := range n {
		all = append(all, check{fmt.Sprintf("model/walk %d", seed), []feature{clock, localStore, conversations, receipts, offline},
			func(e *env) { newWalk(e, uint64(seed)).run(80) }})
	}
	return all
}

// row is a message in one user's view.
type row struct {
	time, seq, rand uint64
	self            bool
	text            string
	status          sdkconn.Status
	read            bool
	peerRead        bool
	imported        bool
}

func (r *row) locator() sdkconn.Locator {
	return sdkconn.Locator{Time: r.time, Seq: r.seq, Rand: r.rand, IsSelf: r.self}
}

func (r *row) sameSent(o *row) bool { return r.time == o.time && r.seq == o.seq && r.rand == o.rand }

func (r *row) compare(o *row) int {
	return inC2COrder(&sdkconn.Message{ServerTime: r.time, Seq: r.seq, Rand: r.rand}, &sdkconn.Message{ServerTime: o.time, Seq: o.seq, Rand: o.rand})
}

// String leaves out whether an imported message counts as read, which is not recorded.
func (r *row) String() string {
	if r.imported {
		return fmt.Sprintf("%s/%d", r.text, r.status)
	}
	return fmt.Sprintf("%s/%d read=%v peer=%v", r.text, r.status, r.read, r.peerRead)
}

type walk struct {
	e     *env
	rand  *rand.Rand
	names []string
	users map[string]*user
	views map[[2]string][]*row // whose, with whom
	did   []string
	sent  int
}

func newWalk(e *env, seed uint64) *walk {
	w := &walk{e: e, rand: rand.New(rand.NewPCG(seed, 1)), names: []string{"alice", "bob", "carol"},
		users: make(map[string]*user), views: make(map[[2]string][]*row)}
	for _, name := range w.names {
		w.users[name] = e.login(name)
	}
	return w
}

func (w *walk) run(steps int) {
	for range steps {
		i := w.rand.Perm(3)
		me, other := w.names[i[0]], w.names[i[1]]
		w.step(me, other)
		for _, pair := range [][2]string{{me, other}, {other, me}} {
			w.compare(pair[0], pair[1])
		}
		w.query(me, other)
		if w.e.Failed() {
			w.e.Logf("after %q", w.did)
			return
		}
	}
}

func (w *walk) note(format string, args ...any) { w.did = append(w.did, fmt.Sprintf(format, args...)) }

func (w *walk) step(me, other string) {
	u, conv, view := w.users[me], sdkconn.C2C(other), w.views[[2]string{me, other}]
	e := w.e
	switch n := w.rand.IntN(20); {
	case n < 8:
		w.sent++
		m := u.post(conv, textMessage(fmt.Sprint("m", w.sent)))
		w.note("%s sends %s to %s", me, m.Text(), other)
		r := row{time: m.ServerTime, seq: m.Seq, rand: m.Rand, text: m.Text(), status: sdkconn.StatusSendSucc}
		mine, theirs := r, r
		mine.self, mine.read = true, true
		w.add(me, other, &mine)
		w.add(other, me, &theirs)
	case n < 11:
		d := time.Duration(w.rand.IntN(3)) * time.Second
		if w.rand.IntN(6) == 0 {
			d = 2 * window
		}
		w.note("%v pass", d)
		e.pass(d)
	case n < 14:
		w.revoke(me, other)
	case n < 15:
		w.deleteOne(me, other)
	case n < 16 && w.rand.IntN(4) == 0:
		w.note("%s deletes all with %s", me, other)
		e.ok(u.Delete(e.ctx, conv, nil))
		for _, r := range view {
			r.status = sdkconn.StatusDeleted
		}
	case n < 18:
		w.read(me, other)
	case n < 19:
		w.importOne(me, other)
	default:
		w.note("%s logs out and in", me)
		u.settle()
		e.ok(u.Close())
		<-u.box.done
		w.users[me] = e.login(me)
		if news := w.users[me].news(); len(news) != 0 {
			e.Errorf("%s is told again: %v", me, texts(news))
		}
	}
}

func (w *walk) add(me, other string, r *row) {
	key := [2]string{me, other}
	w.views[key] = append(w.views[key], r)
	slices.SortStableFunc(w.views[key], (*row).compare)
}

// twin is the row at the other side.
func (w *walk) twin(me, other string, r *row) *row {
	for _, t := range w.views[[2]string{other, me}] {
		if t.sameSent(r) && !t.imported {
			return t
		}
	}
	return nil
}

func pick(r *rand.Rand, rows []*row) *row {
	if len(rows) == 0 {
		return nil
	}
	return rows[r.IntN(len(rows))]
}

func (w *walk) revoke(me, other string) {
	r := pick(w.rand, w.views[[2]string{me, other}])
	if r == nil || r.imported || r.status == sdkconn.StatusDeleted {
		return
	}
	twin := w.twin(me, other, r)
	if twin == nil || twin.status == sdkconn.StatusDeleted {
		return // what revoking does to a view that has deleted the message is not recorded
	}
	w.note("%s revokes %s", me, r.text)
	err := w.users[me].Revoke(w.e.ctx, sdkconn.C2C(other), r.locator().Message())
	switch age := time.Duration(uint64(w.e.service.Now().Unix())-r.time) * time.Second; {
	case r.status == sdkconn.StatusRevoked:
		w.e.ok(err)
	case !r.self:
		w.e.refused("not one's own", err, sdkconn.CodeGroupPermissionDeny)
	case age > window:
		w.e.refused("late", err, sdkconn.CodeRevokeTimeLimit)
	default:
		w.e.ok(err)
		r.status, twin.status = sdkconn.StatusRevoked, sdkconn.StatusRevoked
	}
}

func (w *walk) deleteOne(me, other string) {
	r := pick(w.rand, w.visible(me, other))
	if r == nil {
		return
	}
	w.note("%s deletes %s", me, r.text)
	w.e.ok(w.users[me].Delete(w.e.ctx, sdkconn.C2C(other), r.locator().Message()))
	r.status = sdkconn.StatusDeleted
}

func (w *walk) read(me, other string) {
	w.e.pass(time.Second) // what comes within the second of a report is another question
	view := w.visible(me, other)
	r := pick(w.rand, view)
	if r == nil {
		return
	}
	var upTo *sdkconn.Message
	limit := uint64(w.e.service.Now().Unix())
	if w.rand.IntN(2) == 0 {
		upTo, limit = w.users[me].find(sdkconn.C2C(other), r.locator()), r.time
	}
	w.note("%s has read up to %d of %s", me, limit, other)
	w.e.ok(w.users[me].ReportReaded(w.e.ctx, sdkconn.C2C(other), upTo))
	for _, r := range w.views[[2]string{me, other}] {
		if r.time <= limit && !r.self {
			r.read = true
			if twin := w.twin(me, other, r); twin != nil && !r.imported {
				twin.peerRead = true
			}
		}
	}
	w.e.pass(time.Second)
}

func (w *walk) importOne(me, other string) {
	// Few identities, so that some are there already.
	r := &row{time: 1500000000 + w.rand.Uint64N(3), seq: 1 + w.rand.Uint64N(2), rand: 1 + w.rand.Uint64N(2), self: w.rand.IntN(2) == 0,
		imported: true, status: sdkconn.StatusLocalImported}
	w.sent++
	r.text = fmt.Sprint("i", w.sent)
	m := old(other, r.text, r.time, r.seq, r.rand)
	if m.IsFromSelf = r.self; r.self {
		m.Sender = me
	}
	w.note("%s imports %s", me, r.text)
	w.e.ok(w.users[me].ImportMsgList(w.e.ctx, sdkconn.C2C(other), []*sdkconn.Message{m}))
	for _, have := range w.views[[2]string{me, other}] {
		if have.sameSent(r) && have.self == r.self {
			return
		}
	}
	w.add(me, other, r)
}

func (w *walk) visible(me, other string) []*row {
	return slices.DeleteFunc(slices.Clone(w.views[[2]string{me, other}]), func(r *row) bool { return r.status == sdkconn.StatusDeleted })
}

func lines(rows []*row) []string {
	var all []string
	for _, r := range rows {
		all = append(all, r.String())
	}
	return all
}

// rows is messages as the model keeps them.
func (w *walk) rows(me, other string, msgs []*sdkconn.Message) []*row {
	var all []*row
	for _, m := range msgs {
		r := &row{time: m.Time(), seq: m.Seq, rand: m.Rand, self: m.IsFromSelf, text: m.Text(), status: m.Status, read: m.IsRead, peerRead: m.IsPeerRead}
		for _, have := range w.views[[2]string{me, other}] {
			if have.sameSent(r) && have.self == r.self {
				r.imported = have.imported
				if r.status == sdkconn.StatusRevoked {
					r.text = have.text // whether a revoked message keeps its text is not recorded
				}
			}
		}
		all = append(all, r)
	}
	return ownFirst(all)
}

// ownFirst orders neighbours of the same time, seq and rand, whose order is not recorded, in place.
func ownFirst(rows []*row) []*row {
	for i := 1; i < len(rows); i++ {
		if a, b := rows[i-1], rows[i]; a.sameSent(b) && b.self && !a.self {
			rows[i-1], rows[i] = b, a
		}
	}
	return rows
}

func (w *walk) compare(me, other string) {
	u, conv := w.users[me], sdkconn.C2C(other)
	want := ownFirst(w.visible(me, other))
	equal(w.e, fmt.Sprintf("%s's history with %s", me, other), lines(w.rows(me, other, u.history(conv))), lines(want))
	unread, sure := uint64(0), true
	for _, r := range w.views[[2]string{me, other}] {
		if !r.self && !r.read {
			unread++
		}
		sure = sure && (r.status == sdkconn.StatusSendSucc)
	}
	if n := u.unread(conv); sure && n != unread {
		w.e.Errorf("%s has %d unread of %s, want %d", me, n, other, unread)
	}
}

// query asks for a page and for locators, at random.
func (w *walk) query(me, other string) {
	u, conv := w.users[me], sdkconn.C2C(other)
	view := w.views[[2]string{me, other}]
	if from := pick(w.rand, view); from != nil {
		p := sdkconn.GetMsgListParam{Count: 1 + w.rand.Uint32N(5), IsForward: w.rand.IntN(2) == 0, LastMsg: from.locator().Message()}
		var want []*row
		for _, r := range w.visible(me, other) {
			if c := r.compare(from); p.IsForward && c > 0 || !p.IsForward && c < 0 {
				want = append(want, r)
			}
		}
		if !p.IsForward {
			slices.Reverse(want)
		}
		want = want[:min(len(want), int(p.Count))]
		// Of two with one identity either may be the last of a page.
		if got := u.page(conv, p); len(got) != len(want) {
			w.e.Errorf("%s asks %s for %+v from %s: %d messages, want %d", me, other, p, from, len(got), len(want))
		} else {
			for i, m := range got {
				if m.Time() != want[i].time || m.Seq != want[i].seq || m.Rand != want[i].rand {
					w.e.Errorf("%s asks %s for %+v from %s: message %d is %s, want %s", me, other, p, from, i, m.Text(), want[i])
				}
			}
		}
	}
	var ls []sdkconn.Locator
	var want []string
	for range 3 {
		if r := pick(w.rand, view); r != nil {
			if line := fmt.Sprint(r.locator(), r.status); !slices.Contains(want, line) {
				want = append(want, line)
			}
			miss := r.locator()
			miss.Seq += 1 << 40
			ls = append(ls, miss, r.locator())
		}
	}
	if ls == nil {
		return
	}
	found, err := u.FindByMsgLocatorList(w.e.ctx, conv, ls)
	w.e.ok(err)
	var got []string
	for _, m := range found {
		got = append(got, fmt.Sprint(exact(m), m.Status))
	}
	equal(w.e, me+" looks up", got, want)
}
