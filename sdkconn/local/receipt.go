package local

import (
	"context"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// ReportReaded implements [sdkconn.Conn]. In a C2C conversation everything of upTo's second counts, as in TIM; the peer
// gets a receipt when something of his became read. Errors: CodeSvrMsgInvalidID, CodeGroupNotFound,
// CodeGroupPermissionDeny.
func (c *Conn) ReportReaded(ctx context.Context, conv sdkconn.Conversation, upTo *sdkconn.Message) error {
	const op = "ReportReaded"
	if conv.Type != sdkconn.ConvC2C && conv.Type != sdkconn.ConvGroup {
		return fail(op, sdkconn.CodeParam, "conversation %s", conv)
	}
	if emptyMessage(upTo) {
		upTo = nil
	}
	var at key
	if upTo != nil {
		at = key{upTo.Time(), upTo.Seq, upTo.Rand}
	}
	return c.write(ctx, op, func(t *tx) error {
		if conv.ID == "" {
			rooms, err := t.roomsOf(c.user, conv.Type)
			if err != nil {
				return err
			}
			for _, r := range rooms {
				if err := t.reportReaded(c.user, r, nil); err != nil {
					return err
				}
			}
			return nil
		}
		r, err := t.readable(op, c.user, conv)
		if err != nil || r == nil {
			return err
		}
		if upTo == nil {
			return t.reportReaded(c.user, r, nil)
		}
		return t.reportReaded(c.user, r, &at)
	})
}

// readable is the room of a conversation whose messages the user may report; nil when there are none yet.
func (t *tx) readable(op string, u *user, conv sdkconn.Conversation) (*room, error) {
	if conv.Type == sdkconn.ConvGroup {
		r, _, err := t.membership(op, u, conv.ID)
		return r, err
	}
	peer, err := t.anyUser(conv.ID)
	if err != nil {
		return nil, err
	}
	if peer == nil {
		return nil, fail(op, sdkconn.CodeSvrMsgInvalidID, "no user %q", conv.ID)
	}
	return t.pair(u.id, peer.id)
}

// roomsOf lists the user's conversations of a type.
func (l *lookup) roomsOf(u *user, kind sdkconn.ConvType) ([]*room, error) {
	var ids []int64
	err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		ids = append(ids, s.ColumnInt64(0))
		return true, nil
	}, `SELECT room FROM view WHERE user = ?`, u.id)
	if err != nil {
		return nil, err
	}
	var rooms []*room
	for _, id := range ids {
		r, err := l.roomByID(id)
		if err != nil {
			return nil, err
		}
		if kind == sdkconn.ConvInvalid || r.kind == kind {
			rooms = append(rooms, r)
		}
	}
	return rooms, nil
}

// reportReaded moves the user's read position up to a message, or to the end when upTo is nil.
func (t *tx) reportReaded(u *user, r *room, upTo *key) error {
	v, err := t.view(u.id, r)
	if err != nil || v.since == 0 {
		return err
	}
	sql, args := `SELECT id, time, seq FROM msg WHERE room = ?`, []any{r.id}
	switch {
	case upTo == nil:
	case r.isGroup():
		sql += ` AND seq <= ?`
		args = append(args, upTo.seq)
	default:
		sql += ` AND time <= ?`
		args = append(args, upTo.time)
	}
	if r.isGroup() {
		sql += ` AND grp = 1 ORDER BY seq DESC LIMIT 1`
	} else {
		sql += ` ORDER BY time DESC, seq DESC, rand DESC LIMIT 1`
	}
	var id int64
	var at, seq uint64
	found, err := t.db.one(func(s *sqlite3.Stmt) {
		id, at, seq = s.ColumnInt64(0), uint64(s.ColumnInt64(1)), uint64(s.ColumnInt64(2))
	}, sql, args...)
	if err != nil || !found || id <= v.read {
		return err
	}
	if err := t.exec(`UPDATE view SET read = ?, read_time = ?, read_seq = ? WHERE user = ? AND room = ?`,
		id, at, seq, u.id, r.id); err != nil {
		return err
	}
	if !r.isGroup() && r.a != r.b {
		peer := r.peer(u.id)
		news, err := t.db.integer(`SELECT EXISTS (SELECT 1 FROM msg WHERE room = ? AND time >= ? AND id > ? AND id <= ?
			AND sender = ?)`, r.id, v.readTime, v.read, id, peer)
		if err != nil {
			return err
		}
		if news != 0 {
			err := t.happen(&happening{at: t.now, kind: happenedReceipt, user: peer, actor: u.id, msg: int64(at)})
			if err != nil {
				return err
			}
		}
	}
	t.afterConv(u, r)
	return nil
}

// afterConv tells the user, after the commit, how his conversation stands.
func (t *tx) afterConv(u *user, r *room) {
	id := t.here()
	t.after(func() {
		if c := t.e.conns[u.id]; c != nil {
			delete(c.convs, r.id)
			t.e.tellConv(c, r, id, t.now)
		}
	})
}
