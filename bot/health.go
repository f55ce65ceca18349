package bot

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// The parts of a bot that Health names.
const (
	componentBot        = "bot"
	componentJournal    = "journal"
	componentConnection = "connection"
	componentCatchUp    = "catch-up"
)

// Health is how a bot is.
type Health struct {
	Started  bool      // Run has taken up what the journal held, and has not returned
	Ready    bool      // it answers what comes in: it is started and has no problem
	Problems []Problem // what keeps it from that, by component
}

// Problem is one thing that keeps a bot from answering.
type Problem struct {
	Component string    `json:"component"` // "bot", "journal", "connection" or "catch-up"
	Text      string    `json:"text"`      // for people
	Since     time.Time `json:"since"`
}

// health is what the parts of a bot say of themselves.
type health struct {
	mu       sync.Mutex
	problems map[string]Problem
}

// set notes a problem of a component, in place of one that it has already; that one's Since stays.
func (h *health) set(component, text string, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.problems[component]; ok {
		since = old.Since
	}
	if h.problems == nil {
		h.problems = make(map[string]Problem)
	}
	h.problems[component] = Problem{component, text, since}
}

func (h *health) clear(component string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.problems, component)
}

// Health tells how the bot is. It is cheap: it asks nobody.
func (b *Bot) Health() Health {
	var out Health
	select {
	case <-b.ready:
		out.Started = b.stopped.Err() == nil
	default:
	}
	if !out.Started {
		text := "not started"
		if b.stopped.Err() != nil {
			text = "stopped"
		}
		out.Problems = append(out.Problems, Problem{componentBot, text, b.since})
	}
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	for _, p := range b.health.problems {
		out.Problems = append(out.Problems, p)
	}
	slices.SortFunc(out.Problems, func(x, y Problem) int { return cmp.Compare(x.Component, y.Component) })
	out.Ready = len(out.Problems) == 0
	return out
}

// Stats counts what a bot has to do and has done since it was made.
type Stats struct {
	Queued int // events that wait for a worker
	Timers int // runs that wait for their time

	Handled    uint64 // events, and runs that were woken
	Unused     uint64 // events of a kind that no rule listens to, which are not stored
	Duplicates uint64 // events that had been stored before
	CaughtUp   uint64 // events that were read back after a time without a connection
	TooOld     uint64 // events of such a time that bot.catch_up leaves out
}

// Stats returns the counters. It is cheap: it asks nobody.
func (b *Bot) Stats() Stats {
	return Stats{
		Queued: len(b.queues.slots), Timers: b.timers.len(), Handled: b.handled.Load(), Unused: b.unused.Load(),
		Duplicates: b.duplicates.Load(), CaughtUp: b.caughtUp.Load(), TooOld: b.tooOld.Load(),
	}
}
