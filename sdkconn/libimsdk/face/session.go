package face

import (
	"context"
	"errors"
	"sync"

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

	mu    sync.Mutex
	more  sync.Cond
	calls []func(context.Context)
	last  bool // no further calls

	once sync.Once
	err  error
}

// startSession begins what a login does beside its calls. s.mu is held.
func (s *SDK) startSession(t *term, conn *local.Conn) *session {
	c := &session{conn: conn, listeners: s.listeners, pumped: make(chan struct{})}
	c.more.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(t.ctx)
	ctx, cancel := context.WithCancel(t.ctx)
	c.pump = cancel
	conn.SetMsgElemUploadProgressCallback(func(msg *sdkconn.Message, elem int, current, total uint64) {
		s.uploaded(c, msg, elem, current, total)
	})
	c.work.Go(c.run)
	go func() {
		defer close(c.pumped)
		s.synced(c)
		err := conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error { return s.tell(c, events) })
		if err != nil && ctx.Err() == nil {
			s.lost(t, c)
		}
	}()
	return c
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
		c.err = c.conn.Close()
	})
	return c.err
}

// lost is what becomes of a session whose login somebody else took.
func (s *SDK) lost(t *term, c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone(c)
	if s.term == t {
		t.work.Go(func() { c.close() }) // there is nothing left that could be lost
	}
}

// gone makes calls answer that nobody is logged in. s.mu is held.
func (s *SDK) gone(c *session) {
	if s.session == c {
		s.session, s.status = nil, LoginNone
	}
}

// errEnded is why a handler did not take events.
var errEnded = errors.New("the login ended")
