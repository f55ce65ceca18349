package native

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

// errTimeout says that the library did not call back in time: some of its calls never do.
var errTimeout = errors.New("no answer in time")

// errNotSent is around what ended a session before a call began.
var errNotSent = errors.New("not called")

// codeMissing is what a call of a function answers that the library does not have.
const codeMissing = int32(sdkconn.CodeInterfaceNotSupport)

// lastID numbers calls over all sessions of the process, so that a late answer finds nobody.
var lastID atomic.Uint64

// session is one use of an engine: calls and their answers.
type session struct {
	engine  engine
	clock   clockwork.Clock
	timeout time.Duration
	hear    func(signal) // on the session's goroutine, in the library's order

	begun bool // TIMInit succeeded; the opener's and the supervisor's alone

	mu      sync.Mutex
	pending map[uint64]*pending
	gone    error // why there is no engine any more

	ended chan struct{} // the engine has ended and nothing is heard any more
}

// pending is a call that waits for its answer.
type pending struct {
	many bool // progress comes through the same callback

	mu    sync.Mutex
	steps []signal // progress that the caller has not been told
	more  chan struct{}

	upload func(signal) bool // whether a step of an upload belongs to this call

	answer signal
	err    error
	done   chan struct{}
}

func newSession(e engine, clock clockwork.Clock, timeout time.Duration, hear func(signal)) *session {
	s := &session{engine: e, clock: clock, timeout: timeout, hear: hear, pending: make(map[uint64]*pending), ended: make(chan struct{})}
	go s.run()
	return s
}

func (s *session) run() {
	defer close(s.ended)
	for {
		signals, err := s.engine.next()
		if err != nil {
			s.mu.Lock()
			s.gone = err
			s.mu.Unlock()
			s.interrupt(err)
			return
		}
		for _, sig := range signals {
			s.dispatch(sig)
		}
	}
}

func (s *session) dispatch(sig signal) {
	switch {
	case sig.id != 0:
		s.mu.Lock()
		p := s.pending[sig.id]
		if p == nil { // its caller has given up
			s.mu.Unlock()
			return
		}
		step := p.many && !sig.returned && sig.desc == "downloading"
		if !step {
			delete(s.pending, sig.id)
		}
		s.mu.Unlock()
		if step {
			p.step(sig)
			return
		}
		p.answer = sig
		close(p.done)
	case sig.event == uploadProgress:
		s.mu.Lock()
		var of *pending
		for _, p := range s.pending {
			if p.upload != nil && p.upload(sig) {
				of = p
				break
			}
		}
		s.mu.Unlock()
		if of != nil {
			of.step(sig)
		}
	default:
		s.hear(sig)
	}
}

func (p *pending) step(sig signal) {
	p.mu.Lock()
	p.steps = append(p.steps, sig)
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *pending) takeSteps() []signal {
	p.mu.Lock()
	defer p.mu.Unlock()
	steps := p.steps
	p.steps = nil
	return steps
}

// interrupt ends every call that waits.
func (s *session) interrupt(err error) {
	s.mu.Lock()
	waiting := s.pending
	s.pending = make(map[uint64]*pending)
	s.mu.Unlock()
	for _, p := range waiting {
		p.err = err
		close(p.done)
	}
}

// progress is what a call tells while it runs.
type progress struct {
	told   func(signal)      // on the caller's goroutine
	many   bool              // through the call's own callback
	upload func(signal) bool // through the callback of uploads: whether it is this call's
}

// call calls a function and waits for its answer: what its callback said, or what it returned when no callback comes. The
// time that is allowed begins anew with every sign of progress.
func (s *session) call(ctx context.Context, c call, on progress) (signal, error) {
	c.id = lastID.Add(1)
	p := &pending{many: on.many, upload: on.upload, more: make(chan struct{}, 1), done: make(chan struct{})}
	s.mu.Lock()
	if s.gone != nil {
		s.mu.Unlock()
		return signal{}, errors.Join(errNotSent, s.gone)
	}
	s.pending[c.id] = p // before the call: its callback may run first
	s.mu.Unlock()
	giveUp := func(err error) (signal, error) {
		s.mu.Lock()
		delete(s.pending, c.id)
		s.mu.Unlock()
		return signal{}, err
	}
	if err := s.engine.start(c); err != nil {
		select {
		case <-s.ended: // it says why
			return giveUp(s.gone)
		case <-ctx.Done(): // what the engine told before waits for a handler
			return giveUp(ctx.Err())
		}
	}
	timer := s.clock.NewTimer(s.timeout)
	defer timer.Stop()
	for {
		select {
		case <-p.more:
			timer.Reset(s.timeout)
			for _, step := range p.takeSteps() {
				on.told(step)
			}
		case <-p.done:
			for _, step := range p.takeSteps() {
				on.told(step)
			}
			return p.answer, p.err
		case <-ctx.Done():
			return giveUp(ctx.Err())
		case <-timer.Chan():
			return giveUp(errTimeout)
		}
	}
}

// do is a call whose failure is an error of the service's kind. The JSON comes with an error too.
func (s *session) do(ctx context.Context, op, function string, args ...any) ([]byte, error) {
	return s.doWith(ctx, op, call{function: function, args: args, callback: true}, progress{})
}

func (s *session) doWith(ctx context.Context, op string, c call, on progress) ([]byte, error) {
	for _, a := range c.args {
		if text, ok := a.(string); ok && strings.ContainsRune(text, 0) { // C would see the part before it
			return nil, fail(op, sdkconn.CodeParam, "%.40q holds a zero byte", text)
		}
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", op, ctx.Err())
	}
	answer, err := s.call(ctx, c, on)
	switch {
	case err == nil && answer.code == 0:
		return answer.json, nil
	case err == nil:
		return answer.json, &sdkconn.Error{Op: op, Code: sdkconn.Code(answer.code), Desc: answer.desc}
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil, fmt.Errorf("%s: %w", op, ctx.Err())
	case errors.Is(err, errTimeout):
		return nil, fail(op, sdkconn.CodeRequestTimeout, "the SDK did not answer within %v", s.timeout)
	case errors.Is(err, errNotSent):
		return nil, &sdkconn.Error{Op: op, Code: sdkconn.CodeReqNoNetOnReq, Err: err}
	}
	return nil, &sdkconn.Error{Op: op, Code: sdkconn.CodeInterrupt, Err: err}
}

// end logs out and ends the engine. It takes what time the SDK needs, but no more than patience for each step.
func (s *session) end(patience time.Duration) {
	ctx, cancel := withTimeout(context.Background(), s.clock, patience)
	defer cancel()
	if s.begun {
		// Whether it succeeds does not matter: the engine ends anyway.
		_, _ = s.call(ctx, call{function: "TIMLogout", callback: true}, progress{})
		_, _ = s.call(ctx, call{function: "TIMUninit"}, progress{})
	}
	s.engine.close()
	<-s.ended
}
