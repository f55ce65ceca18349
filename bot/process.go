package bot

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// process decides what an event starts, and runs it. Errors are the journal's, or ctx's.
func (b *Bot) process(ctx context.Context, it item) error {
	if it.resumed {
		runs, err := b.journal.Runs(ctx, it.event.Key)
		if err != nil {
			return err
		}
		if len(runs) > 0 { // decided before
			return b.takeUpRuns(ctx, runs)
		}
		open, err := b.journal.Pending(ctx, it.event.N-1, 1)
		if err != nil {
			return err
		}
		if len(open) == 0 || open[0].N != it.event.N { // done since it was queued: with a batch
			return nil
		}
	}
	trace := b.newTrace()
	v := b.version()
	var woken []wakeUp // after the commit, whatever becomes of the event's own runs
	defer func() { b.wakeUp(woken) }()
	runs, change, err := b.decide(ctx, v.set, it.event.Event, trace, &woken)
	if err != nil {
		return err
	}
	runs, joined, err := b.gather(ctx, runs, change)
	if err != nil {
		return err
	}
	defer joined.leave()
	if len(runs) == 0 {
		t, err := trace.stored(it.event.Key, v.set.Hash())
		if err != nil {
			return err
		}
		change.Lazy = change.Empty() // what an answer or a limit writes must be durable
		change.RuleSets, change.Traces = append(change.RuleSets, v.stored), append(change.Traces, t)
		change.Done = append(change.Done, it.event.Key)
		if err := b.journal.Commit(ctx, change); err != nil {
			return err
		}
		b.observeDone(it.event.Key, trace, b.clock.Now())
		return nil
	}
	if err := b.create(v, runs, change); err != nil {
		return err
	}
	going, err := b.setAside(ctx, runs, change, joined)
	if err != nil || len(going) == 0 {
		return err
	}
	joined.leave()
	going[0].change = change
	waiting := len(runs) - len(going)
	for i, r := range going {
		last := i == len(going)-1
		r.shared = last && waiting > 0
		ended, err := r.exec(ctx, func() bool { return last && waiting == 0 })
		if err != nil {
			return err
		}
		if !ended || r.rec.Dead != nil {
			waiting++
		}
	}
	return nil
}

// takeUpRuns goes on with runs that a crash interrupted; those that wait for a timer go on waiting.
func (b *Bot) takeUpRuns(ctx context.Context, runs []journal.Run) error {
	for _, r := range runs {
		if b.waits(r) {
			continue
		}
		if err := b.resume(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// waits reports whether a run goes on waiting: for its timer, or, without one, for something that has not come.
func (b *Bot) waits(r journal.Run) bool {
	if b.people.ready(r.ID) || b.lanes.ready(r.ID) {
		return false
	}
	if b.timers.wakes(r.ID) {
		return true
	}
	return asleep(r)
}

// resume goes on with a run from where the journal says it stands.
func (b *Bot) resume(ctx context.Context, id string) error {
	stored, ok, err := b.journal.Run(ctx, id)
	if err != nil || !ok {
		return err
	}
	event, _, err := b.journal.Event(ctx, stored.Event)
	if err != nil {
		return err
	}
	r, err := b.restore(ctx, stored, event)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		b.log.Error("run given up: it cannot be restored", "run", id, "err", err)
		b.observer.EventGivenUp()
		return b.ending("given up").commit(ctx, &journal.Change{}, []journal.Run{stored})
	}
	r.change.StopTimers = append(r.change.StopTimers, id)
	r.shared = true
	if r.displaced() {
		return r.endDisplaced(ctx)
	}
	if ok, err := r.takeTurn(ctx); !ok || err != nil {
		return err
	}
	_, err = r.exec(ctx, func() bool { return false })
	return err
}

// events returns the rule events that a stored one stands for.
func (b *Bot) events(stored journal.Event) ([]rules.Event, error) {
	var rec eventRecord
	if err := sdkconn.Unmarshal(stored.Data, &rec); err != nil {
		return nil, fmt.Errorf("event %s: %w", stored.Key, err)
	}
	return ruleEvents(stored, rec, b.conn.Self()), nil
}

// ruleEvents is what an event of the journal means to the rules of the bot's user.
func ruleEvents(stored journal.Event, rec eventRecord, self string) []rules.Event {
	if rec.Slot != nil {
		return rec.Slot.event(stored.Key, self)
	}
	if rec.SDK == nil {
		ev := rules.Lifecycle(rec.Lifecycle, rec.At, self)
		ev.Key, ev.Hops = stored.Key, rec.Hops
		if len(rec.Call) > 0 {
			var call callRecord
			if err := json.Unmarshal(rec.Call, &call); err == nil { // which storeCall wrote
				ev.Data = call.trigger()
			}
		}
		if len(rec.Data) > 0 {
			ev.Data, _ = decodeValue(rec.Data) // which encodeValue wrote
		}
		return []rules.Event{ev}
	}
	return rules.Events(rec.SDK, self)
}

// decide matches an event and returns the runs that it starts, in their order, and what is written with them. woken gets
// the runs that wait for what it is.
func (b *Bot) decide(
	ctx context.Context, set *rules.Set, stored journal.Event, trace *traceRecord, woken *[]wakeUp,
) ([]*run, *journal.Change, error) {
	began := b.clock.Now()
	change := new(journal.Change)
	events, err := b.events(stored)
	if err != nil {
		b.log.Error("event given up: it cannot be read", "event", stored.Key, "err", err)
		trace.note(began, "given up: it cannot be read")
		b.observer.EventGivenUp()
		return nil, change, nil
	}
	if rec := readSlot(stored); rec != nil && rec.Skipped != "" {
		trace.note(began, "not run: %s", rec.Skipped)
	}
	g := &gate{b: b, ctx: ctx, event: stored.Key, conversation: stored.Conversation}
	var runs []*run
	for nth := range events {
		ev := &events[nth]
		facts, err := b.facts(ctx, set, ev)
		if err != nil {
			return nil, nil, err
		}
		heard := b.hear(ev, trace)
		facts.Taken = heard.taken
		g.open(ev, nth, facts)
		decision := set.Match(ev, facts)
		if err := g.close(); err != nil {
			return nil, nil, err
		}
		if b.decisions != nil {
			b.decisions(stored.Key, ev, facts, &decision)
		}
		trace.decided(set, facts, g.told)
		trace.types = append(trace.types, ev.Type)
		b.slotUnused(ctx, set, ev, decision)
		b.observeDecision(ev.Type, facts, &decision, b.clock.Since(began))
		goOn, err := b.taken(heard, decision, trace, change, began)
		if err != nil {
			return nil, nil, err
		}
		*woken = append(*woken, goOn...)
		for _, d := range decision.Dropped {
			b.log.Info("rule not fired", "rule", d.Rule.ID, "event", ev.Type, "msg_id", messageID(ev), "why", d.Why)
		}
		for _, problem := range decision.Failed {
			b.log.Error("rule not fired: its condition failed", "rule", problem.Rule.ID, "event", ev.Key, "at", problem.Rule.Pos)
			b.log.Debug("rule not fired: its condition failed", "rule", problem.Rule.ID, "err", problem.Err) // may quote a message
		}
		seen := set.Needs()
		for _, f := range decision.Fired {
			log := b.log.With("rule", f.Rule.ID, "event", ev.Type, "msg_id", messageID(ev))
			if f.Shadow {
				log.Info("rule would have fired (shadow)", "words", f.Hit.Words)
				continue
			}
			if g.silent(f.Rule) {
				log.Debug("rule fired and does nothing", "why", f.Why)
				continue
			}
			log.Info("rule fired")
			own := *facts // what its steps need besides, and a time that moves on
			if needs := f.Rule.Needs(); needs != seen {
				if err := b.learn(ctx, &own, ev, needs); err != nil {
					return nil, nil, err
				}
				trace.knew(&own)
			}
			r := b.newRun(set, stored, ev, nth, len(runs), &own, f, trace)
			if err := b.openDialogue(r, change); err != nil {
				return nil, nil, err
			}
			if err := g.admit(r, change); err != nil {
				return nil, nil, err
			}
			runs = append(runs, r)
		}
	}
	trace.Took = b.clock.Since(began).Microseconds()
	return runs, change, nil
}

func messageID(ev *rules.Event) string {
	if ev.Source != nil && ev.Source.Message != nil {
		return ev.Source.Message.MsgID
	}
	return ""
}

// facts gathers what the conditions of the rules may ask about an event.
func (b *Bot) facts(ctx context.Context, set *rules.Set, ev *rules.Event) (*rules.Facts, error) {
	f := &rules.Facts{Now: b.now(), Admins: set.Bot.Admins, BotName: set.Bot.Name}
	if ev.Source != nil && ev.Source.CaughtUp {
		f.Stages = set.Bot.CatchUp.Stages
	}
	return f, b.learn(ctx, f, ev, set.Needs())
}

// learn adds the facts that needs asks for.
func (b *Bot) learn(ctx context.Context, f *rules.Facts, ev *rules.Event, needs rules.Needs) error {
	b.fill(ctx, f, ev, needs)
	if needs.State && f.State.User == nil && f.State.Chat == nil && f.State.Bot == nil {
		return b.state(ctx, &f.State, ev)
	}
	return nil
}

// create adds an event's runs to the change that writes them down.
func (b *Bot) create(v *version, runs []*run, change *journal.Change) error {
	change.RuleSets = append(change.RuleSets, v.stored)
	for _, r := range runs {
		stored, err := r.stored()
		if err != nil {
			return err
		}
		change.Runs = append(change.Runs, stored)
	}
	return nil
}
