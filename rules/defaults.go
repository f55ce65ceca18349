package rules

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// Defaulted is a value that a rule has from `defaults`.
type Defaulted struct {
	Key  string
	Text string // the value in one line
	Pos  Pos
}

// defaultKeys are the keys of defaults: those of a rule, of its match, and of its steps.
var defaultKeys = []string{"stage", "priority", "run", "limit", "normalize", "timeout", "retry", "on_error"}

// defaultValue is an entry of defaults.
type defaultValue struct {
	d    *document
	e    entry
	told Defaulted
}

func (l *loader) readDefaults(r *reader, n *yaml.Node) map[string]*defaultValue {
	entries, _ := r.mapping(n, "defaults")
	out := make(map[string]*defaultValue, len(entries))
	for _, e := range entries {
		if !slices.Contains(defaultKeys, e.name) {
			r.unknown(e, defaultKeys)
			continue
		}
		out[e.name] = &defaultValue{r.d, e, Defaulted{e.name, brief(e.value), r.pos(e.key)}}
	}
	return out
}

// checkDefaults tells what is wrong with defaults that no rule may come to use.
func (l *loader) checkDefaults(f *ruleFile, set *Set) {
	message := eventDocs[:2]
	for _, name := range keys(f.defaults) {
		v := f.defaults[name]
		r := &reader{l: l, d: v.d}
		c := &ruleCompiler{r: r, set: &Set{Bot: set.Bot}, rule: &Rule{Stage: StageMain}, ids: make(map[string]int)}
		c.place = &place{
			r: r, set: c.set, rule: c.rule, level: levelRule, events: message, lists: l.lists, vars: l.vars,
			steps: make(map[string]Type), locals: make(map[string]Type),
		}
		n := v.e.value
		switch name {
		case "stage":
			r.enum(n, name, stageNames...)
		case "priority":
			r.integer(n, name, minPriority, maxPriority)
		case "run":
			r.enum(n, name, modeNames...)
		case "limit":
			c.limit(n)
		case "normalize":
			c.normalize(n)
		case "timeout":
			c.positive(n, name, DefaultTimeout)
		case "retry":
			c.retry(new(Step), n)
		case "on_error":
			r.enum(n, name, onErrorNames...)
		}
	}
}

// byDefault calls read with the value of a key, if defaults has one, and a compiler that points at it.
func (c *ruleCompiler) byDefault(name string, read func(n *yaml.Node)) {
	v := c.defaults[name]
	if v == nil {
		return
	}
	if !slices.ContainsFunc(c.rule.Defaults, func(d Defaulted) bool { return d.Key == name }) {
		c.rule.Defaults = append(c.rule.Defaults, v.told)
	}
	own := c.r
	c.r = &reader{l: own.l, d: v.d, rule: own.rule}
	if v.d == own.d {
		c.r.use = own.use
	}
	if c.place != nil {
		c.place.r = c.r
	}
	read(v.e.value)
	if c.r = own; c.place != nil {
		c.place.r = own
	}
}

// stepDefaults gives an action what its rule's file says of all.
func (c *ruleCompiler) stepDefaults(s *Step, common map[string]entry) {
	if _, ok := common["timeout"]; !ok {
		c.byDefault("timeout", func(n *yaml.Node) { s.Timeout = c.positive(n, "timeout", s.Timeout) })
	}
	if _, ok := common["retry"]; !ok {
		c.byDefault("retry", func(n *yaml.Node) { c.retry(s, n) })
	}
	if _, ok := common["on_error"]; !ok {
		c.byDefault("on_error", func(n *yaml.Node) { s.ContinueOnError = c.onError(n) })
	}
}

// defaultsOf are the defaults of a file: its own, and for what it does not say those of the bot's.
func (l *loader) defaultsOf(f *ruleFile) map[string]*defaultValue {
	bot := l.files[0].defaults
	if f == l.files[0] || len(bot) == 0 {
		return f.defaults
	}
	out := make(map[string]*defaultValue, len(defaultKeys))
	for _, from := range []map[string]*defaultValue{bot, f.defaults} {
		for name, v := range from {
			out[name] = v
		}
	}
	return out
}
