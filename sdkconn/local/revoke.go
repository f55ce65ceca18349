package local

import (
	"context"
	"math"

	"github.com/timbot-go/timbot/sdkconn"
)

// Revoke implements [sdkconn.Conn]. The checks come in this order: the message is there (else CodeInvalidParameters or
// CodeGroupRevokeMsgNotFound), it was taken back already (then nothing happens), it is the caller's own, or he runs the
// group (else CodeGroupPermissionDeny), and it is young enough (else CodeRevokeTimeLimit or
// CodeGroupRevokeMsgTimeLimit). An imported, saved or online-only message is not there.
func (c *Conn) Revoke(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	const op = "Revoke"
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	if emptyMessage(msg) {
		return fail(op, sdkconn.CodeJSON, "no message")
	}
	loc := msg.Locator()
	online := msg.IsOnlineMsg
	return c.write(ctx, op, func(t *tx) error {
		if online {
			return fail(op, sdkconn.CodeGroupRevokeMsgDeny, "an online-only message cannot be revoked")
		}
		return t.revoke(op, c.user, conv, loc)
	})
}

func (t *tx) revoke(op string, by *user, conv sdkconn.Conversation, loc sdkconn.Locator) error {
	notFound, tooLate := sdkconn.CodeInvalidParameters, sdkconn.CodeRevokeTimeLimit
	if conv.Type == sdkconn.ConvGroup {
		notFound, tooLate = sdkconn.CodeGroupRevokeMsgNotFound, sdkconn.CodeGroupRevokeMsgTimeLimit
	}
	r, err := t.room(by, conv)
	if err != nil {
		return err
	}
	if r == nil {
		return fail(op, notFound, "no message in %s", conv)
	}
	m, err := t.at(r, by, loc)
	if err != nil {
		return err
	}
	switch {
	case m == nil || m.sender.id == system.id:
		return fail(op, notFound, "no such message in %s", conv)
	case m.status == sdkconn.StatusRevoked:
		return nil
	}
	if m.sender.id != by.id {
		if err := t.mayRevokeOthers(op, r, by); err != nil {
			return err
		}
	}
	if t.now > m.time+uint64(t.e.window.Seconds()) {
		return fail(op, tooLate, "sent %d s ago, at most %v", t.now-m.time, t.e.window)
	}
	if err := t.exec(`UPDATE msg SET status = ?, revoker = ? WHERE id = ?`, int(sdkconn.StatusRevoked), by.id, m.id); err != nil {
		return err
	}
	m.status, m.revoker = sdkconn.StatusRevoked, by
	return t.happen(&happening{at: t.now, kind: happenedRevoke, room: r, actor: by.id, msg: m.id, row: m})
}

// mayRevokeOthers lets a group's owner and administrators take back what others wrote.
func (t *tx) mayRevokeOthers(op string, r *room, by *user) error {
	if r.isGroup() {
		m, err := t.member(r, by.id)
		if err != nil {
			return err
		}
		if m.in() && m.role >= sdkconn.RoleAdmin {
			return nil
		}
	}
	return fail(op, sdkconn.CodeGroupPermissionDeny, "not the sender")
}

// at finds the message of a locator among those that all in the room share, as far as the user sees them; also in a
// group that keeps no history. It returns nil when there is none.
func (l *lookup) at(r *room, self *user, loc sdkconn.Locator) (*row, error) {
	if max(loc.Time, loc.Seq, loc.Rand) > math.MaxInt64 {
		return nil, nil // larger than anything stored
	}
	rows, err := l.rows(`WHERE room = ? AND time = ? AND seq = ? AND rand = ?`, r.id, loc.Time, loc.Seq, loc.Rand)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	m := rows[0]
	if (m.sender.id == self.id) != loc.IsSelf || !m.forUser(self) {
		return nil, nil
	}
	if r.isGroup() {
		member, err := l.member(r, self.id)
		if err != nil || member == nil {
			return nil, err
		}
		if !member.covers(m.id) && !(member.in() && r.openPast()) {
			return nil, nil
		}
	}
	return m, nil
}
