package rules

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"gopkg.in/yaml.v3"
)

// Command is a rule's command: the first word of a message, with typed arguments behind it.
type Command struct {
	Name    string
	Aliases []string
	Doc     string
	Hidden  bool // help does not name it
	Args    []Arg
	Usage   []*Step // done in place of the rule's steps when Hit.Wrong says so; their paths begin with "command.usage"
	Pos     Pos

	set   *Set
	rule  *Rule
	guard []*program // the operands of the rule's if that read no argument, if another does
}

var (
	commandKeys = []string{"name", "aliases", "doc", "args", "usage", "hidden"}
	argKeys     = []string{"name", "type", "doc", "required", "default", "choices"}

	// argName is what an argument may be called: some scripts have no small letters.
	argName = regexp.MustCompile(`^[\p{Ll}\p{Lo}_][\p{Ll}\p{Lo}\p{N}_]*$`)
)

// maxArgs bounds the arguments of a command.
const maxArgs = 20

// defaultUsage is what is said to wrong arguments.
const defaultUsage = "${{ command.error }}\n${{ command.usage }}"

// command compiles a rule's command into a match and what reads the arguments.
func (c *ruleCompiler) command(e entry) {
	r := c.r
	n := resolve(e.value)
	cmd := &Command{Pos: r.pos(n), set: c.set, rule: c.rule}
	m := &matcher{mode: MatchCommand}
	c.rule.Command, c.rule.match = cmd, m
	c.place.match, c.place.command = true, cmd
	var words []string
	var at []*yaml.Node
	add := func(n *yaml.Node, what string) {
		if s, ok := r.str(n, what); ok {
			words, at = append(words, s), append(at, resolve(n))
		}
	}
	var usage *yaml.Node
	if n.Kind == yaml.ScalarNode {
		add(n, "command")
	} else {
		entries, ok := r.mapping(n, "command")
		if !ok {
			return
		}
		named := false
		for _, k := range entries {
			switch k.name {
			case "name":
				named = true
				add(k.value, "name")
			case "aliases":
				items, _ := r.sequence(k.value, "aliases")
				for _, item := range items {
					add(item, "aliases")
				}
			case "doc":
				cmd.Doc, _ = r.str(k.value, "doc")
			case "args":
				c.args(cmd, k.value)
			case "usage":
				usage = k.value
			case "hidden":
				cmd.Hidden = r.boolean(k.value, "hidden")
			default:
				r.unknown(k, commandKeys)
			}
		}
		if !named {
			r.errorf(n, "command needs name: the word, for instance /remind")
			return
		}
	}
	c.byDefault("normalize", func(n *yaml.Node) {
		if p := c.normalize(n); !p.strict() {
			m.profile = p
		}
	})
	m.any = c.foldPhrases(phrases{words: words}, at, "command", m, "")
	seen := make(map[string]string)
	for i, w := range m.any.folded {
		if first, ok := seen[w.text]; ok && i < len(words) {
			r.errorf(at[i], "command %q is the same word as %q", words[i], first)
		}
		seen[w.text] = words[min(i, len(words)-1)]
	}
	if len(words) > 0 {
		cmd.Name, cmd.Aliases = words[0], words[1:]
	}
	if !slices.ContainsFunc(c.place.events, func(d eventDoc) bool { return d.text }) && len(c.place.events) > 0 {
		r.errorf(e.key, "a command is a message's text, but %s has none", c.place.events[0].name)
	}
	if usage == nil {
		usage = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: defaultUsage, Line: n.Line, Column: n.Column}
	}
	outer, level := c.place, c.place.level
	inner := *c.place
	inner.usage, inner.command, inner.level, inner.env = true, nil, levelStep, nil
	c.place = &inner
	s := c.synthetic("command.usage[0]", usage)
	if c.reply(s, "command", e.key, usage, nil, nil) {
		cmd.Usage = []*Step{s}
	}
	c.place, c.place.level = outer, level
}

// args reads the arguments of a command.
func (c *ruleCompiler) args(cmd *Command, n *yaml.Node) {
	r := c.r
	items, _ := r.sequence(n, "args")
	if len(items) > maxArgs {
		r.errorf(resolve(n), "a command has at most %d arguments", maxArgs)
		return
	}
	var optional, rest string
	for _, item := range items {
		a, ok := c.arg(item)
		if !ok {
			continue
		}
		if slices.ContainsFunc(cmd.Args, func(b Arg) bool { return b.Name == a.Name }) {
			r.errorf(item, "argument %q comes twice", a.Name)
			continue
		}
		switch {
		case a.Type == argFlag:
		case rest != "":
			r.errorf(item, "argument %s takes all that is left: none can come after it", rest)
		case a.Required && optional != "":
			r.errorf(item, "argument %s cannot be required: %s before it is not", a.Name, optional)
		}
		if a.Type == argRest {
			rest = a.Name
		}
		if !a.Required && a.Type != argFlag {
			optional = cmp.Or(optional, a.Name)
		}
		cmd.Args = append(cmd.Args, a)
	}
}

func (c *ruleCompiler) arg(n *yaml.Node) (a Arg, ok bool) {
	r := c.r
	entries, ok := r.mapping(n, "an argument")
	if !ok {
		return a, false
	}
	a.Type = argText
	var def, required, choices *yaml.Node
	for _, k := range entries {
		valid := true
		switch k.name {
		case "name":
			if a.Name, valid = r.str(k.value, "name"); valid && !argName.MatchString(a.Name) {
				r.errorf(resolve(k.value), "argument %q: use small letters, digits and _", a.Name)
				valid = false
			}
		case "type":
			a.Type, valid = r.enum(k.value, "type", argTypes...)
		case "doc":
			a.Doc, valid = r.str(k.value, "doc")
		case "required":
			required = k.key
			a.Required = r.boolean(k.value, "required")
		case "default":
			def = resolve(k.value)
		case "choices":
			choices = k.key
			list, _ := r.sequence(k.value, "choices")
			for _, item := range list {
				if s, good := r.str(item, "choices"); good {
					a.Choices = append(a.Choices, s)
				}
			}
		default:
			r.unknown(k, argKeys)
		}
		ok = ok && valid
	}
	switch {
	case !slices.ContainsFunc(entries, func(k entry) bool { return k.name == "name" }):
		r.errorf(n, "an argument needs name")
		return a, false
	case !ok:
		return a, false
	case a.Type == argChoice && len(a.Choices) == 0:
		r.errorf(n, "argument %s needs choices: the words that it may be", a.Name)
	case a.Type != argChoice && choices != nil:
		r.errorf(choices, "choices belong to the type choice")
	case a.Type == argFlag && (required != nil || def != nil):
		r.errorf(cmp.Or(required, def), "a flag is there or not: it has neither required nor default")
	case def != nil && a.Required:
		r.errorf(required, "an argument with a default is never missing: leave out required")
	case def != nil && (def.Kind != yaml.ScalarNode || def.ShortTag() == "!!null" || strings.Contains(def.Value, open)):
		r.errorf(def, "default: want what a person would write, have %s", kindName(def))
	case def != nil:
		value, good := a.parse(def.Value, nil)
		if !good {
			want := a.want(languageEN)
			if a.Type == argDate {
				want = "a date such as 2026-10-01"
			}
			r.errorf(def, "default: want %s, have %s", want, nodeText(def))
		}
		a.Default, a.hasDefault = value, true
	}
	return a, true
}

// conjuncts compiles the operands of a rule's if by themselves: those that a message with wrong arguments must pass too.
func (c *ruleCompiler) commandGuard(n *yaml.Node) {
	cond := c.rule.cond
	if cond == nil || !slices.Contains(cond.uses, givenRoot) {
		return
	}
	for _, source := range splitAt(unwrap(cond.source), "&&", "and") {
		if readsArgs(source) {
			continue
		}
		if p := c.place.compile(resolve(n), 0, source, true); p != nil {
			c.rule.Command.guard = append(c.rule.Command.guard, p)
		}
	}
}

// readsArgs reports whether an expression names args.
func readsArgs(source string) bool { return reads(source, "args") }

// reads reports whether an expression names one of some roots; one that cannot be parsed may.
func reads(source string, names ...string) bool {
	tree, err := parser.Parse(source)
	if err != nil {
		return true
	}
	found := false
	visit(&tree.Node, func(n *ast.Node) {
		if id, ok := (*n).(*ast.IdentifierNode); ok && slices.Contains(names, id.Value) {
			found = true
		}
	})
	return found
}

// commandView is what the usage of a command sees.
type commandView struct {
	Name  string `expr:"name"`
	Usage string `expr:"usage"`
	Error string `expr:"error"`
}

func (sc *Scope) command(rule *Rule) *commandView {
	out := new(commandView)
	if cmd := rule.Command; cmd != nil {
		out.Name, out.Usage = cmd.Name, cmd.usage(cmd.set.language())
	}
	if sc.Hit != nil {
		out.Error = sc.Hit.Wrong
	}
	return out
}
