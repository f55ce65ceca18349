package local

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// listEntries is the schema's step for what a user decides about an entry of his list of conversations.
const listEntries = `
ALTER TABLE view ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE view ADD COLUMN opt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE view ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;      -- log position at which it was taken off the list
ALTER TABLE view ADD COLUMN gone_time INTEGER NOT NULL DEFAULT 0; -- seconds
`

// maxOptUsers bounds the users of one call about receive options.
const maxOptUsers = 30

// ConvPinConversation implements [sdkconn.ConvEditor]. A conversation that the user does not have is CodeInvalidConversation.
func (c *Conn) ConvPinConversation(ctx context.Context, conv sdkconn.Conversation, pinned bool) error {
	const op = "ConvPinConversation"
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	return c.write(ctx, op, func(t *tx) error {
		r, v, err := t.entry(c.user, conv)
		switch {
		case err != nil:
			return err
		case v.since == 0:
			return fail(op, sdkconn.CodeInvalidConversation, "no conversation %s", conv)
		case v.pinned == pinned:
			return nil
		}
		t.afterConv(c.user, r)
		return t.exec(`UPDATE view SET pinned = ? WHERE user = ? AND room = ?`, pinned, c.user.id, r.id)
	})
}

// entry is the user's conversation; its view is zero when he does not have it.
func (t *tx) entry(u *user, conv sdkconn.Conversation) (*room, view, error) {
	r, err := t.room(u, conv)
	if err != nil || r == nil {
		return nil, view{}, err
	}
	v, err := t.view(u.id, r)
	return r, v, err
}

// ConvDelete implements [sdkconn.ConvEditor]. A conversation that the user does not have is gone already. What he chose to
// hear of it stays.
func (c *Conn) ConvDelete(ctx context.Context, conv sdkconn.Conversation) error {
	const op = "ConvDelete"
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	return c.write(ctx, op, func(t *tx) error {
		r, v, err := t.entry(c.user, conv)
		if err != nil || v.since == 0 {
			return err
		}
		here, now := t.here(), t.now
		err = t.exec(`UPDATE view SET cleared = ?, pinned = 0, gone = ?, gone_time = ? WHERE user = ? AND room = ?`,
			here, here, now, c.user.id, r.id)
		if err != nil {
			return err
		}
		t.after(func() {
			if conn := t.e.conns[c.user.id]; conn != nil {
				delete(conn.convs, r.id)
				conn.inbox.add(here, sdkconn.Event{
					Kind: sdkconn.EventConv, At: now, Conv: &sdkconn.ConvInfo{ID: conv.ID, Type: conv.Type}, ConvChange: sdkconn.ConvDeleted,
				})
			}
		})
		return t.exec(`UPDATE own SET status = ? WHERE user = ? AND room = ?`, int(sdkconn.StatusDeleted), c.user.id, r.id)
	})
}

// ConvGetTotalUnreadMessageCount implements [sdkconn.ConvEditor].
func (c *Conn) ConvGetTotalUnreadMessageCount(ctx context.Context) (uint64, error) {
	var total uint64
	err := c.read(ctx, "ConvGetTotalUnreadMessageCount", func(l *lookup) error {
		rooms, err := l.roomsOf(c.user, sdkconn.ConvInvalid)
		if err != nil {
			return err
		}
		for _, r := range rooms {
			v, err := l.view(c.user.id, r)
			if err != nil {
				return err
			}
			if v.since == 0 || v.opt == sdkconn.ReceiveNot || v.opt == sdkconn.ReceiveSilently {
				continue
			}
			n, err := l.unread(c.user, r, v, 1<<62)
			if err != nil {
				return err
			}
			total += n
		}
		return nil
	})
	return total, err
}

// MsgSetC2CReceiveMessageOpt implements [sdkconn.ReceiveOpts]. It is all of the users or none; an unknown one is
// CodeSvrMsgInvalidID.
func (c *Conn) MsgSetC2CReceiveMessageOpt(ctx context.Context, users []string, opt sdkconn.ReceiveOpt) error {
	const op = "MsgSetC2CReceiveMessageOpt"
	switch {
	case len(users) == 0 || len(users) > maxOptUsers:
		return fail(op, sdkconn.CodeInvalidParameters, "%d users, 1 to %d", len(users), maxOptUsers)
	case opt > sdkconn.ReceiveMentionOnly:
		return fail(op, sdkconn.CodeInvalidParameters, "receive option %d", opt)
	}
	return c.write(ctx, op, func(t *tx) error {
		var peers []*user
		for _, name := range users {
			u, err := t.userByName(name)
			if err != nil {
				return err
			}
			if u == nil {
				return fail(op, sdkconn.CodeSvrMsgInvalidID, "no user %q", name)
			}
			peers = append(peers, u)
		}
		for _, u := range peers {
			r, err := t.pair(c.user.id, u.id)
			if err == nil && r == nil {
				r, err = t.makePair(c.user, u)
			}
			if err != nil {
				return err
			}
			if err := t.setOpt(c.user, r, opt); err != nil {
				return err
			}
		}
		return nil
	})
}

// MsgSetGroupReceiveMessageOpt implements [sdkconn.ReceiveOpts]. Only members may choose.
func (c *Conn) MsgSetGroupReceiveMessageOpt(ctx context.Context, group string, opt sdkconn.ReceiveOpt) error {
	const op = "MsgSetGroupReceiveMessageOpt"
	if opt > sdkconn.ReceiveMentionOnly {
		return fail(op, sdkconn.CodeInvalidParameters, "receive option %d", opt)
	}
	return c.write(ctx, op, func(t *tx) error {
		r, _, err := t.membership(op, c.user, group)
		if err != nil {
			return err
		}
		return t.setOpt(c.user, r, opt)
	})
}

// setOpt writes a receive option, also for a conversation that has not begun.
func (t *tx) setOpt(u *user, r *room, opt sdkconn.ReceiveOpt) error {
	t.afterConv(u, r)
	return t.exec(`INSERT INTO view (user, room, since, read, read_time, read_seq, cleared, opt) VALUES (?, ?, 0, 0, 0, 0, 0, ?)
		ON CONFLICT DO UPDATE SET opt = excluded.opt`, u.id, r.id, int(opt))
}

// sinceGone is the log position of the first message after one at which the conversation was taken off the list, 0 for none.
func (l *lookup) sinceGone(r *room, gone int64, at uint64) (int64, error) {
	return l.db.integer(`SELECT id FROM msg WHERE room = ? AND time >= ? AND id > ? ORDER BY time, seq, rand LIMIT 1`, r.id, at, gone)
}

// deaf reports whether the user chose not to hear of the room's new messages.
func (l *lookup) deaf(u *user, r *room) (bool, error) {
	v, err := l.view(u.id, r)
	return v.opt == sdkconn.ReceiveNot, err
}
