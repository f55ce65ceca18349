package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// DefaultTimeout is a step's timeout when it names none.
const DefaultTimeout = 30 * time.Second

// Bounds of a rule's steps.
const (
	maxSteps   = 1000 // steps of one rule
	maxRetries = 100
	MaxItems   = 10_000 // items that one for_each goes through
)

// StepKind says what a step does.
type StepKind int

// The kinds of steps.
const (
	StepAction   StepKind = iota // Action with Inputs
	StepSet                      // Assign
	StepChoose                   // the first of Branches whose If holds
	StepForEach                  // Steps once for each of Items, which is a local named As
	StepBlock                    // Steps
	StepStop                     // the run ends
	StepAsk                      // Ask; the result is the answer
	StepDelay                    // the run goes on after Delay
	StepHandoff                  // Handoff
	StepCount                    // Count; the value is the number
	StepSignal                   // Signal
	StepParallel                 // all of Branches at once
)

// String returns the word for it in a rule.
func (k StepKind) String() string {
	return [...]string{"action", "set", "choose", "for_each", "do", "stop", "ask", "delay", "handoff", "count", "signal", "parallel"}[k]
}

// Retry says how often a failed step is tried again.
type Retry struct {
	Times   int           // after the first attempt; 0: never
	Backoff time.Duration // before the first retry; 1s unless given
}

// Step is one entry of a rule's do, compiled. It is not changed after Load, and its methods may be called from many
// goroutines at once.
type Step struct {
	ID     string // empty when the rule gives none
	Path   string // "do[2].choose[1].do[0]", stable inside a rule
	Kind   StepKind
	Action string // of StepAction: the name in the Catalog

	Timeout         time.Duration // of StepAction
	Retry           Retry         // of StepAction
	ContinueOnError bool          // of StepAction, StepAsk, StepCount and StepParallel: on_error: continue
	Approve         *Approve      // of StepAction; nil: nobody is asked
	Ask             *Ask          // of StepAsk
	Handoff         *Handoff      // of StepHandoff
	Count           *Count        // of StepCount
	Signal          *SignalStep   // of StepSignal

	Branches []*Branch // of StepChoose and StepParallel
	Steps    []*Step   // of StepBlock and StepForEach
	As       string    // of StepForEach
	ItemType Type      // of StepForEach: what the items are
	Output   Type      // of StepAction: of steps.<id>.out
	Pos      Pos

	rule   *Rule
	cond   *program
	inputs map[string]*value
	items  *value
	delay  *value
	assign assignment
	set    *Set
}

// Branch is one alternative of a choose.
type Branch struct {
	HasIf bool
	Steps []*Step
	Pos   Pos

	cond *program
	set  *Set
	rule *Rule
}

type assignment struct{ vars, user, chat, bot map[string]*value }

// Branch returns the i-th branch of a StepChoose.
func (s *Step) Branch(i int) *Branch { return s.Branches[i] }

var (
	commonKeys  = []string{"id", "if", "timeout", "retry", "on_error"}
	controlKeys = []string{"set", "choose", "for_each", "do", "stop", "ask", "delay", "handoff", "count", "signal", "parallel"}
	laterSteps  = []string{"llm"}

	onErrorNames = []string{"stop", "continue"}

	// Keys that look as if they stood beside a step's action, and the step that they are inputs of; empty is any.
	insideOf = map[string]string{"approve": "", "accept": "ask", "tries": "ask", "retry_text": "ask", "resume": "handoff"}

	identifier = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
)

// noWaiting refuses what shortSteps may not hold.
const noWaiting = "%s is not possible in %s, whose steps neither wait nor loop"

// steps compiles a list of steps.
func (c *ruleCompiler) steps(n *yaml.Node, path, what string) []*Step {
	items, ok := c.r.sequence(n, what)
	if !ok {
		return nil
	}
	if len(items) == 0 {
		c.r.errorf(resolve(n), "%s has no steps", what)
	}
	var out []*Step
	for i, item := range items {
		if c.count++; c.count > maxSteps {
			c.r.errorf(item, "rule has more than %d steps", maxSteps)
			return out
		}
		if s := c.step(item, fmt.Sprintf("%s[%d]", path, i)); s != nil {
			out = append(out, s)
		}
	}
	return out
}

func (c *ruleCompiler) step(n *yaml.Node, path string) *Step {
	r := c.r
	if n.Kind == yaml.ScalarNode && isString(n) { // `- stop`
		r.errorf(n, "a step is a mapping: write `- %s: {}`", n.Value)
		return nil
	}
	entries, ok := r.mapping(n, "a step")
	if !ok {
		return nil
	}
	s := &Step{Path: path, Pos: r.pos(n), Timeout: DefaultTimeout, rule: c.rule, set: c.set}
	common := make(map[string]entry)
	var body []entry
	for _, e := range entries {
		if slices.Contains(commonKeys, e.name) {
			common[e.name] = e
		} else {
			body = append(body, e)
		}
	}
	if e, ok := common["if"]; ok {
		s.cond = c.condition(e.value, "if")
	}
	switch {
	case len(body) == 0:
		r.errorf(n, "step has no action: it needs one key such as %s", oneOf(firstNames(r.l.catalogNames())))
		return nil
	case len(body) > 1:
		for _, e := range body[1:] {
			if inside, ok := insideOf[e.name]; ok {
				r.errorf(e.key, "%s stands inside %s: indent it", e.name, cmp.Or(inside, body[0].name))
				continue
			}
			r.errorf(e.key, "a step has one action, this one has %q already%s", body[0].name,
				didYouMean(e.name, commonKeys))
		}
	}
	c.body(s, body[0], common)
	return s
}

// body compiles what a step does; then its id becomes known to the steps after it.
func (c *ruleCompiler) body(s *Step, e entry, common map[string]entry) {
	r := c.r
	if c.short != "" && slices.Contains([]string{"ask", "delay", "handoff", "for_each", "parallel"}, e.name) {
		r.errorf(e.key, noWaiting, e.name, c.short)
		return
	}
	if c.inBranch(e) {
		return
	}
	control := true
	switch e.name {
	case "ask":
		control = false
		s.Kind = StepAsk
		c.askStep(s, e)
		if ce, ok := common["retry"]; ok {
			r.errorf(ce.key, "retry belongs to an action: how often is asked again is tries, inside ask")
			delete(common, "retry")
		}
	case "count":
		control = false
		s.Kind = StepCount
		c.countStep(s, e)
		c.noTimes(e.name, common)
	case "parallel":
		control = false
		s.Kind = StepParallel
		c.parallelStep(s, e.value)
		c.noTimes(e.name, common)
	case "signal":
		s.Kind = StepSignal
		c.signalStep(s, e)
	case "delay":
		s.Kind = StepDelay
		c.delayStep(s, e.value)
	case "handoff":
		s.Kind = StepHandoff
		c.handoffStep(s, e)
	case "set":
		s.Kind = StepSet
		c.setStep(s, e.value)
	case "choose":
		s.Kind = StepChoose
		c.chooseStep(s, e.value)
	case "for_each":
		s.Kind = StepForEach
		c.forEachStep(s, e.value)
	case "do":
		s.Kind = StepBlock
		s.Steps = c.steps(e.value, s.Path+".do", "do")
	case "stop":
		s.Kind = StepStop
		if v := resolve(e.value); v.ShortTag() != "!!null" && (v.Kind != yaml.MappingNode || len(v.Content) > 0) {
			r.errorf(v, "stop takes nothing: write `stop: {}`")
		}
	default:
		control = false
		s.Kind = StepAction
		s.Action = e.name
		c.actionStep(s, e)
	}
	if control {
		for _, name := range []string{"id", "timeout", "retry", "on_error"} {
			if ce, ok := common[name]; ok {
				r.errorf(ce.key, "%s belongs to an action: %q has none", name, e.name)
			}
		}
		return
	}
	if ce, ok := common["timeout"]; ok {
		s.Timeout = c.positive(ce.value, "timeout", s.Timeout)
		if s.Ask != nil {
			s.Ask.Timeout = s.Timeout
		}
	}
	if ce, ok := common["retry"]; ok {
		c.retry(s, ce.value)
	}
	if ce, ok := common["on_error"]; ok {
		s.ContinueOnError = c.onError(ce.value)
	}
	if s.Kind == StepAction {
		c.stepDefaults(s, common)
	}
	if ce, ok := common["id"]; ok {
		c.stepID(s, ce.value)
	}
}

func (c *ruleCompiler) onError(n *yaml.Node) bool {
	word, _ := c.r.enum(n, "on_error", onErrorNames...)
	return word == "continue"
}

// noTimes refuses what only an action has of the keys beside a step.
func (c *ruleCompiler) noTimes(what string, common map[string]entry) {
	for _, name := range []string{"timeout", "retry"} {
		if ce, ok := common[name]; ok {
			c.r.errorf(ce.key, "%s belongs to an action: %q has none", name, what)
			delete(common, name)
		}
	}
}

func (c *ruleCompiler) stepID(s *Step, n *yaml.Node) {
	id, ok := c.r.str(n, "id")
	if !ok {
		return
	}
	if !identifier.MatchString(id) {
		c.r.errorf(resolve(n), "step id %q: use small letters, digits and _", id)
		return
	}
	if first, ok := c.ids[id]; ok {
		c.r.errorf(resolve(n), "step id %q comes twice in this rule, first in line %d", id, first)
		return
	}
	s.ID = id
	c.ids[id] = resolve(n).Line
	c.place.steps[id] = s.Output
	c.rule.outputs[id] = s.Output
	c.place.env = nil
}

// duration reads a duration that is not negative.
func (r *reader) duration(n *yaml.Node, what string) (time.Duration, bool) {
	n = r.literal(n)
	if n.Kind != yaml.ScalarNode {
		r.errorf(n, "%s: want a duration such as 5m, have %s", what, kindName(n))
		return 0, false
	}
	d, err := parseDuration(n.Value)
	if err != nil {
		r.errorf(n, "%s: %v", what, err)
		return 0, false
	}
	if d < 0 {
		r.errorf(n, "%s: a negative duration", what)
		return 0, false
	}
	return d, true
}

func (c *ruleCompiler) retry(s *Step, n *yaml.Node) {
	entries, ok := c.r.mapping(n, "retry")
	if !ok {
		return
	}
	s.Retry = Retry{Times: 1, Backoff: time.Second}
	for _, e := range entries {
		switch e.name {
		case "times":
			s.Retry.Times, _ = c.r.integer(e.value, "times", 0, maxRetries)
		case "backoff":
			if d, ok := c.r.duration(e.value, "backoff"); ok {
				s.Retry.Backoff = d
			}
		default:
			c.r.unknown(e, []string{"times", "backoff"})
		}
	}
}

// condition compiles an expression that is true or false.
func (c *ruleCompiler) condition(n *yaml.Node, what string) *program {
	n = resolve(n)
	if !c.bareExpr(n, what) {
		return nil
	}
	return c.place.compile(n, 0, n.Value, true)
}

// bareExpr checks that a node can be a bare expression.
func (c *ruleCompiler) bareExpr(n *yaml.Node, what string) bool {
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool":
		return true
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
		c.r.errorf(n, "%s must be an expression, not %s", what, kindName(n))
		return false
	case strings.Contains(n.Value, open):
		c.r.errorIn(n, strings.Index(n.Value, open), "%s is an expression already: write it without ${{ }}", what)
		return false
	}
	return true
}

func (c *ruleCompiler) setStep(s *Step, n *yaml.Node) {
	entries, ok := c.r.mapping(n, "set")
	if !ok {
		return
	}
	if len(entries) == 0 {
		c.r.errorf(resolve(n), "set sets nothing: it needs vars, user, chat or bot")
	}
	read := func(e entry) map[string]*value {
		members, ok := c.r.mapping(e.value, "set."+e.name)
		out := make(map[string]*value)
		for _, m := range members {
			if !identifier.MatchString(m.name) {
				c.r.errorf(m.key, "%q: use small letters, digits and _", m.name)
				continue
			}
			if v := c.place.value(m.value, "set."+e.name+"."+m.name, Field{Type: Type{Kind: KindAny}}); v != nil && ok {
				out[m.name] = v
			}
		}
		return out
	}
	for _, e := range entries {
		switch e.name {
		case "vars":
			if c.branches > 0 {
				c.r.errorf(e.key, "a branch of parallel sets no vars, which the others would not see: use steps.ID, or state")
				continue
			}
			s.assign.vars = read(e)
		case "user":
			s.assign.user = read(e)
		case "chat":
			s.assign.chat = read(e)
		case "bot":
			s.assign.bot = read(e)
		default:
			c.r.unknown(e, []string{"vars", "user", "chat", "bot"})
		}
	}
}

func (c *ruleCompiler) chooseStep(s *Step, n *yaml.Node) {
	items, ok := c.r.sequence(n, "choose")
	if !ok {
		return
	}
	if len(items) == 0 {
		c.r.errorf(resolve(n), "choose has nothing to choose from")
	}
	for i, item := range items {
		entries, ok := c.r.mapping(item, "a choice")
		if !ok {
			continue
		}
		b := &Branch{Pos: c.r.pos(item), set: c.set, rule: c.rule}
		done := false
		for _, e := range entries {
			switch e.name {
			case "if":
				b.HasIf = true
				b.cond = c.condition(e.value, "if")
			case "do":
				done = true
				b.Steps = c.steps(e.value, fmt.Sprintf("%s.choose[%d].do", s.Path, i), "do")
			default:
				c.r.unknown(e, []string{"if", "do"})
			}
		}
		if !done {
			c.r.errorf(item, "a choice needs do")
		}
		if !b.HasIf && i < len(items)-1 {
			c.r.errorf(item, "a choice without if takes everything: it must come last")
		}
		s.Branches = append(s.Branches, b)
	}
}

func (c *ruleCompiler) forEachStep(s *Step, n *yaml.Node) {
	entries, ok := c.r.mapping(n, "for_each")
	if !ok {
		return
	}
	s.ItemType = Type{Kind: KindAny}
	s.As = "item"
	var body *yaml.Node
	for _, e := range entries {
		switch e.name {
		case "in":
			s.items = c.place.value(e.value, "in", Field{Type: Type{Kind: KindList}})
			if s.items != nil {
				s.ItemType = itemType(s.items)
			}
		case "as":
			if as, ok := c.r.str(e.value, "as"); ok {
				s.As = as
				switch {
				case !identifier.MatchString(as):
					c.r.errorf(resolve(e.value), "as %q: use small letters, digits and _", as)
				case slices.Contains(rootNames, as) || slices.Contains(functionNames, as):
					c.r.errorf(resolve(e.value), "as %q: that name is taken", as)
				default:
					if _, ok := c.place.locals[as]; ok {
						c.r.errorf(resolve(e.value), "as %q: a for_each around this one has that name", as)
					}
				}
			}
		case "do":
			body = e.value
		default:
			c.r.unknown(e, []string{"in", "as", "do"})
		}
	}
	if s.items == nil && !slices.ContainsFunc(entries, func(e entry) bool { return e.name == "in" }) {
		c.r.errorf(resolve(n), "for_each needs in")
	}
	if body == nil {
		c.r.errorf(resolve(n), "for_each needs do")
		return
	}
	outer := c.place.locals
	c.place.locals = make(map[string]Type)
	for name, t := range outer {
		c.place.locals[name] = t
	}
	c.place.locals[s.As] = s.ItemType
	c.place.env = nil
	s.Steps = c.steps(body, s.Path+".for_each.do", "do")
	c.place.locals, c.place.env = outer, nil
}

// itemType is what the items of a compiled list are, as far as it matters: a value that a journal keeps comes back as
// plain data, except that a message is a message again.
func itemType(v *value) Type {
	prog := only(v.parts)
	if prog == nil || !prog.out.IsArray() {
		return Type{Kind: KindAny}
	}
	elem := prog.out.Elem(nil)
	for _, t := range []Type{{Kind: KindMessage}, {Kind: KindString}, {Kind: KindBool}, {Kind: KindInt}} {
		if elem.Type != nil && !elem.Nil && fits(elem, t) && natureType(t) == elem.Type {
			return t
		}
	}
	return Type{Kind: KindAny}
}

func (c *ruleCompiler) actionStep(s *Step, e entry) {
	r := c.r
	spec, ok := r.l.catalogStep(e.name)
	if !ok {
		if r.l.ofLamePlugin(e.name) { // which is told already
			return
		}
		if slices.Contains(laterSteps, e.name) {
			r.errorf(e.key, "this version has no step %q%s", e.name, didYouMean(e.name, r.l.catalogNames()))
		} else {
			r.errorf(e.key, "unknown step %q%s%s", e.name,
				didYouMean(e.name, slices.Concat(r.l.catalogNames(), controlKeys, commonKeys)), r.l.noPlugin(e.name))
		}
		return
	}
	s.Output = spec.Output
	n := resolve(e.value)
	var entries []entry
	more := commonKeys
	if n.Kind == yaml.MappingNode {
		entries, _ = r.mapping(n, e.name)
		entries = c.approveEntry(s, spec, e.name, entries)
		if spec.Approvable {
			more = slices.Concat(more, []string{"approve"})
		}
	}
	c.action(s, spec, e.name, e.key, n, entries, more)
}

// action compiles an action's inputs: entries when n is a mapping, else n itself. what is the step's key in the file, at
// key; more are the other names that somebody who writes a wrong one may mean.
func (c *ruleCompiler) action(s *Step, spec StepSpec, what string, key, n *yaml.Node, entries []entry, more []string) {
	r := c.r
	if c.rule.Stage == StageObserve && spec.ActsOnChat {
		r.errorf(key, "%s acts on the chat, which stage observe must not", what)
	}
	s.inputs = make(map[string]*value)
	given := make(map[string]bool)
	switch {
	case n.Kind == yaml.MappingNode:
		for _, in := range entries {
			i := indexField(spec.Inputs, in.name)
			if i < 0 {
				r.errorf(in.key, "%s has no input %q%s", what, in.name,
					didYouMean(in.name, slices.Concat(fieldNames(spec.Inputs), more)))
				continue
			}
			given[in.name] = true
			if v := c.place.value(in.value, in.name, spec.Inputs[i]); v != nil {
				s.inputs[in.name] = v
			}
		}
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
	case spec.Scalar != "":
		i := indexField(spec.Inputs, spec.Scalar)
		if i < 0 {
			r.errorf(n, "%s: the catalog names no input %q", what, spec.Scalar)
			return
		}
		given[spec.Scalar] = true
		if v := c.place.value(n, spec.Scalar, spec.Inputs[i]); v != nil {
			s.inputs[spec.Scalar] = v
		}
	default:
		r.errorf(n, "%s takes a mapping of inputs: %s", what, oneOf(fieldNames(spec.Inputs)))
		return
	}
	for _, f := range spec.Inputs {
		if f.Required && !given[f.Name] {
			r.errorf(key, "%s needs %s", what, f.Name)
		}
	}
	target := slices.ContainsFunc(spec.Targets, func(name string) bool { return given[name] })
	for _, group := range spec.AtMostOne {
		if have := givenOf(group, given); len(have) > 1 {
			r.errorf(key, "%s takes one of %s, not %s", what, oneOf(group), strings.Join(have, " and "))
		}
	}
	for _, group := range spec.OneOf {
		have := givenOf(group, given)
		switch {
		case len(have) > 1:
			r.errorf(key, "%s takes one of %s, not %s", what, oneOf(group), strings.Join(have, " and "))
		case len(have) == 0:
			r.errorf(key, "%s needs one of %s", what, oneOf(group))
		}
	}
	if spec.NeedsConversation && !target {
		for _, d := range c.place.events {
			if !d.chat {
				r.errorf(key, "%s acts in the event's conversation, but %s has none", what, d.name)
				break
			}
		}
	}
}

func givenOf(group []string, given map[string]bool) []string {
	var have []string
	for _, name := range group {
		if given[name] {
			have = append(have, name)
		}
	}
	return have
}

func firstNames(names []string) []string {
	if len(names) > 5 {
		names = names[:5]
	}
	return append(slices.Clone(names), "set", "choose")
}
