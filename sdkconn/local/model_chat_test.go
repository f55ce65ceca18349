package local

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

// modelRoom is what TestModel's model knows of one room: a log of messages, and of each user what he did with it.
type modelRoom struct {
	name    string // a group's id; "" for two users
	pair    [2]string
	open    bool // members see what was said before they came, and anybody may join; else by invitation
	log     []*modelMsg
	views   map[string]*modelView
	effects map[[2]string]*modelMsg // by sender and effect's id
	entries int                     // how often somebody was let in
}

// modelMsg is a message that all in the room share.
type modelMsg struct {
	key
	from     string
	text     string
	version  uint64
	revoked  bool
	noUnread bool
	targets  []string // nil: all
}

// modelView is one user's side of a room. Positions are counts of the log.
type modelView struct {
	began   bool // there is something to clear
	read    int
	cleared int
	hidden  map[*modelMsg]bool
	own     []*modelOwn
	stays   [][2]int // from, to; to is -1 while he is in
	role    sdkconn.MemberRole
	muted   uint64 // until
	joined  uint64
	entry   int
}

// modelOwn is an imported or saved message.
type modelOwn struct {
	key
	self    bool
	sender  string
	text    string
	deleted bool
}

// modelLine is a message as a user is to see it.
type modelLine struct {
	key
	self, read, peerRead bool
	sender, text         string
	status               sdkconn.Status
	version              uint64

	msg *modelMsg // the one of these that it is
	own *modelOwn
}

func (l modelLine) String() string {
	return fmt.Sprintf("%d/%d/%d self=%v %s says %q status=%d read=%v peer=%v v%d",
		l.time, l.seq, l.rand, l.self, l.sender, l.text, l.status, l.read, l.peerRead, l.version)
}

// lineOf is an answer's message in the same words.
func lineOf(m *sdkconn.Message) modelLine {
	return modelLine{
		key: key{m.Time(), m.Seq, m.Rand}, self: m.IsFromSelf, read: m.IsRead, peerRead: m.IsPeerRead,
		sender: m.Sender, text: modelText(m), status: m.Status, version: m.Version,
	}
}

// modelText is what a message or tip says.
func modelText(m *sdkconn.Message) string {
	if len(m.Elems) == 1 {
		if tip, ok := m.Elems[0].(*sdkconn.GroupTipsElem); ok {
			return tipText(tip.TipType, tip.OpUser, tip.Users)
		}
	}
	return m.Text()
}

func tipText(kind sdkconn.TipType, by string, users []string) string {
	return fmt.Sprintf("tip %d by %s of %s", kind, by, strings.Join(users, " "))
}

func (l modelLine) locator() sdkconn.Locator {
	return sdkconn.Locator{Time: l.time, Seq: l.seq, Rand: l.rand, IsSelf: l.self}
}

func sameLocator(a, b sdkconn.Locator) bool {
	return a.Time == b.Time && a.Seq == b.Seq && a.Rand == b.Rand && a.IsSelf == b.IsSelf
}

func newModelRoom() *modelRoom {
	r := &modelRoom{views: make(map[string]*modelView), effects: make(map[[2]string]*modelMsg)}
	for _, name := range modelUsers {
		r.views[name] = &modelView{hidden: make(map[*modelMsg]bool)}
	}
	return r
}

// GoString is how a failed walk names the room.
func (r *modelRoom) GoString() string { return fmt.Sprint(r.pair, r.name) }

func (r *modelRoom) group() bool { return r.name != "" }

// conv is the room as one of its users names it.
func (r *modelRoom) conv(me string) sdkconn.Conversation {
	if r.group() {
		return sdkconn.Group(r.name)
	}
	return sdkconn.C2C(r.peer(me))
}

func (r *modelRoom) peer(me string) string {
	if r.pair[0] == me {
		return r.pair[1]
	}
	return r.pair[0]
}

// has reports whether the room is a conversation of the user's, be it a group that he is not in.
func (r *modelRoom) has(me string) bool { return r.group() || me == r.pair[0] || me == r.pair[1] }

func (v *modelView) in() bool { return len(v.stays) > 0 && v.stays[len(v.stays)-1][1] < 0 }

// post adds a message to the log.
func (r *modelRoom) post(m *modelMsg) {
	r.log = append(r.log, m)
	if !r.group() {
		r.views[r.pair[0]].began, r.views[r.pair[1]].began = true, true
	}
}

// enter lets users in together, before the tip that tells of it.
func (r *modelRoom) enter(now uint64, role sdkconn.MemberRole, users ...string) {
	r.entries++
	for _, name := range users {
		v := r.views[name]
		v.stays = append(v.stays, [2]int{len(r.log), -1})
		v.began, v.read, v.role, v.muted, v.joined, v.entry = true, len(r.log), role, 0, now, r.entries
	}
}

// leave ends a stay, before the tip that tells of it.
func (r *modelRoom) leave(name string) {
	v := r.views[name]
	v.stays[len(v.stays)-1][1] = len(r.log)
	v.role = sdkconn.RoleNone
}

// members lists who is in: the owner, then in the order of coming.
func (r *modelRoom) members() []string {
	list := slices.DeleteFunc(slices.Clone(modelUsers), func(name string) bool { return !r.views[name].in() })
	slices.SortStableFunc(list, func(a, b string) int {
		x, y := r.views[a], r.views[b]
		if xo, yo := x.role == sdkconn.RoleOwner, y.role == sdkconn.RoleOwner; xo != yo {
			if xo {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.entry, y.entry)
	})
	return list
}

// sees reports whether the user may see a message of the log, deleted or not.
func (r *modelRoom) sees(me string, at int) bool {
	m, v := r.log[at], r.views[me]
	if m.targets != nil && m.from != me && !slices.Contains(m.targets, me) {
		return false
	}
	if !r.group() || r.open && v.in() {
		return true
	}
	return slices.ContainsFunc(v.stays, func(s [2]int) bool { return at >= s[0] && (s[1] < 0 || at < s[1]) })
}

// lines is all that the user has of the room, deleted ones too, oldest first.
func (r *modelRoom) lines(me string) []modelLine {
	var list []modelLine
	v := r.views[me]
	for i, m := range r.log {
		if !r.sees(me, i) {
			continue
		}
		l := modelLine{
			key: m.key, self: m.from == me, read: m.from == me || i < v.read, sender: m.from, text: m.text,
			status: sdkconn.StatusSendSucc, version: m.version, msg: m,
		}
		if !r.group() && l.self {
			l.peerRead = i < r.views[r.peer(me)].read
		}
		if m.revoked {
			l.status = sdkconn.StatusRevoked
		}
		if v.hidden[m] || i < v.cleared {
			l.status = sdkconn.StatusDeleted
		}
		list = append(list, l)
	}
	for _, o := range v.own {
		l := modelLine{key: o.key, self: o.self, read: true, sender: o.sender, text: o.text, status: sdkconn.StatusLocalImported, own: o}
		if o.deleted {
			l.status = sdkconn.StatusDeleted
		}
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b modelLine) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.seq, b.seq), cmp.Compare(a.rand, b.rand))
	})
	return list
}

// find is what the locator names in the user's view, deleted or not.
func (r *modelRoom) find(me string, loc sdkconn.Locator) *modelLine {
	for _, l := range r.lines(me) {
		if sameLocator(l.locator(), loc) {
			return &l
		}
	}
	return nil
}

// page is the answer to a request.
func (r *modelRoom) page(me string, p sdkconn.GetMsgListParam) []modelLine {
	if p.IsForward && p.LastMsg == nil && p.LastMsgSeq == 0 && p.TimeBegin == 0 {
		return nil
	}
	from, to := uint64(0), uint64(math.MaxUint64)
	switch {
	case p.TimeBegin == 0:
	case p.IsForward:
		from = p.TimeBegin
		if p.TimePeriod != 0 {
			to = p.TimeBegin + p.TimePeriod
		}
	default:
		to = p.TimeBegin
		if p.TimePeriod != 0 {
			from = p.TimeBegin - p.TimePeriod
		}
	}
	list := slices.DeleteFunc(r.lines(me), func(l modelLine) bool {
		if l.status == sdkconn.StatusDeleted || l.time < from || l.time > to {
			return true
		}
		side := 0 // of the position: -1 older, 1 newer
		switch last := p.LastMsg; {
		case last != nil && r.group() && last.Seq != 0:
			side = cmp.Compare(l.seq, last.Seq)
		case last != nil:
			side = cmp.Or(cmp.Compare(l.time, last.Time()), cmp.Compare(l.seq, last.Seq), cmp.Compare(l.rand, last.Rand))
		case p.LastMsgSeq != 0:
			side = cmp.Compare(l.seq, p.LastMsgSeq)
			return p.IsForward && side < 0 || !p.IsForward && side > 0
		default:
			return false
		}
		return p.IsForward && side <= 0 || !p.IsForward && side >= 0
	})
	if !p.IsForward {
		slices.Reverse(list)
	}
	return list[:min(len(list), int(p.Count))]
}

// unread counts what the user has not read.
func (r *modelRoom) unread(me string) uint64 {
	v, end := r.views[me], len(r.log)
	if r.group() {
		if len(v.stays) == 0 {
			return 0
		}
		if !v.in() {
			end = v.stays[len(v.stays)-1][1]
		}
	}
	n := uint64(0)
	for i := max(v.read, v.cleared); i < end; i++ {
		if m := r.log[i]; m.from != me && m.from != sdkconn.SystemSender && !m.revoked && !m.noUnread {
			n++
		}
	}
	return n
}

// report moves the read position to a message, or to the end when it is nil.
func (r *modelRoom) report(me string, upTo *key) {
	v := r.views[me]
	for i, m := range r.log {
		if upTo == nil || r.group() && m.seq <= upTo.seq || !r.group() && m.time <= upTo.time {
			v.read = max(v.read, i+1)
		}
	}
}

// clear deletes all that the user has.
func (r *modelRoom) clear(me string) {
	v := r.views[me]
	if v.began {
		v.cleared = len(r.log)
	}
	for _, o := range v.own {
		o.deleted = true
	}
}

// mayWrite is the code that refuses a user who may not write.
func (r *modelRoom) mayWrite(me string, now uint64) sdkconn.Code {
	switch v := r.views[me]; {
	case !r.group():
		return 0
	case !v.in():
		return sdkconn.CodeGroupPermissionDeny
	case v.muted > now:
		return sdkconn.CodeGroupShutupDeny
	}
	return 0
}
