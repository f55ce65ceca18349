package local

import (
	"context"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// note is what a user keeps with a message for himself.
type note struct {
	n uint32
	s string
}

// MsgSetLocalCustomData implements [sdkconn.LocalCustomData]. It is kept in the file, and no event.
func (c *Conn) MsgSetLocalCustomData(ctx context.Context, msg *sdkconn.Message) error {
	const op = "MsgSetLocalCustomData"
	if emptyMessage(msg) {
		return fail(op, sdkconn.CodeJSON, "no message")
	}
	conv := msg.Conversation()
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	loc, n := msg.Locator(), note{msg.CustomInt, msg.CustomStr}
	return c.write(ctx, op, func(t *tx) error {
		r, err := t.room(c.user, conv)
		if err != nil {
			return err
		}
		if r == nil {
			return fail(op, sdkconn.CodeInvalidParameters, "no message in %s", conv)
		}
		return t.setNote(op, c.user, r, loc, n)
	})
}

func (t *tx) setNote(op string, u *user, r *room, loc sdkconn.Locator, n note) error {
	m, err := t.at(r, u, loc)
	if err != nil {
		return err
	}
	if m != nil {
		return t.exec(`INSERT INTO note VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = excluded.n, s = excluded.s`,
			u.id, m.id, int64(n.n), n.s)
	}
	own, err := t.own(u, r, query{limit: 1, only: &loc})
	if err != nil {
		return err
	}
	if len(own) == 0 {
		return fail(op, sdkconn.CodeInvalidParameters, "no such message in the conversation")
	}
	own[0].body.CustomInt, own[0].body.CustomStr = n.n, n.s
	_, text, err := own[0].body.encode()
	if err != nil {
		return err
	}
	return t.exec(`UPDATE own SET body = ? WHERE id = ?`, text, own[0].id)
}

// note returns what the user keeps with a message, or nil.
func (l *lookup) note(u *user, m *row) (*note, error) {
	var n *note
	_, err := l.db.one(func(s *sqlite3.Stmt) {
		n = &note{uint32(s.ColumnInt64(0)), s.ColumnText(1)}
	}, `SELECT n, s FROM note WHERE user = ? AND msg = ?`, u.id, m.id)
	return n, err
}

// notes is what each user keeps with messages for himself.
const notes = `
CREATE TABLE note (
	user INTEGER NOT NULL,
	msg  INTEGER NOT NULL,
	n    INTEGER NOT NULL,
	s    TEXT NOT NULL,
	PRIMARY KEY (user, msg)
) STRICT, WITHOUT ROWID;
`
