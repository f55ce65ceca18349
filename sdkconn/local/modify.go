package local

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"github.com/timbot-go/timbot/sdkconn"
)

// MsgModifyMessage implements [sdkconn.MessageModifier]. The checks come in this order: the user may write there (the codes
// of a send), the message is there and nobody took it back (else CodeInvalidParameters), it is kept (CodeInvalidParameters
// in an AVChatRoom), it is of the version that the file has (else CodeMsgModifyConflict), and only what may be edited was
// (else CodeInvalidMsgElem). An imported, saved or online-only message is not there.
func (c *Conn) MsgModifyMessage(ctx context.Context, msg *sdkconn.Message) (*sdkconn.Message, error) {
	const op = "MsgModifyMessage"
	if emptyMessage(msg) {
		return nil, fail(op, sdkconn.CodeJSON, "no message")
	}
	conv := msg.Conversation()
	if err := c.checkConv(op, conv); err != nil {
		return nil, err
	}
	if err := c.check(op); err != nil {
		return nil, err
	}
	elems, err := sendable(op, msg.Elems)
	if err != nil {
		return nil, err
	}
	e := &edit{loc: msg.Locator(), version: msg.Version, elems: cloneElems(elems), cloud: msg.CloudCustom}
	if msg.IsOnlineMsg {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "an online-only message cannot be edited")
	}
	var newest *sdkconn.Message
	err = c.write(ctx, op, func(t *tx) error {
		m, refused := t.modifyMessage(op, c.user, conv, e)
		if m == nil {
			return refused
		}
		var err error
		if newest, err = t.seenBy(c.user, m); err != nil {
			return err
		}
		return refused
	})
	if err != nil && sdkconn.CodeOf(err) != sdkconn.CodeMsgModifyConflict {
		return nil, err
	}
	return newest, err
}

// edit is what a message is to become.
type edit struct {
	loc     sdkconn.Locator
	version uint64
	elems   sdkconn.Elems
	cloud   string
}

// modifyMessage edits a message and returns it as it is then, beside CodeMsgModifyConflict, too.
func (t *tx) modifyMessage(op string, by *user, conv sdkconn.Conversation, e *edit) (*row, error) {
	r, _, err := t.recipient(op, by, conv)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "no message in %s", conv)
	}
	m, err := t.at(r, by, e.loc)
	switch {
	case err != nil:
		return nil, err
	case m == nil || m.sender.id == system.id || m.status == sdkconn.StatusRevoked:
		return nil, fail(op, sdkconn.CodeInvalidParameters, "no such message in %s", conv)
	case r.forgets():
		return nil, fail(op, sdkconn.CodeInvalidParameters, "the messages of %s cannot be edited", conv)
	case e.version != m.body.Version:
		return m, fail(op, sdkconn.CodeMsgModifyConflict, "version %d is the newest, not %d", m.body.Version, e.version)
	}
	b := m.body.clone()
	if b.Elems, err = editElems(op, b.Elems, e.elems); err != nil {
		return nil, err
	}
	b.CloudCustom = e.cloud
	b.Version++
	b, text, err := b.encode()
	if err != nil {
		return nil, &sdkconn.Error{Op: op, Code: sdkconn.CodeInvalidMsgElem, Err: err}
	}
	m.body, m.types = b, typeBits(b.Elems)
	if err := t.exec(`UPDATE msg SET body = ?, types = ? WHERE id = ?`, text, m.types, m.id); err != nil {
		return nil, err
	}
	return m, t.happen(&happening{
		at: t.now, kind: happenedEdit, room: r, msg: m.id, data: strconv.FormatUint(b.Version, 10), row: m,
	})
}

// editable reports whether elements of the type may be edited. The others stay as they are, each in its place among its
// like.
func editable(e sdkconn.Elem) bool {
	switch e.ElemType() {
	case sdkconn.ElemText, sdkconn.ElemCustom, sdkconn.ElemLocation, sdkconn.ElemFace:
		return true
	}
	return false
}

// editElems is what a message's elements become: those that may be edited are the new ones, the others are the old ones.
func editElems(op string, old, edited sdkconn.Elems) (sdkconn.Elems, error) {
	fixed := slices.DeleteFunc(slices.Clone(old), editable)
	all := slices.Clone(edited)
	for i, e := range all {
		if editable(e) {
			continue
		}
		if len(fixed) == 0 || !sameElem(e, fixed[0]) {
			return nil, fail(op, sdkconn.CodeInvalidMsgElem, "element %d: %s elements cannot be edited", i, e.ElemType())
		}
		all[i], fixed = fixed[0], fixed[1:]
	}
	if len(fixed) > 0 {
		return nil, fail(op, sdkconn.CodeInvalidMsgElem, "a %s element cannot be taken away", fixed[0].ElemType())
	}
	return all, nil
}

// sameElem compares what both sides have of two elements.
func sameElem(a, b sdkconn.Elem) bool {
	x, xerr := sdkconn.Marshal(withoutPaths(sdkconn.Elems{a}))
	y, yerr := sdkconn.Marshal(withoutPaths(sdkconn.Elems{b}))
	return xerr == nil && yerr == nil && bytes.Equal(x, y)
}

// seenBy is a message as the user has it now. It shares nothing.
func (l *lookup) seenBy(self *user, m *row) (*sdkconn.Message, error) {
	v, err := l.view(self.id, m.room)
	if err != nil {
		return nil, err
	}
	e, err := l.oldEyes(self, m.room, v)
	if err != nil {
		return nil, err
	}
	if e.card, err = l.card(m.room, m.sender.id); err != nil {
		return nil, err
	}
	if e.hidden, err = l.isHidden(self, m, v); err != nil {
		return nil, err
	}
	if e.note, err = l.note(self, m); err != nil {
		return nil, err
	}
	own := *m
	own.body = m.body.clone()
	return own.message(e), nil
}

// isHidden reports whether the user has deleted the message.
func (l *lookup) isHidden(self *user, m *row, v view) (bool, error) {
	if m.id <= v.cleared {
		return true, nil
	}
	n, err := l.db.integer(`SELECT EXISTS (SELECT 1 FROM hidden WHERE user = ? AND msg = ?)`, self.id, m.id)
	return n != 0, err
}

// edited is the event of an edit. It is told to all who see the message, whoever edited it; of several edits of one message
// only the newest is told late.
func (l *lookup) edited(h *happening, self *user) (*sdkconn.Event, error) {
	m := h.row
	if m == nil || !m.forUser(self) || m.status == sdkconn.StatusRevoked || h.data != strconv.FormatUint(m.body.Version, 10) {
		return nil, nil
	}
	sight, err := l.sight(self, m.room)
	if err != nil || !sight.any || !sight.covers(m.id) {
		return nil, err
	}
	msg, err := l.seenBy(self, m)
	if err != nil || msg.Status == sdkconn.StatusDeleted {
		return nil, err
	}
	return &sdkconn.Event{Kind: sdkconn.EventMsgUpdate, At: h.at, Message: msg}, nil
}
