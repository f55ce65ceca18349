package rulestest

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Clock is a virtual clock: time passes when it is told to, from one moment that somebody waits for to the next, in the
// order of the moments and of the asking. All methods may be called from many goroutines at once.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	n       uint64
	waiters []*waiter // by (due, n)
}

var _ clockwork.Clock = (*Clock)(nil)

// NewClock returns a clock that stands at now.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// waiter is a timer or a ticker that is set.
type waiter struct {
	c     *Clock
	due   time.Time
	n     uint64
	every time.Duration // of a ticker
	ch    chan time.Time
	f     func()
}

// Now implements clockwork.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Since implements clockwork.Clock.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Until implements clockwork.Clock.
func (c *Clock) Until(t time.Time) time.Duration { return t.Sub(c.Now()) }

// After implements clockwork.Clock.
func (c *Clock) After(d time.Duration) <-chan time.Time { return c.NewTimer(d).Chan() }

// Sleep implements clockwork.Clock. It blocks until somebody else lets the time pass.
func (c *Clock) Sleep(d time.Duration) { <-c.After(d) }

// NewTimer implements clockwork.Clock.
func (c *Clock) NewTimer(d time.Duration) clockwork.Timer {
	w := &waiter{c: c, ch: make(chan time.Time, 1)}
	w.Reset(d)
	return w
}

// AfterFunc implements clockwork.Clock. f runs in the goroutine that lets the time pass.
func (c *Clock) AfterFunc(d time.Duration, f func()) clockwork.Timer {
	w := &waiter{c: c, f: f}
	w.Reset(d)
	return w
}

// NewTicker implements clockwork.Clock.
func (c *Clock) NewTicker(d time.Duration) clockwork.Ticker {
	if d <= 0 {
		panic("rulestest: a ticker needs a time above zero")
	}
	w := &waiter{c: c, every: d, ch: make(chan time.Time, 1)}
	w.Reset(d)
	return ticker{w}
}

type ticker struct{ w *waiter }

func (t ticker) Chan() <-chan time.Time { return t.w.ch }
func (t ticker) Stop()                  { t.w.Stop() }
func (t ticker) Reset(d time.Duration) {
	t.w.c.mu.Lock()
	t.w.every = d
	t.w.c.mu.Unlock()
	t.w.Reset(d)
}

// Chan implements clockwork.Timer.
func (w *waiter) Chan() <-chan time.Time { return w.ch }

// Stop implements clockwork.Timer. As with time.Timer, nothing comes from the channel after it.
func (w *waiter) Stop() bool {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	return w.remove()
}

// Reset implements clockwork.Timer.
func (w *waiter) Reset(d time.Duration) bool {
	w.c.mu.Lock()
	active := w.remove()
	if d > 0 {
		w.c.add(w, w.c.now.Add(d))
		w.c.mu.Unlock()
		return active
	}
	w.due = w.c.now
	w.c.mu.Unlock()
	if w.every > 0 {
		panic("rulestest: a ticker needs a time above zero")
	}
	w.fire(w.due)
	return active
}

// remove takes w out of the waiters, and out of its channel what nobody has taken. The caller holds the clock.
func (w *waiter) remove() bool {
	if w.ch != nil {
		select {
		case <-w.ch:
		default:
		}
	}
	i := slices.Index(w.c.waiters, w)
	if i < 0 {
		return false
	}
	w.c.waiters = slices.Delete(w.c.waiters, i, i+1)
	return true
}

func (c *Clock) add(w *waiter, due time.Time) {
	c.n++
	w.due, w.n = due, c.n
	i, _ := slices.BinarySearchFunc(c.waiters, w, func(a, b *waiter) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.n, b.n))
	})
	c.waiters = slices.Insert(c.waiters, i, w)
}

// fire lets who waits go on. A channel that is full already keeps what it has.
func (w *waiter) fire(now time.Time) {
	if w.f != nil {
		w.f()
		return
	}
	select {
	case w.ch <- now:
	default:
	}
}

// next is when the first of what is waited for comes; ok is false when nobody waits.
func (c *Clock) next() (due time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiters) == 0 {
		return time.Time{}, false
	}
	return c.waiters[0].due, true
}

// set moves the clock to now, which may be before where it stands, and lets all go on whose time has come by then. Where
// they go on to is not waited for.
func (c *Clock) set(now time.Time) {
	for {
		c.mu.Lock()
		if len(c.waiters) == 0 || c.waiters[0].due.After(now) {
			c.now = now
			c.mu.Unlock()
			return
		}
		w := c.waiters[0]
		c.waiters = c.waiters[1:]
		if w.due.After(c.now) {
			c.now = w.due
		}
		at := c.now
		if w.every > 0 {
			c.add(w, w.due.Add(w.every))
		}
		c.mu.Unlock()
		w.fire(at)
	}
}

// pass lets time pass, as somebody who waits in the middle of what he does sees it.
func (c *Clock) pass(d time.Duration) { c.set(c.Now().Add(d)) }
