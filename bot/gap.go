package bot

import (
	"cmp"
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// gap is a conversation of which something is missing.
type gap struct {
	name   string
	conv   sdkconn.Conversation
	next   sdkconn.GetMsgListParam
	last   *sdkconn.Locator // what the bot began after
	known  int64            // up to here everything is known, in Unix seconds
	failed bool             // it could not be read: live events pass
	wanted bool             // one waits
}

// unread is a failure of the connection to tell what it keeps.
type unread struct{ err error }

func (u *unread) Error() string { return u.err.Error() }
func (u *unread) Unwrap() error { return u.err }

// find lists the conversations of which something is missing.
func (c *catchUp) find(ctx context.Context, r *round) error {
	list, err := c.list(ctx, c.b.conn.(sdkconn.Conversations))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.b.log.Warn("conversations not listed, will be tried again", "err", err)
		var newest int64
		for _, p := range r.positions {
			newest = max(newest, p.At.Unix())
		}
		if err := c.missing(ctx, max(newest, r.first)); err != nil {
			return err
		}
	}
	var gaps []*gap
	for i := range list {
		g, err := c.gap(ctx, r, &list[i])
		if err != nil {
			return err
		}
		if g != nil {
			gaps = append(gaps, g)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.tried, r.listed, r.gaps = true, err == nil, gaps
	for _, g := range gaps {
		r.byName[g.name] = g
	}
	c.announce()
	return nil
}

func (c *catchUp) list(ctx context.Context, service sdkconn.Conversations) ([]sdkconn.ConvInfo, error) {
	ctx, cancel := withTimeout(ctx, c.b.clock, historyTimeout)
	defer cancel()
	return service.ConvGetConvList(ctx)
}

// gap says from where on a conversation is to be read; nil when nothing is missing.
func (c *catchUp) gap(ctx context.Context, r *round, info *sdkconn.ConvInfo) (*gap, error) {
	conv := info.Conversation()
	if !conv.Valid() || conv.Type == sdkconn.ConvGroup && info.GroupType == sdkconn.GroupAVChatRoom || !info.HasLastMsg {
		return nil, nil
	}
	g := &gap{name: conv.String(), conv: conv}
	g.next = sdkconn.GetMsgListParam{Count: historyPage, IsForward: true, IsRamble: true}
	if l, ok := r.last[g.name]; ok {
		g.last = &l
	}
	p, seen := r.positions[g.name]
	group := conv.Type == sdkconn.ConvGroup
	begin := r.first
	switch {
	case r.since != 0:
		begin, g.known = max(r.since-overlap, r.first), r.since
	case seen && group && p.Seq != 0:
		g.next.LastMsgSeq, g.known = p.Seq+1, p.At.Unix()
	case seen:
		begin, g.known = max(p.At.Unix()-overlap, r.first), p.At.Unix()
	case g.last != nil && group:
		g.next.LastMsgSeq, g.known = g.last.Seq+1, r.first
	default:
		g.known = r.first
	}
	g.known = max(g.known, r.oldest)
	g.next.TimeBegin = uint64(max(begin, r.oldest, 1))
	m := info.LastMsg
	switch {
	case m == nil:
	case m.Time() < g.next.TimeBegin, g.next.LastMsgSeq != 0 && m.Seq != 0 && m.Seq < g.next.LastMsgSeq, !g.isNew(m):
		return nil, nil
	case r.since == 0 && seen && !group:
		e := told(&sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: m})
		if _, known, err := c.b.journal.Event(ctx, e.Key()); known || err != nil {
			return nil, err
		}
	}
	return g, nil
}

// isNew reports whether a message came after the one that the bot began with.
func (g *gap) isNew(m *sdkconn.Message) bool {
	l := g.last
	if l == nil {
		return true
	}
	if g.conv.Type == sdkconn.ConvGroup && l.Seq != 0 && m.Seq != 0 {
		return m.Seq > l.Seq
	}
	return cmp.Or(cmp.Compare(m.Time(), l.Time), cmp.Compare(m.Seq, l.Seq), cmp.Compare(m.Rand, l.Rand)) > 0
}

// readPage stores the next page of a conversation; over says that it was the last one.
func (c *catchUp) readPage(ctx context.Context, r *round, g *gap) (over bool, err error) {
	if err := c.pace(ctx); err != nil {
		return false, err
	}
	call, cancel := withTimeout(ctx, c.b.clock, historyTimeout)
	defer cancel()
	page, err := c.b.conn.GetMsgList(call, g.conv, g.next)
	if err != nil {
		return false, &unread{err}
	}
	if len(page) == 0 {
		return true, nil
	}
	var events []sdkconn.Event
	for _, m := range page {
		switch {
		case !g.isNew(m) || m.IsFromSelf || m.Status != sdkconn.StatusSendSucc && m.Status != sdkconn.StatusRevoked:
		case int64(m.Time()) < r.oldest:
			c.b.tooOld.Add(1)
		default:
			events = append(events, sdkconn.Event{Kind: sdkconn.EventNewMsg, At: m.Time(), Message: m, CaughtUp: true})
		}
	}
	fresh, err := c.b.storeAll(ctx, events)
	if err != nil {
		return false, err
	}
	c.count(r, fresh)
	last := page[len(page)-1]
	if g.next.LastMsg != nil && last.Locator().Message().Time() == g.next.LastMsg.Time() && last.Seq == g.next.LastMsg.Seq &&
		last.Rand == g.next.LastMsg.Rand { // a service that does not move on
		return true, nil
	}
	g.next.LastMsg, g.next.LastMsgSeq = last, 0
	return false, nil
}

// pace waits for the next call's turn.
func (c *catchUp) pace(ctx context.Context) error {
	now := c.b.clock.Now()
	if c.pacing.Before(now) || c.pacing.Sub(now) > historyBurst+historyPace { // the latter of a clock that was put back
		c.pacing = now
	}
	c.pacing = c.pacing.Add(historyPace)
	if wait := c.pacing.Sub(now) - historyBurst; wait > 0 && !c.b.pause(ctx, wait) {
		return ctx.Err()
	}
	return nil
}
