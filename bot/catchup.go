package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	historyPage    = 20                     // messages that are read at once, as many as the service recommends
	historyPace    = 100 * time.Millisecond // one call in so long, after a burst
	historyBurst   = time.Second            // worth of calls that need not wait
	historyTimeout = 30 * time.Second       // for one call
	overlap        = 60                     // seconds that are read again before what is known, where there is no seq

	// The pauses before what could not be read is tried again.
	firstAgain = time.Second
	maxAgain   = 5 * time.Minute
)

// What the journal keeps of catching up, in one scope of its state.
const (
	scopeCatchUp = "catchup"
	keyFirst     = "first" // when the bot began on this journal, in Unix seconds: what is older was never its business
	keySince     = "since" // up to here nothing is missing, though positions may be beyond; gone when they are right
	keyLast      = "last/" // by conversation: the locator of its newest message when the bot began
)

// catchUp reads back what came while the bot was down or without a connection. Live events of a conversation wait until
// what came before them was read, which is done first then; a conversation that cannot be read lets them pass, is tried
// again, and the journal remembers that something is missing.
type catchUp struct {
	b *Bot

	keeping sync.Mutex // guards away and since across their writing
	away    bool       // the connection is lost
	since   int64      // as in the journal; 0 when there is none

	mu      sync.Mutex
	round   *round
	closed  bool
	changed chan struct{} // closed and replaced when a live event may go on
	begins  chan struct{} // room for one: there is a new round

	pacing time.Time // theoretical time of the next call
}

// round is one catching up, of all conversations.
type round struct {
	first     int64
	since     int64
	oldest    int64 // older messages are left out
	positions map[string]journal.Position
	last      map[string]sdkconn.Locator

	held   bool // Idle waits for it
	tried  bool // the list of conversations was asked for
	listed bool // and was had
	asked  bool // the requests to come in were had
	gaps   []*gap
	byName map[string]*gap

	conversations, events int
}

func newCatchUp(b *Bot) *catchUp {
	return &catchUp{b: b, changed: make(chan struct{}), begins: make(chan struct{}, 1)}
}

// begin starts a round: at the bot's start, and when the connection is back. It returns before anything is read.
func (c *catchUp) begin(ctx context.Context) error {
	config := c.b.rules().Bot.CatchUp
	c.keeping.Lock()
	state, err := c.b.journal.State(ctx, scopeCatchUp)
	var since int64
	if err == nil {
		err = readNumber(state[keySince], &since)
	}
	if err == nil {
		c.away, c.since = false, since
	}
	c.keeping.Unlock()
	if err != nil {
		return err
	}
	positions, err := c.b.journal.Positions(ctx)
	if err != nil {
		return err
	}
	if state[keyFirst] == nil && len(positions) == 0 { // positions alone are a journal of an older version
		return c.beginFirst(ctx)
	}
	r := &round{
		oldest: c.b.clock.Now().Add(-config.MaxAge).Unix(), positions: make(map[string]journal.Position, len(positions)),
		last: make(map[string]sdkconn.Locator), byName: make(map[string]*gap), since: since,
	}
	for _, p := range positions {
		r.positions[p.Conversation] = p
	}
	if err := readNumber(state[keyFirst], &r.first); err != nil {
		return err
	}
	for key, data := range state {
		if name, ok := strings.CutPrefix(key, keyLast); ok {
			var l sdkconn.Locator
			if err := sdkconn.Unmarshal(data, &l); err != nil {
				return fmt.Errorf("state %s %s: %w", scopeCatchUp, key, err)
			}
			r.last[name] = l
		}
	}
	if _, ok := c.b.conn.(sdkconn.Conversations); !ok || config.MaxAge <= 0 {
		return c.settle(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	if r.held = c.round != nil && c.round.held; !r.held {
		c.b.busy.enter()
		r.held = true
	}
	c.round = r
	c.b.health.set(componentCatchUp, "reading what came while the bot was away", c.b.clock.Now())
	c.announce()
	select {
	case c.begins <- struct{}{}:
	default:
	}
	return nil
}

// readNumber reads a number that the journal may hold.
func readNumber(data []byte, n *int64) error {
	if data == nil {
		return nil
	}
	if err := json.Unmarshal(data, n); err != nil {
		return fmt.Errorf("state %s: %w", scopeCatchUp, err)
	}
	return nil
}

// beginFirst notes where the bot begins on an empty journal.
func (c *catchUp) beginFirst(ctx context.Context) error {
	first := c.b.clock.Now().Unix()
	change := &journal.Change{State: []journal.StateWrite{{Scope: scopeCatchUp, Key: keyFirst, Value: fmt.Append(nil, first)}}}
	if service, ok := c.b.conn.(sdkconn.Conversations); ok {
		list, err := c.list(ctx, service)
		if err != nil {
			c.b.log.Warn("conversations not listed: the bot begins by the time alone", "err", err)
		}
		for i := range list {
			m := list[i].LastMsg
			if m == nil || !list[i].Conversation().Valid() || int64(m.Time()) >= first { // the last may be on its way here
				continue
			}
			data, err := sdkconn.Marshal(m.Locator())
			if err != nil {
				return err
			}
			change.State = append(change.State, journal.StateWrite{
				Scope: scopeCatchUp, Key: keyLast + list[i].Conversation().String(), Value: data,
			})
		}
	}
	return c.b.journal.Commit(ctx, change)
}

// lost notes that the connection is lost: from here on positions do not tell what was handed over.
func (c *catchUp) lost(ctx context.Context, at int64) error {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.away = true
	if c.since != 0 {
		return nil
	}
	return c.keepSince(ctx, at)
}

// missing notes that something after a time is missing, and goes on being.
func (c *catchUp) missing(ctx context.Context, at int64) error {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.since != 0 && c.since <= at {
		return nil
	}
	return c.keepSince(ctx, at)
}

func (c *catchUp) keepSince(ctx context.Context, at int64) error {
	at = max(at, 1)
	err := c.b.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{
		{Scope: scopeCatchUp, Key: keySince, Value: fmt.Append(nil, at)},
	}})
	if err == nil {
		c.since = at
	}
	return err
}

// settle notes that nothing is missing.
func (c *catchUp) settle(ctx context.Context) error {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.away || c.since == 0 {
		return nil
	}
	c.since = 0
	return c.b.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{{Scope: scopeCatchUp, Key: keySince}}})
}

// ahead waits until a live event of the conversation may go on.
func (c *catchUp) ahead(ctx context.Context, name string) error {
	for {
		c.mu.Lock()
		waits := c.holds(name)
		changed := c.changed
		c.mu.Unlock()
		if !waits {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// behind reports whether a live event of the conversation has to wait.
func (c *catchUp) behind(conv sdkconn.Conversation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.round != nil && conv.Valid() && c.holds(conv.String())
}

func (c *catchUp) holds(name string) bool {
	r := c.round
	if r == nil || name == "" {
		return false
	}
	if !r.tried {
		return true
	}
	g := r.byName[name]
	if g == nil || g.failed {
		return false
	}
	g.wanted = true
	return true
}

// announce lets those that wait look again. The caller holds mu.
func (c *catchUp) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// run reads back, round after round, until ctx ends or the journal is closed.
func (c *catchUp) run(ctx context.Context) error {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.closed = true
		c.letGo(c.round)
		c.round = nil
		c.announce()
	}()
	for {
		select {
		case <-c.begins:
		case <-ctx.Done():
			return nil
		}
		if err := c.work(ctx); err != nil {
			return stopped(ctx, fmt.Errorf("catching up: %w", err))
		}
	}
}

// letGo lets Idle go on. The caller holds mu.
func (c *catchUp) letGo(r *round) {
	if r != nil && r.held {
		r.held = false
		c.b.health.clear(componentCatchUp)
		c.b.busy.leave()
	}
}

// work does the round of the moment, until nothing is missing or another round begins. Errors are the journal's, or ctx's.
func (c *catchUp) work(ctx context.Context) error {
	c.mu.Lock()
	r := c.round
	c.mu.Unlock()
	for again := firstAgain; ; again = min(2*again, maxAgain) {
		whole, err := c.pass(ctx, r)
		if err != nil {
			return err
		}
		c.mu.Lock()
		if c.round != r {
			c.mu.Unlock()
			return nil
		}
		c.letGo(r)
		if whole {
			c.round = nil
		}
		c.mu.Unlock()
		if whole {
			if r.events > 0 {
				c.b.log.Info("caught up", "conversations", r.conversations, "events", r.events)
			}
			return c.settle(ctx)
		}
		timer := c.b.clock.NewTimer(again)
		select {
		case <-timer.Chan():
		case <-c.begins:
			timer.Stop()
			select { // for run
			case c.begins <- struct{}{}:
			default:
			}
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// pass tries everything that is missing once; it reports whether nothing is left.
func (c *catchUp) pass(ctx context.Context, r *round) (whole bool, err error) {
	if !r.listed {
		if err := c.find(ctx, r); err != nil {
			return false, err
		}
	}
	failed := make(map[*gap]bool)
	for {
		g := c.choose(r, failed)
		if g == nil {
			break
		}
		over, err := c.readPage(ctx, r, g)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case errors.As(err, new(*unread)):
			c.b.log.Warn("history not read, will be tried again", "conversation", g.name, "err", err)
			if err := c.missing(ctx, g.known); err != nil {
				return false, err
			}
			failed[g] = true
		case err != nil:
			return false, err
		}
		if over || err != nil {
			c.leave(r, g, err == nil)
		}
	}
	if r.listed && !r.asked {
		if err := c.requests(ctx, r); err != nil {
			if ctx.Err() != nil || !errors.As(err, new(*unread)) {
				return false, err
			}
			c.b.log.Warn("requests to join not read, will be tried again", "err", err)
		} else {
			r.asked = true
		}
	}
	return r.listed && r.asked && len(r.gaps) == 0, nil
}

// choose returns the conversation to read from next: one that a live event waits for, else the first; nil when all have
// been tried, or another round began.
func (c *catchUp) choose(r *round, failed map[*gap]bool) *gap {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.round != r {
		return nil
	}
	var first *gap
	for _, g := range r.gaps {
		switch {
		case failed[g]:
		case g.wanted && !g.failed:
			return g
		case first == nil:
			first = g
		}
	}
	return first
}

// leave ends the reading of a conversation, for good or until the next pass.
func (c *catchUp) leave(r *round, g *gap, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g.failed = !done
	if done {
		r.conversations++
		delete(r.byName, g.name)
		for i := range r.gaps {
			if r.gaps[i] == g {
				r.gaps = append(r.gaps[:i], r.gaps[i+1:]...)
				break
			}
		}
	}
	c.announce()
}

// requests stores the open requests to come into a group that no notice told of. They are read last, when the
// connection has handed over what it kept, and have the keys that the notices would have.
func (c *catchUp) requests(ctx context.Context, r *round) error {
	service, ok := c.b.conn.(sdkconn.GroupPendencies)
	if !ok || !c.b.rules().Uses(sdkconn.EventNewMsg) {
		return nil
	}
	if connection, ok := c.b.conn.(sdkconn.Idler); ok {
		if err := connection.WaitIdle(ctx); err != nil {
			return &unread{err}
		}
	}
	var open []sdkconn.Event // the newest first
	for option := (sdkconn.GroupPendencyOption{MaxLimited: historyPage}); ; {
		if err := c.pace(ctx); err != nil {
			return err
		}
		call, cancel := withTimeout(ctx, c.b.clock, historyTimeout)
		page, err := service.GroupGetPendencyList(call, option)
		cancel()
		if err != nil {
			return &unread{err}
		}
		past := false
		for i := range page.Pendencies {
			p := &page.Pendencies[i]
			if past = int64(p.AddTime/1000) < max(r.first, r.oldest); past {
				break
			}
			if e := requestOf(p); e != nil && p.Handled == sdkconn.PendencyOpen {
				open = append(open, *e)
			}
		}
		if past || page.NextStartTime == 0 || page.NextStartTime == option.StartTime {
			break
		}
		option.StartTime = page.NextStartTime
	}
	for i := len(open) - 1; i >= 0; i-- {
		known, err := c.toldRequest(ctx, &open[i])
		if err != nil {
			return err
		}
		if known {
			continue
		}
		fresh, err := c.b.storeAll(ctx, open[i:i+1])
		if err != nil {
			return err
		}
		c.count(r, fresh)
	}
	return nil
}

func (c *catchUp) count(r *round, fresh int) {
	r.events += fresh
	c.b.caughtUp.Add(uint64(fresh))
}

// requestOf is the notice that tells of a request; nil for a kind that has none of its own.
func requestOf(p *sdkconn.GroupPendency) *sdkconn.Event {
	var typ sdkconn.ReportType
	switch p.Type {
	case sdkconn.PendencyJoin:
		typ = sdkconn.ReportAddRequest
	case sdkconn.PendencyInvited:
		typ = sdkconn.ReportInviteReq
	default:
		return nil
	}
	at := p.AddTime / 1000
	return &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: at, CaughtUp: true, Message: &sdkconn.Message{
		ConvType: sdkconn.ConvSystem, Sender: sdkconn.SystemSender, ClientTime: at, ServerTime: at, Status: sdkconn.StatusSendSucc,
		Elems: sdkconn.Elems{&sdkconn.GroupReportElem{
			ReportType: typ, GroupID: p.GroupID, OpUser: p.From, Msg: p.ApplyInviteMsg,
			OpUserInfo: &sdkconn.UserProfile{Identifier: p.From, NickName: p.FromNickName, FaceURL: p.FromFaceURL},
		}},
	}}
}

// requestSkew is how far, in seconds, the times of a request and of its notice may be apart.
const requestSkew = 10

// toldRequest reports whether a notice told of the request, maybe a moment earlier or later than the request says.
func (c *catchUp) toldRequest(ctx context.Context, e *sdkconn.Event) (bool, error) {
	key, _ := requestKey(e)
	_, name, _ := strings.Cut(key, ".")
	records, err := c.b.journal.Records(ctx, journal.Query{
		KeyFrom: fmt.Sprintf("%010d", e.At-min(e.At, requestSkew)), KeyTo: fmt.Sprintf("%010d", e.At+requestSkew+1), Limit: 10_000,
	})
	for i := range records {
		if _, other, _ := strings.Cut(records[i].Key, "."); other == name {
			return true, err
		}
	}
	return false, err
}
