package journal

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// DefaultKeep is how many done events a Memory journal remembers: their keys, and of the newest keepWhole the data and
// the traces too.
const DefaultKeep = 100_000

// keepWhole bounds the done events that are kept with their data.
const keepWhole = 1000

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
	state     map[string]map[string]memoryValue
	counts    map[string][]mark
	positions map[string]Position
	sets      map[string]*memorySet

	announced  map[string]*memoryAnnouncement
	announceds []*memoryAnnouncement // in their order
}

type memorySet struct {
	data []byte
	text bool // data were given
	uses int  // open runs and traces that name it
}

type memoryValue struct {
	data   []byte
	expire time.Time
}

type memoryEvent struct {
	Stored
	done  bool
	gone  bool // all but the key
	trace Trace
	runs  map[string]struct{} // open ones
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
		timers: make(map[string]Timer), state: make(map[string]map[string]memoryValue), counts: make(map[string][]mark),
		positions: make(map[string]Position), sets: make(map[string]*memorySet), announced: make(map[string]*memoryAnnouncement),
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
		if set := m.named(s.Hash); !set.text {
			set.data, set.text = slices.Clone(s.Data), true
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
		// The moment of a mark is the only clock that a journal sees: what had expired by then goes.
		kept := slices.DeleteFunc(m.counts[w.Key], func(k mark) bool { return k.expire.Before(w.At) && !k.at.After(w.Since) })
		m.counts[w.Key] = append(kept, mark{w.At, w.Expire})
	}
	for _, a := range c.Announcements {
		m.putAnnouncement(a)
	}
	for _, w := range c.Targets {
		m.putTarget(w)
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
	for _, t := range c.Traces {
		m.putTrace(t)
	}
	for _, id := range c.EndRuns {
		m.endRun(id)
	}
	for _, key := range c.Done {
		m.finish(key)
	}
	m.dropSets()
	return nil
}

// dropSets lets go of the rule sets that nothing names.
func (m *Memory) dropSets() {
	maps.DeleteFunc(m.sets, func(_ string, set *memorySet) bool { return set.uses == 0 })
}

// countsHold reports whether every counter is as its writer saw it; several marks of one change on one counter are
// counted one after another.
func (m *Memory) countsHold(writes []CountWrite) bool {
	for i, w := range writes {
		n := m.count(w.Key, w.Since, w.At)
		for _, earlier := range writes[:i] {
			if earlier.Key == w.Key && within(earlier.At, w.Since, w.At) {
				n++
			}
		}
		if n != w.Before {
			return false
		}
	}
	return true
}

func (m *Memory) putRun(r Run) {
	r.Data = slices.Clone(r.Data)
	m.use(r.RuleSet)
	if old := m.runs[r.ID]; old != nil {
		m.unuse(old.RuleSet)
		if e := m.events[old.Event]; e != nil {
			delete(e.runs, r.ID)
		}
		old.Run = r
	} else {
		m.runs[r.ID] = &memoryRun{Run: r, steps: make(map[string][]byte), timers: make(map[string]struct{})}
	}
	if e := m.events[r.Event]; e != nil {
		if e.runs == nil {
			e.runs = make(map[string]struct{})
		}
		e.runs[r.ID] = struct{}{}
	}
}

// use notes that something names the rule set; unuse that it does no more.
func (m *Memory) use(hash string) {
	if hash != "" {
		m.named(hash).uses++
	}
}

// named returns the rule set of that hash, also when its text was never given.
func (m *Memory) named(hash string) *memorySet {
	set := m.sets[hash]
	if set == nil {
		set = new(memorySet)
		m.sets[hash] = set
	}
	return set
}

func (m *Memory) unuse(hash string) {
	if set := m.sets[hash]; set != nil {
		set.uses--
	}
}

func (m *Memory) putTrace(t Trace) {
	e := m.events[t.Event]
	if e == nil || e.gone {
		return
	}
	old := e.trace.RuleSet
	t.Data = slices.Clone(t.Data)
	e.trace = t
	m.use(t.RuleSet)
	m.unuse(old)
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
		m.state[w.Scope] = make(map[string]memoryValue)
	}
	m.state[w.Scope][w.Key] = memoryValue{slices.Clone(w.Value), w.Expire}
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
	m.unuse(r.RuleSet)
}

func (m *Memory) finish(key string) {
	e := m.events[key]
	if e == nil || e.done {
		return
	}
	e.done = true
	m.done = append(m.done, key)
	if whole := min(keepWhole, m.keep); len(m.done)-m.doneHead > whole {
		m.hollow(m.events[m.done[len(m.done)-whole-1]])
	}
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

// hollow lets go of all but the key.
func (m *Memory) hollow(e *memoryEvent) {
	if e == nil {
		return
	}
	m.unuse(e.trace.RuleSet)
	e.Data, e.trace, e.gone = nil, Trace{}, true
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
	if e == nil || e.gone {
		return Event{}, false, nil
	}
	out := e.Event
	out.Data = slices.Clone(out.Data)
	return out, true, nil
}

// Records implements Journal.
func (m *Memory) Records(ctx context.Context, q Query) ([]Record, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var found []*memoryEvent
	for key, e := range m.events {
		if e.gone || q.Before != 0 && e.N >= q.Before || q.Conversation != "" && e.Conversation != q.Conversation ||
			key < q.KeyFrom || q.KeyTo != "" && key >= q.KeyTo {
			continue
		}
		found = append(found, e)
	}
	slices.SortFunc(found, func(a, b *memoryEvent) int { return cmp.Compare(b.N, a.N) })
	found = found[:min(len(found), cmp.Or(q.Limit, 100))]
	out := make([]Record, len(found))
	for i, e := range found {
		out[i] = Record{Stored: e.Stored, Done: e.done, Trace: e.trace}
		out[i].Data, out[i].Trace.Data = slices.Clone(e.Data), slices.Clone(e.trace.Data)
	}
	return out, nil
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
		out[k] = slices.Clone(v.data)
	}
	return out, nil
}

// StateRange implements Journal.
func (m *Memory) StateRange(ctx context.Context, scope, after string, limit int) ([]StateEntry, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var out []StateEntry
	for _, k := range slices.Sorted(maps.Keys(m.state[scope])) {
		if len(out) == limit {
			break
		}
		if v := m.state[scope][k]; k > after {
			out = append(out, StateEntry{k, slices.Clone(v.data), v.expire})
		}
	}
	return out, nil
}

// Count implements Journal.
func (m *Memory) Count(ctx context.Context, key string, since, until time.Time) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return m.count(key, since, until), nil
}

func (m *Memory) count(key string, since, until time.Time) int {
	n := 0
	for _, k := range m.counts[key] {
		if within(k.at, since, until) {
			n++
		}
	}
	return n
}

func within(at, since, until time.Time) bool { return at.After(since) && !at.After(until) }

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
	if set == nil || !set.text {
		return RuleSet{}, ErrUnknownRuleSet
	}
	return RuleSet{Hash: hash, Data: slices.Clone(set.data)}, nil
}

// Trim implements Journal; a Memory's size is bounded by its keep, so that Bytes means nothing to it.
func (m *Memory) Trim(ctx context.Context, r Retention) (Trimmed, error) {
	if err := m.lock(ctx); err != nil {
		return Trimmed{}, err
	}
	defer m.mu.Unlock()
	var out Trimmed
	for key, e := range m.events {
		if !e.done {
			continue
		}
		old := e.At.Before(r.Events)
		if (old || e.At.Before(r.Traces)) && e.trace.Event != "" {
			out.Traces++
			m.unuse(e.trace.RuleSet)
			e.trace = Trace{}
		}
		if old {
			out.Events++
			m.hollow(e)
			delete(m.events, key)
		}
	}
	m.dropSets()
	m.done = slices.DeleteFunc(m.done[m.doneHead:], func(key string) bool { return m.events[key] == nil })
	m.doneHead = 0
	for scope, values := range m.state {
		for key, v := range values {
			if !v.expire.IsZero() && v.expire.Before(r.Now) {
				out.State++
				m.write(StateWrite{Scope: scope, Key: key})
			}
		}
	}
	for key, marks := range m.counts {
		kept := slices.DeleteFunc(marks, func(k mark) bool { return k.expire.Before(r.Now) })
		out.Marks += len(marks) - len(kept)
		if m.counts[key] = kept; len(kept) == 0 {
			delete(m.counts, key)
		}
	}
	return out, nil
}

// Stats implements Journal.
func (m *Memory) Stats(ctx context.Context) (Stats, error) {
	if err := m.lock(ctx); err != nil {
		return Stats{}, err
	}
	defer m.mu.Unlock()
	out := Stats{Events: len(m.events), Pending: m.undone, Runs: len(m.runs), Timers: len(m.timers)}
	for _, e := range m.events {
		out.Bytes += int64(len(e.Key) + len(e.Data) + len(e.trace.Data))
	}
	for _, r := range m.runs {
		out.Bytes += int64(len(r.Data))
	}
	return out, nil
}

// Close implements Journal.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
