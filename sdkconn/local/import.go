package local

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/timbot-go/timbot/sdkconn"
)

// ImportMsgList implements [sdkconn.Conn]. The conversation need not exist elsewhere. A message without a server time has
// its client time, else now; one without seq and rand gets a rand made from what it says, so that importing it again
// changes nothing.
func (c *Conn) ImportMsgList(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	const op = "ImportMsgList"
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
	return c.keep(ctx, op, conv, msgs, false)
}

// SaveMsg implements [sdkconn.Conn]. What the message lacks is filled in as a send would do it; unlike an imported one it is
// the user's own unless it names another sender.
func (c *Conn) SaveMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	const op = "SaveMsg"
	if err := c.checkConv(op, conv); err != nil {
		return err
	}
	if emptyMessage(msg) {
		return fail(op, sdkconn.CodeJSON, "no message")
	}
	return c.keep(ctx, op, conv, []*sdkconn.Message{msg}, true)
}

// keep writes messages into the user's own history.
func (c *Conn) keep(ctx context.Context, op string, conv sdkconn.Conversation, msgs []*sdkconn.Message, save bool) error {
	bodies, texts := make([]*body, len(msgs)), make([]string, len(msgs))
	owns := make([]ownRow, len(msgs))
	for i, m := range msgs {
		if m.ServerTime > math.MaxInt64 || m.ClientTime > math.MaxInt64 || m.Seq > math.MaxInt64 || m.Rand > math.MaxUint32 {
			return fail(op, sdkconn.CodeInvalidParameters, "message %d: a number is out of range", i)
		}
		var err error
		if bodies[i], texts[i], err = newBody(m, cloneElems(m.Elems)).encode(); err != nil {
			return &sdkconn.Error{Op: op, Code: sdkconn.CodeInvalidMsgElem, Err: err}
		}
		owns[i] = ownRow{
			time: m.ServerTime, seq: m.Seq, rand: m.Rand, self: m.IsFromSelf || m.Sender == c.user.name,
			sender: m.Sender, client: m.ClientTime, status: sdkconn.StatusLocalImported, body: bodies[i],
		}
		if save && m.Sender == "" {
			owns[i].self = true
		}
	}
	return c.write(ctx, op, func(t *tx) error {
		r, err := t.ownRoom(c.user, conv)
		if err != nil {
			return err
		}
		if err := t.ensureView(r, c.user.id, t.here()); err != nil {
			return err
		}
		if err := t.exec(`UPDATE view SET gone = 0 WHERE user = ? AND room = ? AND gone <> 0`, c.user.id, r.id); err != nil {
			return err // it is on the list again
		}
		for i := range owns {
			o := owns[i]
			if err := t.fill(&o, c.user, conv, texts[i], save); err != nil {
				return err
			}
			b := bodies[i]
			if err := t.addOwn(c.user, r, &o, typeBits(b.Elems), b.flags(), texts[i]); err != nil {
				return err
			}
		}
		t.afterConv(c.user, r)
		return nil
	})
}

// fill completes what the caller left out.
func (t *tx) fill(o *ownRow, self *user, conv sdkconn.Conversation, text string, save bool) error {
	if o.time == 0 {
		o.time = o.client
	}
	if o.time == 0 {
		o.time = t.now
	}
	if o.client == 0 {
		o.client = o.time
	}
	switch {
	case o.sender != "":
	case o.self:
		o.sender = self.name
	case conv.Type == sdkconn.ConvC2C:
		o.sender = conv.ID
	}
	if o.seq != 0 || o.rand != 0 {
		return nil
	}
	if !save {
		sum := sha256.Sum256([]byte(o.sender + "\x00" + text))
		o.rand = uint64(binary.LittleEndian.Uint32(sum[:]))
		return nil
	}
	if conv.Type == sdkconn.ConvC2C {
		o.seq = uint64(uint32(t.e.next))
	}
	var err error
	o.rand, err = t.nextRand(conv.Type)
	return err
}

// ownRoom is where the user's own messages of a conversation go. It is made, if need be, without anybody else noticing.
func (t *tx) ownRoom(self *user, conv sdkconn.Conversation) (*room, error) {
	if conv.Type == sdkconn.ConvC2C {
		peer, err := t.ensureUser(conv.ID, "", false)
		if err != nil {
			return nil, err
		}
		r, err := t.pair(self.id, peer.id)
		if err != nil || r != nil {
			return r, err
		}
		return t.makePair(self, peer)
	}
	r, err := t.group(conv.ID)
	if err != nil || r != nil {
		return r, err
	}
	err = t.exec(`INSERT INTO room (kind, a, b, name, title, type, made, gone) VALUES (2, 0, 0, ?, ?, 0, 0, 0)`, conv.ID, conv.ID)
	if err != nil {
		return nil, err
	}
	return t.group(conv.ID)
}
