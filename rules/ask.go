package rules

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// Ask is a question whose answer is the user's next message.
type Ask struct {
	// Question sends it, Again sends it after an answer that was not accepted: steps of kind StepAction whose Path is the
	// ask's with ".ask" and ".again" behind it.
	Question, Again *Step

	// Tries is how many answers are looked at, 1 to MaxTries; DefaultTries unless the rule says otherwise.
	Tries int

	// Timeout is how long each answer is waited for.
	Timeout time.Duration

	accept *program
	set    *Set
	rule   *Rule
}

// The default and the bound of Ask.Tries.
const (
	DefaultTries = 3
	MaxTries     = 20
)

// Accepts reports whether the answer in the scope is taken; true when the rule does not say what is.
func (a *Ask) Accepts(sc *Scope) (bool, error) { return holds(a.accept, sc, a.set, a.rule) }

// askOutput is what an ask gives.
var askOutput = Type{Kind: KindObject, Fields: []Field{
	{Name: "text", Type: Type{Kind: KindString}}, {Name: "msg", Type: Type{Kind: KindMessage}},
	{Name: "tries", Type: Type{Kind: KindInt}},
}}

var askKeys = []string{"accept", "tries", "retry_text"}

func (c *ruleCompiler) askStep(s *Step, e entry) {
	r := c.r
	if c.rule.Session == nil {
		r.errorf(e.key, "ask waits for an answer, which needs `session: {}` in the rule")
	}
	c.asks++
	s.Output = askOutput
	a := &Ask{Tries: DefaultTries, Timeout: DefaultSessionTimeout, set: c.set, rule: c.rule}
	s.Ask = a
	if c.rule.Session != nil {
		a.Timeout = c.rule.Session.Timeout
	}
	n := resolve(e.value)
	var inputs []entry
	var again *entry
	if n.Kind == yaml.MappingNode {
		entries, _ := r.mapping(n, "ask")
		for _, in := range entries {
			switch in.name {
			case "accept":
				inner := *c.place
				inner.answer, inner.env = true, nil
				if v := resolve(in.value); c.bareExpr(v, "accept") {
					a.accept = inner.compile(v, 0, v.Value, true)
				}
			case "tries":
				if i, ok := r.integer(in.value, "tries", 1, MaxTries); ok {
					a.Tries = i
				}
			case "retry_text":
				again = &in
			default:
				inputs = append(inputs, in)
			}
		}
	}
	if n.Kind == yaml.MappingNode && len(inputs) == 0 || n.ShortTag() == "!!null" {
		r.errorf(e.key, "ask needs text: the question")
		return
	}
	a.Question = c.synthetic(s.Path+".ask", n)
	if !c.reply(a.Question, "ask", e.key, n, inputs, askKeys) {
		return
	}
	a.Again = c.synthetic(s.Path+".again", n)
	a.Again.inputs = a.Question.inputs
	if again != nil {
		a.Again.inputs = make(map[string]*value)
		a.Again.Pos = r.pos(resolve(again.value))
		spec, _ := r.l.catalogStep(replyAction)
		if i := indexField(spec.Inputs, spec.Scalar); i >= 0 {
			if v := c.place.value(again.value, "retry_text", spec.Inputs[i]); v != nil {
				a.Again.inputs[spec.Scalar] = v
			}
		}
	}
}

// replyAction is the action that asks questions and tells of limits.
const replyAction = "reply"

// synthetic makes a step of the action reply that no list of steps holds.
func (c *ruleCompiler) synthetic(path string, n *yaml.Node) *Step {
	return &Step{
		Path: path, Kind: StepAction, Action: replyAction, Pos: c.r.pos(resolve(n)), Timeout: DefaultTimeout, rule: c.rule,
		set: c.set,
	}
}

// reply compiles the inputs of reply under another key. entries are those of the mapping n, nil for all; more are the
// other keys that stand there.
func (c *ruleCompiler) reply(s *Step, what string, key, n *yaml.Node, entries []entry, more []string) bool {
	spec, ok := c.r.l.catalogStep(replyAction)
	if !ok {
		c.r.errorf(key, "%s needs the action reply, which there is not", what)
		return false
	}
	if n = resolve(n); n.Kind == yaml.MappingNode && entries == nil {
		entries, _ = c.r.mapping(n, what)
	}
	s.Output = spec.Output
	c.action(s, spec, what, key, n, entries, slices.Concat(more, commonKeys))
	return true
}
