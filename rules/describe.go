package rules

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bounds of a description.
const (
	maxDescribedWords = 12
	maxDescribedText  = 100 // characters of a value
)

// Description says what a rule does, for people: what Load made of it, and the steps as the file has them.
type Description struct {
	Rule string `json:"rule"`
	Name string `json:"name,omitzero"`
	Pos  string `json:"pos"`

	Events   []string `json:"events"`
	Stage    string   `json:"stage"`
	Order    []string `json:"order,omitzero"` // what it means for the rules after it
	Priority int      `json:"priority,omitzero"`
	Run      string   `json:"run"`

	Words      []DescribedWords     `json:"words,omitzero"`
	Mode       string               `json:"mode,omitzero"`      // how words are looked for
	Normalize  string               `json:"normalize,omitzero"` // how they are made alike
	Conditions []DescribedCondition `json:"conditions,omitzero"`

	// Always says that the rule is looked at for every event of its kinds; else only when Narrowed is there.
	Always   bool   `json:"always"`
	Narrowed string `json:"narrowed,omitzero"`

	Keys []DescribedKey `json:"keys,omitzero"` // limit, batch, session and the like
	// Defaults is what of this comes from defaults; Text is with its place.
	Defaults []DescribedKey `json:"defaults,omitzero"`

	Reads []string        `json:"reads,omitzero"` // facts that an event does not carry itself
	Steps []DescribedStep `json:"steps"`
}

// DescribedWords is one list of a match.
type DescribedWords struct {
	Key   string   `json:"key"` // any_of, all_of, none_of
	Words []string `json:"words"`
	More  int      `json:"more,omitzero"` // that are left out
}

// DescribedCondition is an operand of an if.
type DescribedCondition struct {
	Source string               `json:"source"`
	Joined string               `json:"joined,omitzero"` // "and" or "or": how the parts inside hang together
	Inside []DescribedCondition `json:"inside,omitzero"`
}

// DescribedKey is a key of a rule or step with its value in one line.
type DescribedKey struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// DescribedStep is a step, or a choice.
type DescribedStep struct {
	ID     string          `json:"id,omitzero"`
	If     string          `json:"if,omitzero"`
	Action string          `json:"action,omitzero"` // empty of a choice
	Doc    string          `json:"doc,omitzero"`    // of the action
	Inputs []DescribedKey  `json:"inputs,omitzero"` // Key is empty for a value that is no mapping
	Also   []DescribedKey  `json:"also,omitzero"`   // timeout, retry, on_error
	Inside []DescribedStep `json:"inside,omitzero"`
}

// Describe says what a rule of the set does. The catalog, which may be nil, tells what actions do.
func (s *Set) Describe(r *Rule, catalog Catalog) *Description {
	d := &Description{
		Rule: r.ID, Name: r.Name, Pos: r.Pos.String(), Events: r.Events, Stage: r.Stage.String(), Priority: r.Priority,
		Run: r.Mode.String(), Always: r.alwaysCandidate() || r.match == nil && r.cond == nil, Reads: r.allNeeds.names(),
	}
	d.order(r)
	if m := r.match; m != nil {
		d.Mode, d.Normalize = m.mode.String(), m.profile.normalize().String()
		for _, part := range []struct {
			key string
			of  *phrases
		}{{"any_of", &m.any}, {"all_of", &m.all}, {"none_of", &m.none}, {"except", &m.except}} {
			if words := part.of.words; len(words) > 0 {
				n := min(len(words), maxDescribedWords)
				d.Words = append(d.Words, DescribedWords{part.key, words[:n], len(words) - n})
			}
		}
		if f := m.faq; f != nil {
			asked := DescribedWords{Key: "faq", More: max(0, len(f.rows)-maxDescribedWords)}
			for _, row := range f.rows[:len(f.rows)-asked.More] {
				asked.Words = append(asked.Words, row.question)
			}
			d.Words = append(d.Words, asked)
		}
	}
	if r.cond != nil && r.cond.operands != nil {
		d.Conditions = describeOperands(r.cond.operands())
	}
	switch {
	case d.Always:
	case r.match != nil && r.match.wants():
		d.Narrowed = "its words"
	default:
		d.Narrowed = "what its if names"
	}
	if u := r.Used; u != nil {
		d.Keys = append(d.Keys, DescribedKey{"use", fmt.Sprintf("%s as %s (%s)", u.Blueprint, u.ID, u.Pos)})
	}
	for _, v := range r.Defaults {
		d.Defaults = append(d.Defaults, DescribedKey{v.Key, fmt.Sprintf("%s (%s)", v.Text, v.Pos)})
	}
	for _, name := range r.Events {
		if path, ok := strings.CutPrefix(name, webhookPrefix); ok && s.webhooks[path] != nil {
			d.Keys = append(d.Keys, DescribedKey{"webhook", s.webhooks[path].describe()})
		}
	}
	w := describer{catalog: catalog}
	for _, e := range pairs(s.ruleNode(r)) {
		switch {
		case e.name == "do":
			d.Steps = w.steps(e.value)
		case !slices.Contains([]string{"id", "name", "on", "match", "if", "stage", "priority", "final", "continue", "run"}, e.name):
			d.Keys = append(d.Keys, DescribedKey{e.name, brief(e.value)})
		}
	}
	return d
}

// order says what the rule means for others.
func (d *Description) order(r *Rule) {
	switch {
	case r.Mode == ModeOff:
		d.Order = append(d.Order, "it is never evaluated")
		return
	case r.Mode == ModeShadow:
		d.Order = append(d.Order, "it does nothing and stops no rule")
		return
	}
	switch r.Stage {
	case StageGuard:
		if r.Final {
			d.Order = append(d.Order, "once it fires, main and fallback are not tried")
		}
	case StageMain, StageFallback:
		if r.Stage == StageFallback {
			d.Order = append(d.Order, "tried only when no rule of main fired")
		}
		if r.Continue {
			d.Order = append(d.Order, "the rules after it are tried too")
		} else {
			d.Order = append(d.Order, "once it fires, the rules after it are not tried")
		}
	case StageObserve:
		d.Order = append(d.Order, "it fires whatever happened before")
	}
}

// names is the facts as expressions spell them.
func (n Needs) names() []string {
	var out []string
	for _, f := range []struct {
		read bool
		name string
	}{{n.State, "state"}, {n.Role, "user.role"}, {n.UserName, "user.name"}, {n.ChatName, "chat.name"}, {n.GroupType, "chat.group_type"}} {
		if f.read {
			out = append(out, f.name)
		}
	}
	return out
}

func describeOperands(list []operand) []DescribedCondition {
	out := make([]DescribedCondition, len(list))
	for i, o := range list {
		out[i].Source = o.source
		switch o.joined {
		case "&&":
			out[i].Joined = "and"
		case "||":
			out[i].Joined = "or"
		default: // what is inside are values
			continue
		}
		out[i].Inside = describeOperands(o.inside)
	}
	return out
}

// ruleNode is the rule as its file has it, or nil.
func (s *Set) ruleNode(r *Rule) *yaml.Node {
	if r.node != nil {
		return r.node
	}
	for i := range s.sources {
		if s.sources[i].Name != r.Pos.File {
			continue
		}
		l := newLoader(nil, Options{})
		root := l.parseYAML(newDocument(r.Pos.File, s.sources[i].Text, 0))
		for _, e := range pairs(root) {
			if e.name != "rules" {
				continue
			}
			for _, n := range e.value.Content {
				if n = resolve(n); n.Line == r.Pos.Line && n.Column == r.Pos.Col {
					return n
				}
			}
		}
	}
	return nil
}

// pairs is the keys and values of a mapping that loaded before; of anything else it is nothing.
func pairs(n *yaml.Node) []entry {
	if n == nil {
		return nil
	}
	if n = resolve(n); n.Kind != yaml.MappingNode {
		return nil
	}
	quiet := reader{l: &loader{}, d: newDocument("", nil, 0)}
	entries, _ := quiet.mapping(n, "")
	return entries
}

// describer describes steps by their form: a step of a kind that it has never heard of is described too.
type describer struct{ catalog Catalog }

func (w describer) steps(n *yaml.Node) []DescribedStep {
	var out []DescribedStep
	for _, item := range n.Content {
		out = append(out, w.step(resolve(item)))
	}
	return out
}

func (w describer) step(n *yaml.Node) DescribedStep {
	var s DescribedStep
	for _, e := range pairs(n) {
		switch {
		case e.name == "id":
			s.ID = e.value.Value
		case e.name == "if":
			s.If = strings.TrimSpace(e.value.Value)
		case slices.Contains(commonKeys, e.name):
			s.Also = append(s.Also, DescribedKey{e.name, brief(e.value)})
		default:
			s.Action = e.name
			if w.catalog != nil {
				if spec, ok := w.catalog.Step(e.name); ok {
					s.Doc = spec.Doc
				}
			}
			w.body(&s, e.value)
		}
	}
	return s
}

// body describes the value of a step's action: lists of steps and of choices go inside.
func (w describer) body(s *DescribedStep, n *yaml.Node) {
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			item = resolve(item)
			if entries := pairs(item); s.Action == "do" || !slices.ContainsFunc(entries, func(e entry) bool { return e.name == "do" }) {
				s.Inside = append(s.Inside, w.step(item))
				continue
			}
			var choice DescribedStep
			for _, e := range pairs(item) {
				if e.name == "if" {
					choice.If = strings.TrimSpace(e.value.Value)
				} else if e.name == "do" {
					choice.Inside = w.steps(e.value)
				}
			}
			s.Inside = append(s.Inside, choice)
		}
	case yaml.MappingNode:
		for _, e := range pairs(n) {
			if e.name == "do" && e.value.Kind == yaml.SequenceNode {
				s.Inside = w.steps(e.value)
				continue
			}
			s.Inputs = append(s.Inputs, DescribedKey{e.name, brief(e.value)})
		}
	default:
		if n.ShortTag() != "!!null" {
			s.Inputs = []DescribedKey{{"", brief(n)}}
		}
	}
}

// brief is a value in one line.
func brief(n *yaml.Node) string {
	return shorten(oneLine(n, 0), maxDescribedText)
}

func oneLine(n *yaml.Node, depth int) string {
	n = resolve(n)
	if depth > maxPartDepth {
		return "…"
	}
	switch n.Kind {
	case yaml.SequenceNode:
		var items []string
		for _, item := range n.Content {
			items = append(items, oneLine(item, depth+1))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case yaml.MappingNode:
		var items []string
		for _, e := range pairs(n) {
			items = append(items, fmt.Sprintf("%s: %s", e.name, oneLine(e.value, depth+1)))
		}
		if depth == 0 {
			return strings.Join(items, ", ")
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return strings.Join(strings.Fields(n.Value), " ")
}
