package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// Every event of a batch has a run of its own, so that a restart knows that it was decided. The first one's leads: it
// waits for the others, does the steps, and its end is the end of all. The journal's state has an entry for each batch
// that may be joined (scope "batch/", the rule and Batch.Key) and one for each run that joined (scope "joined/" and the
// leader's id).

// batches is the batches that may be joined.
type batches struct {
	locks locks // by scope: held from the decision to join until it is written, and while a batch is closed

	mu   sync.Mutex
	open map[string]*openBatch // by scope, as far as the journal was asked; what is not here is not known
}

// openBatch is a batch that waits for more.
type openBatch struct {
	leader      string
	key         string // its entry in the scope
	first, last int64  // Unix nanoseconds
	n           int
}

func batchScope(rule *rules.Rule, key string) string { return "batch/" + rule.ID + "/" + key }

func joinedScope(leader string) string { return "joined/" + leader }

// due is when the batch has waited enough.
func (o *openBatch) due(b *rules.Batch) time.Time {
	due := time.Unix(0, o.last).Add(b.Quiet)
	if most := time.Unix(0, o.first).Add(b.MaxWait); most.Before(due) {
		due = most
	}
	return due.Truncate(time.Millisecond) // as timers are; the order of joining may have added some nanoseconds
}

// askBatch finds out which batch the event goes to, and whether it would be the first: only then the limit is asked.
func (g *gate) askBatch(f rules.Fired, p *pass) rules.Gate {
	if f.Rule.Batch == nil {
		return rules.Gate{}
	}
	key, err := f.Rule.Batch.Key(g.scope(f))
	if err != nil {
		return g.cannot(f, "batch", err)
	}
	p.batch = batchScope(f.Rule, key)
	open, err := g.lookAt(p.batch)
	if err != nil {
		g.err = err
		return rules.Gate{Closed: true}
	}
	p.open = g.opening[p.batch] || open != nil && open.n < f.Rule.Batch.Max
	return rules.Gate{}
}

// lookAt is findBatch with the lock; by the time that the event joins it may be otherwise.
func (g *gate) lookAt(scope string) (*openBatch, error) {
	unlock, err := g.b.batches.locks.lock(g.ctx, scope)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return g.b.findBatch(g.ctx, scope)
}

// findBatch returns a copy of what is known of the batch that may be joined, nil for none. The caller holds its lock.
func (b *Bot) findBatch(ctx context.Context, scope string) (*openBatch, error) {
	b.batches.mu.Lock()
	known := b.batches.open[scope]
	b.batches.mu.Unlock()
	if known != nil {
		out := *known
		return &out, nil
	}
	entries, err := b.journal.State(ctx, scope)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	out := &openBatch{key: slices.Max(slices.Collect(maps.Keys(entries)))}
	out.leader = string(entries[out.key])
	joined, err := b.journal.State(ctx, joinedScope(out.leader))
	if err != nil || len(joined) == 0 {
		return nil, err
	}
	for key := range joined {
		at, err := joinedAt(key)
		if err != nil {
			return nil, fmt.Errorf("batch of %s: %w", out.leader, err)
		}
		if out.n++; out.n == 1 {
			out.first, out.last = at, at
		}
		out.first, out.last = min(out.first, at), max(out.last, at)
	}
	return out, nil
}

// setBatch remembers what the journal says of a scope now; nil for nothing that is known.
func (b *Bot) setBatch(scope string, open *openBatch) {
	b.batches.mu.Lock()
	defer b.batches.mu.Unlock()
	if open == nil {
		delete(b.batches.open, scope)
		return
	}
	if b.batches.open == nil {
		b.batches.open = make(map[string]*openBatch)
	}
	b.batches.open[scope] = open
}

// joinedKey is the entry of a run that joined; joinedAt is the inverse as to when.
func joinedKey(at int64, run string) string { return fmt.Sprintf("%016x/%s", at, run) }

func joinedAt(key string) (int64, error) {
	digits, _, _ := strings.Cut(key, "/")
	return strconv.ParseInt(digits, 16, 64)
}

// gathering is the batches that the runs of one event join, locked until that is written down.
type gathering struct {
	b      *Bot
	unlock func()
	open   map[string]*openBatch
	timers []journal.Timer
}

// gather lets an event's new runs join their batches, or begin them; it returns the runs that are left. The caller
// calls keep when the change is written, and leave in any case.
func (b *Bot) gather(ctx context.Context, runs []*run, change *journal.Change) ([]*run, *gathering, error) {
	g := &gathering{b: b, unlock: func() {}, open: make(map[string]*openBatch)}
	var scopes []string
	for _, r := range runs {
		if r.pass != nil && r.pass.batch != "" {
			scopes = append(scopes, r.pass.batch)
		}
	}
	if len(scopes) == 0 {
		return runs, g, nil
	}
	unlock, err := b.batches.locks.lock(ctx, scopes...)
	if err != nil {
		return nil, nil, err
	}
	g.unlock = unlock
	for _, scope := range scopes {
		open, err := b.findBatch(ctx, scope)
		if err != nil {
			g.leave()
			return nil, nil, err
		}
		g.open[scope] = open
		b.setBatch(scope, nil) // until it is known whether the change was written
	}
	var left []*run
	for _, r := range runs {
		ok := true
		if r.pass != nil && r.pass.batch != "" {
			var err error
			if ok, err = g.join(ctx, r, change); err != nil {
				g.leave()
				return nil, nil, err
			}
		}
		if ok {
			left = append(left, r)
		}
	}
	return left, g, nil
}

// join puts one run into its batch; false when its limit lets it begin none.
func (g *gathering) join(ctx context.Context, r *run, change *journal.Change) (bool, error) {
	p, now := r.pass, g.b.clock.Now()
	open := g.open[p.batch]
	first := open == nil || open.n >= r.rule.Batch.Max
	switch {
	case first && p.turn != nil:
		r.take(*p.turn, p.limit, change)
	case first && r.rule.Limit != nil: // the batch that was there has closed meanwhile
		if ok, err := g.takeTurn(ctx, r, change, now); !ok {
			return false, err
		}
	case p.turn != nil: // somebody else began one meanwhile
		if err := g.b.limits.forget(ctx, p.limit, p.turn.mark); err != nil {
			return false, err
		}
	}
	if first {
		open = &openBatch{leader: r.id, first: now.UnixNano()}
		open.key = joinedKey(open.first, r.id)
		g.open[p.batch] = open
		change.State = append(change.State, journal.StateWrite{Scope: p.batch, Key: open.key, Value: []byte(r.id)})
	}
	open.last = max(now.UnixNano(), open.last+1)
	open.n++
	r.rec.Batch = &batchRecord{Scope: p.batch, Leader: open.leader}
	change.State = append(change.State, journal.StateWrite{
		Scope: joinedScope(open.leader), Key: joinedKey(open.last, r.id), Value: []byte(r.id),
	})
	due := open.due(r.rule.Batch)
	if open.n >= r.rule.Batch.Max {
		due = now
	}
	switch {
	case first:
		r.rec.Batch.Key = open.key
		if w := r.rec.Wait; w != nil { // for its turn: the batch may be joined until then
			due = later(due, time.UnixMilli(w.Due))
		}
		r.rec.Wait = &waitRecord{For: waitBatch, Due: due.UnixMilli()}
	default:
		r.rec.Wait = &waitRecord{For: waitBatch}
		if open.n >= r.rule.Batch.Max {
			g.timers = append(g.timers, journal.Timer{ID: open.leader, Due: now.Truncate(time.Millisecond), Run: open.leader})
		}
	}
	return true, nil
}

// takeTurn asks the limit for a batch that nobody expected to begin.
func (g *gathering) takeTurn(ctx context.Context, r *run, change *journal.Change, now time.Time) (bool, error) {
	key, err := r.rule.Limit.Key(r.scope)
	if err != nil {
		r.trace.note(now, "rule %s: limit: %v", r.rule.ID, err)
		return false, nil
	}
	scope := limitScope(r.rule, key)
	t, err := g.b.limits.take(ctx, g.b.journal, scope, r.rule.Limit, g.b.clock)
	if err != nil {
		return false, err
	}
	r.trace.note(now, "rule %s: the batch was closed meanwhile; %s", r.rule.ID, t.why)
	if t.mark == "" {
		r.traced().Outcome, r.traced().Ended = "dropped", now.UnixMilli()
		return false, nil
	}
	r.take(t, scope, change)
	return true, nil
}

// keep says that what was gathered is written down.
func (g *gathering) keep() {
	for scope, open := range g.open {
		g.b.setBatch(scope, open)
	}
}

// leave gives the batches back; a second leave does nothing.
func (g *gathering) leave() {
	g.unlock()
	g.unlock = func() {}
}

// closeBatch ends the waiting of the run that leads a batch when its time has come; from then on nobody joins.
func (r *run) closeBatch(ctx context.Context) (bool, error) {
	batch := r.rec.Batch
	if batch == nil || batch.Leader != r.id {
		return false, nil // the leader's end is this one's
	}
	unlock, err := r.b.batches.locks.lock(ctx, batch.Scope)
	if err != nil {
		return false, err
	}
	defer unlock()
	open, err := r.b.findBatch(ctx, batch.Scope)
	if err != nil {
		return false, err
	}
	own := open != nil && open.leader == r.id // else it was full, and another one is open
	now := r.b.clock.Now()
	if due := now; own && open.n < r.rule.Batch.Max {
		if due = open.due(r.rule.Batch); due.After(now) {
			return false, r.waitUntil(ctx, waitRecord{For: waitBatch}, due)
		}
	}
	if r.rec.Turn != nil {
		if ok, err := r.takeSlot(ctx, waitBatch); !ok {
			return false, err
		}
	}
	if own {
		r.b.setBatch(batch.Scope, nil)
	}
	r.rec.Wait = nil
	r.change.State = append(r.change.State, journal.StateWrite{Scope: batch.Scope, Key: batch.Key})
	return true, r.commit(ctx)
}

// showBatch lets the run that leads a batch see the events in the order in which they joined.
func (r *run) showBatch(ctx context.Context) error {
	if r.rec.Batch == nil || r.rec.Batch.Leader != r.id && r.rec.Parent == "" {
		return nil
	}
	leader := r.rec.Batch.Leader // or the run that this is a branch of
	ids, err := joinedRuns(ctx, r.b.journal, leader)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id == leader {
			r.scope.Batch = append(r.scope.Batch, rules.BatchEvent{Event: r.ev, Facts: r.scope.Facts})
			continue
		}
		e, ok, err := r.b.batchEvent(ctx, id, r.rule)
		if err != nil {
			return err
		}
		if ok {
			r.scope.Batch = append(r.scope.Batch, e)
		}
	}
	return nil
}

// batchEvent is the event of a run that joined a batch; ok is false when it was given up.
func (b *Bot) batchEvent(ctx context.Context, id string, rule *rules.Rule) (e rules.BatchEvent, ok bool, err error) {
	stored, ok, err := b.journal.Run(ctx, id)
	if err != nil || !ok {
		return e, false, err
	}
	rec, err := readRun(stored)
	if err != nil {
		return e, false, err
	}
	event, ok, err := b.journal.Event(ctx, stored.Event)
	if err != nil || !ok {
		return e, false, err
	}
	events, err := b.events(event)
	if err != nil || rec.Nth >= len(events) {
		return e, false, err
	}
	e.Event = &events[rec.Nth]
	e.Facts = &rules.Facts{
		Now: b.now(), Admins: b.rules().Bot.Admins, BotName: b.rules().Bot.Name, UserRole: rec.Facts.UserRole,
		UserName: rec.Facts.UserName, ChatName: rec.Facts.ChatName, GroupType: rec.Facts.GroupType,
	}
	if rule.Needs().State {
		err = b.state(ctx, &e.Facts.State, e.Event)
	}
	return e, true, err
}

// joinedRuns is the runs of a batch in the order in which they joined, the leader among them.
func joinedRuns(ctx context.Context, j journal.Journal, leader string) ([]string, error) {
	joined, err := j.State(ctx, joinedScope(leader))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, key := range slices.Sorted(maps.Keys(joined)) {
		ids = append(ids, string(joined[key]))
	}
	return ids, nil
}

func readRun(stored journal.Run) (rec runRecord, err error) {
	if err := json.Unmarshal(stored.Data, &rec); err != nil {
		return rec, fmt.Errorf("run %s: %w", stored.ID, err)
	}
	return rec, nil
}
