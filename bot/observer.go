package bot

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// Observer is told what the bot does, for metrics and spans. Its methods are called by the goroutines that do the work, many
// at once: they return at once and keep nothing that they are given by reference. None of them is given message text.
type Observer interface {
	// EventStored is called for each event that the journal was given. kind is the connection's or that of the bot's own
	// life; fresh is false for one that the journal knew.
	EventStored(kind string, caughtUp, fresh bool)

	// EventDecided is called when the rules have decided about an event of this type of the rule language.
	EventDecided(typ string, result Decided, took time.Duration)

	// EventGivenUp is called when an event or a run of it is given up, because of a panic or because it cannot be read.
	EventGivenUp()

	// StepDone is called after each attempt of a step. code is empty for one that worked.
	StepDone(rule, action, code string, took time.Duration)

	// RunEnded is called when a run is over. took counts what it waited too.
	RunEnded(rule, outcome string, took time.Duration)

	// EventDone is called when nothing more is to come of an event.
	EventDone(h *Handled)

	// SendPaced is called when a message had to wait so long to keep the service's limits.
	SendPaced(waited time.Duration)

	// WebhookCalled is called for each call of a webhook. path is empty for one that there is not; result is "accepted",
	// "again" for a delivery that was taken before, or in one word why the call was refused.
	WebhookCalled(path, result string)

	// JournalWorking is called when the journal begins to fail, and when it works again.
	JournalWorking(ok bool)
}

// ShadowObserver is an Observer that is told of shadow rules too.
type ShadowObserver interface {
	// WouldFire is called when a shadow rule would have fired on an event of this type.
	WouldFire(rule, typ string)
}

// Decided is what the rules made of an event.
type Decided string

// The decisions.
const (
	DecidedFired Decided = "fired" // at least one rule fired, shadow rules not counted
	DecidedQuiet Decided = "quiet" // none
	DecidedTaken Decided = "taken" // none of the stages main and fallback was tried: a dialogue or a person has the event
)

// Handled is an event that the bot is done with, and what came of it. It holds names and times, and nothing that was written.
type Handled struct {
	Event string   // its key
	Types []string // of the rule language; empty for an event that was decided before the bot's last start
	Began time.Time
	Ended time.Time
	Runs  []HandledRun
}

// HandledRun is one rule's part of it.
type HandledRun struct {
	ID, Rule, Outcome string
	Began, Ended      time.Time
	Steps             []HandledStep // attempts, in their order; at most some hundreds
}

// HandledStep is one attempt of a step.
type HandledStep struct {
	Name, Action string
	Code         string // of a failure
	Began        time.Time
	Took         time.Duration
}

// blind is the observer of a bot that nobody watches.
type blind struct{}

func (blind) EventStored(string, bool, bool)              {}
func (blind) EventDecided(string, Decided, time.Duration) {}
func (blind) EventGivenUp()                               {}
func (blind) StepDone(_, _, _ string, _ time.Duration)    {}
func (blind) RunEnded(_, _ string, _ time.Duration)       {}
func (blind) EventDone(*Handled)                          {}
func (blind) SendPaced(time.Duration)                     {}
func (blind) WebhookCalled(_, _ string)                   {}
func (blind) JournalWorking(bool)                         {}
func (b *Bot) watched() bool                              { _, nobody := b.observer.(blind); return !nobody }

// observeStored tells of events that the journal took.
func (b *Bot) observeStored(events []journal.Event, fresh []bool) {
	if !b.watched() {
		return
	}
	for i, e := range events {
		var rec struct {
			SDK struct {
				Kind     sdkconn.EventKind `json:"kind"`
				CaughtUp bool              `json:"caught_up"`
			} `json:"sdk"`
			Lifecycle string `json:"lifecycle"`
		}
		if err := json.Unmarshal(e.Data, &rec); err != nil { // told when it is handled
			rec.Lifecycle = "unreadable"
		}
		kind := rec.Lifecycle
		if kind == "" {
			kind = string(rec.SDK.Kind)
		}
		b.observer.EventStored(kind, rec.SDK.CaughtUp, fresh[i])
	}
}

// observeDecision tells what the rules decided about one rule event.
func (b *Bot) observeDecision(typ string, f *rules.Facts, d *rules.Decision, took time.Duration) {
	result := DecidedQuiet
	switch {
	case slices.ContainsFunc(d.Fired, func(f rules.Fired) bool { return !f.Shadow }):
		result = DecidedFired
	case f.Taken != "":
		result = DecidedTaken
	}
	b.observer.EventDecided(typ, result, took)
	if o, ok := b.observer.(ShadowObserver); ok {
		for _, f := range d.Fired {
			if f.Shadow {
				o.WouldFire(f.Rule.ID, typ)
			}
		}
	}
}

// observeStep tells of an attempt of a step.
func (r *run) observeStep(s stepTrace) {
	r.b.observer.StepDone(r.rule.ID, s.Action, s.Code, time.Duration(s.Took)*time.Microsecond)
}

// observeEnd tells of the run's end, once that is durable; last says that nothing more is to come of the event.
func (r *run) observeEnd(last bool, err error) error {
	if err != nil {
		return err
	}
	t := r.traced()
	r.slotEnded(t)
	r.b.observer.RunEnded(r.rule.ID, t.Outcome, time.Duration(t.Ended-t.Began)*time.Millisecond)
	if last {
		r.b.observeDone(r.event, r.trace, r.b.clock.Now())
	}
	return nil
}

// observeDone tells of an event that is done.
func (b *Bot) observeDone(event string, t *traceRecord, now time.Time) {
	if b.watched() {
		b.observer.EventDone(t.handled(event, now))
	}
}

// handled is the trace as observers see it.
func (t *traceRecord) handled(event string, now time.Time) *Handled {
	h := &Handled{Event: event, Types: t.types, Ended: now, Began: now}
	if len(t.Decided) > 0 {
		h.Began = time.UnixMilli(t.Decided[0].Now)
	}
	for _, r := range t.Runs {
		run := HandledRun{ID: r.ID, Rule: r.Rule, Outcome: r.Outcome, Began: time.UnixMilli(r.Began), Ended: time.UnixMilli(r.Ended)}
		if r.Ended == 0 {
			run.Ended = now
		}
		for _, s := range r.Steps {
			run.Steps = append(run.Steps, HandledStep{
				s.Name, s.Action, s.Code, time.UnixMilli(s.Began), time.Duration(s.Took) * time.Microsecond,
			})
		}
		h.Runs = append(h.Runs, run)
	}
	return h
}
