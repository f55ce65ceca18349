package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/schedule"
	"github.com/timbot-go/timbot/rules"
)

const (
	// scopeJob is the scope of the journal's state that says of each schedule how far its slots are written down, by the
	// name of the job; scopePaused has an entry for each rule whose schedules stand still.
	scopeJob    = "schedule"
	scopePaused = "schedule.paused"

	// missedAfter is how late the bot may come to a slot that still counts as on time.
	missedAfter = time.Minute

	// maxMissed is how many missed slots of one schedule run at most, and how many are counted one by one.
	maxMissed = 1000

	// clockBack is how far the clock may be put back without the schedules following it: what ran does not run again. When
	// it goes back further it was wrong before, and the schedules begin anew.
	clockBack = 25 * time.Hour

	// jobPage is how many entries one commit writes.
	jobPage = 1000

	// jobsAtOnce is how many schedules' slots are written down together.
	jobsAtOnce = 256

	// calendarSoon is how long before a calendar's end people are told.
	calendarSoon = 30 * 24 * time.Hour
)

// jobRecord is how far the slots of a schedule are written down.
type jobRecord struct {
	Spec  schedule.Spec `json:"spec"`
	After int64         `json:"after"`         // Unix seconds: slots up to here are
	Last  string        `json:"last,omitzero"` // the key of the last one that ran
}

// pausedRecord is a rule whose schedules stand still.
type pausedRecord struct {
	Since int64  `json:"since"` // Unix milliseconds
	By    string `json:"by,omitzero"`
	Until int64  `json:"until,omitzero"` // when somebody had it go on; the slots before are passed over
}

// job is one schedule of one rule.
type job struct {
	name  string // the rule, for its second schedule with #2 behind it, and so on
	rule  *rules.Rule
	from  *rules.Schedule
	slots *schedule.Schedule // in its zone
	rec   jobRecord
	ended bool // its calendar's end was told
}

// jobs is all schedules of the bot. One goroutine works on them; the others look.
type jobs struct {
	changed chan struct{} // room for one: there are other rules, or something was paused

	mu     sync.Mutex
	of     *version // whose schedules they are; nil before the first look
	byName map[string]*job
	paused map[string]pausedRecord // by rule
	stale  bool                    // paused is to be read again
	queue  schedule.Queue
	latest time.Time     // the latest time at which the goroutine looked
	looked chan struct{} // closed when the goroutine has looked, and made anew
	n      uint64        // keeps apart what people have run at one moment
}

func newJobs() *jobs {
	return &jobs{
		changed: make(chan struct{}, 1), byName: make(map[string]*job), paused: make(map[string]pausedRecord), stale: true,
		looked: make(chan struct{}),
	}
}

// jobName is the name of a rule's n-th schedule, from 0 on.
func jobName(rule string, n int) string {
	if n == 0 {
		return rule
	}
	return fmt.Sprintf("%s#%d", rule, n+1)
}

// tell wakes the goroutine up; paused says that the pauses have changed.
func (j *jobs) tell(paused bool) {
	j.mu.Lock()
	j.stale = j.stale || paused
	j.mu.Unlock()
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

// first is when the first slot comes; ok is false when none does.
func (j *jobs) first() (at time.Time, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, at, ok = j.queue.First()
	return at, ok
}

// settled blocks until nothing is due.
func (j *jobs) settled(ctx context.Context, of func() *version, clock clockwork.Clock) error {
	for {
		j.mu.Lock()
		_, at, more := j.queue.First()
		busy := j.of != of() || j.stale || more && !at.After(clock.Now())
		looked := j.looked
		j.mu.Unlock()
		if !busy {
			return nil
		}
		j.tell(false) // the alarm may be set by a time that a virtual clock has left meanwhile
		select {
		case <-looked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// runJobs writes slots down when their time comes, until ctx ends. It sleeps for good while there is no schedule.
func (b *Bot) runJobs(ctx context.Context) {
	for {
		next, more, err := b.lookAtJobs(ctx)
		if err != nil {
			if ctx.Err() == nil {
				b.fail(fmt.Errorf("journal: %w", err))
			}
			return
		}
		var alarm clockwork.Timer
		var rings <-chan time.Time
		if more { // never longer than a beat: the clock may be changed meanwhile, and the machine may sleep
			wait := next.Sub(b.clock.Now())
			if !b.steadyClock {
				wait = min(wait, beat)
			}
			alarm = b.clock.NewTimer(wait)
			rings = alarm.Chan()
		}
		select {
		case <-rings:
		case <-b.jobs.changed:
		case <-ctx.Done():
		}
		if alarm != nil {
			alarm.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// lookAtJobs does all that is due, and says when there is something again.
func (b *Bot) lookAtJobs(ctx context.Context) (next time.Time, more bool, err error) {
	b.busy.enter()
	defer b.busy.leave()
	j := b.jobs
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		close(j.looked)
		j.looked = make(chan struct{})
	}()
	if err := b.takeUpJobs(ctx); err != nil {
		return next, false, err
	}
	for {
		now := b.clock.Now()
		b.setBack(now)
		due, next, more := j.due(now)
		if len(due) == 0 {
			return next, more, nil
		}
		if err := b.fire(ctx, due, now, ""); err != nil {
			return next, false, err
		}
	}
}

// setBack lets the schedules begin anew when the clock was put back so far that it was wrong before.
func (b *Bot) setBack(now time.Time) {
	j := b.jobs
	j.mu.Lock()
	defer j.mu.Unlock()
	before := j.latest
	if j.latest = now; before.Sub(now) <= clockBack {
		return
	}
	for _, job := range j.byName {
		if time.Unix(job.rec.After, 0).After(now) {
			job.rec.After = now.Unix()
			j.enqueue(job)
		}
	}
	b.report(b.stopped, "schedule clock", fmt.Sprintf("the clock was put back from %s to %s: schedules go on from now",
		slotTime(before.In(b.zone)), slotTime(now.In(b.zone))))
}

// takeUpJobs makes the jobs those of the bot's rules, and lets go on what was paused.
func (b *Bot) takeUpJobs(ctx context.Context) error {
	j := b.jobs
	j.mu.Lock()
	of, stale, paused := j.of, j.stale, j.paused
	j.stale = false
	j.mu.Unlock()
	changed := make(map[string]bool) // rules that were paused or go on
	if stale {
		now, err := readPaused(ctx, b.journal)
		if err != nil {
			return err
		}
		for rule, p := range now {
			changed[rule] = p != paused[rule]
		}
		for rule := range paused {
			changed[rule] = changed[rule] || now[rule] == pausedRecord{}
		}
		j.mu.Lock()
		j.paused, paused = now, now
		j.mu.Unlock()
	}
	if v := b.version(); of != v {
		if err := b.adoptJobs(ctx, v, of == nil); err != nil {
			return err
		}
		j.mu.Lock()
		j.of = v
		for _, job := range j.byName {
			j.enqueue(job)
		}
		j.mu.Unlock()
	}
	for rule, yes := range changed {
		if !yes {
			continue
		}
		if p := paused[rule]; p.Until != 0 {
			if err := b.goOnWithJobs(ctx, rule, time.UnixMilli(p.Until)); err != nil {
				return err
			}
		}
		j.mu.Lock()
		for _, job := range j.ofRule(b.rules(), rule) {
			j.enqueue(job)
		}
		j.mu.Unlock()
	}
	return nil
}

// ofRule is the jobs of a rule. The caller holds the lock, or is the goroutine.
func (j *jobs) ofRule(set *rules.Set, rule string) (out []*job) {
	if r := set.Rule(rule); r != nil {
		for i := range r.Schedules {
			if job := j.byName[jobName(rule, i)]; job != nil {
				out = append(out, job)
			}
		}
	}
	return out
}

// goOnWithJobs passes over what was due while a rule's schedules stood still, and ends that.
func (b *Bot) goOnWithJobs(ctx context.Context, rule string, until time.Time) error {
	j := b.jobs
	for _, job := range j.ofRule(b.rules(), rule) {
		if err := b.fire(ctx, oneJob(job), until, whyPaused); err != nil {
			return err
		}
	}
	err := b.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{{Scope: scopePaused, Key: rule}}})
	j.mu.Lock()
	delete(j.paused, rule)
	j.mu.Unlock()
	return err
}

// adoptJobs takes the schedules of a rule set: those that were there before go on, new and changed ones begin.
func (b *Bot) adoptJobs(ctx context.Context, v *version, first bool) error {
	j := b.jobs
	began := b.clock.Now()
	known := make(map[string]jobRecord)
	if first {
		raw, err := b.journal.State(ctx, scopeJob)
		if err != nil {
			return err
		}
		for name, data := range raw {
			var rec jobRecord
			if err := json.Unmarshal(data, &rec); err != nil {
				b.log.Error("what is kept of a schedule cannot be read: it begins anew", "job", name, "err", err)
				continue
			}
			if time.Unix(rec.After, 0).Sub(began) > clockBack { // the clock was wrong then
				rec.After = began.Unix()
			}
			known[name] = rec
		}
	} else {
		began = v.since
		for name, job := range j.byName {
			known[name] = job.rec
		}
	}
	adopted := make(map[string]*job)
	var write []journal.StateWrite
	for _, r := range v.set.Rules {
		if r.Mode == rules.ModeOff {
			continue
		}
		for i, s := range r.Schedules {
			name := jobName(r.ID, i)
			job := &job{name: name, rule: r, from: s, slots: s.In(b.zone), rec: jobRecord{Spec: s.Spec, After: began.Unix()}}
			rec, had := known[name]
			delete(known, name)
			switch {
			case had && rec.Spec == s.Spec:
				job.rec = rec
			case had:
				if err := b.lastSlots(ctx, v.set, job, rec, began); err != nil {
					return err
				}
				fallthrough
			default:
				w, err := entry(scopeJob, name, job.rec)
				if err != nil {
					return err
				}
				write = append(write, w)
			}
			adopted[name] = job
			b.tellCalendarEnd(job, began.Add(calendarSoon))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) { // the rule, or this schedule of it, is gone
		if err := b.lastSlots(ctx, v.set, &job{name: name}, known[name], began); err != nil {
			return err
		}
		write = append(write, journal.StateWrite{Scope: scopeJob, Key: name})
	}
	for rule := range j.paused {
		if r := v.set.Rule(rule); r == nil || len(r.Schedules) == 0 {
			write = append(write, journal.StateWrite{Scope: scopePaused, Key: rule})
		}
	}
	for page := range slices.Chunk(write, jobPage) {
		if err := b.journal.Commit(ctx, &journal.Change{State: page}); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for name := range j.byName {
		if adopted[name] == nil {
			j.queue.Remove(name)
		}
	}
	j.byName = adopted
	return nil
}

// lastSlots handles what was due of a schedule before it was changed, or its rule went: job is what it has become.
func (b *Bot) lastSlots(ctx context.Context, set *rules.Set, job *job, rec jobRecord, until time.Time) error {
	old := *job
	old.rec = rec
	slots, err := rec.Spec.Compile(set.Calendar)
	if err != nil {
		b.report(ctx, "schedule "+job.name, fmt.Sprintf("the schedule of %s was changed while the bot was down, and what it was "+
			"cannot be read: slots after %s may not have run (%v)", job.name, slotTime(time.Unix(rec.After, 0).In(b.zone)), err))
		return nil
	}
	old.slots = slots.In(b.zone)
	if job.rule != nil {
		why := ""
		if _, paused := b.jobs.paused[job.rule.ID]; paused {
			why = whyPaused
		}
		return b.fire(ctx, oneJob(&old), until, why)
	}
	rule, _, _ := strings.Cut(job.name, "#")
	old.rule, old.from = &rules.Rule{ID: rule}, &rules.Schedule{Schedule: slots, Spec: rec.Spec, Missed: rules.MissedSkip}
	return b.fire(ctx, oneJob(&old), until, "its rule is gone")
}

// enqueue puts a job's next slot into the queue, unless it is paused. The caller holds the lock.
func (j *jobs) enqueue(job *job) {
	if j.byName[job.name] != job { // what it was before
		return
	}
	slot, ok := job.slots.Next(time.Unix(job.rec.After, 0))
	if _, paused := j.paused[job.rule.ID]; paused || !ok {
		j.queue.Remove(job.name)
		return
	}
	j.queue.Set(job.name, job.due(slot))
}

// tellCalendarEnd tells people, once for each schedule, that its calendar does not know the day of a time.
func (b *Bot) tellCalendarEnd(job *job, at time.Time) {
	c := job.slots.Calendar
	if c == nil || job.ended || c.Last >= schedule.DayOf(at.In(job.slots.Zone)) {
		return
	}
	if slot, ok := job.slots.Next(at.Add(-calendarSoon)); !ok || slot.After(at) { // it ends before
		return
	}
	job.ended = true
	b.report(b.stopped, "calendar "+c.Name, fmt.Sprintf("calendar %s knows the days up to %s only: "+
		"schedule of %s takes weekdays after it for working days",
		c.Name, c.Last, job.rule.ID))
}

// readSlot is the slot that an event of the journal is, or nil.
func readSlot(e journal.Event) *slotRecord {
	var rec eventRecord
	if _, ok := slotRule(e.Key); !ok || json.Unmarshal(e.Data, &rec) != nil {
		return nil
	}
	return rec.Slot
}

func readPaused(ctx context.Context, j journal.Journal) (map[string]pausedRecord, error) {
	raw, err := j.State(ctx, scopePaused)
	if err != nil {
		return nil, err
	}
	out := make(map[string]pausedRecord, len(raw))
	for rule, data := range raw {
		var p pausedRecord
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, fmt.Errorf("schedule of %s: %w", rule, err)
		}
		out[rule] = p
	}
	return out, nil
}

// slotUnused tells people of a slot that fired nothing.
func (b *Bot) slotUnused(ctx context.Context, set *rules.Set, ev *rules.Event, d rules.Decision) {
	if ev.Slot == nil || len(d.Fired) > 0 {
		return
	}
	why := ""
	switch r := set.Rule(ev.Rule); {
	case r == nil || r.Mode == rules.ModeOff || !slices.Contains(r.Events, ev.Type):
		why = "its rule is gone"
	case len(d.Failed) > 0:
		why = "its condition failed"
	case len(d.Dropped) > 0:
		why = d.Dropped[0].Why
	default: // its if was false, as it is meant
		return
	}
	b.report(ctx, "schedule "+ev.Rule,
		fmt.Sprintf("schedule of %s: the slot of %s does not run: %s", ev.Rule, slotTime(ev.Slot.At), why))
}

// slotEnded tells people of a slot's run that did not come to its end. One that stands still is told as a dead letter.
func (r *run) slotEnded(t *runTrace) {
	if r.ev.Slot == nil || t.Outcome != "failed" || r.rec.Parent != "" {
		return
	}
	code := ""
	if r.fault != nil {
		code = " (" + r.fault.Code + ")"
	}
	r.b.report(r.b.stopped, "schedule "+r.rule.ID, fmt.Sprintf("schedule of %s: the run of %s failed%s: "+
		"timbot why %s tells more", r.rule.ID, slotTime(r.ev.Slot.At), code, r.event))
}
