package local

import (
	"context"
	"errors"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// maxQueue bounds the events of one login that wait in memory. What comes beyond is read back from the file.
const maxQueue = 4096

// pending is an event and the log position that tells it; an event without a row of its own has that of its cause.
type pending struct {
	id int64
	ev sdkconn.Event
}

// inbox is what one login has not taken yet. In memory is only what came since the last reading of the file: at login,
// and after a handler fell far behind, the inbox lags, and Subscribe reads the file until it has caught up.
type inbox struct {
	mu      sync.Mutex
	queue   []pending
	lagging bool
	read    int64 // while lagging: up to here the file has been read
	login   int64 // the log's end at login: what is older was told in absence
	top     int64 // the log position up to which everybody has been told
	taken   int64 // everything up to here was taken, or did not concern this user
	handed  int64 // everything up to here was taken by the handler
	saved   int64 // and the file knows up to here
	busy    bool  // the handler is at work
	first   int64 // the first log position that it is at work on
	taker   bool  // there is a subscription
	kicked  bool

	more    chan struct{} // one token: there may be something to take
	settled chan struct{} // closed and replaced whenever there is less to take
}

func (b *inbox) init() {
	b.more, b.settled = make(chan struct{}, 1), make(chan struct{})
}

// begin starts a login that has taken everything up to pos.
func (b *inbox) begin(pos, top int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read, b.taken, b.handed, b.saved, b.top, b.login = pos, pos, pos, pos, top, top
	b.lagging = pos < top
	b.nudge()
}

// add queues an event.
func (b *inbox) add(id int64, ev sdkconn.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.top = max(b.top, id)
	if b.lagging || b.kicked {
		return
	}
	if len(b.queue) >= maxQueue && id > b.queue[len(b.queue)-1].id {
		b.lagging, b.read = true, b.queue[len(b.queue)-1].id
		return
	}
	b.queue = append(b.queue, pending{id, ev})
	b.nudge()
}

// seen says that everything up to id has been told to whom it concerns.
func (b *inbox) seen(id int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.top = max(b.top, id)
	b.settle()
}

// settle moves taken over what did not concern this user.
func (b *inbox) settle() {
	if !b.busy && !b.lagging && len(b.queue) == 0 && b.taken < b.top {
		b.taken = b.top
		b.announce()
	}
}

// idle reports whether nothing up to a log position is left to take. An event without a row of its own may have a position
// that was taken already, so that taken alone does not tell.
func (b *inbox) idle(upTo int64) bool {
	return !(b.lagging && b.read < upTo) && !(b.busy && b.first <= upTo) && (len(b.queue) == 0 || b.queue[0].id > upTo)
}

func (b *inbox) announce() {
	close(b.settled)
	b.settled = make(chan struct{})
}

func (b *inbox) nudge() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// kick leaves the one event that says so, and returns how far the others were taken.
func (b *inbox) kick(ev sdkconn.Event) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kicked, b.lagging = true, false
	b.queue = []pending{{b.top, ev}}
	b.nudge()
	return b.taken
}

func (b *inbox) position() (int64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken, b.handed > b.saved && !b.kicked
}

// ended returns the position to be written when the login ends, or -1 when the file knows it.
func (b *inbox) ended() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken == b.saved || b.kicked {
		return -1
	}
	return b.taken
}

func (b *inbox) positionSaved(pos int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = pos
}

// Subscribe implements [sdkconn.Conn]. See the package's documentation for what is kept of events that nobody took.
func (c *Conn) Subscribe(ctx context.Context, h sdkconn.Handler) error {
	const op = "Subscribe"
	b := &c.inbox
	if err := c.check(op); err != nil {
		if b.lastWords() == nil {
			return err
		}
	}
	b.mu.Lock()
	if b.taker {
		b.mu.Unlock()
		return fail(op, sdkconn.CodeInProgress, "there is a subscription already")
	}
	b.taker = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.taker = false
		b.nudge()
		b.mu.Unlock()
	}()
	for {
		if ctx.Err() != nil {
			return nil
		}
		if err := c.check(op); errors.Is(err, sdkconn.CodeNotInitialized) {
			return err
		}
		batch, err := c.gather(ctx)
		if err != nil {
			switch {
			case ctx.Err() != nil:
				return nil
			case b.lastWords() != nil: // kicked meanwhile
				continue
			}
			return err
		}
		if len(batch) > 0 {
			if err := c.hand(ctx, h, batch); err != nil {
				return err
			}
			continue
		}
		if err := c.check(op); err != nil {
			if b.lastWords() != nil { // kicked meanwhile
				continue
			}
			return err
		}
		select {
		case <-b.more:
		case <-ctx.Done():
		case <-c.lost:
		}
	}
}

// lastWords is the event that a kicked login has still to tell.
func (b *inbox) lastWords() []pending {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.kicked {
		return nil
	}
	return b.queue
}

// Partly is the error with which a handler of a Conn of this package takes the first N events that it was given, and not the
// others.
type Partly struct {
	N   int
	Err error
}

func (e *Partly) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *Partly) Unwrap() error { return e.Err }

// hand passes a batch to the handler and records what it took, and puts back the rest, also when the handler panics.
func (c *Conn) hand(ctx context.Context, h sdkconn.Handler, batch []pending) (err error) {
	events := make([]sdkconn.Event, len(batch))
	for i := range batch {
		events[i] = batch[i].ev
	}
	took := 0
	defer func() { c.inbox.handedOver(batch, took) }()
	err = h(ctx, events)
	var some *Partly
	switch {
	case err == nil:
		took = len(batch)
	case errors.As(err, &some):
		took = min(max(some.N, 0), len(batch))
	}
	return err
}

// handedOver ends the handler's work on a batch, of which it took so many.
func (b *inbox) handedOver(batch []pending, took int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = false
	if took > 0 && !b.kicked {
		if last := batch[took-1].id; b.taken < last {
			b.taken, b.handed = last, last
		}
	}
	if rest := batch[took:]; len(rest) > 0 {
		if !b.kicked || rest[len(rest)-1].ev.Kind == sdkconn.EventKickedOffline {
			b.queue = append(rest, b.queue...)
		}
		return
	}
	b.settle()
	b.announce()
}

// gather takes what waits, from memory or, while the inbox lags, from the file. The handler counts as busy from here on
// when something is returned.
func (c *Conn) gather(ctx context.Context) ([]pending, error) {
	b := &c.inbox
	for {
		b.mu.Lock()
		if len(b.queue) > 0 {
			batch := b.queue
			b.queue, b.busy, b.first = nil, true, batch[0].id
			b.mu.Unlock()
			return batch, nil
		}
		if !b.lagging {
			b.mu.Unlock()
			return nil, nil
		}
		from, to, login := b.read, b.top, b.login
		b.mu.Unlock()

		batch, upTo, err := c.backlog(ctx, from, to, login)
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		if b.kicked {
			b.mu.Unlock()
			continue
		}
		b.read = upTo
		if upTo >= b.top {
			b.lagging = false
		}
		if len(batch) > 0 {
			b.busy, b.first = true, batch[0].id
			b.mu.Unlock()
			return batch, nil
		}
		b.settle()
		b.announce()
		b.mu.Unlock()
	}
}

// WaitIdle implements [sdkconn.Idler].
func (c *Conn) WaitIdle(ctx context.Context) error {
	const op = "WaitIdle"
	// What was accepted before, here or in another process, has been told when this comes back.
	if err := c.write(ctx, op, func(*tx) error { return nil }); err != nil {
		return err
	}
	b := &c.inbox
	b.mu.Lock()
	target := b.top
	for !b.idle(target) {
		settled := b.settled
		b.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
			return interrupted(ctx, op)
		case <-c.lost:
			return c.check(op)
		}
		b.mu.Lock()
	}
	b.mu.Unlock()
	return nil
}
