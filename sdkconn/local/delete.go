package local

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// Delete implements [sdkconn.Conn]. A message that is not there is CodeInvalidParameters.
func (c *Conn) Delete(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	const op = "Delete"
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	if msg != nil && emptyMessage(msg) {
		return fail(op, sdkconn.CodeJSON, "no message")
	}
	var loc sdkconn.Locator
	if msg != nil {
		loc = msg.Locator()
	}
	all := msg == nil
	return c.write(ctx, op, func(t *tx) error {
		r, err := t.room(c.user, conv)
		switch {
		case err != nil:
			return err
		case r == nil && all:
			return nil
		case r == nil:
			return fail(op, sdkconn.CodeInvalidParameters, "no message in %s", conv)
		case all:
			return t.clear(c.user, r)
		}
		h, err := t.findToHide(op, c.user, r, loc)
		if err != nil {
			return err
		}
		t.afterConv(c.user, r)
		return t.hide(c.user, h)
	})
}

// clear hides everything that the user sees of the room now.
func (t *tx) clear(u *user, r *room) error {
	if err := t.exec(`UPDATE view SET cleared = ? WHERE user = ? AND room = ?`, t.e.next-1, u.id, r.id); err != nil {
		return err
	}
	t.afterConv(u, r)
	return t.exec(`UPDATE own SET status = ? WHERE user = ? AND room = ?`, int(sdkconn.StatusDeleted), u.id, r.id)
}

// MsgClearHistoryMessage implements [sdkconn.HistoryClearer].
func (c *Conn) MsgClearHistoryMessage(ctx context.Context, conv sdkconn.Conversation) error {
	const op = "MsgClearHistoryMessage"
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	return c.write(ctx, op, func(t *tx) error {
		r, err := t.room(c.user, conv)
		if err != nil || r == nil {
			return err
		}
		return t.clear(c.user, r)
	})
}

// MsgListDelete implements [sdkconn.MessageListDeleter].
func (c *Conn) MsgListDelete(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	const op = "MsgListDelete"
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	if len(msgs) == 0 {
		return fail(op, sdkconn.CodeJSON, "no messages")
	}
	for i, m := range msgs {
		if emptyMessage(m) {
			return fail(op, sdkconn.CodeJSON, "message %d is empty", i)
		}
	}
	if len(msgs) > sdkconn.MaxListDelete {
		return fail(op, sdkconn.CodeInvalidParameters, "%d messages, at most %d", len(msgs), sdkconn.MaxListDelete)
	}
	locs := make([]sdkconn.Locator, len(msgs))
	for i, m := range msgs {
		if m.ConvID != "" && m.Conversation() != conv {
			return fail(op, sdkconn.CodeInvalidParameters, "message %d is of %s, not of %s", i, m.Conversation(), conv)
		}
		locs[i] = m.Locator()
	}
	return c.write(ctx, op, func(t *tx) error {
		r, err := t.room(c.user, conv)
		if err != nil {
			return err
		}
		if r == nil {
			return fail(op, sdkconn.CodeInvalidParameters, "no message in %s", conv)
		}
		hides := make([]hide, len(locs))
		for i, loc := range locs {
			if hides[i], err = t.findToHide(op, c.user, r, loc); err != nil {
				return err
			}
		}
		for _, h := range hides {
			if err := t.hide(c.user, h); err != nil {
				return err
			}
		}
		t.afterConv(c.user, r)
		return nil
	})
}

// hide is a message to be hidden: one that all in the room share, or one of the user's own.
type hide struct{ msg, own int64 }

// findToHide finds one message that the user wants to hide.
func (t *tx) findToHide(op string, u *user, r *room, loc sdkconn.Locator) (hide, error) {
	m, err := t.at(r, u, loc)
	if err != nil {
		return hide{}, err
	}
	if m != nil {
		return hide{msg: m.id}, nil
	}
	own, err := t.own(u, r, query{limit: 1, only: &loc})
	if err != nil {
		return hide{}, err
	}
	if len(own) == 0 {
		return hide{}, fail(op, sdkconn.CodeInvalidParameters, "no such message in the conversation")
	}
	return hide{own: own[0].id}, nil
}

// hide hides one message from the user.
func (t *tx) hide(u *user, h hide) error {
	if h.own != 0 {
		return t.exec(`UPDATE own SET status = ? WHERE id = ?`, int(sdkconn.StatusDeleted), h.own)
	}
	return t.exec(`INSERT INTO hidden VALUES (?, ?) ON CONFLICT DO NOTHING`, u.id, h.msg)
}
