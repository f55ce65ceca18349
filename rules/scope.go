package rules

import (
	"fmt"
	"reflect"
	"time"

	"github.com/expr-lang/expr/checker/nature"
)

// Facts are what an event does not carry itself.
type Facts struct {
	// Now is the time, in the bot's zone: what now() answers, and the zone of every time in expressions.
	Now time.Time

	// What cannot be had is nil. A message that carries its sender's name card, nick name or role stands in for a nil
	// UserName and UserRole.
	UserRole, UserName, ChatName, GroupType *string

	Admins  []string
	BotName string
	State   State

	// Stages are the stages whose rules are tried; nil is all. It is for events of the time the bot was away.
	Stages []Stage

	// Taken says why rules of main and fallback are not tried, for instance "answer to order (ask_no)"; empty when they
	// are.
	Taken string

	// Gate is asked whether a live rule that matched may fire, if Rule.Gated; nil lets all through. It is called in the
	// order of trying.
	Gate func(Fired) Gate
}

// Gate is the answer of Facts.Gate.
type Gate struct {
	Closed bool   // the rule does not fire, and stops nothing
	Why    string // what kept it, or what it did to the rule: for people and traces
}

// State is what rules remember: about the event's user, its conversation, and the bot. A nil map is empty.
type State struct{ User, Chat, Bot map[string]any }

// Scope is what a run's expressions see. It is used by one goroutine at a time and not changed by the methods of Step.
type Scope struct {
	Event *Event
	Facts *Facts
	Hit   *Hit

	// Vars holds what set steps of the run assigned; a var that is not there has the file's value.
	Vars map[string]any
	// Steps holds the results of the steps that have an id, raw.
	Steps map[string]*Result
	// Locals holds the items of the for_each steps around, raw, by their As.
	Locals map[string]any
	// Answer is the message that answers an ask, while Ask.Accepts looks at it: `answer`.
	Answer *Event
	// Count tells how many marks were made under a key in the window up to now: count(key, window). Nil counts nothing, and
	// the call fails.
	Count func(key string, window time.Duration) (int, error)
	// Batch holds the events that a batch gathered, in their order: `events`. Of a rule without batch it is empty, and
	// `events` the one event.
	Batch []BatchEvent
}

// BatchEvent is one of the events that a batch gathered.
type BatchEvent struct {
	Event *Event
	Facts *Facts
}

// Result is what became of a step. A step that did not run has none.
type Result struct {
	OK    bool
	Out   any // raw, of the type in the catalog
	Text  string
	Value any
	Err   *StepError // nil when OK
}

// StepError is why a step failed.
type StepError struct{ Code, Text string }

// If reports whether the step's if holds; true when it has none.
func (s *Step) If(sc *Scope) (bool, error) { return holds(s.cond, sc, s.set, s.rule) }

// If reports whether the branch's if holds; true when it has none.
func (b *Branch) If(sc *Scope) (bool, error) { return holds(b.cond, sc, b.set, b.rule) }

func holds(cond *program, sc *Scope, set *Set, rule *Rule) (bool, error) {
	if cond == nil {
		return true, nil
	}
	out, err := cond.run(sc.env(set, rule, cond))
	if err != nil {
		return false, err
	}
	ok, isBool := out.(bool)
	if !isBool {
		return false, &evalError{cond.pos, cond.source, fmt.Errorf("this is no boolean but %s", describe(out))}
	}
	return ok, nil
}

// Inputs evaluates an action's inputs: those that the rule gives, each of the Go type that its Kind names; an optional one
// that is nil counts as not given. Values may be shared between calls and must not be changed.
func (s *Step) Inputs(sc *Scope) (map[string]any, error) {
	out := make(map[string]any, len(s.inputs))
	env := sc.envOf(s.set, s.rule, s.inputs)
	for name, v := range s.inputs {
		val, err := v.eval(env)
		if err != nil {
			return nil, err
		}
		if val != nil || !v.option {
			out[name] = val
		}
	}
	return out, nil
}

// Secrets names the inputs of the step that hold secrets: their values must not be logged or kept.
func (s *Step) Secrets() []string {
	var names []string
	for _, name := range keys(s.inputs) {
		if s.inputs[name].secret {
			names = append(names, name)
		}
	}
	return names
}

// Items evaluates the list of a for_each, raw.
func (s *Step) Items(sc *Scope) ([]any, error) {
	if s.items == nil {
		return nil, nil
	}
	out, err := s.items.eval(sc.envOf(s.set, s.rule, map[string]*value{"in": s.items}))
	if err != nil {
		return nil, err
	}
	items, _ := out.([]any)
	if len(items) > MaxItems {
		return nil, fmt.Errorf("%s: for_each: %d items are more than %d", s.Pos, len(items), MaxItems)
	}
	return items, nil
}

// Assignment is what a set step assigns, raw. A nil value deletes.
type Assignment struct{ Vars, User, Chat, Bot map[string]any }

// Assign evaluates a set step.
func (s *Step) Assign(sc *Scope) (Assignment, error) {
	var out Assignment
	for _, part := range []struct {
		to   *map[string]any
		from map[string]*value
	}{{&out.Vars, s.assign.vars}, {&out.User, s.assign.user}, {&out.Chat, s.assign.chat}, {&out.Bot, s.assign.bot}} {
		if part.from == nil {
			continue
		}
		env := sc.envOf(s.set, s.rule, part.from)
		*part.to = make(map[string]any, len(part.from))
		for name, v := range part.from {
			val, err := v.eval(env)
			if err != nil {
				return Assignment{}, err
			}
			(*part.to)[name] = val
		}
	}
	return out, nil
}

// env makes the environment for programs, with only what they use.
func (sc *Scope) env(set *Set, rule *Rule, programs ...*program) map[string]any {
	env := make(map[string]any, 8)
	w := viewer{self: sc.Event.Self, zone: sc.Facts.Now.Location()}
	var views views
	views.fill(sc.Event, sc.Facts, w, true)
	for _, p := range programs {
		for _, name := range p.uses {
			if _, done := env[name]; done {
				continue
			}
			switch name {
			case "event":
				env[name] = &views.event
			case "msg":
				env[name] = &views.msg
			case "user":
				env[name] = &views.user
			case "chat":
				env[name] = &views.chat
			case "bot":
				env[name] = &views.bot
			case "state":
				env[name] = &views.state
			case "trigger":
				env[name] = w.trigger(sc.Event)
			case "match":
				env[name] = viewHit(sc.Hit, sc.Event.text())
			case "args":
				env[name] = sc.args()
			case "now()":
				env[name] = sc.Facts.Now
			case "seed()":
				env[name] = sc.Event.Key
			case countFunction:
				env[name] = sc.counter()
			case givenRoot:
				env[name] = rule.Command.values(sc.Hit, sc.Facts.Now.Location())
			case helpFunction:
				env[name] = sc.help(set)
			case "faq":
				env[name] = sc.faq(rule)
			case "command":
				env[name] = sc.command(rule)
			case "events":
				env[name] = sc.events(w)
			case "answer":
				env[name] = sc.answer(w)
			case "vars":
				env[name] = sc.vars(set, rule, w)
			case "secrets":
				env[name] = set.secrets
			case "steps", "lists":
			default:
				if v, ok := sc.Locals[name]; ok {
					env[name] = w.view(p.locals[name], v)
				} else {
					env[name] = nil
				}
			}
		}
		if len(p.steps) > 0 {
			steps, ok := env["steps"].(map[string]any)
			if !ok {
				steps = make(map[string]any)
				env["steps"] = steps
			}
			for _, id := range p.steps {
				if _, done := steps[id]; !done {
					steps[id] = w.result(rule.outputs[id], sc.Steps[id])
				}
			}
		}
	}
	return env
}

func (sc *Scope) envOf(set *Set, rule *Rule, values map[string]*value) map[string]any {
	var programs []*program
	for _, v := range values {
		v.programs(func(p *program) { programs = append(programs, p) })
	}
	if len(programs) == 0 {
		return nil
	}
	return sc.env(set, rule, programs...)
}

// events are what a batch gathered, or the one event.
func (sc *Scope) events(w viewer) []itemView {
	batch := sc.Batch
	if len(batch) == 0 {
		batch = []BatchEvent{{sc.Event, sc.Facts}}
	}
	out := make([]itemView, len(batch))
	for i, b := range batch {
		v := new(views)
		v.fill(b.Event, b.Facts, w, true)
		out[i] = itemView{
			Type: v.event.Type, Key: v.event.Key, Time: v.event.Time, By: v.event.By, Text: v.event.Text,
			User: &v.user, Chat: &v.chat, Msg: &v.msg,
		}
	}
	return out
}

// answer is what an ask looks at. The facts of the scope are those of the rule's user; of another user who answers, the
// message itself says what is known.
func (sc *Scope) answer(w viewer) *answerView {
	out := &answerView{Msg: new(msgView), User: new(userView)}
	if sc.Answer == nil {
		return out
	}
	facts := *sc.Facts
	if sc.Answer.User != sc.Event.User {
		facts.UserName, facts.UserRole = nil, nil
	}
	v := new(views)
	v.fill(sc.Answer, &facts, w, true)
	out.Text, out.Msg, out.User = sc.Answer.text(), &v.msg, &v.user
	return out
}

func (sc *Scope) args() []string {
	if sc.Hit == nil || sc.Hit.Args == nil {
		return []string{}
	}
	return sc.Hit.Args
}

// vars are the rule's own over the file's.
func (sc *Scope) vars(set *Set, rule *Rule, w viewer) map[string]any {
	out := make(map[string]any, len(rule.runVars))
	for name := range rule.runVars {
		if v, ok := sc.Vars[name]; ok {
			out[name] = w.view(Type{Kind: KindAny}, v)
		} else {
			out[name] = set.vars[name]
		}
	}
	return out
}

// result is what expressions see of a step's result.
func (w viewer) result(t Type, r *Result) map[string]any {
	out := map[string]any{"ok": false, "out": nil, "error": (*errorView)(nil), "text": "", "value": nil}
	if r == nil {
		return out
	}
	out["ok"] = r.OK
	out["out"] = w.view(t, r.Out)
	out["text"] = r.Text
	out["value"] = w.view(Type{Kind: KindAny}, r.Value)
	if r.Err != nil {
		out["error"] = &errorView{Code: r.Err.Code, Text: r.Err.Text}
	}
	return out
}

func natureType(t Type) reflect.Type { return natureValue(t).Type }

func natureValue(t Type) nature.Nature { return natureOf(t).Nature() }

// views are the parts of the environment that come from the event and the facts.
type views struct {
	event eventView
	msg   msgView
	user  userView
	chat  chatView
	bot   botView
	state stateView
}

func (v *views) fill(ev *Event, f *Facts, w viewer, elems bool) {
	w.event(&v.event, ev)
	v.fillMsg(ev, w, elems)
	v.fillFacts(ev, f)
}

func (v *views) fillMsg(ev *Event, w viewer, elems bool) {
	switch {
	case ev.Source == nil:
	case ev.Source.Message != nil && ev.isMessage():
		w.message(&v.msg, ev.Source.Message, elems)
	case ev.Source.Revoked != nil:
		w.revoked(&v.msg, ev.Source.Revoked)
	}
}

func (v *views) fillFacts(ev *Event, f *Facts) {
	v.user = userView{ID: ev.User, Name: f.UserName, Role: f.UserRole}
	if m := ev.message(); m != nil && m.Sender == ev.User {
		if v.user.Name == nil {
			v.user.Name = carriedName(m)
		}
		if v.user.Role == nil && m.SenderMember != nil {
			if role := m.SenderMember.Role.String(); role != "" {
				v.user.Role = &role
			}
		}
	}
	conv := ev.Conversation()
	v.chat = chatView{ID: conv.ID, Name: f.ChatName, GroupType: f.GroupType}
	if conv.ID != "" {
		v.chat.Type = conv.Type.String()
	}
	v.bot = botView{ID: ev.Self, Name: f.BotName, Admins: f.Admins}
	v.state = stateView{f.State.User, f.State.Chat, f.State.Bot}
}
