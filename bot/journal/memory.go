package journal

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// DefaultKeep is how many keys of done events a Memory journal remembers.
const DefaultKeep = 100_000

// Memory is a journal that dies with its process: for tests, for chat at the terminal, and as the model that the
// others are compared with. Make one with NewMemory.
type Memory struct {
	mu     sync.Mutex
	closed bool
	keep   int

	n         uint64
	events    map[string]*memoryEvent
	pending   []*memoryEvent // in the order of n; some are done already
	undone    int            // how many of pending are not
	done      []string       // keys of done events, oldest first from doneHead
	doneHead  int
	runs      map[string]*memoryRun
	timers    map[string]Timer
	state     map[string]map[string][]byte
	counts    map[string][]mark
	positions map[string]Position
	sets      map[string]*memorySet
}

type memorySet struct {
	data []byte
	runs int // open ones that name it
}

type memoryEvent struct {
	Stored
	done bool
	runs map[string]struct{} // open ones
}

type memoryRun struct {
	Run
	steps  map[string][]byte
	timers map[string]struct{}
}

type mark struct{ at, expire time.Time }

var _ Journal = (*Memory)(nil)

// NewMemory returns an empty journal. keep is how many keys of done events it remembers, the oldest forgotten first; 0
// means DefaultKeep.
func NewMemory(keep int) *Memory {
	if keep <= 0 {
		keep = DefaultKeep
	}
	return &Memory{
		keep: keep, events: make(map[string]*memoryEvent), runs: make(map[string]*memoryRun),
		timers: make(map[string]Timer), state: make(map[string]map[string][]byte), counts: make(map[string][]mark),
		positions: make(map[string]Position), sets: make(map[string]*memorySet),
	}
}

// lock takes the journal's lock unless it is closed or ctx is done.
func (m *Memory) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	return nil
}

// Append implements Journal.
func (m *Memory) Append(ctx context.Context, events []Event) ([]bool, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	fresh := make([]bool, len(events))
	for i, e := range events {
		if _, seen := m.events[e.Key]; seen {
			continue
		}
		fresh[i] = true
		m.n++
		e.Data = slices.Clone(e.Data)
		stored := &memoryEvent{Stored: Stored{N: m.n, Event: e}}
		m.events[e.Key] = stored
		m.pending = append(m.pending, stored)
		m.undone++
		if e.Conversation != "" {
			p := m.positions[e.Conversation]
			p.Conversation = e.Conversation
			p.Seq = max(p.Seq, e.Seq)
			if e.At.After(p.At) {
				p.At = e.At
			}
			m.positions[e.Conversation] = p
		}
	}
	return fresh, nil
}

// Commit implements Journal.
func (m *Memory) Commit(ctx context.Context, c *Change) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if !m.countsHold(c.Counts) {
		return ErrConflict
	}
	for _, s := range c.RuleSets {
		if m.sets[s.Hash] == nil {
			m.sets[s.Hash] = &memorySet{data: slices.Clone(s.Data)}
		}
	}
	for _, r := range c.Runs {
		m.putRun(r)
	}
	for _, s := range c.Steps {
		if r := m.runs[s.Run]; r != nil {
			r.steps[s.Key] = slices.Clone(s.Data)
		}
	}
	for _, w := range c.State {
		m.write(w)
	}
	for _, w := range c.Counts {
		m.counts[w.Key] = append(m.counts[w.Key], mark{w.At, w.Expire})
	}
	for _, id := range c.StopTimers {
		m.stopTimer(id)
	}
	for _, t := range c.SetTimers {
		if r := m.runs[t.Run]; r != nil {
			m.stopTimer(t.ID)
			m.timers[t.ID] = t
			r.timers[t.ID] = struct{}{}
		}
	}
	for _, id := range c.EndRuns {
		m.endRun(id)
	}
	for _, key := range c.Done {
		m.finish(key)
	}
	return nil
}

// countsHold reports whether every counter is as its writer saw it; several marks of one change on one counter are
// counted one after another.
func (m *Memory) countsHold(writes []CountWrite) bool {
	for i, w := range writes {
		n := m.count(w.Key, w.Since)
		for _, earlier := range writes[:i] {
			if earlier.Key == w.Key && earlier.At.After(w.Since) {
				n++
			}
		}
		if n != w.Before {
			return false
		}
		// The moment of a mark is the only clock that a journal sees: what had expired by then goes.
		m.counts[w.Key] = slices.DeleteFunc(m.counts[w.Key], func(k mark) bool { return k.expire.Before(w.At) })
	}
	return true
}

func (m *Memory) putRun(r Run) {
	r.Data = slices.Clone(r.Data)
	if old := m.runs[r.ID]; old != nil {
		old.Run = r
		return
	}
	m.runs[r.ID] = &memoryRun{Run: r, steps: make(map[string][]byte), timers: make(map[string]struct{})}
	if set := m.sets[r.RuleSet]; set != nil {
		set.runs++
	}
	if e := m.events[r.Event]; e != nil {
		if e.runs == nil {
			e.runs = make(map[string]struct{})
		}
		e.runs[r.ID] = struct{}{}
	}
}

func (m *Memory) write(w StateWrite) {
	if w.Value == nil {
		delete(m.state[w.Scope], w.Key)
		if len(m.state[w.Scope]) == 0 {
			delete(m.state, w.Scope)
		}
		return
	}
	if m.state[w.Scope] == nil {
		m.state[w.Scope] = make(map[string][]byte)
	}
	m.state[w.Scope][w.Key] = slices.Clone(w.Value)
}

func (m *Memory) stopTimer(id string) {
	t, ok := m.timers[id]
	if !ok {
		return
	}
	delete(m.timers, id)
	if r := m.runs[t.Run]; r != nil {
		delete(r.timers, id)
	}
}

func (m *Memory) endRun(id string) {
	r := m.runs[id]
	if r == nil {
		return
	}
	for t := range r.timers {
		delete(m.timers, t)
	}
	delete(m.runs, id)
	if e := m.events[r.Event]; e != nil {
		delete(e.runs, id)
	}
	if set := m.sets[r.RuleSet]; set != nil {
		if set.runs--; set.runs == 0 {
			delete(m.sets, r.RuleSet)
		}
	}
}

func (m *Memory) finish(key string) {
	e := m.events[key]
	if e == nil || e.done {
		return
	}
	e.done, e.Data = true, nil
	m.done = append(m.done, key)
	if over := len(m.done) - m.doneHead - m.keep; over > 0 {
		for range over {
			delete(m.events, m.done[m.doneHead])
			m.doneHead++
		}
		if m.doneHead > m.keep {
			m.done, m.doneHead = slices.Clone(m.done[m.doneHead:]), 0
		}
	}
	if m.undone--; len(m.pending) > 2*m.undone+64 { // so that an event which waits for days holds up nothing
		m.pending = slices.DeleteFunc(m.pending, func(e *memoryEvent) bool { return e.done })
	}
}

// Pending implements Journal.
func (m *Memory) Pending(ctx context.Context, after uint64, limit int) ([]Stored, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	from, _ := slices.BinarySearchFunc(m.pending, after+1, func(e *memoryEvent, n uint64) int { return cmp.Compare(e.N, n) })
	var out []Stored
	for _, e := range m.pending[from:] {
		if len(out) == limit {
			break
		}
		if !e.done {
			s := e.Stored
			s.Data = slices.Clone(s.Data)
			out = append(out, s)
		}
	}
	return out, nil
}

// Event implements Journal.
func (m *Memory) Event(ctx context.Context, key string) (Event, bool, error) {
	if err := m.lock(ctx); err != nil {
		return Event{}, false, err
	}
	defer m.mu.Unlock()
	e := m.events[key]
	if e == nil || e.done {
		return Event{}, false, nil
	}
	out := e.Event
	out.Data = slices.Clone(out.Data)
	return out, true, nil
}

// Runs implements Journal.
func (m *Memory) Runs(ctx context.Context, event string) ([]Run, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	e := m.events[event]
	if e == nil {
		return nil, nil
	}
	var out []Run
	for id := range e.runs {
		out = append(out, m.runs[id].copy())
	}
	slices.SortFunc(out, func(a, b Run) int { return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func (r *memoryRun) copy() Run {
	out := r.Run
	out.Data = slices.Clone(out.Data)
	return out
}

// Run implements Journal.
func (m *Memory) Run(ctx context.Context, id string) (Run, bool, error) {
	if err := m.lock(ctx); err != nil {
		return Run{}, false, err
	}
	defer m.mu.Unlock()
	r := m.runs[id]
	if r == nil {
		return Run{}, false, nil
	}
	return r.copy(), true, nil
}

// Steps implements Journal.
func (m *Memory) Steps(ctx context.Context, run string) (map[string][]byte, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	out := make(map[string][]byte)
	if r := m.runs[run]; r != nil {
		for k, v := range r.steps {
			out[k] = slices.Clone(v)
		}
	}
	return out, nil
}

// Timers implements Journal.
func (m *Memory) Timers(ctx context.Context) ([]Timer, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.timers), func(a, b Timer) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	}), nil
}

// State implements Journal.
func (m *Memory) State(ctx context.Context, scope string) (map[string][]byte, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	out := make(map[string][]byte, len(m.state[scope]))
	for k, v := range m.state[scope] {
		out[k] = slices.Clone(v)
	}
	return out, nil
}

// Count implements Journal.
func (m *Memory) Count(ctx context.Context, key string, since time.Time) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return m.count(key, since), nil
}

func (m *Memory) count(key string, since time.Time) int {
	n := 0
	for _, k := range m.counts[key] {
		if k.at.After(since) {
			n++
		}
	}
	return n
}

// Position implements Journal.
func (m *Memory) Position(ctx context.Context, conversation string) (Position, bool, error) {
	if err := m.lock(ctx); err != nil {
		return Position{}, false, err
	}
	defer m.mu.Unlock()
	p, ok := m.positions[conversation]
	return p, ok, nil
}

// Positions implements Journal.
func (m *Memory) Positions(ctx context.Context) ([]Position, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.positions), func(a, b Position) int {
		return cmp.Compare(a.Conversation, b.Conversation)
	}), nil
}

// RuleSet implements Journal.
func (m *Memory) RuleSet(ctx context.Context, hash string) (RuleSet, error) {
	if err := m.lock(ctx); err != nil {
		return RuleSet{}, err
	}
	defer m.mu.Unlock()
	set := m.sets[hash]
	if set == nil {
		return RuleSet{}, ErrUnknownRuleSet
	}
	return RuleSet{Hash: hash, Data: slices.Clone(set.data)}, nil
}

// Close implements Journal.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
