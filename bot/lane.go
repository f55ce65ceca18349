package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// A rule with concurrency has a lane for each key: its open runs in the order in which they came. The journal's state has
// an entry for each of them, written in the commit that creates the run and removed in the one that ends it. A run's place
// is taken when the gate lets it through, before that commit, so that others see it at once.

const (
	// scopeLane is the scope of the journal's state that has an entry for each open run of a rule with concurrency, by its
	// id.
	scopeLane = "lane"

	// lanePage is how many entries are read from the journal at once.
	lanePage = 500

	// markKept is how long the journal keeps that a run is to end. The run may end, by itself, before that is written: then
	// nothing removes the entry.
	markKept = 24 * time.Hour

	outcomeRestarted = "restarted"
)

// laneRecord is a run's place in its lane.
type laneRecord struct {
	Rule         string `json:"rule"`
	Key          string `json:"key,omitzero"`          // Concurrency.Key
	Conversation string `json:"conversation,omitzero"` // of its event
	N            int64  `json:"n"`                     // its place among all
	Since        int64  `json:"since"`                 // Unix milliseconds
	Waits        bool   `json:"waits,omitzero"`        // for those before it
	Restarted    string `json:"restarted,omitzero"`    // the run that takes its place: this one is to end
}

// laneRun is a run in its lane.
type laneRun struct {
	laneRecord
	id    string
	woken bool // it waits no more than until its conversation's queue comes to it
}

func (r *laneRun) lane() string { return r.Rule + "/" + r.Key }

// lanes is the open runs of the rules with concurrency. It is right because one process alone writes a journal.
type lanes struct {
	wakeUp func(...wakeUp)

	mu     sync.Mutex
	loaded bool
	last   int64
	runs   map[string]*laneRun
	lanes  map[string][]*laneRun // the first to come first
}

func newLanes(wake func(...wakeUp)) *lanes {
	return &lanes{wakeUp: wake, runs: make(map[string]*laneRun), lanes: make(map[string][]*laneRun)}
}

// load reads the journal, once. An entry whose run is gone is passed over.
func (l *lanes) load(ctx context.Context, j journal.Journal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded {
		return nil
	}
	var all []*laneRun
	for after := ""; ; {
		entries, err := j.StateRange(ctx, scopeLane, after, lanePage)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.Key
			r := &laneRun{id: e.Key}
			if err := json.Unmarshal(e.Value, &r.laneRecord); err != nil {
				return fmt.Errorf("state %s %s: %w", scopeLane, e.Key, err)
			}
			_, open, err := j.Run(ctx, r.id)
			if err != nil {
				return err
			}
			if open {
				all = append(all, r)
			}
		}
		if len(entries) < lanePage {
			break
		}
	}
	slices.SortFunc(all, func(a, b *laneRun) int { return int(a.N - b.N) })
	for _, r := range all {
		l.put(r)
	}
	l.loaded = true
	return nil
}

func (l *lanes) put(r *laneRun) {
	l.last = max(l.last, r.N)
	l.runs[r.id] = r
	l.lanes[r.lane()] = append(l.lanes[r.lane()], r)
}

// enter takes a place for a run that is about to be made; ok is false when there is none. before is the runs of the lane.
func (l *lanes) enter(id string, rec laneRecord, c *rules.Concurrency) (before []laneRun, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &laneRun{laneRecord: rec, id: id}
	open := l.lanes[r.lane()]
	for _, o := range open {
		before = append(before, *o)
	}
	switch c.Mode {
	case rules.ConcurrencySingle:
		ok = len(open) == 0
	case rules.ConcurrencyParallel:
		ok = len(open) < c.Max
	case rules.ConcurrencyQueued:
		r.Waits = len(open) > 0
		ok = waiting(before) < c.Max
	default:
		ok = true
	}
	if ok {
		r.N = l.last + 1
		l.put(r)
	}
	return before, ok
}

func waiting(runs []laneRun) (n int) {
	for _, r := range runs {
		if r.Waits {
			n++
		}
	}
	return n
}

// waits reports whether a run's turn has not come.
func (l *lanes) waits(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.runs[id]
	return r != nil && r.Waits
}

// write is what the journal keeps of a run's place.
func (l *lanes) write(id string) (journal.StateWrite, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writeOf(id)
}

func (l *lanes) writeOf(id string) (w journal.StateWrite, err error) {
	w = journal.StateWrite{Scope: scopeLane, Key: id}
	if r := l.runs[id]; r != nil {
		w.Value, err = json.Marshal(r.laneRecord)
	}
	return w, err
}

// restart lets a run take the place of all others of its lane. They end when they are woken, or after the step that they
// are at.
func (l *lanes) restart(id string, now time.Time) (writes []journal.StateWrite, ended []wakeUp, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.runs[id]
	if r == nil {
		return nil, nil, nil
	}
	for _, o := range l.lanes[r.lane()] {
		if o == r || o.Restarted != "" {
			continue
		}
		o.Restarted = id
		w, err := l.writeOf(o.id)
		if err != nil {
			return nil, nil, err
		}
		w.Expire = now.Add(markKept)
		writes, ended = append(writes, w), append(ended, wakeUp{o.Conversation, o.id})
	}
	return writes, ended, nil
}

// restarted says which run took the place of one; ok is false while none did.
func (l *lanes) restarted(id string) (by string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.runs[id]
	if r == nil || r.Restarted == "" {
		return "", false
	}
	return r.Restarted, true
}

// begin lets a run that waits go on when its turn has come.
func (l *lanes) begin(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.runs[id]
	if r == nil { // the journal knows more than its state: nobody is before it
		return true
	}
	if r.Waits && l.lanes[r.lane()][0] != r {
		return false
	}
	r.Waits = false
	return true
}

// ready reports whether a run that waits has something to do: its turn has come, or it is to end.
func (l *lanes) ready(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.runs[id]
	return r != nil && (r.Restarted != "" || r.Waits && l.lanes[r.lane()][0] == r)
}

// leave takes runs out whose end is written down, or that never came to be, and wakes those whose turn it is. Ids of others
// are no error.
func (l *lanes) leave(ids ...string) {
	if l == nil { // no bot runs
		return
	}
	var next []wakeUp
	l.mu.Lock()
	for _, id := range ids {
		r := l.runs[id]
		if r == nil {
			continue
		}
		delete(l.runs, id)
		lane := r.lane()
		l.lanes[lane] = slices.DeleteFunc(l.lanes[lane], func(o *laneRun) bool { return o == r })
		if len(l.lanes[lane]) == 0 {
			delete(l.lanes, lane)
		} else if first := l.lanes[lane][0]; first.Waits && !first.woken {
			first.woken = true
			next = append(next, wakeUp{first.Conversation, first.id})
		}
	}
	l.mu.Unlock()
	l.wakeUp(next...)
}

// leaveEvent takes all runs of an event out.
func (l *lanes) leaveEvent(event string) {
	var ids []string
	l.mu.Lock()
	for id := range l.runs {
		if strings.HasPrefix(id, event+"/") {
			ids = append(ids, id)
		}
	}
	l.mu.Unlock()
	l.leave(ids...)
}

// askLane takes a place for the run that the rule would have.
func (g *gate) askLane(f rules.Fired, p *pass) rules.Gate {
	c := f.Rule.Concurrency
	if c == nil {
		return rules.Gate{}
	}
	key, err := c.Key(g.scope(f))
	if err != nil {
		return g.cannot(f, "concurrency", err)
	}
	id, now := runID(g.event, g.nth, f.Rule), g.b.clock.Now()
	before, ok := g.b.lanes.enter(id, laneRecord{
		Rule: f.Rule.ID, Key: key, Conversation: g.conversation, Since: now.UnixMilli(),
	}, c)
	why, err := g.laneWhy(c, key, before, ok, now)
	if err != nil {
		g.b.lanes.leave(id)
		g.err = err
		return rules.Gate{Closed: true}
	}
	if ok {
		p.lane = id
	}
	return rules.Gate{Closed: !ok, Why: why}
}

// laneWhy tells of the runs before one; "" when there is none.
func (g *gate) laneWhy(c *rules.Concurrency, key string, before []laneRun, ok bool, now time.Time) (string, error) {
	if len(before) == 0 || ok && c.Mode == rules.ConcurrencyParallel {
		return "", nil
	}
	name := "concurrency " + c.Mode.String()
	if key = strings.TrimPrefix(key, "x/"); key != "" {
		name += " for " + key
	}
	open := before[:len(before)-waiting(before)]
	what := fmt.Sprintf("%d runs are open", len(open))
	if len(open) == 1 {
		what = fmt.Sprintf("run %s is open since %s", open[0].id, short(now.Sub(time.UnixMilli(open[0].Since))))
	}
	if n := waiting(before); n > 0 {
		what += fmt.Sprintf(" and %d wait", n)
	}
	switch {
	case ok && c.Mode == rules.ConcurrencyRestart:
		return name + ": " + what + ", and ends", nil
	case ok:
		return name + ": " + what + ", this one waits", nil
	}
	for _, r := range open { // what stands still would hold the rule up without a word
		stored, found, err := g.b.journal.Run(g.ctx, r.id)
		if err != nil {
			return "", err
		}
		if rec, err := readRun(stored); found && err == nil && rec.Dead != nil {
			what += fmt.Sprintf("; it stands still as dead letter %s: `timbot dead` retries or drops it", rec.Dead.ID)
			g.b.log.Warn("rule held up by a dead letter", "rule", r.Rule, "dead_letter", rec.Dead.ID, "run", r.id,
				"hint", "timbot dead show "+rec.Dead.ID+" tells more; retry or drop it")
			break
		}
	}
	return name + ": " + what, nil
}

// enterLane writes down the place that the gate took for a run.
func (r *run) enterLane(change *journal.Change) error {
	l := r.b.lanes
	r.rec.Lane = r.id
	if l.waits(r.id) {
		r.rec.Wait = &waitRecord{For: waitLane}
	}
	w, err := l.write(r.id)
	if err != nil {
		return err
	}
	change.State = append(change.State, w)
	if r.rule.Concurrency.Mode != rules.ConcurrencyRestart {
		return nil
	}
	writes, ended, err := l.restart(r.id, r.b.clock.Now())
	if err != nil {
		return err
	}
	change.State = append(change.State, writes...)
	r.b.wakeUp(ended)
	return nil
}

// takeLane begins a run that waited for those before it.
func (r *run) takeLane() (bool, error) {
	if !r.b.lanes.begin(r.id) {
		return false, nil
	}
	r.rec.Wait = nil
	w, err := r.b.lanes.write(r.id)
	if err == nil && w.Value != nil {
		r.change.State = append(r.change.State, w)
	}
	return true, err
}

// leaveLane adds what goes with a run's end to a change.
func leaveLane(rec *runRecord, id string, change *journal.Change) {
	if rec.Lane == id {
		change.State = append(change.State, journal.StateWrite{Scope: scopeLane, Key: id})
	}
}

// displaced reports whether another run took the place of this one, or of the one that this is a branch of.
func (r *run) displaced() bool {
	if r.rec.Lane == "" {
		return false
	}
	_, ok := r.b.lanes.restarted(r.rec.Lane)
	return ok
}

// endDisplaced ends a run whose place another one took, with its branches and its dead letters. The run or one of its
// branches is in the caller's hands, and with it the conversation: no other part of it is being done.
func (r *run) endDisplaced(ctx context.Context) error {
	if len(r.change.Runs) > 0 { // it may not be in the journal yet
		if err := r.commit(ctx); err != nil {
			return err
		}
	}
	by, _ := r.b.lanes.restarted(r.rec.Lane)
	in := r.b.inspector
	unlock, err := in.openDead(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	open, err := r.b.journal.Runs(ctx, r.event)
	if err != nil {
		return err
	}
	var ends []journal.Run
	var dead int
	now := r.b.clock.Now()
	for _, o := range open {
		rec, err := readRun(o)
		if err != nil || rec.Lane != r.rec.Lane {
			continue
		}
		ends = append(ends, o)
		if rec.Dead != nil {
			dead++
			r.change.State = append(r.change.State, journal.StateWrite{Scope: scopeDead, Key: rec.Dead.ID})
		}
		if w := rec.Wait; w != nil && w.For == waitPace {
			r.b.pace.forget(effectID(o.ID, w.Step))
		}
		r.b.timers.remove(o.ID)
		t := r.trace.run(o.ID, rec.Rule, now)
		t.Outcome, t.Ended, t.Wait = outcomeRestarted, now.UnixMilli(), nil
	}
	r.trace.note(now, "rule %s: %s took the place of the run", r.rule.ID, by)
	if err := r.keepTrace(); err != nil {
		return err
	}
	err = r.b.ending(outcomeRestarted).commit(ctx, r.change, ends)
	last := slices.Contains(r.change.Done, r.event)
	r.change = &journal.Change{}
	if err != nil {
		return err
	}
	in.dead.n -= dead
	r.log.Info("run restarted: another one took its place", "by", by)
	r.b.observer.RunEnded(r.rule.ID, outcomeRestarted, time.Duration(now.UnixMilli()-r.trace.run(r.rec.Lane, "", now).Began)*time.Millisecond)
	if last {
		r.b.observeDone(r.event, r.trace, now)
	}
	return nil
}
