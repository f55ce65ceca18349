package bot

import (
	"context"
	"fmt"
	"maps"

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
	}
	trace := new(traceRecord)
	v := b.version()
	runs, change, err := b.decide(ctx, v.set, it.event.Event, trace)
	if err != nil {
		return err
	}
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
	runs[0].change = change
	waiting := 0
	for i, r := range runs {
		last := i == len(runs)-1
		ended, err := r.exec(ctx, func() bool { return last && waiting == 0 })
		if err != nil {
			return err
		}
		if !ended {
			waiting++
		}
	}
	return nil
}

// takeUpRuns goes on with runs that a crash interrupted; those that wait for a timer go on waiting.
func (b *Bot) takeUpRuns(ctx context.Context, runs []journal.Run) error {
	for _, r := range runs {
		if b.timers.has(r.ID) {
			continue
		}
		if err := b.resume(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
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
		return b.journal.Commit(ctx, &journal.Change{EndRuns: []string{id}, Done: b.lastOf(ctx, stored)})
	}
	r.change.StopTimers = append(r.change.StopTimers, id)
	_, err = r.exec(ctx, func() bool { return len(b.lastOf(ctx, stored)) > 0 })
	return err
}

// lastOf returns the run's event when no other run of it is open.
func (b *Bot) lastOf(ctx context.Context, r journal.Run) []string {
	runs, err := b.journal.Runs(ctx, r.Event)
	if err != nil || len(runs) > 1 || len(runs) == 1 && runs[0].ID != r.ID {
		return nil
	}
	return []string{r.Event}
}

// events returns the rule events that a stored one stands for.
func (b *Bot) events(stored journal.Event) ([]rules.Event, error) {
	var rec eventRecord
	if err := sdkconn.Unmarshal(stored.Data, &rec); err != nil {
		return nil, fmt.Errorf("event %s: %w", stored.Key, err)
	}
	if rec.SDK == nil {
		ev := rules.Lifecycle(rec.Lifecycle, rec.At, b.conn.Self())
		ev.Key = stored.Key
		return []rules.Event{ev}, nil
	}
	return rules.Events(rec.SDK, b.conn.Self()), nil
}

// decide matches an event and returns the runs that it starts, in their order, and what is written with them.
func (b *Bot) decide(
	ctx context.Context, set *rules.Set, stored journal.Event, trace *traceRecord,
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
	var runs []*run
	for nth := range events {
		ev := &events[nth]
		facts, err := b.facts(ctx, set, ev)
		if err != nil {
			return nil, nil, err
		}
		decision := set.Match(ev, facts)
		trace.decided(set, facts, nil)
		trace.types = append(trace.types, ev.Type)
		b.observeDecision(ev.Type, facts, &decision, b.clock.Since(began))
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
			log.Info("rule fired")
			own := *facts // what its steps need besides, and a time that moves on
			if needs := f.Rule.Needs(); needs != seen {
				if err := b.learn(ctx, &own, ev, needs); err != nil {
					return nil, nil, err
				}
			}
			runs = append(runs, b.newRun(set, stored, ev, nth, len(runs), &own, f, trace))
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

// stateScope names the journal's scopes of what rules call state.user, state.chat and state.bot.
func stateScopes(ev *rules.Event) (user, chat, own string) {
	if ev.User != "" {
		user = "user/" + ev.User
	}
	if ev.Source != nil {
		if c := ev.Source.Conversation(); c.Valid() {
			chat = "chat/" + c.String()
		}
	}
	return user, chat, "bot"
}

// state reads what the journal keeps for the event's user, its conversation and the bot.
func (b *Bot) state(ctx context.Context, s *rules.State, ev *rules.Event) error {
	user, chat, own := stateScopes(ev)
	var err error
	if s.User, err = b.readState(ctx, user); err != nil {
		return err
	}
	if s.Chat, err = b.readState(ctx, chat); err != nil {
		return err
	}
	s.Bot, err = b.readState(ctx, own)
	return err
}

func (b *Bot) readState(ctx context.Context, scope string) (map[string]any, error) {
	if scope == "" {
		return nil, nil
	}
	raw, err := b.journal.State(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(raw))
	for k, data := range maps.All(raw) {
		v, err := decodeValue(data)
		if err != nil {
			return nil, fmt.Errorf("state %s %s: %w", scope, k, err)
		}
		out[k] = seenValue(v)
	}
	return out, nil
}

// seenValue is a kept value as expressions see it.
func seenValue(v any) any { return rules.View(rules.Type{Kind: rules.KindAny}, v) }

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
