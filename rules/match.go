package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/timbot-go/timbot/sdkconn"
)

// Decision is which rules an event fires.
type Decision struct {
	// Fired is in the order of stages, priority and files. Shadow rules are among them, marked.
	Fired []Fired

	// Failed is the rules that did not fire because their `if` could not be evaluated. A missing fact is no failure.
	Failed []Failed

	// Dropped is the rules that matched and that Facts.Gate did not let through.
	Dropped []Dropped

	// Final is the guard rule that kept main and fallback from being tried; nil for none.
	Final *Rule
}

// Dropped is a rule that matched and did not fire.
type Dropped struct {
	Fired
	Why string
}

// Failed is a rule whose `if` could not be evaluated.
type Failed struct {
	Rule *Rule
	Err  error
}

// Fired is a rule that an event fires.
type Fired struct {
	Rule   *Rule
	Hit    Hit
	Shadow bool   // the rule must not act
	Why    string // what Facts.Gate said
}

// stages are rules in the order in which they are tried.
type stages [4][]*Rule

// plan is the rules of one event type.
type plan struct {
	event  string
	stages stages
	always []uint32 // the ranks of those that are candidates always
	member []uint64 // a bit for each rank that is in the plan
	elems  bool     // some `if` reads msg.elems
}

// plan is the rules of an event type, or nil.
func (s *Set) plan(event string) *plan {
	if len(s.plans) > 8 {
		return s.byEvent[event]
	}
	for _, p := range s.plans { // a few comparisons, where a map has to read all of the name
		if p.event == event {
			return p
		}
	}
	return nil
}

func (p *plan) has(rank uint32) bool { return p.member[rank>>6]>>(rank&63)&1 != 0 }

// index prepares the set for Match.
func (s *Set) index() {
	s.byEvent, s.plans = make(map[string]*plan), nil
	s.kinds = make(map[sdkconn.EventKind]bool)
	s.byID = make(map[string]*Rule, len(s.Rules))
	ordered := make([]*Rule, 0, len(s.Rules))
	for _, r := range s.Rules {
		s.byID[r.ID] = r
		if r.Mode == ModeOff {
			continue
		}
		ordered = append(ordered, r)
		s.needs = s.needs.or(r.needs)
		s.uses.dialogues = s.uses.dialogues || r.Session != nil
		s.uses.handoffs = s.uses.handoffs || r.has(func(step *Step) bool { return step.Handoff != nil })
		s.uses.approvals = s.uses.approvals || r.has(func(step *Step) bool { return step.Approve != nil })
	}
	slices.SortStableFunc(ordered, func(a, b *Rule) int {
		return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(b.Priority, a.Priority))
	})
	for _, r := range s.Rules {
		if r.helps {
			r.allNeeds = r.allNeeds.or(s.needs)
		}
	}
	var always []bool
	s.facts, always = newIndex(ordered)
	for rank, r := range ordered {
		r.always = always[rank]
		for _, name := range r.Events {
			p := s.byEvent[name]
			if p == nil {
				p = &plan{event: name, member: make([]uint64, len(ordered)/64+1)}
				s.byEvent[name] = p
				s.plans = append(s.plans, p)
			}
			p.stages[r.Stage] = append(p.stages[r.Stage], r)
			p.member[rank>>6] |= 1 << (rank & 63)
			if r.always {
				p.always = append(p.always, uint32(rank))
			}
			p.elems = p.elems || r.cond != nil && r.cond.elems
			if d, ok := eventDocOf(name); ok && d.kind != "" {
				s.kinds[d.kind] = true
			}
			if name == "message.revoked" { // one of the time without a connection is a message of that state
				s.kinds[sdkconn.EventNewMsg] = true
			}
		}
	}
}

// Match says which rules the event fires; f must not be nil. It never fails: a rule whose `if` fails does not fire, Failed
// has the error and Explain says why.
//
// The stages are tried in order, inside a stage the rules by priority (higher first) and then file order. Every rule of
// guard and observe that matches fires. A final one in guard keeps main and fallback from being tried, not the rest of
// guard and not observe. In main and fallback the first that matches wins, and the ones after it are tried only when it
// says continue; fallback is tried only when no rule of main fired. A shadow rule fires, marked, where it would fire if
// it alone were live, and keeps nothing from anyone.
func (s *Set) Match(ev *Event, f *Facts) Decision { return s.match(ev, f, s.facts) }

// match is Match with an index, or without one: the plain scan, rule after rule, that the index must agree with.
func (s *Set) match(ev *Event, f *Facts, x *index) Decision {
	var d Decision
	p := s.plan(ev.Type)
	if p == nil {
		return d
	}
	t := trials.Get().(*trial)
	t.begin(s, p, ev, f)
	tried := &p.stages
	if ev.Rule != "" {
		tried = s.only(ev)
	} else if x != nil {
		if !x.candidates(t, p) {
			t.end()
			return d
		}
		tried = &t.stages
	}
	tried.walk(func(r *Rule) bool {
		if !t.try(r) {
			if t.reason == reasonError {
				d.Failed = append(d.Failed, Failed{r, t.failed})
			}
			return false
		}
		var room *firedRoom // most events fire one rule, for one word
		if d.Fired == nil {
			room = new(firedRoom)
			d.Fired = room.fired[:0]
		}
		fired := Fired{Rule: r, Shadow: r.Mode == ModeShadow}
		switch {
		case r.match == nil:
		case room != nil && r.Command == nil:
			fired.Hit = r.match.collect(&t.in, Hit{Words: room.words[:0], Spans: room.spans[:0]})
		default:
			fired.Hit = t.hit(r)
		}
		if f.Gate != nil && !fired.Shadow && r.Gated() {
			gate := f.Gate(fired)
			if gate.Closed {
				d.Dropped = append(d.Dropped, Dropped{fired, gate.Why})
				return false
			}
			fired.Why = gate.Why
		}
		if r.Final && !fired.Shadow && d.Final == nil {
			d.Final = r
		}
		d.Fired = append(d.Fired, fired)
		return true
	}, f, nil)
	if len(d.Fired) == 0 {
		d.Fired = nil
	}
	t.end()
	return d
}

// only is the one rule that an event is for, if it listens to it.
func (s *Set) only(ev *Event) *stages {
	out := new(stages)
	if r := s.byID[ev.Rule]; r != nil && r.Mode != ModeOff && slices.Contains(r.Events, ev.Type) {
		out[r.Stage] = []*Rule{r}
	}
	return out
}

// firedRoom is the memory of a decision for one rule and one word.
type firedRoom struct {
	fired [1]Fired
	words [1]string
	spans [1]Span
}

// walk tries the rules in order as Match promises. Of the facts it reads which stages are not tried. skipped, if not nil,
// is told of each rule that is not tried, and why.
func (p *stages) walk(try func(*Rule) bool, f *Facts, skipped func(*Rule, string)) {
	var stoppedBy, wonBy *Rule // live rules
	for stage := StageGuard; stage <= StageObserve; stage++ {
		if stage == StageObserve {
			stoppedBy, wonBy = nil, nil
		}
		mainFired := wonBy
		away := f.Stages != nil && !slices.Contains(f.Stages, stage)
		taken := f.Taken != "" && (stage == StageMain || stage == StageFallback)
		var winner *Rule
		for _, r := range p[stage] {
			switch {
			case away:
				if skipped != nil {
					skipped(r, fmt.Sprintf("stage %s, not for events of the time the bot was away", stage))
				}
				continue
			case stoppedBy != nil && stage != StageGuard:
				if skipped != nil {
					skipped(r, fmt.Sprintf("stage %s, stopped by %s (final)", stage, stoppedBy.ID))
				}
				continue
			case taken:
				if skipped != nil {
					skipped(r, fmt.Sprintf("stage %s, %s", stage, f.Taken))
				}
				continue
			case stage == StageFallback && mainFired != nil:
				if skipped != nil {
					skipped(r, fmt.Sprintf("stage fallback, %s fired in main", mainFired.ID))
				}
				continue
			case winner != nil:
				if skipped != nil {
					skipped(r, fmt.Sprintf("stage %s, %s won", stage, winner.ID))
				}
				continue
			}
			if !try(r) || r.Mode != ModeLive {
				continue
			}
			switch stage {
			case StageGuard:
				if r.Final && stoppedBy == nil {
					stoppedBy = r
				}
			case StageMain, StageFallback:
				if wonBy == nil {
					wonBy = r
				}
				if !r.Continue {
					winner = r
				}
			}
		}
	}
}

// trial tries rules on one event. It is reused, so that an event that fires nothing costs little memory.
type trial struct {
	set    *Set
	ev     *Event
	facts  *Facts
	in     input
	env    ruleEnv
	views  views
	match  matchView
	ready  bool // env is filled
	viewed bool // views hold something, env does not
	elems  bool
	reason string // why the last rule did not fire
	failed error  // the expression's error, if that was it

	// What the index found.
	stages stages   // the candidates
	posts  []uint32 // their ranks, sorted
	found  []uint32 // numbers of literals
	low    []byte   // the text, its letters of ASCII in lower case
}

var trials = sync.Pool{New: func() any { return new(trial) }}

func (t *trial) begin(s *Set, p *plan, ev *Event, f *Facts) {
	t.set, t.ev, t.facts, t.ready, t.viewed, t.elems = s, ev, f, false, false, p.elems
	mentioned, text := false, ""
	if m := ev.message(); m != nil {
		mentioned, text = ev.Self != "" && m.Mentions(ev.Self), m.Text()
	}
	t.in.reset(text, mentioned)
}

// end lets go of what belongs to the event.
func (t *trial) end() {
	t.set, t.ev, t.facts = nil, nil, nil
	t.in.release()
	if cap(t.low) > 1<<16 { // memory that only a long text needs
		t.low = nil
	}
	if t.ready {
		t.env, t.match = ruleEnv{}, matchView{}
	}
	if t.ready || t.viewed {
		t.views = views{}
	}
	t.reason, t.failed = "", nil
	for i := range t.stages {
		if len(t.stages[i]) > 0 {
			clear(t.stages[i])
			t.stages[i] = t.stages[i][:0]
		}
	}
	if cap(t.posts) > 1<<16 {
		t.posts, t.found = nil, nil
	}
	trials.Put(t)
}

// The reasons for which a rule does not fire.
const (
	reasonSelf  = "message of the bot's own"
	reasonMatch = "match"
	reasonIf    = "if"
	reasonNil   = "fact"
	reasonError = "error"
)

// try reports whether a rule fires on the event, whatever its stage.
func (t *trial) try(r *Rule) bool {
	t.reason, t.failed = "", nil
	if !r.IncludeSelf && t.ev.fromSelf() {
		t.reason = reasonSelf
		return false
	}
	if r.match != nil && (t.ev.message() == nil || !r.match.matches(&t.in)) {
		t.reason = reasonMatch
		return false
	}
	if r.cond == nil {
		return true
	}
	t.fill(r)
	if t.wrong(r) {
		return t.guarded(r)
	}
	code := r.cond.code
	if r.cond.strict != nil && t.lacks(r.cond.needs) {
		if code = r.cond.strict(); code == nil {
			t.reason, t.failed = reasonError, errors.New("the expression cannot be compiled for a missing fact")
			return false
		}
	}
	out, err := run(code, &t.env)
	if err != nil {
		t.reason, t.failed = reasonError, err
		var fact errNilFact
		if errors.As(err, &fact) {
			t.reason = reasonNil
		}
		return false
	}
	if ok, _ := out.(bool); !ok {
		t.reason = reasonIf
		return false
	}
	return true
}

// lacks reports whether a fact that is needed is nil.
func (t *trial) lacks(n Needs) bool {
	return n.Role && t.env.User.Role == nil || n.UserName && t.env.User.Name == nil ||
		n.ChatName && t.env.Chat.Name == nil || n.GroupType && t.env.Chat.GroupType == nil
}

// fill makes the environment, once for an event; the parts of a rule's match are made for each rule.
func (t *trial) fill(r *Rule) {
	if !t.ready {
		t.ready = true
		w := viewer{self: t.ev.Self, zone: t.facts.Now.Location()}
		t.views.fill(t.ev, t.facts, w, t.elems)
		t.env = ruleEnv{
			Event: &t.views.event, Msg: &t.views.msg, User: &t.views.user, Chat: &t.views.chat, Bot: &t.views.bot,
			State: &t.views.state, Now: t.facts.Now, Seed: t.ev.Key,
		}
		t.env.Trigger = noTrigger
		if t.ev.Slot != nil || strings.HasPrefix(t.ev.Type, webhookPrefix) {
			t.env.Trigger = w.trigger(t.ev)
		}
	}
	if r.match == nil || !slices.Contains(r.cond.uses, "match") && !slices.Contains(r.cond.uses, "args") {
		return
	}
	hit := t.hit(r)
	t.env.Match = viewHit(&hit, t.in.text)
	t.env.Args = hit.Args
	if r.Command != nil {
		t.env.Given = r.Command.values(&hit, t.facts.Now.Location())
	}
}

// hit is what the rule's match found in a text that it matches.
func (t *trial) hit(r *Rule) Hit {
	hit := r.match.hit(&t.in)
	if r.Command != nil {
		r.Command.read(&hit, t.ev, t.facts.Now)
	}
	return hit
}

// wrong reports whether a command's arguments cannot be read, though the rule's if wants them. What the if says besides
// decides whether that is told.
func (t *trial) wrong(r *Rule) bool {
	if r.Command == nil || !slices.Contains(r.cond.uses, givenRoot) {
		return false
	}
	hit := t.hit(r)
	return hit.Wrong != ""
}

// guarded reports whether the operands of a rule's if hold that read no argument.
func (t *trial) guarded(r *Rule) bool {
	for _, p := range r.Command.guard {
		out, err := run(p.code, &t.env)
		if err != nil {
			t.reason, t.failed = reasonError, err
			return false
		}
		if out != true {
			t.reason = reasonIf
			return false
		}
	}
	return true
}

// viewHit is what expressions see of a hit.
func viewHit(h *Hit, text string) *matchView {
	out := &matchView{Words: []string{}, Groups: map[string]string{}}
	if h == nil {
		return out
	}
	if h.Words != nil {
		out.Words = h.Words
	}
	if h.Groups != nil {
		out.Groups = h.Groups
	}
	for _, s := range h.Spans {
		out.Spans = append(out.Spans, spanView(s))
	}
	if len(h.Spans) > 0 && 0 <= h.Spans[0].Start && h.Spans[0].Start <= h.Spans[0].End && h.Spans[0].End <= len(text) {
		out.Text = text[h.Spans[0].Start:h.Spans[0].End]
	}
	return out
}

// byteString views bytes as a string for as long as they are not changed.
func byteString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
