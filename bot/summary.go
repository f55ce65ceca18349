package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// Summary is an event and what became of it, in short.
type Summary struct {
	Event   StoryEvent       `json:"event"`
	State   string           `json:"state"` // as in Story
	Runs    []SummaryRun     `json:"runs,omitzero"`
	Dropped []SummaryDropped `json:"dropped,omitzero"` // rules that matched and were not let through
	Taken   string           `json:"taken,omitzero"`   // why main and fallback were not tried
}

// SummaryRun is a rule that fired.
type SummaryRun struct {
	ID      string     `json:"id"`
	Rule    string     `json:"rule"`
	Outcome string     `json:"outcome"`
	Step    string     `json:"step,omitzero"`  // the one that failed
	Code    string     `json:"code,omitzero"`  // of the failure
	Error   string     `json:"error,omitzero"` // its text
	Wait    *StoryWait `json:"wait,omitzero"`
}

// SummaryDropped is a rule that was not let through.
type SummaryDropped struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}

// TraceFilter says which events are asked for. The zero value asks for the newest.
type TraceFilter struct {
	In    string    `json:"in,omitzero"`    // the conversation: "group_ID", "c2c_ID" or the ID alone
	From  string    `json:"from,omitzero"`  // the user
	Rule  string    `json:"rule,omitzero"`  // a rule that fired or was not let through
	Only  string    `json:"only,omitzero"`  // "fired", "quiet" or "failed"; "" for all
	Since time.Time `json:"since,omitzero"` // events that were decided or happened since then
	Limit int       `json:"limit,omitzero"` // at most so many; 0 means DefaultTraces, more than MaxTraces means MaxTraces
}

// How many events Traces returns.
const (
	DefaultTraces = 50
	MaxTraces     = 10_000
)

// Traces returns what became of the newest events that the filter lets through, the newest first. Of more than the newest
// 200 000 events it looks at no more.
func (in *Inspector) Traces(ctx context.Context, f TraceFilter) ([]Summary, error) {
	limit := min(f.Limit, MaxTraces)
	if limit <= 0 {
		limit = DefaultTraces
	}
	var q journal.Query
	if strings.HasPrefix(f.In, "group_") || strings.HasPrefix(f.In, "c2c_") {
		q.Conversation = f.In
	}
	var out []Summary
	n, early := 0, 0
	err := in.scan(ctx, q, func(r *journal.Record) (bool, error) {
		n++
		s, at, err := in.summary(ctx, r)
		if err != nil {
			return false, err
		}
		if at.Before(f.Since) {
			early++ // what waited long may stand among later ones
			return early < findPage, nil
		}
		if f.fits(s) {
			out = append(out, *s)
		}
		return len(out) < limit && n < maxScan, nil
	})
	return out, err
}

// fits reports whether the filter lets an event through.
func (f *TraceFilter) fits(s *Summary) bool {
	if f.In != "" && f.In != s.Event.Conversation {
		if _, id, _ := strings.Cut(s.Event.Conversation, "_"); f.In != id {
			return false
		}
	}
	if f.From != "" && f.From != s.Event.User {
		return false
	}
	if f.Rule != "" && !slices.ContainsFunc(s.Runs, func(r SummaryRun) bool { return r.Rule == f.Rule }) &&
		!slices.ContainsFunc(s.Dropped, func(d SummaryDropped) bool { return d.Rule == f.Rule }) {
		return false
	}
	switch f.Only {
	case "fired":
		return len(s.Runs) > 0
	case "quiet":
		return s.State == StateQuiet
	case "failed":
		return s.State == StateFailed
	}
	return true
}

// summary sums a record up; at is when it was decided, or else when it happened.
func (in *Inspector) summary(ctx context.Context, r *journal.Record) (s *Summary, at time.Time, err error) {
	t, err := in.read(ctx, *r)
	if err != nil {
		return nil, at, err
	}
	runs, err := in.runs(ctx, t, nil)
	if err != nil {
		return nil, at, err
	}
	s, at = &Summary{Event: t.summary(), State: t.state(runs)}, r.At
	for _, d := range t.trace.Decided {
		at = milli(d.Now)
		if d.Taken != "" {
			s.Taken = d.Taken
		}
		for rule, gate := range d.Gates {
			if gate.Closed {
				s.Dropped = append(s.Dropped, SummaryDropped{rule, gate.Why})
			}
		}
	}
	slices.SortFunc(s.Dropped, func(a, b SummaryDropped) int { return strings.Compare(a.Rule, b.Rule) })
	for _, run := range runs {
		sum := SummaryRun{ID: run.ID, Rule: run.Rule, Outcome: run.Outcome, Wait: run.Wait}
		if run.Outcome == "failed" || run.Outcome == "dead" {
			for _, step := range slices.Backward(run.Steps) {
				if step.Code != "" {
					sum.Step, sum.Code, sum.Error = step.Name, step.Code, step.Error
					break
				}
			}
		}
		s.Runs = append(s.Runs, sum)
	}
	return s, at, nil
}

// ErrNotRunning is returned for what only a running bot can tell or do.
var ErrNotRunning = errors.New("the bot is not running")

// Follow hands each event to tell when it is handled, and again when what it waited for has come, until ctx ends or tell
// returns an error, which it returns. When the bot is faster than tell, events are left out. Errors: ErrNotRunning.
func (in *Inspector) Follow(ctx context.Context, f TraceFilter, tell func(*Summary) error) error {
	if in.wake == nil {
		return ErrNotRunning
	}
	keys, stop := in.watch.add()
	defer stop()
	said := make(map[string]string) // what was told last of an event that is not over
	for {
		var key string
		select {
		case key = <-keys:
		case <-ctx.Done():
			return ctx.Err()
		}
		records, err := in.journal.Records(ctx, journal.Query{KeyFrom: key, KeyTo: key + "\x00", Limit: 1})
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue
		}
		s, _, err := in.summary(ctx, &records[0])
		if err != nil {
			return err
		}
		look := s.look()
		if look == "" || look == said[key] {
			continue
		}
		if said[key] = look; records[0].Done {
			delete(said, key)
		}
		if !f.fits(s) {
			continue
		}
		if err := tell(s); err != nil {
			return err
		}
	}
}

// look is what a line about the event would say of its runs; "" while one of them is being done.
func (s *Summary) look() string {
	look := s.State
	for _, r := range s.Runs {
		if r.Outcome == "running" {
			return ""
		}
		look += " " + r.ID + " " + r.Outcome
		if r.Wait != nil {
			look += " " + r.Wait.For + " " + r.Wait.Step
		}
	}
	return look
}
