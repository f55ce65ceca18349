package sqlite

import (
	"fmt"
	"slices"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// change applies a change, or answers a conflict.
func (b *batch) change(r *request) error {
	c := r.change
	if len(c.Counts) > 0 {
		holds, err := b.countsHold(c.Counts)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		if !holds {
			r.err = journal.ErrConflict
			return nil
		}
	}
	for _, t := range r.sets {
		if err := b.putSet(t); err != nil {
			return fmt.Errorf("rule set: %w", err)
		}
	}
	if err := b.putRuns(c); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	for _, w := range c.State {
		if err := b.putState(w); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	for _, w := range c.Counts {
		if err := b.countMark(w); err != nil {
			return fmt.Errorf("count: %w", err)
		}
	}
	for _, a := range c.Announcements {
		if _, _, err := b.announcement(a); err != nil {
			return fmt.Errorf("announcement: %w", err)
		}
	}
	if err := b.putTargets(c.Targets); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	for _, id := range c.StopTimers {
		if err := b.stopTimer(id); err != nil {
			return fmt.Errorf("timer: %w", err)
		}
	}
	for _, t := range c.SetTimers {
		if err := b.putTimer(c, t); err != nil {
			return fmt.Errorf("timer: %w", err)
		}
	}
	traces, err := b.putTraces(c)
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	for _, id := range c.EndRuns {
		if err := b.endRun(id); err != nil {
			return fmt.Errorf("run: %w", err)
		}
	}
	for _, key := range c.Done {
		if err := b.finishEvent(key, traces); err != nil {
			return fmt.Errorf("done: %w", err)
		}
	}
	return nil
}

func (b *batch) count(key string, since, until time.Time) (int, error) {
	return b.d.count(key, since, until)
}

func (d *db) count(key string, since, until time.Time) (int, error) {
	n, err := d.integer(`SELECT count(*) FROM mark WHERE key = ? AND at > ? AND at <= ?`, key, nanos(since), nanos(until))
	return int(n), err
}

// countsHold reports whether every counter is as its writer saw it; several marks of one change on one counter are
// counted one after another.
func (b *batch) countsHold(writes []journal.CountWrite) (bool, error) {
	for i, w := range writes {
		n, err := b.count(w.Key, w.Since, w.At)
		if err != nil {
			return false, err
		}
		for _, earlier := range writes[:i] {
			if earlier.Key == w.Key && earlier.At.After(w.Since) && !earlier.At.After(w.At) {
				n++
			}
		}
		if n != w.Before {
			return false, nil
		}
	}
	return true, nil
}

// countMark makes one mark. What had expired before its window goes: the moment of a mark is the only clock here.
func (b *batch) countMark(w journal.CountWrite) error {
	err := b.d.exec(`DELETE FROM mark WHERE key = ? AND at <= ? AND expire < ?`, w.Key, nanos(w.Since), nanos(w.At))
	if err != nil {
		return err
	}
	return b.d.exec(`INSERT INTO mark (key, at, expire) VALUES (?, ?, ?)`, w.Key, nanos(w.At), nanos(w.Expire))
}

func (b *batch) putSet(t *text) error {
	if s := b.x.sets[t.hash]; s != nil && s.text && b.sets == nil { // the way of nearly all
		return nil
	}
	s := b.set(t.hash)
	if s == nil {
		s, err := b.addSet(t, t.data)
		s.touched = true // it goes when nothing names it in the end
		return err
	}
	if s.text {
		return nil
	}
	s.text = true
	return b.d.exec(`UPDATE ruleset SET data = ? WHERE s = ?`, t.data, s.s)
}

// use changes how many open runs and traces name a rule set.
func (b *batch) use(hash string, runs, traces int) error {
	s, err := b.named(hash)
	if s != nil {
		s.runs += runs
		s.traces += traces
		s.touched = true
	}
	return err
}

// putRuns writes runs and steps. A run that ends with the same change is not written for it.
func (b *batch) putRuns(c *journal.Change) error {
	own := -1 // the step that is in the row of a run that was just written
	for i := range c.Runs {
		r := &c.Runs[i]
		old := b.run(r.ID)
		ends := slices.Contains(c.EndRuns, r.ID)
		if ends {
			if err := b.use(r.RuleSet, 0, 0); err != nil { // named for a moment
				return err
			}
			continue
		}
		if old != nil {
			if err := b.updateRun(r, old); err != nil {
				return err
			}
			continue
		}
		if err := b.use(r.RuleSet, 1, 0); err != nil {
			return err
		}
		var s int64
		if set := b.set(r.RuleSet); set != nil {
			s = set.s
		}
		b.lastRun++
		run := &openRun{r: b.lastRun, event: r.Event, order: r.Order, set: r.RuleSet}
		var key, result any
		if k := slices.IndexFunc(c.Steps, func(s journal.Step) bool { return s.Run == r.ID }); k >= 0 && len(c.Runs) == 1 {
			own = k
			run.first = &c.Steps[k].Key
			key, result = c.Steps[k].Key, c.Steps[k].Data
		}
		b.setRun(r.ID, run)
		if err := b.d.exec(`INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			run.r, r.ID, r.Event, r.Order, s, r.Data, key, result); err != nil {
			return err
		}
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		run := b.run(s.Run)
		if i == own || run == nil || slices.Contains(c.EndRuns, s.Run) {
			continue
		}
		if run.first == nil || *run.first == s.Key {
			if run.first == nil {
				changed := *run
				changed.first = &s.Key
				b.setRun(s.Run, &changed)
			}
			if err := b.d.exec(`UPDATE run SET step = ?, result = ? WHERE r = ?`, s.Key, s.Data, run.r); err != nil {
				return err
			}
			continue
		}
		if !run.more {
			changed := *run
			changed.more = true
			b.setRun(s.Run, &changed)
		}
		err := b.d.exec(`INSERT INTO step VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data`, run.r, s.Key, s.Data)
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) updateRun(r *journal.Run, old *openRun) error {
	if r.Event == old.event && r.Order == old.order && r.RuleSet == old.set {
		return b.d.exec(`UPDATE run SET data = ? WHERE r = ?`, r.Data, old.r)
	}
	if err := b.use(r.RuleSet, 1, 0); err != nil {
		return err
	}
	if err := b.use(old.set, -1, 0); err != nil {
		return err
	}
	var s int64
	if set := b.set(r.RuleSet); set != nil {
		s = set.s
	}
	changed := *old
	changed.event, changed.order, changed.set = r.Event, r.Order, r.RuleSet
	b.setRun(r.ID, &changed)
	return b.d.exec(`UPDATE run SET event = ?, ord = ?, ruleset = ?, data = ? WHERE r = ?`, r.Event, r.Order, s, r.Data, old.r)
}

func (b *batch) putState(w journal.StateWrite) error {
	if w.Value == nil {
		return b.d.exec(`DELETE FROM state WHERE scope = ? AND key = ?`, w.Scope, w.Key)
	}
	var expire any
	if !w.Expire.IsZero() {
		expire = nanos(w.Expire)
	}
	return b.d.exec(`INSERT INTO state VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET value = excluded.value, expire = excluded.expire`,
		w.Scope, w.Key, w.Value, expire)
}

func (b *batch) stopTimer(id string) error {
	run := b.timerRun(id)
	if run == "" {
		return nil
	}
	b.setTimer(id, "")
	if r := b.run(run); r != nil {
		changed := *r
		changed.timers = slices.DeleteFunc(slices.Clone(r.timers), func(o string) bool { return o == id })
		b.setRun(run, &changed)
	}
	return b.d.exec(`DELETE FROM timer WHERE id = ?`, id)
}

func (b *batch) putTimer(c *journal.Change, t journal.Timer) error {
	r := b.run(t.Run)
	if r == nil {
		if slices.ContainsFunc(c.Runs, func(r journal.Run) bool { return r.ID == t.Run }) {
			return b.stopTimer(t.ID) // it moves to a run that ends with the same change
		}
		return nil
	}
	if old := b.timerRun(t.ID); old != t.Run {
		if err := b.stopTimer(t.ID); err != nil {
			return err
		}
		changed := *r
		changed.timers = append(slices.Clone(r.timers), t.ID)
		b.setRun(t.Run, &changed)
		b.setTimer(t.ID, t.Run)
	}
	return b.d.exec(`INSERT INTO timer VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET due = excluded.due, r = excluded.r`,
		t.ID, nanos(t.Due), r.r)
}

// putTraces writes traces, and returns those that go into a block because their event is done with the same change.
func (b *batch) putTraces(c *journal.Change) (inBlock map[string]*journal.Trace, err error) {
	for i := range c.Traces {
		t := &c.Traces[i]
		if e := b.pending(t.Event); e != nil && !b.isTraced(e) && slices.Contains(c.Done, t.Event) {
			if inBlock == nil {
				inBlock = make(map[string]*journal.Trace, len(c.Traces))
			}
			if before := inBlock[t.Event]; before != nil {
				if err := b.use(before.RuleSet, 0, 0); err != nil { // named for a moment
					return nil, err
				}
			}
			inBlock[t.Event] = t
			continue
		}
		if err := b.putTrace(t); err != nil {
			return nil, err
		}
	}
	return inBlock, nil
}

func (b *batch) isTraced(e *event) bool {
	if e.traced {
		return true
	}
	_, ok := b.traced[e]
	return ok
}

// putTrace writes a trace that has a row of its own.
func (b *batch) putTrace(t *journal.Trace) error {
	old := "" // the rule set of the trace before it
	e := b.pending(t.Event)
	var n uint64
	if e != nil {
		n, old = e.n, e.set
		if set, ok := b.traced[e]; ok {
			old = set
		}
		if b.traced == nil {
			b.traced = make(map[*event]string)
		}
		b.traced[e] = t.RuleSet
	} else {
		var whole bool
		var err error
		if n, whole, err = b.eventRow(t.Event); err != nil || !whole {
			return err
		}
		if old, err = b.takeTrace(n); err != nil {
			return err
		}
	}
	if err := b.use(t.RuleSet, 0, 1); err != nil {
		return err
	}
	if err := b.use(old, 0, -1); err != nil {
		return err
	}
	var s int64
	if set := b.set(t.RuleSet); set != nil {
		s = set.s
	}
	return b.d.exec(`INSERT INTO trace VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET ruleset = excluded.ruleset, data = excluded.data`,
		n, s, t.Data)
}

// takeTrace takes the trace of a done event away, wherever it is, and returns the hash of its rule set.
func (b *batch) takeTrace(n uint64) (hash string, err error) {
	hashOf := func(s int64) string {
		for _, sets := range []map[string]*ruleSet{b.sets, b.x.sets} {
			for hash, set := range sets {
				if set != nil && set.s == s {
					return hash
				}
			}
		}
		return ""
	}
	s, err := b.d.integer(`DELETE FROM trace WHERE n = ? RETURNING ruleset`, n)
	if err != nil || s > 0 {
		return hashOf(s), err
	}
	for i, m := range b.members { // of this batch
		if m.n == n {
			b.members[i] = member{n: n}
			return hashOf(m.set), nil
		}
	}
	hi, members, err := b.d.blockOf(n)
	if err != nil || len(members) == 0 {
		return "", err
	}
	var out []byte
	for _, m := range members {
		if m.n == n {
			hash = hashOf(m.set)
			m = member{n: n}
		}
		out = appendMember(out, hi, m)
	}
	return hash, b.d.putBlock(hi, members[len(members)-1].n, out)
}

func (b *batch) endRun(id string) error {
	r := b.run(id)
	if r == nil {
		return nil
	}
	if err := b.use(r.set, -1, 0); err != nil {
		return err
	}
	b.setRun(id, nil)
	for _, t := range r.timers {
		b.setTimer(t, "")
		if err := b.d.exec(`DELETE FROM timer WHERE id = ?`, t); err != nil {
			return err
		}
	}
	if r.more {
		if err := b.d.exec(`DELETE FROM step WHERE r = ?`, r.r); err != nil {
			return err
		}
	}
	return b.d.exec(`DELETE FROM run WHERE r = ?`, r.r)
}

func (b *batch) finishEvent(key string, traces map[string]*journal.Trace) error {
	e := b.pending(key)
	if e == nil {
		return nil
	}
	e.ended = b.j.gen
	b.ended = append(b.ended, e)
	m := member{n: e.n}
	if t := traces[key]; t != nil {
		if err := b.use(t.RuleSet, 0, 1); err != nil {
			return err
		}
		m.trace, m.data = true, t.Data
		if set := b.set(t.RuleSet); set != nil {
			m.set = set.s
		}
	}
	if m.trace || e.n > b.mark {
		b.members = append(b.members, m)
	}
	if e.n <= b.mark {
		return b.d.exec(`DELETE FROM open WHERE n = ?`, e.n)
	}
	return nil
}
