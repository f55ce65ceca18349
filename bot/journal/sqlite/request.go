package sqlite

import (
	"bytes"
	"slices"
	"sync"

	"github.com/timbot-go/timbot/bot/journal"
)

// request is what waits for the next commit: events, a change, or whatever do does.
type request struct {
	events []journal.Event
	fresh  []bool

	change *journal.Change
	sets   []*text // of the change

	do func(*batch) error

	size int // bytes of data
	rows int
	lazy bool
	err  error
	done chan struct{} // nil for a lazy one
}

// Kinds of writes of lazy changes, for reads that must see them.
const (
	lazyRuns = iota
	lazyState
	lazyTraces
	lazyDone
	lazyKinds
)

func kindsOf(c *journal.Change) (kinds [lazyKinds]bool) {
	kinds[lazyRuns] = len(c.Runs)+len(c.Steps)+len(c.StopTimers)+len(c.SetTimers)+len(c.EndRuns) > 0
	kinds[lazyState] = len(c.State) > 0
	kinds[lazyTraces] = len(c.Traces)+len(c.RuleSets) > 0
	kinds[lazyDone] = len(c.Done) > 0
	return kinds
}

// copied returns the change as it is now; its rule sets are kept by texts.
func copied(c *journal.Change) (out *journal.Change, size int) {
	for _, r := range c.Runs {
		size += len(r.Data)
	}
	for _, s := range c.Steps {
		size += len(s.Data)
	}
	for _, w := range c.State {
		size += len(w.Value)
	}
	for _, t := range c.Traces {
		size += len(t.Data)
	}
	for _, a := range c.Announcements {
		size += len(a.Data)
	}
	for _, w := range c.Targets {
		size += len(w.Data)
	}
	room := make([]byte, 0, size)
	copyOf := func(data []byte) []byte {
		if data == nil {
			return nil
		}
		from := len(room)
		room = append(room, data...)
		return room[from:len(room):len(room)]
	}
	out = &journal.Change{
		Runs: slices.Clone(c.Runs), Steps: slices.Clone(c.Steps), State: slices.Clone(c.State), Counts: slices.Clone(c.Counts),
		StopTimers: slices.Clone(c.StopTimers), SetTimers: slices.Clone(c.SetTimers), Traces: slices.Clone(c.Traces),
		EndRuns: slices.Clone(c.EndRuns), Done: slices.Clone(c.Done), Lazy: c.Lazy,
		Announcements: slices.Clone(c.Announcements), Targets: slices.Clone(c.Targets),
	}
	for i := range out.Runs {
		out.Runs[i].Data = copyOf(out.Runs[i].Data)
	}
	for i := range out.Steps {
		out.Steps[i].Data = copyOf(out.Steps[i].Data)
	}
	for i := range out.State {
		out.State[i].Value = copyOf(out.State[i].Value)
	}
	for i := range out.Traces {
		out.Traces[i].Data = copyOf(out.Traces[i].Data)
	}
	for i := range out.Announcements {
		out.Announcements[i].Data = copyOf(out.Announcements[i].Data)
	}
	for i := range out.Targets {
		out.Targets[i].Data = copyOf(out.Targets[i].Data)
	}
	return out, size
}

func copiedEvents(events []journal.Event) (out []journal.Event, size int) {
	for _, e := range events {
		size += len(e.Data)
	}
	room := make([]byte, 0, size)
	out = slices.Clone(events)
	for i := range out {
		from := len(room)
		room = append(room, out[i].Data...)
		out[i].Data = room[from:len(room):len(room)]
	}
	return out, size
}

func rowsOf(c *journal.Change) int {
	return len(c.Runs) + len(c.Steps) + len(c.State) + len(c.Counts) + len(c.StopTimers) + len(c.SetTimers) + len(c.Traces) +
		len(c.EndRuns) + len(c.Done) + len(c.Announcements) + len(c.Targets)
}

// text is the text of a rule set.
type text struct {
	hash string
	data []byte
}

// maxTexts bounds the texts in memory: a bot names the one it has loaded, again and again.
const maxTexts = 8

// texts copies the text of a rule set once instead of with every change that names it.
type texts struct {
	mu   sync.Mutex
	kept map[string]*text
}

func (t *texts) take(sets []journal.RuleSet) []*text {
	if len(sets) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*text, len(sets))
	for i, s := range sets {
		if out[i] = t.kept[s.Hash]; out[i] != nil {
			continue
		}
		if len(t.kept) >= maxTexts || t.kept == nil {
			t.kept = make(map[string]*text, maxTexts)
		}
		out[i] = &text{s.Hash, bytes.Clone(s.Data)}
		t.kept[s.Hash] = out[i]
	}
	return out
}
