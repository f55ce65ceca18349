package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/wire"
)

const (
	startTimeout = 30 * time.Second
	stopGrace    = 5 * time.Second
	patience     = 3 * time.Second  // how long a call waits for a plugin that is to be started again
	steadyAfter  = 30 * time.Second // who lives so long begins anew with the shortest backoff
	lookEvery    = time.Second      // how often the files are looked at when calls come
)

var errClosed = errors.New("the bot is being stopped")

// supervisor looks after one plugin.
type supervisor struct {
	host *Host
	name string
	room chan struct{} // calls at once: replaced with the limits

	kept kept

	mu       sync.Mutex
	plugin   *Plugin
	current  *instance // nil: none runs
	starting *start    // nil: none is being started
	stamp    string    // of the files when current was started, or could not be
	looked   time.Time
	crashes  []time.Time // within Restart.Within, the oldest first
	streak   int         // ends in a row that came soon
	next     time.Time   // no start before it
	failure  string      // the last; "" when it does
	unwell   string      // what it says itself
	starts   int
	ends     int // by itself
	closed   bool
}

// start is a start that is under way.
type start struct {
	done chan struct{}
	err  error
}

func (h *Host) newSupervisor(p *Plugin) *supervisor {
	return &supervisor{host: h, name: p.Name, plugin: p, room: make(chan struct{}, p.Limits.Concurrency)}
}

// failure codes of steps.
const (
	codeDown    = "plugin_down"    // it is not running, and is not started now
	codeCrashed = "plugin_crashed" // it ended in the middle of the call
	codeFault   = "plugin_fault"   // what it answered cannot be used
)

// get returns a running instance, and starts one when there is none.
func (s *supervisor) get(ctx context.Context) (*instance, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, &actions.Failure{Code: codeDown, Text: fmt.Sprintf("plugin %s: %v", s.name, errClosed)}
	}
	if i := s.current; i != nil {
		now := s.host.clock.Now()
		look := now.Sub(s.looked) >= lookEvery
		if look {
			s.looked = now
		}
		s.mu.Unlock()
		if look {
			s.swapIfChanged()
		}
		return i, nil
	}
	if s.starting == nil {
		if wait, why := s.held(); wait > patience {
			s.mu.Unlock()
			return nil, &actions.Failure{Code: codeDown, Text: fmt.Sprintf("plugin %s is down: %s; it is started again in %s",
				s.name, why, wait.Round(time.Second))}
		}
		s.beginStart(false)
	}
	st := s.starting
	s.mu.Unlock()
	select {
	case <-st.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("plugin %s is being started: %w", s.name, context.Cause(ctx))
	}
	if st.err != nil {
		return nil, &actions.Failure{Code: codeDown, Text: fmt.Sprintf("plugin %s cannot be started", s.name), Err: st.err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, &actions.Failure{Code: codeDown, Text: fmt.Sprintf("plugin %s ended when it was started: %s", s.name, s.failure)}
	}
	return s.current, nil
}

// held says for how long no start may be, and why. The caller holds mu.
func (s *supervisor) held() (time.Duration, string) {
	now := s.host.clock.Now()
	s.crashes = slices.DeleteFunc(s.crashes, func(t time.Time) bool { return now.Sub(t) >= s.plugin.Restart.Within })
	wait, why := s.next.Sub(now), s.failure
	if len(s.crashes) >= s.plugin.Restart.Crashes {
		wait = max(wait, s.crashes[0].Add(s.plugin.Restart.Within).Sub(now))
		why = fmt.Sprintf("it ended %d times within %s, the last: %s", len(s.crashes), s.plugin.Restart.Within, s.failure)
	}
	return max(wait, 0), why
}

// beginStart starts an instance: when it may, or now. The caller holds mu, and nothing is being started.
func (s *supervisor) beginStart(now bool) {
	st := &start{done: make(chan struct{})}
	s.starting = st
	wait, _ := s.held()
	if now {
		wait = 0
	}
	s.host.work.Go(func() {
		defer close(st.done)
		st.err = s.start(wait, st)
	})
}

func (s *supervisor) start(wait time.Duration, st *start) error {
	h := s.host
	if wait > 0 {
		timer := h.clock.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.Chan():
		case <-h.ctx.Done():
		}
	}
	s.mu.Lock()
	p := s.plugin
	s.looked = h.clock.Now()
	s.stamp = p.stamp()
	s.starts++
	s.mu.Unlock()
	i, err := s.launch(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starting = nil
	if err != nil {
		s.failed(err)
		if s.plugin.AtOnce && !s.closed {
			s.beginStart(false)
		}
		return err
	}
	if s.closed {
		h.leaving.Go(func() { i.stop(stopGrace) })
		return errClosed
	}
	s.failure, s.unwell, s.current = "", "", i
	if p != s.plugin { // it was changed meanwhile
		s.beginSwap()
	}
	return nil
}

// launch starts a process of the plugin, within startTimeout.
func (s *supervisor) launch(p *Plugin) (*instance, error) {
	h := s.host
	if err := h.ctx.Err(); err != nil {
		return nil, errClosed
	}
	i := &instance{
		host: h, plugin: p, say: s.say, asked: s.answer, outbox: make(chan *wire.HostMessage, maxOutbox),
		broken: make(chan struct{}), dead: make(chan struct{}), ended: make(chan struct{}), running: make(map[uint64]*running),
		unwell: func(ok bool, text string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.unwell = ""; !ok {
				s.unwell = text
				h.log.Warn("plugin is not well", "plugin", s.name, "err", text)
			}
		},
	}
	i.ctx, i.cancel = context.WithCancel(h.ctx)
	ctx, cancel := context.WithCancelCause(h.ctx)
	defer cancel(context.Canceled)
	timer := h.clock.AfterFunc(startTimeout, func() {
		cancel(&faultError{fmt.Sprintf("it was not ready within %s and was killed", startTimeout)})
	})
	defer timer.Stop()
	began := h.clock.Now()
	if err := h.launch(ctx, i); err != nil {
		h.log.Warn("plugin cannot be started", "plugin", s.name, "err", err)
		return nil, err
	}
	h.log.Info("plugin started", "plugin", s.name, "version", p.Version, "pid", i.proc.pid, "took", h.clock.Since(began))
	h.work.Go(func() { s.await(i) })
	return i, nil
}

// await waits for the instance's end.
func (s *supervisor) await(i *instance) {
	<-i.dead
	defer close(i.ended)
	h := s.host
	i.mu.Lock()
	cause, asked := i.cause, i.stopping
	i.mu.Unlock()
	if asked || cause == nil || h.ctx.Err() != nil {
		h.log.Info("plugin stopped", "plugin", s.name, "pid", i.proc.pid)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.current == i {
			s.current = nil
		}
		return
	}
	err := i.verdict(cause)
	h.log.Warn("plugin ended", "plugin", s.name, "pid", i.proc.pid, "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends++
	h.observer.PluginEnded(s.name)
	if s.current != i { // an old one, that was draining
		return
	}
	s.current = nil
	if h.clock.Since(i.began) >= steadyAfter {
		s.streak = 0
	}
	s.failed(err)
	if s.plugin.AtOnce && !s.closed && s.starting == nil {
		s.beginStart(false)
	}
}

// failed counts an end. The caller holds mu.
func (s *supervisor) failed(err error) {
	if errors.Is(err, errClosed) {
		return
	}
	now := s.host.clock.Now()
	s.failure = err.Error()
	s.crashes = append(s.crashes, now)
	delay := s.plugin.Restart.Backoff << min(s.streak, 10)
	s.streak++
	if s.streak == 1 { // the first one is started again at once
		delay = 0
	}
	s.next = now.Add(min(delay, max(maxBackoff, s.plugin.Restart.Backoff)))
}

// swapIfChanged lets a new process take over when the files have changed. Calls that run finish on the old one.
func (s *supervisor) swapIfChanged() {
	s.mu.Lock()
	p := s.plugin
	s.mu.Unlock()
	stamp := p.stamp()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.current == nil || s.starting != nil || p != s.plugin || stamp == s.stamp || stamp == "" {
		return
	}
	s.stamp = stamp
	s.beginSwap()
}

// beginSwap starts a new process that takes the current one's place. When it cannot be started the old one stays. The caller
// holds mu, there is a current instance, and nothing is being started.
func (s *supervisor) beginSwap() {
	st := &start{done: make(chan struct{})}
	s.starting = st
	s.starts++
	p, old := s.plugin, s.current
	s.host.work.Go(func() {
		defer close(st.done)
		i, err := s.launch(p)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.starting = nil
		if err != nil {
			s.failure, st.err = "the new program is not used: "+err.Error(), err
			if s.current == nil && s.plugin.AtOnce && !s.closed { // the old one ended meanwhile
				s.beginStart(false)
			}
			return
		}
		if s.closed {
			s.host.leaving.Go(func() { i.stop(stopGrace) })
			st.err = errClosed
			return
		}
		s.current, s.failure, s.unwell = i, "", ""
		s.host.leaving.Go(func() { old.drain(stopGrace) })
		if p != s.plugin {
			s.beginSwap()
		}
	})
}

// use changes what is run. Calls that run finish as they began.
func (s *supervisor) use(p *Plugin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plugin.same(p) || s.closed {
		return
	}
	if cap(s.room) != p.Limits.Concurrency {
		s.room = make(chan struct{}, p.Limits.Concurrency)
	}
	s.plugin = p
	s.crashes, s.streak, s.next = nil, 0, time.Time{} // whoever changed it wants to see it run
	switch {
	case s.starting != nil: // looks again when it is done
	case s.current != nil:
		s.stamp = p.stamp()
		s.beginSwap()
	case p.AtOnce:
		s.beginStart(true)
	}
}

// restart starts the plugin anew, whatever happened before, and waits until it runs.
func (s *supervisor) restart(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return errClosed
		}
		s.crashes, s.streak, s.next = nil, 0, time.Time{}
		st := s.starting
		mine := st == nil
		if mine {
			if s.current != nil {
				s.stamp = s.plugin.stamp()
				s.beginSwap()
			} else {
				s.beginStart(true)
			}
			st = s.starting
		}
		s.mu.Unlock()
		select {
		case <-st.done:
			if mine {
				return st.err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// close stops the plugin for good, and waits until it has ended.
func (s *supervisor) close(drain bool) {
	s.mu.Lock()
	s.closed = true
	i := s.current
	s.mu.Unlock()
	if i == nil {
		return
	}
	if drain {
		i.drain(stopGrace)
		return
	}
	i.stop(stopGrace)
}

// say takes something that a process said.
func (s *supervisor) say(pid int, level, text string, lost int) {
	now := s.host.clock.Now()
	if lost > 0 {
		s.kept.add(Line{At: now, Level: "warn", Text: fmt.Sprintf("%d lines were lost: it writes too many", lost), PID: pid})
		s.host.log.Warn("plugin writes too much", "plugin", s.name, "lost", lost)
	}
	if text == "" {
		return
	}
	s.kept.add(Line{At: now, Level: level, Text: text, PID: pid})
	log := s.host.log.With("plugin", s.name, "pid", pid)
	switch level {
	case "info":
		log.Info(text)
	case "warn":
		log.Warn(text)
	case "error":
		log.Error(text)
	default: // what it writes for itself, which may be anything
		log.Debug(text, "stream", level)
	}
}
