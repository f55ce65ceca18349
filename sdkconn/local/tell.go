package local

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// This file is the one place where events are told: to those who are logged in right after the commit, and to those who
// come later from the log.

// tell hands what was committed to the logged-in users, on the writer's goroutine.
func (e *engine) tell(all []news) {
	top := int64(0)
	for _, n := range all {
		switch {
		case n.msg != nil:
			e.tellMessage(n.msg)
			top = n.msg.id
		case n.event != nil:
			e.tellEvent(n.event)
			top = n.event.id
		default:
			n.do()
		}
	}
	if top == 0 {
		return
	}
	for _, c := range e.conns {
		c.inbox.seen(top)
	}
}

// concerned calls f for every login that a log position in the room is for.
func (e *engine) concerned(r *room, id int64, f func(*Conn)) {
	if !r.isGroup() {
		if c := e.conns[r.a]; c != nil {
			f(c)
		}
		if c := e.conns[r.b]; c != nil && r.a != r.b {
			f(c)
		}
		return
	}
	if err := e.look.loadMembers(r); err != nil {
		e.log.Error("reading a group's members", "chat", r.name, "err", err)
		return
	}
	if len(e.conns) < len(r.members) {
		for user, c := range e.conns {
			if r.members[user].covers(id) {
				f(c)
			}
		}
		return
	}
	for user, m := range r.members {
		if c := e.conns[user]; c != nil && m.covers(id) {
			f(c)
		}
	}
}

func (e *engine) tellMessage(r *row) {
	e.concerned(r.room, r.id, func(c *Conn) {
		if !r.forUser(c.user) {
			return
		}
		state, err := e.convState(c, r)
		if err != nil {
			e.log.Error("telling a conversation", "err", err)
			return
		}
		if state.opt == sdkconn.ReceiveNot && r.sender.id != c.user.id {
			return
		}
		eyes, err := e.look.eyes(c.user, r.room)
		if err != nil {
			e.log.Error("telling a message", "err", err)
			return
		}
		if eyes.card, err = e.look.card(r.room, r.sender.id); err != nil {
			e.log.Error("telling a message", "err", err)
			return
		}
		m := r.message(eyes)
		if r.sender.id != c.user.id {
			c.inbox.add(r.id, sdkconn.Event{Kind: sdkconn.EventNewMsg, At: r.time, Message: m})
		}
		e.tellNewLast(c, state, r, m)
	})
}

// tellNewLast tells of a conversation that a new message changed.
func (e *engine) tellNewLast(c *Conn, state *convState, r *row, m *sdkconn.Message) {
	if r.flags&flagNoLast != 0 {
		e.tellConv(c, r.room, r.id, r.time)
		return
	}
	info := e.look.convBase(m.Conversation(), r.room)
	info.ActiveTime, info.UnreadNum, info.HasLastMsg, info.LastMsg = r.time, state.unread, true, m
	info.IsPinned, info.RecvOpt = state.pinned, uint32(state.opt)
	change := sdkconn.ConvUpdated
	if state.since == r.id {
		change = sdkconn.ConvAdded
	}
	c.inbox.add(r.id, sdkconn.Event{Kind: sdkconn.EventConv, At: r.time, Conv: &info, ConvChange: change})
}

// tellConv tells one login how one of its conversations stands now.
func (e *engine) tellConv(c *Conn, r *room, id int64, at uint64) {
	info, since, err := e.look.convInfo(c.user, r)
	if err != nil {
		e.log.Error("telling a conversation", "err", err)
		return
	}
	if info == nil {
		return
	}
	change := sdkconn.ConvUpdated
	if since == id {
		change = sdkconn.ConvAdded
	}
	c.inbox.add(id, sdkconn.Event{Kind: sdkconn.EventConv, At: at, Conv: info, ConvChange: change})
}

func (e *engine) tellEvent(h *happening) {
	told := func(c *Conn) {
		ev, err := e.look.event(h, c.user)
		switch {
		case err != nil:
			e.log.Error("telling an event", "err", err)
		case ev != nil:
			c.inbox.add(h.id, *ev)
		}
	}
	if h.user != 0 {
		if c := e.conns[h.user]; c != nil {
			told(c)
		}
		return
	}
	var last bool
	if h.changesMessage() {
		var err error
		if last, err = e.look.isLast(h.row); err != nil {
			e.log.Error("telling a changed message", "err", err)
		}
	}
	e.concerned(h.room, h.id, func(c *Conn) {
		if c.user.id != h.actor {
			told(c)
		}
		if h.changesMessage() {
			delete(c.convs, h.room.id)
			if last {
				e.tellConv(c, h.room, h.id, h.at)
			}
		}
	})
}

// event is the happening as the user is told it, or nil when it is not for him.
func (l *lookup) event(h *happening, self *user) (*sdkconn.Event, error) {
	switch h.kind {
	case happenedRevoke:
		if h.row == nil || !h.row.forUser(self) {
			return nil, nil
		}
		conv, err := l.conversation(h.room, self.id)
		if err != nil {
			return nil, err
		}
		actor, err := l.userByID(h.actor)
		if err != nil {
			return nil, err
		}
		loc := h.row.message(eyes{self: self, conv: conv}).Locator()
		loc.IsRevoked = true
		return &sdkconn.Event{Kind: sdkconn.EventMsgRevoke, At: h.at, Revoked: &sdkconn.Revocation{
			Locator: loc, RevokerUserID: actor.name, RevokerNickName: actor.nick,
		}}, nil
	case happenedEdit:
		return l.edited(h, self)
	case happenedReceipt:
		actor, err := l.userByID(h.actor)
		if err != nil {
			return nil, err
		}
		return &sdkconn.Event{Kind: sdkconn.EventReadedReceipt, At: h.at, Receipt: &sdkconn.MessageReceipt{
			ConvID: actor.name, ConvType: sdkconn.ConvC2C, TimeStamp: uint64(h.msg),
		}}, nil
	case happenedNotice:
		return h.notice()
	case happenedOnline:
		if h.row == nil || !h.row.forUser(self) {
			return nil, nil
		}
		if deaf, err := l.deaf(self, h.room); err != nil || deaf {
			return nil, err
		}
		eyes, err := l.eyes(self, h.room)
		if err != nil {
			return nil, err
		}
		return &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: h.at, Message: h.row.message(eyes)}, nil
	}
	return nil, nil // from a newer timbot
}

// backlogLimit bounds the events that are read from the file at once.
const backlogLimit = 512

// backlog reads what the user has not taken from the log, after one position and at most up to another, and says how far
// it came. Conversations are told once each, as they stand now; what was for users online only is not told at all.
func (c *Conn) backlog(ctx context.Context, after, upTo, login int64) (batch []pending, reached int64, err error) {
	err = c.e.read(ctx, "Subscribe", func(l *lookup) error {
		reached = upTo
		events, err := l.happenings(`WHERE id > ? AND id <= ? AND kind <> ? AND actor <> ? AND (user = ? OR user = 0
			AND room IN (SELECT room FROM view WHERE user = ?)) ORDER BY id LIMIT ?`,
			after, upTo, happenedOnline, c.user.id, c.user.id, c.user.id, backlogLimit)
		if err != nil {
			return err
		}
		if len(events) == backlogLimit {
			reached = events[len(events)-1].id
		}
		// The plus keeps the query on the log, whose old part it need not see; by room it would read every history whole.
		rows, err := l.rows(`WHERE id > ? AND id <= ? AND sender <> ? AND +room IN (SELECT room FROM view WHERE user = ?)
			ORDER BY id LIMIT ?`, after, reached, c.user.id, c.user.id, backlogLimit)
		if err != nil {
			return err
		}
		if len(rows) == backlogLimit {
			reached = rows[len(rows)-1].id
		}
		batch, err = c.late(l, merge(rows, events), reached, login)
		return err
	})
	return batch, reached, err
}

// late makes events of the news up to a log position, and of the conversations that they changed.
func (c *Conn) late(l *lookup, all []news, reached, login int64) ([]pending, error) {
	var batch []pending
	changed := make(map[*room]int64)
	for _, n := range all {
		id, r := int64(0), (*room)(nil)
		if n.msg != nil {
			id, r = n.msg.id, n.msg.room
		} else {
			id, r = n.event.id, n.event.room
		}
		if id > reached {
			break
		}
		ev, err := c.lateOne(l, n, id, r)
		if err != nil {
			return nil, err
		}
		if ev == nil {
			continue
		}
		ev.CaughtUp = id <= login
		batch = append(batch, pending{id, *ev})
		if r != nil && (n.msg != nil || n.event.changesMessage()) {
			changed[r] = id
		}
	}
	if len(batch) == 0 {
		return nil, nil
	}
	rooms := slices.SortedFunc(maps.Keys(changed), func(a, b *room) int { return cmp.Compare(changed[a], changed[b]) })
	last := batch[len(batch)-1].id
	for _, r := range rooms {
		info, _, err := l.convInfo(c.user, r)
		if err != nil {
			return nil, err
		}
		if info != nil {
			batch = append(batch, pending{last, sdkconn.Event{
				Kind: sdkconn.EventConv, At: info.ActiveTime, Conv: info, ConvChange: sdkconn.ConvUpdated,
				CaughtUp: last <= login,
			}})
		}
	}
	return batch, nil
}

func (c *Conn) lateOne(l *lookup, n news, id int64, r *room) (*sdkconn.Event, error) {
	if r != nil && (n.msg != nil || n.event.user == 0) {
		there, err := l.wasThere(r, c.user.id, id)
		if err != nil || !there || r.forgets() {
			return nil, err
		}
	}
	if n.msg == nil {
		return l.event(n.event, c.user)
	}
	if !n.msg.forUser(c.user) {
		return nil, nil
	}
	if deaf, err := l.deaf(c.user, r); err != nil || deaf {
		return nil, err
	}
	eyes, err := l.eyes(c.user, r)
	if err != nil {
		return nil, err
	}
	if eyes.card, err = l.card(r, n.msg.sender.id); err != nil {
		return nil, err
	}
	m := n.msg.message(eyes)
	return &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: n.msg.time, Message: m}, nil
}

// wasThere reports whether what happened in the room at a log position concerned the user.
func (l *lookup) wasThere(r *room, user, id int64) (bool, error) {
	if !r.isGroup() {
		return r.a == user || r.b == user, nil
	}
	m, err := l.member(r, user)
	return m.covers(id), err
}
