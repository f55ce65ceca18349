package rules

import (
	"errors"
	"fmt"
	"time"
)

// DefaultApproveTimeout is how long consent is waited for when the rule does not say.
const DefaultApproveTimeout = 24 * time.Hour

// Approve keeps a step from being done until a person agrees.
type Approve struct {
	Timeout time.Duration // the step fails with the code "no_approval" then
	Pos     Pos

	in, by, text *value // in and by are nil for what the bot's section says
	set          *Set
	rule         *Rule
}

// ApproveInputs is who is asked to agree.
type ApproveInputs struct {
	Group string   // the id of the group where the request is made; never empty
	By    []string // the users who may agree; never empty
	Text  string   // what the request says besides what is to be done; may be empty
}

// Inputs evaluates what the rule says, or the bot's section in its place. That nobody is left to be asked is an error.
func (a *Approve) Inputs(sc *Scope) (ApproveInputs, error) {
	env := sc.envOf(a.set, a.rule, given(map[string]*value{"in": a.in, "by": a.by, "text": a.text}))
	out := ApproveInputs{Group: a.set.Bot.OpsGroup}
	if err := evalTo(a.in, env, &out.Group); err != nil {
		return out, err
	}
	if err := evalTo(a.text, env, &out.Text); err != nil {
		return out, err
	}
	if out.Group == "" {
		return out, fmt.Errorf("%s: approve: in names no group", a.Pos)
	}
	if a.by == nil {
		out.By = a.set.Bot.Admins
		return out, nil
	}
	var by []any
	if err := evalTo(a.by, env, &by); err != nil {
		return out, err
	}
	for _, v := range by {
		if id, ok := v.(string); ok && id != "" {
			out.By = append(out.By, id)
		}
	}
	if len(out.By) == 0 {
		return out, errors.New(a.Pos.String() + ": approve: by names nobody")
	}
	return out, nil
}

var approveKeys = []string{"in", "by", "timeout", "text"}

func (c *ruleCompiler) approve(s *Step, e entry) {
	r := c.r
	if c.short != "" {
		r.errorf(e.key, noWaiting, e.name, c.short)
	}
	entries, ok := r.mapping(e.value, "approve")
	if !ok {
		return
	}
	a := &Approve{Timeout: DefaultApproveTimeout, Pos: r.pos(resolve(e.value)), set: c.set, rule: c.rule}
	has := make(map[string]bool)
	for _, in := range entries {
		has[in.name] = true
		switch in.name {
		case "in":
			a.in = c.place.value(in.value, "in", Field{Type: Type{Kind: KindString}, Required: true})
			c.notEmpty(in, a.in, "in names no group")
		case "by":
			elem := Type{Kind: KindString}
			a.by = c.place.value(in.value, "by", Field{Type: Type{Kind: KindList, Elem: &elem}, Required: true})
			c.notEmpty(in, a.by, "by names nobody")
		case "text":
			a.text = c.place.value(in.value, "text", Field{Type: Type{Kind: KindString}})
		case "timeout":
			a.Timeout = c.positive(in.value, "timeout", a.Timeout)
		default:
			r.unknown(in, approveKeys)
		}
	}
	at := resolve(e.value)
	if !has["in"] && c.set.Bot.OpsGroup == "" {
		r.errorf(at, "approve needs in, a group, or bot.ops_group")
	}
	if !has["by"] && len(c.set.Bot.Admins) == 0 {
		r.errorf(at, "approve needs by, a list of users, or bot.admins")
	}
	s.Approve = a
}

// notEmpty refuses a fixed value that is nothing.
func (c *ruleCompiler) notEmpty(e entry, v *value, msg string) {
	if v == nil || !v.isFixed {
		return
	}
	switch fixed := v.fixed.(type) {
	case string:
		if fixed == "" {
			c.r.errorf(resolve(e.value), "%s", msg)
		}
	case []any:
		if len(fixed) == 0 {
			c.r.errorf(resolve(e.value), "%s", msg)
		}
	}
}

// canApprove lists the actions that approve can stand in.
func (l *loader) canApprove() []string {
	var names []string
	for _, name := range l.catalogNames() {
		if spec, ok := l.catalogStep(name); ok && spec.Approvable {
			names = append(names, name)
		}
	}
	return names
}

// approveEntry takes approve out of an action's inputs.
func (c *ruleCompiler) approveEntry(s *Step, spec StepSpec, what string, entries []entry) []entry {
	var rest []entry
	for _, in := range entries {
		switch {
		case in.name != "approve" || indexField(spec.Inputs, in.name) >= 0:
			rest = append(rest, in)
		case spec.Approvable:
			c.approve(s, in)
		default:
			msg := "nothing in this version can"
			if names := c.r.l.canApprove(); len(names) > 0 {
				msg = "what can is " + oneOf(names)
			}
			c.r.errorf(in.key, "%s cannot wait for approval: %s", what, msg)
		}
	}
	return rest
}
