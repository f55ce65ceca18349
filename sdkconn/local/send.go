package local

import (
	"context"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// draft is a message that has passed every check that needs no look into the file.
type draft struct {
	body   *body
	text   string // body as it is stored
	flags  int64
	types  int64
	online bool
	effect string // the id that a repeated send is known by; "" none
}

// draft checks a message to be sent and uploads its files.
func (c *Conn) draft(ctx context.Context, op string, msg *sdkconn.Message) (*draft, error) {
	if emptyMessage(msg) {
		return nil, fail(op, sdkconn.CodeJSON, "no message")
	}
	if err := c.check(op); err != nil {
		return nil, err
	}
	elems, err := sendable(op, msg.Elems)
	if err != nil {
		return nil, err
	}
	elems = cloneElems(elems)
	if err := c.upload(ctx, op, msg, elems); err != nil {
		return nil, err
	}
	d := &draft{types: typeBits(elems), online: msg.IsOnlineMsg}
	if d.body, d.text, err = newBody(msg, elems).encode(); err != nil {
		return nil, &sdkconn.Error{Op: op, Code: sdkconn.CodeInvalidMsgElem, Err: err}
	}
	d.flags = d.body.flags()
	if !d.online {
		d.effect, _ = sdkconn.SplitEffect(d.body.CloudCustom)
	}
	return d, nil
}

// SendNewMsg implements [sdkconn.Conn]. A user who does not exist is CodeSvrMsgInvalidID. A send with
// an effect's id that this user sent to the conversation before is answered with the first one's message.
func (c *Conn) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	const op = "SendNewMsg"
	if err := c.checkConv(op, conv); err != nil {
		return nil, err
	}
	d, err := c.draft(ctx, op, msg)
	if err != nil {
		return nil, err
	}
	var sent *row
	err = c.write(ctx, op, func(t *tx) error {
		var err error
		sent, err = t.send(op, c.user, conv, d)
		return err
	})
	if err != nil {
		return nil, err
	}
	return sent.forSender(c.user, conv), nil
}

// forSender is the message as the service accepted it. It shares nothing.
func (r *row) forSender(self *user, conv sdkconn.Conversation) *sdkconn.Message {
	own := *r
	own.body = r.body.clone()
	return own.message(eyes{self: self, conv: conv})
}

// send accepts a message: it gets its place in the room and is told to all whom it concerns.
func (t *tx) send(op string, from *user, conv sdkconn.Conversation, d *draft) (*row, error) {
	from, err := t.userByID(from.id) // a login's own may be older than his profile
	if err != nil {
		return nil, err
	}
	if d.effect != "" { // before anything else: what happened, happened
		if sent, err := t.sentBefore(from, conv, d.effect); err != nil || sent != nil {
			return sent, err
		}
	}
	r, to, err := t.recipient(op, from, conv)
	if err != nil {
		return nil, err
	}
	rand, err := t.nextRand(conv.Type)
	if err != nil {
		return nil, err
	}
	if r == nil {
		if r, err = t.makePair(from, to); err != nil {
			return nil, err
		}
	}
	sent := &row{
		room: r, time: t.now, rand: rand, sender: from, status: sdkconn.StatusSendSucc,
		flags: d.flags, types: d.types, body: d.body,
	}
	if d.online {
		return sent, t.postOnline(sent)
	}
	if err := t.post(sent, d.text); err != nil || d.effect == "" {
		return sent, err
	}
	return sent, t.exec(`INSERT INTO effect (room, user, id, msg) VALUES (?, ?, ?, ?)`, r.id, from.id, d.effect, sent.id)
}

// sentBefore is the message that the user sent there with the effect's id, as it is now, or nil.
func (t *tx) sentBefore(from *user, conv sdkconn.Conversation, effect string) (*row, error) {
	r, err := t.room(from, conv)
	if err != nil || r == nil {
		return nil, err
	}
	id, err := t.db.integer(`SELECT msg FROM effect WHERE room = ? AND user = ? AND id = ?`, r.id, from.id, effect)
	if err != nil || id == 0 {
		return nil, err
	}
	return t.rowByID(id)
}

// recipient checks that the user may write there. The room of two users who never wrote to each other is nil.
func (t *tx) recipient(op string, from *user, conv sdkconn.Conversation) (*room, *user, error) {
	if conv.Type == sdkconn.ConvGroup {
		r, m, err := t.membership(op, from, conv.ID)
		if err != nil {
			return nil, nil, err
		}
		if m.muted > t.now || r.page.Silent && m.role < sdkconn.RoleAdmin {
			return nil, nil, fail(op, sdkconn.CodeGroupShutupDeny, "muted in %s", conv.ID)
		}
		return r, nil, nil
	}
	to, err := t.userByName(conv.ID)
	if err != nil {
		return nil, nil, err
	}
	if to == nil {
		return nil, nil, fail(op, sdkconn.CodeSvrMsgInvalidID, "no user %q", conv.ID)
	}
	if err := t.mayWrite(op, from, to); err != nil {
		return nil, nil, err
	}
	r, err := t.pair(from.id, to.id)
	return r, to, err
}

// membership finds a group that exists and the user's part in it. It loads all members: who writes is heard by them.
func (t *tx) membership(op string, u *user, group string) (*room, *member, error) {
	r, err := t.group(group)
	if err != nil {
		return nil, nil, err
	}
	if !r.live() {
		return nil, nil, fail(op, sdkconn.CodeGroupNotFound, "no group %q", group)
	}
	if err := t.loadMembers(r); err != nil {
		return nil, nil, err
	}
	m := r.members[u.id]
	if !m.in() {
		return nil, nil, fail(op, sdkconn.CodeGroupPermissionDeny, "%s is not a member of %s", u.name, group)
	}
	return r, m, nil
}

func (t *tx) makePair(x, y *user) (*room, error) {
	err := t.exec(`INSERT INTO room (kind, a, b, name, title, type, made, gone) VALUES (1, ?, ?, '', '', 0, ?, 0)`,
		min(x.id, y.id), max(x.id, y.id), t.now)
	if err != nil {
		return nil, err
	}
	return t.pair(x.id, y.id)
}

// post is the one place where a message that all in a room share is written.
func (t *tx) post(m *row, text string) error {
	r := m.room
	if r.isGroup() {
		if r.seq < 0 {
			var err error
			if r.seq, err = t.db.integer(`SELECT max(seq) FROM msg WHERE room = ? AND grp = 1`, r.id); err != nil {
				return err
			}
		}
		r.seq++
		m.seq = uint64(r.seq)
	}
	m.id = t.nextID()
	if !r.isGroup() {
		m.seq = uint64(uint32(m.id)) // any counter will do; this one keeps a second's messages in the order of the log
		for _, user := range [...]int64{r.a, r.b} {
			if err := t.ensureView(r, user, m.id); err != nil {
				return err
			}
		}
	}
	t.news = append(t.news, news{msg: m})
	return t.exec(`INSERT INTO msg (id, room, time, seq, rand, sender, grp, status, flags, types, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.id, r.id, m.time, m.seq, m.rand, m.sender.id, r.isGroup(), int(m.status), m.flags, m.types, text)
}

// sentEffects is which message an effect's id sent.
const sentEffects = `
CREATE TABLE effect (
	room INTEGER NOT NULL,
	user INTEGER NOT NULL,            -- who sent it
	id   TEXT NOT NULL,               -- the effect's
	msg  INTEGER NOT NULL,
	PRIMARY KEY (room, user, id)
) STRICT, WITHOUT ROWID;
`

// RepeatWindow implements [sdkconn.Repeater]: a repeated send is known for good, in rooms that keep no history too.
func (c *Conn) RepeatWindow(sdkconn.Conversation) time.Duration { return -1 }
