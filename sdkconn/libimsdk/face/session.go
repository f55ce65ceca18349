package face

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// session is a login that is there.
type session struct {
	scope     // of its events
	conn      *local.Conn
	listeners *listeners

	ctx    context.Context // of the calls; ends early with the term
	cancel context.CancelFunc
	pump   context.CancelFunc
	work   sync.WaitGroup // the goroutine of the calls, and downloads
	pumped chan struct{}  // closed when no event comes any more

	renewed chan clockwork.Timer // for the end of another signature
	watched chan struct{}        // closed when nobody looks at the signature any more

	mu    sync.Mutex
	more  sync.Cond
	calls []func(context.Context)
	last  bool // no further calls

	once sync.Once
	err  error
}

// startSession begins what a login does beside its calls. s.mu is held.
func (s *SDK) startSession(t *term, conn *local.Conn, expires time.Time) *session {
	c := &session{conn: conn, listeners: s.listeners, pumped: make(chan struct{}),
		renewed: make(chan clockwork.Timer), watched: make(chan struct{})}
	c.more.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(t.ctx)
	ctx, cancel := context.WithCancel(t.ctx)
	c.pump = cancel
	conn.SetMsgElemUploadProgressCallback(func(msg *sdkconn.Message, elem int, current, total uint64) {
		s.uploaded(c, msg, elem, current, total)
	})
	c.work.Go(c.run)
	end := s.until(expires)
	go func() {
		defer close(c.watched)
		if c.waitForEnd(ctx, end) {
			s.expired(t, c)
		}
	}()
	go func() {
		defer close(c.pumped)
		s.synced(c)
		err := conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error { return s.tell(t, c, events) })
		if err != nil && ctx.Err() == nil {
			s.lost(t, c)
		}
	}()
	return c
}

// waitForEnd waits until the signature has ended, and reports whether it did before the login. A nil timer never ends.
func (c *session) waitForEnd(ctx context.Context, timer clockwork.Timer) bool {
	for {
		var end <-chan time.Time
		if timer != nil {
			end = timer.Chan()
		}
		var next clockwork.Timer
		select {
		case <-end:
			return true
		case next = <-c.renewed:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			if next != nil {
				next.Stop()
			}
			return false
		}
		timer = next
	}
}

// until makes a timer for the end of a signature, nil for one that never ends.
func (s *SDK) until(expires time.Time) clockwork.Timer {
	if expires.IsZero() {
		return nil
	}
	return s.config.Clock.NewTimer(expires.Sub(s.config.Clock.Now()))
}

// lasts has the login last until its signature's new end, and reports whether it was there still.
func (c *session) lasts(timer clockwork.Timer) bool {
	select {
	case c.renewed <- timer:
		return true
	case <-c.watched:
		if timer != nil {
			timer.Stop()
		}
		return false
	}
}

// expired ends a login whose signature has ended, and says so. Whoever hears of it may log in at once.
func (s *SDK) expired(t *term, c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != c {
		return
	}
	s.thread.post(&c.scope, func() {
		if f := s.heard(c.listeners).sigExpired; f != nil {
			f()
		}
	})
	s.leave(t, c)
}

// run does the calls, one after another.
func (c *session) run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.calls) == 0 && !c.last {
			c.more.Wait()
		}
		if len(c.calls) == 0 {
			return
		}
		call := c.calls[0]
		c.calls[0] = nil
		if c.calls = c.calls[1:]; len(c.calls) == 0 {
			c.calls = nil
		}
		c.mu.Unlock()
		call(c.ctx)
		c.mu.Lock()
	}
}

// add queues a call. The caller holds the SDK's mutex and found the session in it, so that last is not set.
func (c *session) add(call func(context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
	c.more.Signal()
}

// drain waits until the calls are done.
func (c *session) drain() {
	c.mu.Lock()
	c.last = true
	c.more.Signal()
	c.mu.Unlock()
	c.work.Wait()
}

// close ends the login; calls that are not done are interrupted. Events that nobody took are told at the next login.
func (c *session) close() error {
	c.once.Do(func() {
		c.cancel()
		c.drain()
		c.pump()
		<-c.pumped
		<-c.watched
		c.err = c.conn.Close()
	})
	return c.err
}

// lost is what becomes of a session whose login somebody else took.
func (s *SDK) lost(t *term, c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == c {
		s.leave(t, c)
	}
}

// leave ends the login of the session that is there: calls answer that nobody is logged in, and it is closed, with nothing left
// that could be lost. s.mu is held.
func (s *SDK) leave(t *term, c *session) {
	s.session, s.status = nil, LoginNone
	t.leaving = append(t.leaving, c)
	t.work.Go(func() {
		c.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		t.leaving = slices.DeleteFunc(t.leaving, func(other *session) bool { return other == c })
	})
}

// errEnded is why a handler did not take events.
var errEnded = errors.New("the login ended")
