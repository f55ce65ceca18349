package rules

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Handoff gives a conversation to people: until it is given back, rules of main and fallback are not tried there.
type Handoff struct {
	After time.Duration // given back after so long; 0: never by itself
	Idle  time.Duration // given back when nobody wrote for so long; 0: never by itself
	Pos   Pos

	queue, note *value
	set         *Set
	rule        *Rule
}

// HandoffInputs is what people are told.
type HandoffInputs struct{ Queue, Note string }

// Inputs evaluates what the rule says.
func (h *Handoff) Inputs(sc *Scope) (HandoffInputs, error) {
	env := sc.envOf(h.set, h.rule, given(map[string]*value{"queue": h.queue, "note": h.note}))
	var out HandoffInputs
	if err := evalTo(h.queue, env, &out.Queue); err != nil {
		return out, err
	}
	return out, evalTo(h.note, env, &out.Note)
}

var handoffKeys = []string{"queue", "note", "resume"}

func (c *ruleCompiler) handoffStep(s *Step, e entry) {
	r := c.r
	c.handoffs = append(c.handoffs, s)
	h := &Handoff{Pos: s.Pos, set: c.set, rule: c.rule}
	s.Handoff = h
	if c.rule.Stage == StageObserve {
		r.errorf(e.key, "handoff acts on the chat, which stage observe must not")
	}
	for _, d := range c.place.events {
		if !d.chat {
			r.errorf(e.key, "handoff gives the event's conversation to people, but %s has none", d.name)
			break
		}
	}
	entries, _ := r.mapping(e.value, "handoff")
	for _, in := range entries {
		text := Field{Type: Type{Kind: KindString}}
		switch in.name {
		case "queue":
			h.queue = c.place.value(in.value, "queue", text)
		case "note":
			h.note = c.place.value(in.value, "note", text)
		case "resume":
			c.handoffResume(h, in.value)
		default:
			r.unknown(in, handoffKeys)
		}
	}
}

func (c *ruleCompiler) handoffResume(h *Handoff, n *yaml.Node) {
	entries, ok := c.r.mapping(n, "resume")
	if ok && len(entries) == 0 {
		c.r.errorf(resolve(n), "resume says when the conversation is given back: it needs after or idle")
	}
	for _, e := range entries {
		switch e.name {
		case "after":
			h.After = c.positive(e.value, "after", 0)
		case "idle":
			h.Idle = c.positive(e.value, "idle", 0)
		default:
			c.r.unknown(e, []string{"after", "idle"})
		}
	}
}
