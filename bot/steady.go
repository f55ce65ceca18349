package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
)

// The pauses between the tries of a journal call that fails.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// steady is a journal whose calls do not fail for a while: a call that fails is tried again until it works or its context
// ends. Meanwhile everything behind it waits, up to the connection, and nothing is lost. What no waiting helps with comes
// back at once: ErrConflict, ErrClosed, ErrUnknownRuleSet, and the context's end. Trim, Stats and Close are the journal's
// own: who calls them lives with an error.
type steady struct {
	journal.Journal
	clock  clockwork.Clock
	log    *slog.Logger
	health *health
	tell   func(kind, text string) // the people who look after the bot
	watch  func(working bool)      // whoever observes the bot

	mu      sync.Mutex
	since   time.Time // when it began to fail; zero while it works
	write   bool      // a call that writes failed: one that reads proves nothing
	waiting int       // calls that wait for their next try
}

// call tries f until it works.
func (s *steady) call(ctx context.Context, name string, write bool, f func() error) error {
	for pause, failed := firstPause, false; ; pause = min(2*pause, maxPause) {
		err := f()
		if failed {
			s.leave()
		}
		switch {
		case err == nil:
			s.works(write)
			return nil
		case ctx.Err() != nil, errors.Is(err, journal.ErrConflict), errors.Is(err, journal.ErrClosed),
			errors.Is(err, journal.ErrUnknownRuleSet):
			return err
		}
		failed = true
		s.fails(name, write, err)
		timer := s.clock.NewTimer(pause)
		select {
		case <-timer.Chan():
		case <-ctx.Done():
			timer.Stop()
			s.leave()
			return fmt.Errorf("%w, and the journal failed before: %w", ctx.Err(), err)
		}
	}
}

func (s *steady) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
}

// fails tells that a call failed, once until the journal works again.
func (s *steady) fails(name string, write bool, err error) {
	s.mu.Lock()
	s.waiting++
	first := s.since.IsZero() || write && !s.write
	if s.since.IsZero() {
		s.since = s.clock.Now()
	}
	s.write = s.write || write
	what := "the journal cannot be read: the bot waits until it can"
	if write {
		what = "the journal cannot be written: the bot takes no more messages until it can"
	}
	if first {
		s.health.set(componentJournal, fmt.Sprintf("%s: %v", what, err), s.since)
		s.watch(false)
	}
	s.mu.Unlock()
	if !first {
		return
	}
	s.log.Error(what, "call", name, "err", err)
	s.tell("journal.failed", fmt.Sprintf("%s (%v)", what, err))
}

// works notes that a call worked, which after a failure is told.
func (s *steady) works(write bool) {
	s.mu.Lock()
	if s.since.IsZero() || s.waiting > 0 || s.write && !write {
		s.mu.Unlock()
		return
	}
	took := s.clock.Since(s.since).Round(time.Second)
	s.since, s.write = time.Time{}, false
	s.health.clear(componentJournal)
	s.watch(true)
	s.mu.Unlock()
	s.log.Info(fmt.Sprintf("the journal works again, after %s", took))
	s.tell("journal.works", fmt.Sprintf("the journal works again, after %s", took))
}

// steadily is call for what has a result.
func steadily[T any](ctx context.Context, s *steady, name string, f func() (T, error)) (out T, err error) {
	err = s.call(ctx, name, false, func() error {
		out, err = f()
		return err
	})
	return out, err
}

// Append implements journal.Journal.
func (s *steady) Append(ctx context.Context, events []journal.Event) (fresh []bool, err error) {
	err = s.call(ctx, "Append", true, func() error {
		fresh, err = s.Journal.Append(ctx, events)
		return err
	})
	return fresh, err
}

// Commit implements journal.Journal.
func (s *steady) Commit(ctx context.Context, c *journal.Change) error {
	return s.call(ctx, "Commit", true, func() error { return s.Journal.Commit(ctx, c) })
}

// Pending implements journal.Journal.
func (s *steady) Pending(ctx context.Context, after uint64, limit int) ([]journal.Stored, error) {
	return steadily(ctx, s, "Pending", func() ([]journal.Stored, error) { return s.Journal.Pending(ctx, after, limit) })
}

// Event implements journal.Journal.
func (s *steady) Event(ctx context.Context, key string) (e journal.Event, ok bool, err error) {
	err = s.call(ctx, "Event", false, func() error {
		e, ok, err = s.Journal.Event(ctx, key)
		return err
	})
	return e, ok, err
}

// Records implements journal.Journal.
func (s *steady) Records(ctx context.Context, q journal.Query) ([]journal.Record, error) {
	return steadily(ctx, s, "Records", func() ([]journal.Record, error) { return s.Journal.Records(ctx, q) })
}

// Runs implements journal.Journal.
func (s *steady) Runs(ctx context.Context, event string) ([]journal.Run, error) {
	return steadily(ctx, s, "Runs", func() ([]journal.Run, error) { return s.Journal.Runs(ctx, event) })
}

// Run implements journal.Journal.
func (s *steady) Run(ctx context.Context, id string) (r journal.Run, ok bool, err error) {
	err = s.call(ctx, "Run", false, func() error {
		r, ok, err = s.Journal.Run(ctx, id)
		return err
	})
	return r, ok, err
}

// Steps implements journal.Journal.
func (s *steady) Steps(ctx context.Context, run string) (map[string][]byte, error) {
	return steadily(ctx, s, "Steps", func() (map[string][]byte, error) { return s.Journal.Steps(ctx, run) })
}

// Timers implements journal.Journal.
func (s *steady) Timers(ctx context.Context) ([]journal.Timer, error) {
	return steadily(ctx, s, "Timers", func() ([]journal.Timer, error) { return s.Journal.Timers(ctx) })
}

// State implements journal.Journal.
func (s *steady) State(ctx context.Context, scope string) (map[string][]byte, error) {
	return steadily(ctx, s, "State", func() (map[string][]byte, error) { return s.Journal.State(ctx, scope) })
}

// StateRange implements journal.Journal.
func (s *steady) StateRange(ctx context.Context, scope, after string, limit int) ([]journal.StateEntry, error) {
	return steadily(ctx, s, "StateRange", func() ([]journal.StateEntry, error) {
		return s.Journal.StateRange(ctx, scope, after, limit)
	})
}

// Count implements journal.Journal.
func (s *steady) Count(ctx context.Context, key string, since, until time.Time) (int, error) {
	return steadily(ctx, s, "Count", func() (int, error) { return s.Journal.Count(ctx, key, since, until) })
}

// Position implements journal.Journal.
func (s *steady) Position(ctx context.Context, conversation string) (p journal.Position, ok bool, err error) {
	err = s.call(ctx, "Position", false, func() error {
		p, ok, err = s.Journal.Position(ctx, conversation)
		return err
	})
	return p, ok, err
}

// Positions implements journal.Journal.
func (s *steady) Positions(ctx context.Context) ([]journal.Position, error) {
	return steadily(ctx, s, "Positions", func() ([]journal.Position, error) { return s.Journal.Positions(ctx) })
}

// RuleSet implements journal.Journal.
func (s *steady) RuleSet(ctx context.Context, hash string) (journal.RuleSet, error) {
	return steadily(ctx, s, "RuleSet", func() (journal.RuleSet, error) { return s.Journal.RuleSet(ctx, hash) })
}

// AddTargets implements journal.Journal.
func (s *steady) AddTargets(ctx context.Context, a journal.Announcement, targets []journal.Target) (numbers []uint64, err error) {
	err = s.call(ctx, "AddTargets", true, func() error {
		numbers, err = s.Journal.AddTargets(ctx, a, targets)
		return err
	})
	return numbers, err
}

// Announcement implements journal.Journal.
func (s *steady) Announcement(ctx context.Context, key string) (a journal.Announcement, ok bool, err error) {
	err = s.call(ctx, "Announcement", false, func() error {
		a, ok, err = s.Journal.Announcement(ctx, key)
		return err
	})
	return a, ok, err
}

// Announcements implements journal.Journal.
func (s *steady) Announcements(ctx context.Context, before uint64, limit int) ([]journal.Announcement, error) {
	return steadily(ctx, s, "Announcements", func() ([]journal.Announcement, error) {
		return s.Journal.Announcements(ctx, before, limit)
	})
}

// Targets implements journal.Journal.
func (s *steady) Targets(ctx context.Context, q journal.TargetQuery) ([]journal.Target, error) {
	return steadily(ctx, s, "Targets", func() ([]journal.Target, error) { return s.Journal.Targets(ctx, q) })
}
