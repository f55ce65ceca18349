package bot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/schedule"
	"github.com/timbot-go/timbot/rules"
)

// Job is one schedule of a rule, and how it stands.
type Job struct {
	Name     string        `json:"name"` // the rule; for its second schedule with #2 behind it, and so on
	Rule     string        `json:"rule"`
	Title    string        `json:"title,omitzero"` // the rule's name, for people
	Schedule schedule.Spec `json:"schedule"`
	Zone     string        `json:"zone"`   // of Schedule, or the bot's
	Missed   string        `json:"missed"` // once, skip or all
	Shadow   bool          `json:"shadow,omitzero"`
	Next     time.Time     `json:"next,omitzero"` // the next slot, in its zone; zero for none, and while it is paused
	Paused   *JobPause     `json:"paused,omitzero"`
	Last     *JobSlot      `json:"last,omitzero"` // the last one that ran; nil for none that is still kept
}

// JobPause is since when a rule's schedules stand still.
type JobPause struct {
	Since time.Time `json:"since"`
	By    string    `json:"by,omitzero"`
}

// JobSlot is a slot that came, and what became of it.
type JobSlot struct {
	Key    string       `json:"key"` // of its event: timbot why tells more
	Rule   string       `json:"rule"`
	Slot   time.Time    `json:"slot"`
	At     time.Time    `json:"at,omitzero"` // when its run began
	State  string       `json:"state"`       // one of the States, or StateSkipped
	Why    string       `json:"why,omitzero"`
	Slots  int          `json:"slots,omitzero"` // of a skipped one: how many it stands for, itself the last
	Missed bool         `json:"missed,omitzero"`
	Manual bool         `json:"manual,omitzero"`
	Runs   []SummaryRun `json:"runs,omitzero"`
}

// StateSkipped is the state of a slot that does not run.
const StateSkipped = "skipped"

// JobDate is a slot that is to come, or a day on which the calendar left one out.
type JobDate struct {
	Name    string    `json:"name"`             // of the job
	At      time.Time `json:"at"`               // in the schedule's zone
	Skipped string    `json:"skipped,omitzero"` // why there is none; empty for a slot
	Note    string    `json:"note,omitzero"`
}

// The bounds of what is asked.
const (
	MaxJobDates      = 1000
	DefaultHistory   = 20
	MaxHistory       = 1000
	latestSlotWithin = 400 * 24 * time.Hour // how far back RunJob looks for the slot that it runs again
)

// scheduled returns a rule with schedules. Errors: *NotFoundError, with the nearest name.
func scheduled(set *rules.Set, rule string) (*rules.Rule, error) {
	if r := set.Rule(rule); r != nil && len(r.Schedules) > 0 && r.Mode != rules.ModeOff {
		return r, nil
	}
	var have []string
	for _, r := range set.Rules {
		if len(r.Schedules) > 0 && r.Mode != rules.ModeOff {
			have = append(have, r.ID)
		}
	}
	if len(have) == 0 {
		return nil, &NotFoundError{"no rule of this bot has a schedule"}
	}
	const most = 10
	more := ""
	if len(have) > most {
		have, more = have[:most], ", ..."
	}
	return nil, &NotFoundError{fmt.Sprintf("no rule %q has a schedule; these have: %s%s", rule, strings.Join(have, ", "), more)}
}

// Jobs lists the schedules of a rule set as the journal has them, in the order of the files. zone is the bot's.
func (in *Inspector) Jobs(ctx context.Context, set *rules.Set, zone *time.Location) ([]Job, error) {
	kept, err := in.journal.State(ctx, scopeJob)
	if err != nil {
		return nil, err
	}
	paused, err := readPaused(ctx, in.journal)
	if err != nil {
		return nil, err
	}
	out := []Job{}
	for _, r := range set.Rules {
		if r.Mode == rules.ModeOff {
			continue
		}
		for i, s := range r.Schedules {
			slots := s.In(zone)
			job := Job{
				Name: jobName(r.ID, i), Rule: r.ID, Title: r.Name, Schedule: s.Spec, Zone: slots.Zone.String(),
				Missed: s.Missed.String(), Shadow: r.Mode == rules.ModeShadow,
			}
			after := in.clock.Now()
			rec := jobRecord{}
			if data := kept[job.Name]; data != nil && json.Unmarshal(data, &rec) == nil && rec.Spec == s.Spec {
				after = time.Unix(rec.After, 0)
			}
			if p, ok := paused[r.ID]; ok && p.Until == 0 {
				job.Paused = &JobPause{time.UnixMilli(p.Since), p.By}
			} else if next, ok := slots.Next(after); ok {
				job.Next = next
			}
			if rec.Last != "" {
				if job.Last, err = in.jobSlot(ctx, rec.Last); err != nil {
					return nil, err
				}
			}
			out = append(out, job)
		}
	}
	return out, nil
}

// jobSlot is what became of a slot; nil when it is not kept any more.
func (in *Inspector) jobSlot(ctx context.Context, key string) (*JobSlot, error) {
	found, err := in.byKey(ctx, key)
	if err != nil || found == nil {
		return nil, err
	}
	return in.slotOf(ctx, &found.record)
}

func (in *Inspector) slotOf(ctx context.Context, r *journal.Record) (*JobSlot, error) {
	rec := readSlot(r.Event)
	if rec == nil { // only its key is kept
		return nil, nil
	}
	s, at, err := in.summary(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &JobSlot{
		Key: r.Key, Rule: rec.Rule, Slot: rec.time(), At: at, State: s.State, Missed: rec.Missed, Manual: rec.Manual, Runs: s.Runs,
	}
	for _, d := range s.Dropped {
		out.Why = d.Why
	}
	if rec.Skipped != "" {
		out.State, out.Why, out.Slots, out.At = StateSkipped, rec.Skipped, rec.Slots, time.Time{}
	}
	return out, nil
}

// JobHistory returns the newest slots of a rule, of any for "", the newest first: at most limit, DefaultHistory for 0. Of
// more than the newest 200 000 events it looks at no more.
func (in *Inspector) JobHistory(ctx context.Context, rule string, limit int) ([]JobSlot, error) {
	if limit = min(limit, MaxHistory); limit <= 0 {
		limit = DefaultHistory
	}
	out := []JobSlot{}
	n := 0
	err := in.scan(ctx, journal.Query{}, func(r *journal.Record) (bool, error) {
		n++
		if of, ok := slotRule(r.Key); ok && (rule == "" || of == rule) {
			s, err := in.slotOf(ctx, r)
			if err != nil {
				return false, err
			}
			if s != nil {
				out = append(out, *s)
			}
		}
		return len(out) < limit && n < maxScan, nil
	})
	return out, err
}

// PauseJob lets the schedules of a rule stand still until ResumeJob; by is who says so. Errors: *NotFoundError.
func (in *Inspector) PauseJob(ctx context.Context, set *rules.Set, rule, by string) error {
	if _, err := scheduled(set, rule); err != nil {
		return err
	}
	in.changing.Lock()
	defer in.changing.Unlock()
	paused, err := readPaused(ctx, in.journal)
	if err != nil {
		return err
	}
	if p, ok := paused[rule]; ok && p.Until == 0 {
		since := time.UnixMilli(p.Since).Format(time.DateTime)
		return &NotFoundError{fmt.Sprintf("the schedule of %s is paused already, since %s", rule, since)}
	}
	return in.writePause(ctx, rule, pausedRecord{Since: in.clock.Now().UnixMilli(), By: by})
}

// ResumeJob lets the schedules of a rule go on. Slots of the time in which they stood still do not run. Errors:
// *NotFoundError.
func (in *Inspector) ResumeJob(ctx context.Context, set *rules.Set, rule string) error {
	if _, err := scheduled(set, rule); err != nil {
		return err
	}
	in.changing.Lock()
	defer in.changing.Unlock()
	paused, err := readPaused(ctx, in.journal)
	if err != nil {
		return err
	}
	p, ok := paused[rule]
	if !ok || p.Until != 0 {
		return &NotFoundError{fmt.Sprintf("the schedule of %s is not paused", rule)}
	}
	p.Until = in.clock.Now().UnixMilli()
	return in.writePause(ctx, rule, p)
}

func (in *Inspector) writePause(ctx context.Context, rule string, p pausedRecord) error {
	w, err := entry(scopePaused, rule, p)
	if err == nil {
		err = in.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{w}})
	}
	if err == nil && in.jobsChanged != nil {
		in.jobsChanged()
	}
	return err
}

// UpcomingJobs returns the next slots of a rule, of all for "", after a time, at most count (MaxJobDates), and the days on which a calendar
// leaves one out. It reads no journal. zone is the bot's. Errors: *NotFoundError.
func UpcomingJobs(set *rules.Set, zone *time.Location, rule string, from time.Time, count int) ([]JobDate, error) {
	of := set.Rules
	if rule != "" {
		r, err := scheduled(set, rule)
		if err != nil {
			return nil, err
		}
		of = []*rules.Rule{r}
	}
	count = max(1, min(count, MaxJobDates))
	out := []JobDate{}
	for _, r := range of {
		if r.Mode == rules.ModeOff {
			continue
		}
		for i, s := range r.Schedules {
			for _, d := range s.In(zone).Upcoming(from, count) {
				out = append(out, JobDate{jobName(r.ID, i), d.At, d.Skipped, d.Note})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b JobDate) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Name, b.Name)) })
	for i := range out {
		if out[i].Skipped == "" {
			if count--; count == 0 {
				return out[:i+1], nil
			}
		}
	}
	return out, nil
}

// Jobs lists the schedules of the bot's rules, in the order of the files.
func (b *Bot) Jobs(ctx context.Context) ([]Job, error) {
	return b.inspector.Jobs(ctx, b.rules(), b.zone)
}

// UpcomingJobs is UpcomingJobs of the bot's rules; a zero time is now.
func (b *Bot) UpcomingJobs(_ context.Context, rule string, from time.Time, count int) ([]JobDate, error) {
	if from.IsZero() {
		from = b.clock.Now()
	}
	return UpcomingJobs(b.rules(), b.zone, rule, from, count)
}

// JobHistory is Inspector.JobHistory.
func (b *Bot) JobHistory(ctx context.Context, rule string, limit int) ([]JobSlot, error) {
	if rule != "" {
		if _, err := scheduled(b.rules(), rule); err != nil {
			return nil, err
		}
	}
	return b.inspector.JobHistory(ctx, rule, limit)
}

// PauseJob is Inspector.PauseJob for the bot's rules.
func (b *Bot) PauseJob(ctx context.Context, rule, by string) error {
	return b.inspector.PauseJob(ctx, b.rules(), rule, by)
}

// ResumeJob is Inspector.ResumeJob for the bot's rules.
func (b *Bot) ResumeJob(ctx context.Context, rule string) error {
	return b.inspector.ResumeJob(ctx, b.rules(), rule)
}

// RunJob has a rule run for its latest slot, whether that ran or not: what the slot is a key of, an announcement say, is not
// done twice. Without a slot in the last 400 days it is now. It returns when that is written down, with the key of its
// event. Errors: *NotFoundError; else the journal's, or ctx's.
func (b *Bot) RunJob(ctx context.Context, rule string) (JobSlot, error) {
	r, err := scheduled(b.rules(), rule)
	if err != nil {
		return JobSlot{}, err
	}
	now := b.clock.Now()
	var at time.Time
	zone := ""
	for _, s := range r.Schedules {
		if last, ok := s.In(b.zone).Last(now.Add(-latestSlotWithin), now); ok && last.After(at) {
			at, zone = last, s.Spec.Zone
		}
	}
	if at.IsZero() {
		at, zone = now.Truncate(time.Second).In(r.Schedules[0].In(b.zone).Zone), r.Schedules[0].Spec.Zone
	}
	b.jobs.mu.Lock()
	b.jobs.n++
	mark := fmt.Sprintf("run.%d.%d", now.UnixNano(), b.jobs.n)
	b.jobs.mu.Unlock()
	e, err := newSlot(slotRecord{Rule: rule, Zone: zone, Manual: true}, at, now, mark)
	if err != nil {
		return JobSlot{}, err
	}
	if _, err := b.store(ctx, []journal.Event{e}); err != nil {
		return JobSlot{}, err
	}
	return JobSlot{Key: e.Key, Rule: rule, Slot: at, State: StateWaiting, Manual: true}, nil
}
