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
		return t.hide(op, c.user, r, loc)
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

// hide hides one message from the user.
func (t *tx) hide(op string, u *user, r *room, loc sdkconn.Locator) error {
	m, err := t.at(r, u, loc)
	if err != nil {
		return err
	}
	if m != nil {
		t.afterConv(u, r)
		return t.exec(`INSERT INTO hidden VALUES (?, ?) ON CONFLICT DO NOTHING`, u.id, m.id)
	}
	own, err := t.own(u, r, query{limit: 1, only: &loc})
	if err != nil {
		return err
	}
	if len(own) == 0 {
		return fail(op, sdkconn.CodeInvalidParameters, "no such message in the conversation")
	}
	t.afterConv(u, r)
	return t.exec(`UPDATE own SET status = ? WHERE id = ?`, int(sdkconn.StatusDeleted), own[0].id)
}
