package rules

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Stage is when a rule is tried.
type Stage int

// The stages, in the order in which they are tried.
const (
	StageGuard    Stage = iota // moderation: every rule that matches fires; a final one stops main and fallback
	StageMain                  // the first rule that matches wins, unless it continues
	StageFallback              // like main, but only if no rule of main fired
	StageObserve               // every rule that matches fires, always; acting on the chat is refused
)

var stageNames = []string{"guard", "main", "fallback", "observe"}

// String returns the stage's name in a rule.
func (s Stage) String() string { return stageNames[s] }

// Mode says whether a rule acts.
type Mode int

// The modes.
const (
	ModeLive   Mode = iota
	ModeShadow      // evaluated beside the live rules; never stops or wins
	ModeOff         // never evaluated
)

var modeNames = []string{"live", "shadow", "off"}

// String returns the mode's name in a rule.
func (m Mode) String() string { return modeNames[m] }

// Rule is one rule, compiled. It is not changed after Load.
type Rule struct {
	ID, Name        string
	Stage           Stage
	Priority        int // higher first, inside a stage
	Final, Continue bool
	IncludeSelf     bool
	Mode            Mode
	Events          []string // event types, in the order of the reference
	Steps           []*Step
	Limit           *Limit       // nil: none
	Batch           *Batch       // nil: each event is a run of its own
	Session         *Session     // nil: the steps are no dialogue
	Command         *Command     // nil: it is none, or one of match's mode command
	Concurrency     *Concurrency // nil: any number of runs may be open
	Pos             Pos
	Defaults        []Defaulted // what of this comes from defaults
	Used            *Used       // of a rule that comes from a blueprint

	index    int  // in Set.Rules
	always   bool // nothing narrows it down: it is tried for every event of its types
	match    *matcher
	cond     *program
	needs    Needs // of match, if, and what the event counts for
	allNeeds Needs // of the steps too
	runVars  map[string]bool
	outputs  map[string]Type // of the steps with an id
	helps    bool            // it calls help(), which reads what all rules read
	node     *yaml.Node      // of a rule that no file has
}

// Needs says which facts the rule reads, in its match, its if and its steps.
func (r *Rule) Needs() Needs { return r.allNeeds }

// Gated reports whether Facts.Gate is asked about the rule: it has a limit, a batch or concurrency, or is a dialogue.
func (r *Rule) Gated() bool {
	return r.Limit != nil || r.Batch != nil || r.Session != nil || r.Concurrency != nil
}

const (
	minPriority = -1_000_000
	maxPriority = 1_000_000
)

var (
	ruleKeys = []string{
		"id", "name", "use", "on", "match", "command", "faq", "if", "stage", "priority", "final", "continue", "include_self", "run",
		"limit", "concurrency", "batch", "session", "do",
	}
	ruleID = regexp.MustCompile(`^[a-z0-9_][a-z0-9_.-]*$`)
)

// ruleCompiler compiles one rule.
type ruleCompiler struct {
	r        *reader
	set      *Set
	rule     *Rule
	place    *place
	ids      map[string]int // step ids and their lines
	count    int            // steps
	asks     int            // steps that ask
	branches int            // how many parallel steps are around
	short    string         // the list at hand, when nothing may hold it up
	defaults map[string]*defaultValue

	handoffs []*Step
}

// rule compiles an entry of rules: a rule, or the use of a blueprint.
func (l *loader) rule(r *reader, n *yaml.Node, set *Set, defaults map[string]*defaultValue) {
	prefix := ""
	if r.use != nil {
		prefix = r.use.prefix
		r.rule = strings.TrimSuffix(prefix, ".")
	}
	entries, ok := r.mapping(n, "a rule")
	if !ok {
		return
	}
	get := make(map[string]entry)
	for _, e := range entries {
		if e.name == "id" {
			r.rule = prefix + r.literal(e.value).Value
		}
	}
	if slices.ContainsFunc(entries, func(e entry) bool { return e.name == "use" }) {
		l.use(r, n, entries, set, defaults)
		return
	}
	for _, e := range entries {
		if !slices.Contains(ruleKeys, e.name) {
			r.unknown(e, ruleKeys)
			continue
		}
		get[e.name] = e
	}
	rule := &Rule{Stage: StageMain, Pos: r.pos(resolve(n)), index: len(set.Rules)}
	lists, vars, inputs := l.lists, l.vars, map[string]*inputValue(nil)
	if u := r.use; u != nil {
		rule.Used = &Used{u.blueprint.d.name, strings.TrimSuffix(prefix, "."), u.pos}
		lists, vars, inputs = map[string][]string{}, map[string]any{}, u.inputs
	}
	c := &ruleCompiler{r: r, set: set, rule: rule, ids: make(map[string]int), defaults: defaults}
	if e, ok := get["faq"]; ok && get["do"].value == nil {
		rule.node = withAnswer(resolve(n), e.key)
		get["do"] = entry{"do", e.key, rule.node.Content[len(rule.node.Content)-1]}
	}
	c.head(n, get)
	bodies := []*yaml.Node{get["do"].value, get["session"].value, get["limit"].value, get["command"].value}
	c.place = &place{
		r: r, set: set, rule: rule, lists: lists, vars: vars, inputs: inputs, runVars: runVars(bodies...),
		steps: make(map[string]Type), later: stepIDs(bodies...), locals: make(map[string]Type),
	}
	rule.runVars = c.place.runVars
	rule.outputs = make(map[string]Type)
	c.events(n, get)
	c.place.level = levelRule
	if e, ok := get["match"]; ok {
		c.match(e.value)
	}
	if e, ok := get["command"]; ok {
		if _, ok := get["match"]; ok {
			r.errorf(e.key, "a rule has match or command: a command is how its message is found")
		}
		c.command(e)
	}
	if e, ok := get["faq"]; ok {
		if get["match"].key != nil || get["command"].key != nil {
			r.errorf(e.key, "a rule has faq, match or command: its questions are how a message is found")
		}
		c.faq(e)
	}
	if e, ok := get["if"]; ok {
		if rule.cond = c.condition(e.value, "if"); rule.cond != nil {
			rule.needs = rule.cond.needs
		}
		if rule.Command != nil {
			c.commandGuard(e.value)
		}
	}
	c.helpFor(get["if"].value)
	if e, ok := get["session"]; ok {
		c.session(e)
	}
	if e, ok := get["limit"]; ok {
		c.limit(e.value)
	} else {
		c.byDefault("limit", c.limit)
	}
	if e, ok := get["batch"]; ok {
		c.batch(e.value)
		if s, ok := get["session"]; ok {
			r.errorf(s.key, "a rule has batch or session: a talk is with one, not with many at once")
		}
		if rule.Command != nil {
			r.errorf(e.key, "a rule has batch or command: each command has arguments of its own")
		}
	}
	if e, ok := get["concurrency"]; ok {
		c.concurrency(e)
	}
	c.place.level = levelStep
	if e, ok := get["do"]; ok {
		rule.Steps = c.steps(e.value, "do", "do")
	} else {
		r.errorf(resolve(n), "rule has no do")
	}
	if e, ok := get["session"]; ok {
		c.sessionSteps(e.value)
	}
	rule.keys(func(p *program) { rule.needs = rule.needs.or(p.needs) })
	rule.allNeeds = rule.needs
	rule.walk(func(p *program) { rule.allNeeds = rule.allNeeds.or(p.needs) })
	c.warn(get)
	set.Rules = append(set.Rules, rule)
}

// withAnswer is a rule with what a faq does unless the rule says otherwise.
func withAnswer(n, at *yaml.Node) *yaml.Node {
	text := func(s string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Line: at.Line, Column: at.Column}
	}
	step := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: at.Line, Column: at.Column}
	step.Content = []*yaml.Node{text(replyAction), text(faqAnswer)}
	steps := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{step}, Line: at.Line, Column: at.Column}
	out := *n
	out.Content = append(slices.Clone(n.Content), text("do"), steps)
	return &out
}

// warn tells what of the rule is no mistake but probably not meant.
func (c *ruleCompiler) warn(get map[string]entry) {
	tell := func(id string, pos Pos, msg string) {
		c.r.l.warn(id, c.r.d, c.r.rule, pos.Line, pos.Col, "%s", msg)
	}
	if e, ok := get["session"]; ok && c.asks == 0 {
		tell("idle-session", c.r.pos(e.key), "the steps of this session ask nothing: no dialogue begins")
	}
	if bot := &c.set.Bot; bot.OpsGroup == "" {
		for _, s := range c.handoffs {
			if s.Handoff.After == 0 && s.Handoff.Idle == 0 {
				tell("silent-handoff", s.Pos,
					"nobody is told, and nothing gives the conversation back by itself: set bot.ops_group or resume")
			}
		}
	}
}

// head reads the keys that need nothing else.
func (c *ruleCompiler) head(n *yaml.Node, get map[string]entry) {
	r, rule := c.r, c.rule
	if e, ok := get["id"]; !ok {
		r.errorf(resolve(n), "rule has no id")
	} else if id, ok := r.str(e.value, "id"); ok {
		rule.ID = id
		if r.use != nil {
			id = r.use.prefix + id
			rule.ID = id
		}
		if !ruleID.MatchString(id) {
			r.errorf(resolve(e.value), "id %q: use small letters, digits, dots, - and _", id)
		} else if first, ok := r.l.ruleIDs[id]; ok {
			r.errorf(resolve(e.value), "rule id %q comes twice, first at %s", id, first)
		} else {
			r.l.ruleIDs[id] = r.pos(resolve(e.value))
		}
	}
	if e, ok := get["name"]; ok {
		if v := r.literal(e.value); v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null" {
			rule.Name = v.Value
		} else {
			r.errorf(v, "name must be a text, not %s", kindName(v))
		}
	}
	for _, k := range []struct {
		name string
		read func(*yaml.Node)
	}{
		{"stage", func(n *yaml.Node) {
			word, _ := c.r.enum(n, "stage", stageNames...)
			rule.Stage = Stage(max(0, slices.Index(stageNames, word)))
		}},
		{"run", func(n *yaml.Node) {
			word, _ := c.r.enum(n, "run", modeNames...)
			rule.Mode = Mode(max(0, slices.Index(modeNames, word)))
		}},
		{"priority", func(n *yaml.Node) {
			rule.Priority, _ = c.r.integer(n, "priority", minPriority, maxPriority)
		}},
	} {
		if e, ok := get[k.name]; k.name == "run" && r.use != nil && r.use.run != nil {
			word, _ := r.use.runIn.enum(r.use.run, "run", modeNames...)
			rule.Mode = Mode(max(0, slices.Index(modeNames, word)))
		} else if ok {
			k.read(e.value)
		} else {
			c.byDefault(k.name, k.read)
		}
	}
	if mode, ok := r.l.opts.Modes[rule.ID]; ok {
		rule.Mode = mode
	}
	if e, ok := get["include_self"]; ok {
		rule.IncludeSelf = r.boolean(e.value, "include_self")
	}
	if e, ok := get["final"]; ok {
		if rule.Final = r.boolean(e.value, "final"); rule.Final && rule.Stage != StageGuard {
			r.errorf(e.key, "final stops the stages after guard: a rule of stage %s cannot have it", rule.Stage)
		}
	}
	if e, ok := get["continue"]; ok {
		rule.Continue = r.boolean(e.value, "continue")
		if rule.Continue && rule.Stage != StageMain && rule.Stage != StageFallback {
			r.errorf(e.key, "continue lets later rules of main or fallback be tried: in stage %s all are", rule.Stage)
		}
	}
}

// events reads on.
func (c *ruleCompiler) events(n *yaml.Node, get map[string]entry) {
	e, ok := get["on"]
	if !ok {
		c.r.errorf(resolve(n), "rule has no on: it names the events, for instance `on: message`")
		return
	}
	v := c.r.literal(e.value)
	items := []*yaml.Node{v}
	if v.Kind == yaml.SequenceNode {
		items, _ = c.r.sequence(v, "on")
		if len(items) == 0 {
			c.r.errorf(v, "on names no event")
		}
	}
	seen := make(map[string]bool)
	for _, item := range items {
		for _, name := range c.event(item) {
			seen[name] = true
		}
	}
	for _, d := range eventDocs {
		if seen[d.name] {
			c.rule.Events = append(c.rule.Events, d.name)
			c.place.events = append(c.place.events, d)
		}
		delete(seen, d.name)
	}
	for _, name := range keys(seen) {
		c.rule.Events = append(c.rule.Events, name)
		c.place.events = append(c.place.events, eventDoc{name: name})
	}
}

// event reads one entry of on and returns the events that it names.
func (c *ruleCompiler) event(n *yaml.Node) []string {
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 {
		switch key := n.Content[0].Value; key {
		case "schedule":
			c.r.errorf(n, "this version has no schedules")
		case "webhook":
			if len(n.Content) > 2 {
				c.r.errorf(n.Content[2], "%s stands beside webhook: the options of a webhook stand under it, as { path: /deploy, ... }",
					n.Content[2].Value)
			}
			return c.webhook(n.Content[1])
		default:
			c.r.errorf(n.Content[0], "unknown event form %q%s", key, didYouMean(key, []string{"schedule", "webhook"}))
		}
		return nil
	}
	name, ok := c.r.str(n, "on")
	if !ok {
		return nil
	}
	if group, ok := eventGroups[name]; ok {
		return group
	}
	if _, ok := eventDocOf(name); ok {
		return []string{name}
	}
	if signal, ok := strings.CutPrefix(name, signalPrefix); ok || name == "signal" {
		if err := SignalName(signal); err != nil || !ok {
			c.r.errorf(n, "signal.NAME hears the signals of one name: small letters, digits, dots, - and _")
			return nil
		}
		return []string{name}
	}
	c.r.errorf(n, "unknown event %q%s", name, didYouMean(name, append(EventTypes(), "message")))
	return nil
}

var matchKeys = []string{"any_of", "all_of", "none_of", "except", "mode", "normalize"}

// match compiles a rule's match.
func (c *ruleCompiler) match(n *yaml.Node) {
	r := c.r
	entries, ok := r.mapping(n, "match")
	if !ok {
		return
	}
	m := &matcher{}
	get := make(map[string]entry)
	names := matchKeys
	for _, e := range entries {
		if !slices.Contains(names, e.name) {
			r.unknown(e, names)
			continue
		}
		get[e.name] = e
	}
	if e, ok := get["mode"]; ok {
		if word, ok := r.enum(e.value, "mode", matchModes...); ok {
			m.mode = MatchMode(slices.Index(matchModes, word))
		}
	}
	if e, ok := get["normalize"]; ok {
		m.profile = c.normalize(e.value)
		if m.profile.strict() && (m.mode == MatchRegex || m.mode == MatchCommand) {
			r.errorf(e.key, "normalize: strict is for words: it leaves no separators, which a %s may need; use chat or none", m.mode)
			m.profile = profileChat
		}
	} else {
		c.byDefault("normalize", func(n *yaml.Node) {
			if p := c.normalize(n); !p.strict() || m.mode != MatchRegex && m.mode != MatchCommand {
				m.profile = p
			}
		})
	}
	for _, part := range []struct {
		key string
		to  *phrases
	}{{"any_of", &m.any}, {"all_of", &m.all}, {"none_of", &m.none}, {"except", &m.except}} {
		if e, ok := get[part.key]; ok {
			*part.to = c.phrases(e.value, part.key, m)
		}
	}
	if len(get) == 0 || get["any_of"].value == nil && get["all_of"].value == nil && get["none_of"].value == nil {
		r.errorf(resolve(n), "match needs any_of, all_of or none_of")
	}
	if e, ok := get["all_of"]; ok && m.mode == MatchCommand {
		r.errorf(e.key, "all_of: a message has one command")
	}
	if e, ok := get["except"]; ok && m.mode == MatchCommand {
		r.errorf(e.key, "except: a command stands inside no phrase")
	}
	if !slices.ContainsFunc(c.place.events, func(d eventDoc) bool { return d.text }) && len(c.place.events) > 0 {
		r.errorf(resolve(n), "match looks at a message's text, but %s has none", c.place.events[0].name)
	}
	c.place.match = true
	c.place.args = m.mode == MatchCommand
	c.rule.match = m
}

// phrases reads the words of a match: strings, or ${{ }} that gives a string or a list of them when the file is loaded.
func (c *ruleCompiler) phrases(n *yaml.Node, what string, m *matcher) phrases {
	n = resolve(n)
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items, _ = c.r.sequence(n, what)
	}
	var p phrases
	var at []*yaml.Node // where each word comes from
	shared := ""
	if len(items) == 0 {
		c.r.errorf(n, "%s is empty", what)
	}
	for _, item := range items {
		words, list, ok := c.words(item, what)
		if !ok {
			continue
		}
		if len(items) == 1 {
			shared = list
		}
		p.words = append(p.words, words...)
		for range words {
			at = append(at, item)
		}
	}
	return c.foldPhrases(p, at, what, m, shared)
}

// words reads one entry; list is the name of the list that it is, if it is one.
func (c *ruleCompiler) words(n *yaml.Node, what string) (words []string, list string, ok bool) {
	if !isString(n) {
		c.r.notString(n, what)
		return nil, "", false
	}
	if !strings.Contains(n.Value, open) {
		if n.Value == "" {
			c.r.errorf(n, "%s: an empty word is in every text", what)
			return nil, "", false
		}
		return []string{n.Value}, "", true
	}
	load := *c.place
	load.level = levelLoad
	parts, ok := load.template(n)
	if !ok {
		return nil, "", false
	}
	out, err := join(parts, map[string]any{})
	if err != nil {
		c.r.errorf(n, "%s: %v", what, err)
		return nil, "", false
	}
	switch out := out.(type) {
	case string:
		words = []string{out}
	default:
		if words, err = texts(out); err != nil {
			c.r.errorf(n, "%s: %v", what, err)
			return nil, "", false
		}
		if only(parts) != nil {
			list = load.listName(n)
		}
	}
	return words, list, true
}

// keys calls f for every expression that says what an event counts for.
func (r *Rule) keys(f func(*program)) {
	if r.Limit != nil {
		r.Limit.per.programs(f)
	}
	if r.Batch != nil {
		r.Batch.by.programs(f)
	}
	if r.Concurrency != nil {
		r.Concurrency.per.programs(f)
	}
}

// walk calls f for every expression of the steps, those of limit and session too.
func (r *Rule) walk(f func(*program)) {
	var steps func(...*Step)
	steps = func(list ...*Step) {
		for _, s := range list {
			if s == nil {
				continue
			}
			if s.cond != nil {
				f(s.cond)
			}
			for _, name := range keys(s.inputs) {
				s.inputs[name].programs(f)
			}
			s.items.programs(f)
			s.delay.programs(f)
			if a := s.Approve; a != nil {
				a.in.programs(f)
				a.by.programs(f)
				a.text.programs(f)
			}
			if s.Count != nil {
				s.Count.key.programs(f)
			}
			if s.Signal != nil {
				s.Signal.data.programs(f)
			}
			if h := s.Handoff; h != nil {
				h.queue.programs(f)
				h.note.programs(f)
			}
			if a := s.Ask; a != nil {
				if a.accept != nil {
					f(a.accept)
				}
				steps(a.Question, a.Again)
			}
			for _, m := range []map[string]*value{s.assign.vars, s.assign.user, s.assign.chat, s.assign.bot} {
				for _, name := range keys(m) {
					m[name].programs(f)
				}
			}
			for _, b := range s.Branches {
				if b.cond != nil {
					f(b.cond)
				}
				steps(b.Steps...)
			}
			steps(s.Steps...)
		}
	}
	steps(r.Steps...)
	if r.Limit != nil {
		steps(r.Limit.Reply...)
	}
	if r.Command != nil {
		steps(r.Command.Usage...)
	}
	if r.Session != nil {
		steps(r.Session.OnTimeout...)
		steps(r.Session.OnCancel...)
	}
}

// has reports whether a step of the rule's own steps is what f says.
func (r *Rule) has(f func(*Step) bool) bool {
	var any func([]*Step) bool
	any = func(list []*Step) bool {
		return slices.ContainsFunc(list, func(s *Step) bool {
			return f(s) || any(s.Steps) ||
				slices.ContainsFunc(s.Branches, func(b *Branch) bool { return any(b.Steps) })
		})
	}
	return any(r.Steps)
}

// runVars finds the vars that set steps anywhere in the steps assign.
func runVars(bodies ...*yaml.Node) map[string]bool {
	out := make(map[string]bool)
	eachKeyOf(bodies, func(key string, v *yaml.Node) {
		if key != "set" || v.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(v.Content); i += 2 {
			if vars := resolve(v.Content[i+1]); v.Content[i].Value == "vars" && vars.Kind == yaml.MappingNode {
				for j := 0; j+1 < len(vars.Content); j += 2 {
					out[vars.Content[j].Value] = true
				}
			}
		}
	})
	return out
}

// stepIDs finds the ids of all steps.
func stepIDs(bodies ...*yaml.Node) map[string]bool {
	out := make(map[string]bool)
	eachKeyOf(bodies, func(key string, v *yaml.Node) {
		if key == "id" && v.Kind == yaml.ScalarNode {
			out[v.Value] = true
		}
	})
	return out
}

func eachKeyOf(bodies []*yaml.Node, f func(string, *yaml.Node)) {
	for _, n := range bodies {
		eachKey(n, f)
	}
}

// eachKey calls f for every key below n.
func eachKey(n *yaml.Node, f func(string, *yaml.Node)) {
	if n == nil {
		return
	}
	n = resolve(n)
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && i+1 < len(n.Content) {
			f(child.Value, resolve(n.Content[i+1]))
		}
		eachKey(child, f)
	}
}
