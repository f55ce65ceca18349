package bot

import (
	"context"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// gate answers Facts.Gate for one rule event, and remembers how each rule came through.
type gate struct {
	b     *Bot
	ctx   context.Context
	event string // the key of the journal's event
	ev    *rules.Event
	nth   int // which of the rule events that the event stands for
	facts *rules.Facts

	conversation string // the queue of the event
	told         map[string]gateRecord
	passed       map[string]*pass // by rule
	err          error            // the journal's: nothing that was decided counts

	talks   bool            // a rule with a session has fired on this event
	opening map[string]bool // the batches that earlier rule events of the same event begin
}

// pass is what a rule that fired has to do besides, or instead.
type pass struct {
	turn  *turn  // nil without a limit, and for an event that joins a batch
	limit string // the scope of the limit
	batch string // the scope of the batch, "" for none
	open  bool   // it was there when the gate was asked
	lane  string // the run that has a place in its rule's lane, "" for none
}

// open sets facts.Gate for one rule event.
func (g *gate) open(ev *rules.Event, nth int, facts *rules.Facts) {
	g.ev, g.nth, g.facts, g.told, g.passed = ev, nth, facts, nil, nil
	facts.Gate = g.ask
}

// close ends what open began.
func (g *gate) close() error {
	g.facts.Gate = nil
	return g.err
}

// ask says whether a rule that matched may fire. What comes first must not count what a later one keeps from firing:
// the limit is last.
func (g *gate) ask(f rules.Fired) rules.Gate {
	if g.err != nil {
		return rules.Gate{Closed: true}
	}
	if !f.Rule.Gated() {
		return rules.Gate{}
	}
	p := new(pass)
	if why := g.b.sessionGate(g.ev, f.Rule, g.talks); why != "" {
		return g.tell(f.Rule, p, rules.Gate{Closed: true, Why: why})
	}
	answer := g.askBatch(f, p)
	if !answer.Closed {
		answer = g.askLane(f, p)
	}
	if !answer.Closed && p.turn == nil {
		limited := g.askLimit(f, p)
		if t := p.turn; p.lane != "" && (limited.Closed || t != nil && (t.tell || t.silent())) {
			g.b.lanes.leave(p.lane) // its steps are not done
			p.lane, answer.Why = "", ""
		}
		answer = rules.Gate{Closed: limited.Closed, Why: joined(answer.Why, limited.Why)}
	}
	if !answer.Closed && f.Rule.Session != nil {
		g.talks = true
	}
	if p.batch != "" && p.turn == nil || p.turn != nil && p.turn.mark != "" {
		if g.opening == nil {
			g.opening = make(map[string]bool)
		}
		g.opening[p.batch] = true
	}
	return g.tell(f.Rule, p, answer)
}

// tell keeps an answer.
func (g *gate) tell(rule *rules.Rule, p *pass, answer rules.Gate) rules.Gate {
	if g.told == nil {
		g.told, g.passed = make(map[string]gateRecord), make(map[string]*pass)
	}
	g.told[rule.ID], g.passed[rule.ID] = gateRecord{answer.Closed, answer.Why}, p
	return answer
}

// scope is what the keys of limits and batches see.
func (g *gate) scope(f rules.Fired) *rules.Scope {
	return &rules.Scope{Event: g.ev, Facts: g.facts, Hit: &f.Hit}
}

// cannot is the answer for a rule whose key cannot be evaluated.
func (g *gate) cannot(f rules.Fired, what string, err error) rules.Gate {
	g.b.log.Error("rule not fired: its "+what+" failed", "rule", f.Rule.ID, "event", g.ev.Key, "at", f.Rule.Pos)
	g.b.log.Debug("rule not fired: its "+what+" failed", "rule", f.Rule.ID, "err", err) // may quote a message
	return rules.Gate{Closed: true, Why: what + ": " + err.Error()}
}

// askLimit takes a turn under the rule's limit.
func (g *gate) askLimit(f rules.Fired, p *pass) rules.Gate {
	lim := f.Rule.Limit
	if lim == nil || p.open {
		return rules.Gate{}
	}
	key, err := lim.Key(g.scope(f))
	if err != nil {
		return g.cannot(f, "limit", err)
	}
	p.limit = limitScope(f.Rule, key)
	t, err := g.b.limits.take(g.ctx, g.b.journal, p.limit, lim, g.b.clock)
	if err != nil {
		g.err = err
		return rules.Gate{Closed: true}
	}
	p.turn = &t
	return rules.Gate{Closed: !t.ok, Why: t.why}
}

// silent reports whether a rule counts as fired and does nothing.
func (g *gate) silent(rule *rules.Rule) bool {
	p := g.passed[rule.ID]
	return p != nil && p.turn != nil && p.turn.silent()
}

// admit gives a run what the gate said of its rule.
func (g *gate) admit(r *run, change *journal.Change) error {
	p := g.passed[r.rule.ID]
	if p == nil {
		return nil
	}
	r.pass = p
	if p.lane != "" {
		if err := r.enterLane(change); err != nil {
			return err
		}
	}
	switch t := p.turn; {
	case t == nil:
	case t.tell:
		r.rec.Root, p.batch = rootOver, ""
		change.State = append(change.State, t.write...)
	case p.batch == "":
		r.take(*t, p.limit, change)
	}
	return nil
}

// joined puts what two gates say beside each other.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// take notes the run's turn.
func (r *run) take(t turn, limit string, change *journal.Change) {
	change.State = append(change.State, t.write...)
	if t.at.After(r.b.clock.Now()) {
		r.rec.Turn = &turnRecord{limit, t.mark, t.at.UnixMilli()}
		r.rec.Wait = &waitRecord{For: waitLimit, Due: t.at.UnixMilli()}
	}
}

// setAside writes down an event's runs when some of them wait from the start, and returns those that do not.
func (b *Bot) setAside(ctx context.Context, runs []*run, change *journal.Change, g *gathering) ([]*run, error) {
	var going []*run
	for _, r := range runs {
		w := r.rec.Wait
		if w == nil {
			going = append(going, r)
			continue
		}
		if w.Due != 0 {
			g.timers = append(g.timers, journal.Timer{ID: r.id, Due: time.UnixMilli(w.Due), Run: r.id})
		}
		t := r.traced()
		t.Outcome, t.Wait = "waiting", w
	}
	if len(going) == len(runs) {
		return runs, nil
	}
	t, err := runs[0].trace.stored(runs[0].event, runs[0].set.Hash())
	if err != nil {
		return nil, err
	}
	change.Traces = append(change.Traces, t)
	change.SetTimers = append(change.SetTimers, g.timers...)
	if err := b.journal.Commit(ctx, change); err != nil {
		return nil, err
	}
	*change = journal.Change{}
	g.keep()
	now := b.clock.Now()
	for _, t := range g.timers {
		if t.Due.After(now) {
			b.timers.add(t)
			continue
		}
		b.timers.remove(t.ID)
		b.wake(ctx, t)
	}
	return going, nil
}

// takeTurn looks at what a run that is taken up again waited for; it reports whether the run goes on now.
func (r *run) takeTurn(ctx context.Context) (bool, error) {
	if r.rec.Dead != nil {
		return false, nil // a person decides
	}
	t := r.traced()
	if t.Outcome == "dead" {
		t.Outcome = ""
	}
	if w := r.rec.Wait; w != nil {
		switch w.For {
		case waitLimit:
			if ok, err := r.takeSlot(ctx, waitLimit); !ok {
				return false, err
			}
			r.rec.Wait = nil
		case waitLane:
			if ok, err := r.takeLane(); !ok || err != nil {
				return false, err
			}
		case waitBatch:
			if ok, err := r.closeBatch(ctx); !ok {
				return false, err
			}
		}
	}
	return true, r.showBatch(ctx)
}

// takeSlot begins a run whose turn under a limit has come, unless others began so late that it has to wait on.
func (r *run) takeSlot(ctx context.Context, as waitFor) (bool, error) {
	now, turn := r.b.clock.Now(), r.rec.Turn
	if due := time.UnixMilli(turn.At); due.After(now) {
		return false, r.waitUntil(ctx, waitRecord{For: as}, due)
	}
	again, write, mark, err := r.b.limits.begin(ctx, r.b.journal, turn.Scope, turn.Mark, r.rule.Limit, r.b.clock)
	if err != nil {
		return false, err
	}
	r.change.State = append(r.change.State, write...)
	turn.Mark = mark
	if again.After(now) {
		turn.At = again.UnixMilli()
		return false, r.waitUntil(ctx, waitRecord{For: as}, again)
	}
	return true, nil
}
