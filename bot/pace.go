package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// The bounds of what the bot sends, unless its file says otherwise (bot.pace).
var (
	// paceTotal is for the whole connection. REST has 200/s a command, which other programs of the app share; nothing is
	// published for clients.
	paceTotal = rules.Rate{Times: 100, Per: time.Second}

	// paceChat is for one conversation: what the service publishes for groups. Nothing is published for users; whoever
	// gets more has met a loop.
	paceChat = rules.Rate{Times: 40, Per: time.Second}
)

const (
	// pacePatience is how long a worker waits for a message's turn. A longer wait is a timer.
	pacePatience = 250 * time.Millisecond

	// paceLease is how long a place in a line is kept after its turn for a run that does not come back: it was ended, or
	// all workers are busy.
	paceLease = 10 * time.Second

	// paceLost is the same for a line to which nothing more comes.
	paceLost = 2 * time.Minute

	// paceSlow is how much longer than it needs to a message waits behind one that is being sent for very long.
	paceSlow = 2 * time.Second

	// paceChatWaiting and paceWaiting bound the places in one line and in all: beyond them the connection is held back.
	paceChatWaiting = 1000
	paceWaiting     = 10_000

	// paceStale is how old a turn on the connection may be and still count.
	paceStale = int64(time.Second)
)

// pace says when a message may leave. Every conversation has a line, in which one message leaves after the other in the
// order in which they came, and a bucket; so has the connection. Times in it are nanoseconds of the Unix epoch.
type pace struct {
	clock    clockwork.Clock
	chat     limit
	total    limit
	standing int // how many workers may wait in place behind others

	mu      sync.Mutex
	last    int64  // when the time was last asked for
	bucket  bucket // the connection's
	hold    int64  // nothing leaves before
	lines   map[sdkconn.Conversation]*line
	away    map[string]*place // of runs that wait for a timer, by effect
	waiting int               // places in all lines
	long    int               // lines that are full
	inPlace int               // workers that wait behind others
	swept   int               // lines that the last sweep left
	full    chan struct{}     // closed when there is room again; nil while there is
	stats   PaceStats
	watch   func(waited time.Duration) // whoever observes the bot; nil for nobody
}

// PaceStats tells what left the bot since it was made.
type PaceStats struct {
	Sent    uint64        // messages that were handed to the connection, each target of a batch counted
	Refused uint64        // times that the service said there were too many
	Waited  time.Duration // how long messages waited for their turn, all together
	Waiting int           // messages that wait now
}

// limit is a bound as GCRA takes it: on an empty bucket a burst may leave at once, then one every so often. No window of
// the bound's length holds more than it allows.
type limit struct{ every, burst int64 }

func newLimit(r, otherwise rules.Rate) limit {
	if r.Times <= 0 || r.Per <= 0 {
		r = otherwise
	}
	burst := max(r.Times/4, 1)
	n := int64(r.Times - burst + 1)
	every := (int64(r.Per) + n - 1) / n // rounded up: a window never holds one more
	return limit{every, int64(burst-1) * every}
}

// bucket is when everything that was taken is given back.
type bucket int64

// next is when one more may leave.
func (b bucket) next(l limit) int64 { return int64(b) - l.burst }

func (b *bucket) take(l limit, now int64, n int) { *b = bucket(max(int64(*b), now) + int64(n)*l.every) }

// line is what waits to be sent to one conversation. The first place may be that of a message that is being sent.
type line struct {
	conv   sdkconn.Conversation
	bucket bucket
	hold   int64
	places []*place
}

// place is a message's place in a line; of a batch, in none.
type place struct {
	line    *line
	slot    int64 // its turn on the connection
	came    int64
	started int64         // when it began to leave; 0 before
	effect  string        // while its run is away, else ""
	due     int64         // when its run comes back, while it is away
	turn    chan struct{} // room for one: it may be the first now
}

func newPace(clock clockwork.Clock, p rules.Pace, workers int) *pace {
	return &pace{
		clock: clock, chat: newLimit(p.Chat, paceChat), total: newLimit(p.Total, paceTotal), standing: workers / 2,
		lines: make(map[sdkconn.Conversation]*line), away: make(map[string]*place),
	}
}

// Stats tells what left so far.
func (p *pace) Stats() PaceStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Waiting = p.waiting
	return s
}

// now is the time. When the clock was put back, all that was set by it moves along: else nothing would leave until the
// clock is again where it was. Whoever calls it holds mu.
func (p *pace) now() int64 {
	now := p.clock.Now().UnixNano()
	if by := p.last - now; by > paceStale {
		p.putBack(by)
	}
	p.last = now
	return now
}

func (p *pace) putBack(by int64) {
	p.bucket -= bucket(by)
	p.hold -= by
	for _, l := range p.lines {
		l.bucket -= bucket(by)
		l.hold -= by
		for _, pl := range l.places {
			pl.putBack(by)
		}
	}
	for _, pl := range p.away {
		if pl.line == nil { // of a batch
			pl.putBack(by)
		}
	}
}

func (pl *place) putBack(by int64) {
	pl.slot, pl.came, pl.due = pl.slot-by, pl.came-by, pl.due-by
	if pl.started != 0 {
		pl.started = max(pl.started-by, 1)
	}
}

// enter waits for the turn of the effect's message to conv. It returns the place, which is the caller's until leave or
// refuse; or, unless stay is set, nil and when to come again: the place is kept under the effect's id. Errors are ctx's.
func (p *pace) enter(ctx context.Context, effect string, conv sdkconn.Conversation, stay bool) (*place, time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	pl := p.away[effect]
	if pl != nil && (pl.line == nil || pl.line.conv != conv) { // the inputs are others now
		p.remove(pl)
		pl = nil
	}
	if pl == nil {
		pl = p.join(conv, now)
	}
	p.comeBack(pl)
	for came := now; ; now = p.now() {
		at, first := p.turnOf(pl, now, stay)
		if first && at <= now {
			p.start(pl, now)
			return pl, time.Time{}, nil
		}
		wait := time.Duration(at - now)
		if tired := now-came > int64(pacePatience); !stay && !first && (tired || p.inPlace >= p.standing) {
			return nil, p.goAway(pl, effect, now+int64(max(wait, pacePatience))), nil
		}
		if !stay && wait > pacePatience {
			return nil, p.goAway(pl, effect, now+int64(wait)), nil
		}
		if !first { // whoever is before it tells it, or it looks whether that one will ever come
			wait = pacePatience
		}
		if err := p.stand(ctx, pl, first, wait); err != nil {
			p.remove(pl)
			return nil, time.Time{}, err
		}
	}
}

// turnOf says when the place's turn comes, and whether that is for sure: it is the first in its line.
func (p *pace) turnOf(pl *place, now int64, stay bool) (at int64, first bool) {
	l := pl.line
	lease := int64(paceLease)
	if stay {
		lease = int64(pacePatience) // it keeps a worker, which the other may need
	}
	for l.places[0] != pl {
		head := l.places[0]
		if head.effect != "" && now > head.due+lease {
			p.remove(head)
			continue
		}
		behind := int64(slices.Index(l.places, pl))
		at = max(l.bucket.next(p.chat), l.hold, p.hold, now) + behind*p.chat.every
		if head.started != 0 {
			at = max(at, now+min(now-head.started, int64(paceSlow)))
		}
		return at, false
	}
	if pl.slot < now-paceStale {
		pl.slot = p.reserve(now, 1)
	}
	return max(l.bucket.next(p.chat), l.hold, p.hold, pl.slot), true
}

// reserve takes n turns on the connection and says when they come.
func (p *pace) reserve(now int64, n int) int64 {
	slot := max(p.bucket.next(p.total), now)
	p.bucket.take(p.total, now, n)
	return slot
}

// goAway keeps the place for a run that leaves its worker.
func (p *pace) goAway(pl *place, effect string, at int64) time.Time {
	pl.effect, pl.due, pl.started = effect, at, 0
	p.away[effect] = pl
	if pl.line != nil {
		p.wakeFirst(pl.line)
	}
	return time.Unix(0, at)
}

// comeBack takes the place of a run that is in a worker's hands again.
func (p *pace) comeBack(pl *place) {
	if pl.effect != "" {
		delete(p.away, pl.effect)
		pl.effect = ""
	}
}

// stand waits without the lock.
func (p *pace) stand(ctx context.Context, pl *place, first bool, wait time.Duration) error {
	if !first {
		p.inPlace++
		defer func() { p.inPlace-- }()
	}
	if pl.turn == nil {
		pl.turn = make(chan struct{}, 1)
	}
	p.mu.Unlock()
	defer p.mu.Lock()
	timer := p.clock.NewTimer(max(wait, 1))
	defer timer.Stop()
	select {
	case <-timer.Chan():
	case <-pl.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// start lets the first message of a line leave.
func (p *pace) start(pl *place, now int64) {
	pl.started = max(now, 1)
	pl.line.bucket.take(p.chat, now, 1)
	p.stats.Sent++
	waited := time.Duration(now - pl.came)
	p.stats.Waited += waited
	if waited > 0 && p.watch != nil {
		p.watch(waited)
	}
}

// leave ends a place: the message was sent, or never will be.
func (p *pace) leave(places ...*place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pl := range places {
		p.remove(pl)
	}
}

// refuse takes a message back that the service had no room for: it keeps its place, and nothing leaves before it and
// until then: to its conversation, or, with all, over the connection.
func (p *pace) refuse(pl *place, effect string, until time.Time, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Sent--
	p.stats.Refused++
	pl.came = p.now()
	at := until.UnixNano()
	if all {
		p.hold = max(p.hold, at)
	} else {
		pl.line.hold = max(pl.line.hold, at)
	}
	p.goAway(pl, effect, at)
}

// forget gives up the place that is kept for an effect, if any.
func (p *pace) forget(effect string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pl := p.away[effect]; pl != nil {
		p.remove(pl)
	}
}

// due says when an effect that waits for its turn is to come again; it is in the past for one that holds no place.
func (p *pace) due(effect string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	pl := p.away[effect]
	if pl == nil || pl.line == nil {
		return time.Time{}
	}
	now := p.now()
	at, _ := p.turnOf(pl, now, false)
	if at <= now+int64(pacePatience) {
		return time.Time{}
	}
	pl.due = at
	return time.Unix(0, at)
}

// join puts a new place at the end of a line.
func (p *pace) join(conv sdkconn.Conversation, now int64) *place {
	pl := p.joinLine(conv, now)
	pl.slot = p.reserve(now, 1)
	return pl
}

func (p *pace) joinLine(conv sdkconn.Conversation, now int64) *place {
	l := p.lines[conv]
	if l == nil {
		if len(p.lines) > 2*p.swept+64 {
			p.sweep(now)
		}
		l = &line{conv: conv}
		p.lines[conv] = l
	}
	pl := &place{line: l, came: now}
	l.places = append(l.places, pl)
	p.waiting++
	if len(l.places) == paceChatWaiting {
		p.long++
	}
	if p.crowded() && p.full == nil {
		p.full = make(chan struct{})
	}
	return pl
}

// remove takes a place out of its line.
func (p *pace) remove(pl *place) {
	p.comeBack(pl)
	l := pl.line
	if l == nil {
		return
	}
	i := slices.Index(l.places, pl)
	if i < 0 { // removed before
		return
	}
	if len(l.places) == paceChatWaiting {
		p.long--
	}
	l.places = slices.Delete(l.places, i, i+1)
	p.waiting--
	if p.full != nil && !p.crowded() {
		close(p.full)
		p.full = nil
	}
	p.wakeFirst(l)
}

// wakeFirst tells the first in a line, if a worker stands there.
func (p *pace) wakeFirst(l *line) {
	if len(l.places) == 0 || l.places[0].turn == nil {
		return
	}
	select {
	case l.places[0].turn <- struct{}{}:
	default:
	}
}

// sweep forgets the conversations to which nothing was sent lately.
func (p *pace) sweep(now int64) {
	p.clearAway(now)
	for conv, l := range p.lines {
		if len(l.places) == 0 && int64(l.bucket) <= now && l.hold <= now {
			delete(p.lines, conv)
		}
	}
	p.swept = len(p.lines)
}

// clearAway takes the places of runs that did not come back for long.
func (p *pace) clearAway(now int64) {
	for _, pl := range p.away {
		if now > pl.due+int64(paceLost) {
			p.remove(pl)
		}
	}
}

func (p *pace) crowded() bool { return p.waiting >= paceWaiting || p.long > 0 }

// room waits until not too much is waiting.
func (p *pace) room(ctx context.Context) error {
	for {
		p.mu.Lock()
		full := p.full
		p.mu.Unlock()
		if full == nil {
			return nil
		}
		timer := p.clock.NewTimer(paceLost)
		select {
		case <-full:
		case <-timer.Chan():
			p.mu.Lock()
			p.clearAway(p.now())
			p.mu.Unlock()
		case <-ctx.Done():
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// enterBatch waits for a batch's turn on the connection, as enter does, and takes a place for each conversation to which
// a message may leave at once; the others are nil.
func (p *pace) enterBatch(ctx context.Context, effect string, convs []sdkconn.Conversation, stay bool) ([]*place, time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	pl := p.away[effect]
	if pl != nil && pl.line != nil {
		p.remove(pl)
		pl = nil
	}
	if pl != nil {
		p.comeBack(pl)
	}
	if pl == nil || pl.slot < now-paceStale {
		pl = &place{slot: p.reserve(now, len(convs)), came: now}
	}
	for ; ; now = p.now() {
		wait := time.Duration(max(pl.slot, p.hold) - now)
		if wait <= 0 {
			break
		}
		if !stay && wait > pacePatience {
			return nil, p.goAway(pl, effect, now+int64(wait)), nil
		}
		if err := p.stand(ctx, pl, true, wait); err != nil {
			return nil, time.Time{}, err
		}
	}
	places := make([]*place, len(convs))
	for i, conv := range convs {
		if l := p.lines[conv]; l != nil && (len(l.places) > 0 || l.hold > now || l.bucket.next(p.chat) > now) {
			continue
		}
		places[i] = p.joinLine(conv, now)
		places[i].slot, places[i].came = now, pl.came
		p.start(places[i], now)
	}
	return places, time.Time{}, nil
}

// refuseBatch is refuse for a whole batch: over the connection.
func (p *pace) refuseBatch(places []*place, effect string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pl := range places {
		p.remove(pl)
	}
	p.stats.Sent -= uint64(len(places))
	p.stats.Refused++
	p.hold = max(p.hold, until.UnixNano())
	p.goAway(&place{slot: until.UnixNano(), came: p.now()}, effect, until.UnixNano())
}
