package local

import (
	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// view is one user's own state of a conversation.
type view struct {
	since    int64 // log position at which it began; 0 for one that did not
	read     int64 // log position up to which everything is read
	readTime uint64
	readSeq  uint64
	cleared  int64 // log position up to which everything is deleted
	pinned   bool
	opt      sdkconn.ReceiveOpt
}

func (l *lookup) view(user int64, r *room) (view, error) {
	var v view
	var gone int64
	var goneTime uint64
	_, err := l.db.one(func(s *sqlite3.Stmt) {
		v = view{
			since: s.ColumnInt64(0), read: s.ColumnInt64(1), readTime: uint64(s.ColumnInt64(2)),
			readSeq: uint64(s.ColumnInt64(3)), cleared: s.ColumnInt64(4),
			pinned: s.ColumnBool(5), opt: sdkconn.ReceiveOpt(s.ColumnInt64(6)),
		}
		gone, goneTime = s.ColumnInt64(7), uint64(s.ColumnInt64(8))
	}, `SELECT since, read, read_time, read_seq, cleared, pinned, opt, gone, gone_time FROM view WHERE user = ? AND room = ?`,
		user, r.id)
	if err == nil && gone != 0 {
		v.since, err = l.sinceGone(r, gone, goneTime)
	}
	return v, err
}

// ensureView begins a conversation for the user at a log position, unless it has begun.
func (t *tx) ensureView(r *room, user, since int64) error {
	if r.views[user] {
		return nil
	}
	r.views[user] = true
	return t.exec(`INSERT INTO view (user, room, since, read, read_time, read_seq, cleared) VALUES (?, ?, ?, 0, 0, 0, 0)
		ON CONFLICT DO UPDATE SET since = excluded.since WHERE since = 0`, user, r.id, since)
}

// convState is what the writer keeps of a conversation of a logged-in user, to tell of it without reading the file.
type convState struct {
	since  int64
	unread uint64
	pinned bool
	opt    sdkconn.ReceiveOpt
}

// convState returns the state as of r, which must be told in the order of the log.
func (e *engine) convState(c *Conn, r *row) (*convState, error) {
	if s := c.convs[r.room.id]; s != nil {
		if r.countsFor(c.user) {
			s.unread++
		}
		return s, nil
	}
	v, err := e.look.view(c.user.id, r.room)
	if err != nil {
		return nil, err
	}
	n, err := e.look.unread(c.user, r.room, v, r.id)
	if err != nil {
		return nil, err
	}
	s := &convState{since: v.since, unread: n, pinned: v.pinned, opt: v.opt}
	c.convs[r.room.id] = s
	return s, nil
}

// unread counts the messages that the user has not read, up to a log position.
func (l *lookup) unread(self *user, r *room, v view, upTo int64) (uint64, error) {
	if r.forgets() {
		return 0, nil
	}
	if r.isGroup() {
		m, err := l.member(r, self.id)
		if err != nil || m == nil {
			return 0, err
		}
		if left := m.stays[len(m.stays)-1].to; left != 0 {
			upTo = min(upTo, left)
		}
	}
	n, err := l.db.integer(`SELECT count(*) FROM msg WHERE room = ? AND time >= ? AND id > ? AND id <= ?
		AND sender <> ? AND sender <> 0 AND status <> ? AND flags & ? = 0`,
		r.id, v.readTime, max(v.read, v.cleared), upTo, self.id, int(sdkconn.StatusRevoked), flagNoUnread)
	return uint64(n), err
}

// eyes is how the user sees messages of the room that are new: unread by everybody.
func (l *lookup) eyes(self *user, r *room) (eyes, error) {
	conv, err := l.conversation(r, self.id)
	return eyes{self: self, conv: conv}, err
}

// oldEyes is how the user sees messages of the room that may have been read meanwhile.
func (l *lookup) oldEyes(self *user, r *room, v view) (eyes, error) {
	e, err := l.eyes(self, r)
	if err != nil || r.isGroup() {
		e.read = v.read
		return e, err
	}
	peer, err := l.view(r.peer(self.id), r)
	e.read, e.peerRead = v.read, peer.read
	return e, err
}

// convBase is the part of a conversation's entry that its messages have no part in.
func (l *lookup) convBase(conv sdkconn.Conversation, r *room) sdkconn.ConvInfo {
	info := sdkconn.ConvInfo{ID: conv.ID, Type: conv.Type}
	if r.isGroup() {
		info.GroupType, info.ShowName = r.typ, r.title
	} else if u := l.userNames[conv.ID]; u != nil {
		info.ShowName = u.nick
	}
	return info
}

// convInfo is the user's entry of a conversation as it stands, and since when he has it; nil when he does not.
func (l *lookup) convInfo(self *user, r *room) (*sdkconn.ConvInfo, int64, error) {
	v, err := l.view(self.id, r)
	if err != nil || v.since == 0 {
		return nil, 0, err
	}
	conv, err := l.conversation(r, self.id)
	if err != nil {
		return nil, 0, err
	}
	info := l.convBase(conv, r)
	info.IsPinned, info.RecvOpt = v.pinned, uint32(v.opt)
	if r.isGroup() {
		info.GroupReadSeq = v.readSeq
	} else {
		info.C2CReadTimestamp = v.readTime
	}
	if info.UnreadNum, err = l.unread(self, r, v, 1<<62); err != nil {
		return nil, 0, err
	}
	last, err := l.history(self, r, v, query{limit: 1, without: flagNoLast})
	if err != nil {
		return nil, 0, err
	}
	info.ActiveTime = r.made
	if len(last) == 1 {
		info.HasLastMsg, info.LastMsg, info.ActiveTime = true, last[0], last[0].Time()
	}
	return &info, v.since, nil
}

// isLast reports whether the message is the last one of its room.
func (l *lookup) isLast(r *row) (bool, error) {
	if r == nil {
		return false, nil
	}
	id, err := l.db.integer(`SELECT id FROM msg WHERE room = ? AND flags & ? = 0
		ORDER BY time DESC, seq DESC, rand DESC LIMIT 1`, r.room.id, flagNoLast)
	return id == r.id, err
}
