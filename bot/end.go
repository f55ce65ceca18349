package bot

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
)

// ending ends runs that the journal holds, and what hangs on them: the members of a batch with its leader, and the
// events that have no other open run. Events may be ended by several hands, so that each event is locked meanwhile.
type ending struct {
	journal journal.Journal
	events  *locks
	people  *people // what the runs have open with people ends too
	lanes   *lanes  // of the running bot; nil where none runs
	outcome string  // what the traces of the members of a batch say
	now     time.Time
	wake    func(journal.Timer) // goes on with the run that a branch belongs to; nil where no bot runs
}

// commit adds the end of runs to a change and commits it. also are keys of events that end too when no run of theirs is
// open.
func (e ending) commit(ctx context.Context, change *journal.Change, runs []journal.Run, also ...string) error {
	ids := make(map[string]bool)
	var members []journal.Run
	for _, r := range runs {
		ids[r.ID] = true
	}
	timers, err := e.parents(ctx, runs, ids)
	if err != nil {
		return err
	}
	change.SetTimers = append(change.SetTimers, timers...)
	keys := slices.Clone(also)
	for _, r := range runs {
		keys = append(keys, r.Event)
		rec, err := readRun(r)
		if err != nil || rec.Lane == r.ID {
			change.State = append(change.State, journal.StateWrite{Scope: scopeLane, Key: r.ID})
		}
		if err != nil || rec.Batch == nil || rec.Batch.Leader != r.ID { // what cannot be read leads nothing
			continue
		}
		joined, err := e.journal.State(ctx, joinedScope(r.ID))
		if err != nil {
			return err
		}
		for key, id := range joined {
			change.State = append(change.State, journal.StateWrite{Scope: joinedScope(r.ID), Key: key})
			if ids[string(id)] {
				continue
			}
			ids[string(id)] = true
			m, ok, err := e.journal.Run(ctx, string(id))
			if err != nil {
				return err
			}
			if ok {
				members, keys = append(members, m), append(keys, m.Event)
			}
		}
		change.State = append(change.State, journal.StateWrite{Scope: rec.Batch.Scope, Key: rec.Batch.Key})
	}
	unlock, err := e.events.lock(ctx, keys...)
	if err != nil {
		return err
	}
	defer unlock()
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		open, err := e.journal.Runs(ctx, key)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(open, func(r journal.Run) bool { return !ids[r.ID] }) {
			change.Done = append(change.Done, key)
		}
	}
	for _, m := range members {
		if err := e.tell(ctx, change, m); err != nil {
			return err
		}
	}
	for _, r := range slices.Concat(runs, members) {
		change.EndRuns = append(change.EndRuns, r.ID)
		e.people.end(change, r.ID)
	}
	if err := e.journal.Commit(ctx, change); err != nil {
		return err
	}
	e.lanes.leave(change.EndRuns...)
	if e.wake != nil {
		for _, t := range timers {
			e.wake(t)
		}
	}
	return nil
}

// parents are timers, due now, of the runs that wait for the ones that end.
func (e ending) parents(ctx context.Context, runs []journal.Run, ending map[string]bool) ([]journal.Timer, error) {
	var timers []journal.Timer
	for _, r := range runs {
		rec, err := readRun(r)
		if err != nil || rec.Parent == "" || ending[rec.Parent] {
			continue
		}
		if _, open, err := e.journal.Run(ctx, rec.Parent); err != nil {
			return nil, err
		} else if open {
			timers = append(timers, journal.Timer{ID: rec.Parent, Due: e.now, Run: rec.Parent})
		}
	}
	return timers, nil
}

// tell writes into the trace of a run's event that the run has ended.
func (e ending) tell(ctx context.Context, change *journal.Change, r journal.Run) error {
	i := slices.IndexFunc(change.Traces, func(t journal.Trace) bool { return t.Event == r.Event })
	if i < 0 {
		found, err := e.journal.Records(ctx, journal.Query{KeyFrom: r.Event, KeyTo: r.Event + "\x00", Limit: 1})
		if err != nil || len(found) == 0 || len(found[0].Trace.Data) == 0 {
			return err
		}
		i = len(change.Traces)
		change.Traces = append(change.Traces, found[0].Trace)
	}
	var t traceRecord
	if err := json.Unmarshal(change.Traces[i].Data, &t); err != nil { // of another version: it stays as it is
		return nil
	}
	told := t.run(r.ID, "", e.now)
	told.Outcome, told.Ended, told.Wait = e.outcome, e.now.UnixMilli(), nil
	data, err := json.Marshal(&t)
	if err != nil {
		return fmt.Errorf("trace of %s: %w", r.Event, err)
	}
	change.Traces[i].Data = data
	return nil
}

// endShared ends the run where other runs of its event may end in other hands.
func (r *run) endShared(ctx context.Context) error {
	stored, err := r.stored()
	if err != nil {
		return err
	}
	err = r.b.ending(r.traced().Outcome).commit(ctx, r.change, []journal.Run{stored})
	last := slices.Contains(r.change.Done, r.event)
	r.change = &journal.Change{}
	return r.observeEnd(last, err)
}

func (b *Bot) ending(outcome string) ending {
	return ending{b.journal, &b.inspector.events, b.people, b.lanes, outcome, b.clock.Now(), func(t journal.Timer) { b.timers.add(t) }}
}

// giveUp ends everything that a panicking item belongs to. A batch that waits has no part in it.
func (b *Bot) giveUp(ctx context.Context, it item) {
	if err := b.tryGiveUp(ctx, it); err != nil && ctx.Err() == nil {
		b.fail(fmt.Errorf("journal: %w", err))
	}
}

func (b *Bot) tryGiveUp(ctx context.Context, it item) error {
	key := it.event.Key
	if it.wake != "" {
		r, ok, err := b.journal.Run(ctx, it.wake)
		if err != nil || !ok {
			return err
		}
		key = r.Event
	}
	runs, err := b.journal.Runs(ctx, key)
	if err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(r journal.Run) bool {
		rec, err := readRun(r)
		return err == nil && rec.Wait != nil && rec.Wait.For == waitBatch && r.ID != it.wake
	})
	change := new(journal.Change)
	b.people.endEvent(change, key) // also of runs that never came to be
	if err := b.ending("given up").commit(ctx, change, runs, key); err != nil {
		return err
	}
	b.lanes.leaveEvent(key) // also of runs that never came to be
	return nil
}
