package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Bounds of blueprints.
const (
	maxUseDepth  = 8      // blueprints that use one another
	maxUsedRules = 10_000 // rules and uses that blueprints bring into a bot
)

// blueprint is a file of rules with inputs.
type blueprint struct {
	d        *document
	name     string
	order    []string // of inputs
	inputs   map[string]*inputDecl
	rules    []*yaml.Node
	defaults map[string]*defaultValue
}

// inputDecl is what a blueprint says of one of its inputs.
type inputDecl struct {
	name, typ, doc string
	choices        []string
	required       bool
	def            *inputValue // nil: none
	pos            Pos
}

// inputValue is what an input is in one use of its blueprint.
type inputValue struct {
	value any    // as expressions see it
	text  string // as a file would have it, where a key takes no expression
	list  string // "lists.NAME", if it is that list
	pos   Pos    // where it was given
}

// use is one use of a blueprint.
type use struct {
	blueprint *blueprint
	prefix    string // of the ids of its rules
	inputs    map[string]*inputValue
	run       *node // what its rules run as, whatever they say; may be nil
	runIn     *reader
	pos       Pos
	outer     *use
}

// Used tells of the blueprint that a rule comes from.
type Used struct {
	Blueprint string // its file
	ID        string // of the use
	Pos       Pos    // of the use
}

var (
	inputTypes    = []string{"text", "number", "integer", "boolean", "duration", "list", "user", "group", "choice"}
	inputKeys     = []string{"type", "description", "required", "default", "choices"}
	blueprintKeys = []string{"name", "description", "inputs"}
	useKeys       = []string{"blueprint", "with"}
	useEntryKeys  = []string{"id", "use", "run"}

	// onlyInput is a value that is one input and nothing else.
	onlyInput = regexp.MustCompile(`^\s*\$\{\{\s*inputs\.([a-z_][a-z0-9_]*)\s*\}\}\s*$`)
)

// findUses reads the blueprints that entries of rules use, and the tables of their faqs. What is wrong with the entries is told when they are compiled.
// within are the blueprints around, the using one last.
func (l *loader) findUses(d *document, items []*yaml.Node, within []string) {
	quiet := &reader{l: &loader{}, d: d}
	for _, item := range items {
		for _, e := range pairs(item) {
			if e.name == "faq" {
				l.findFAQ(d, e.value)
			}
			if e.name != "use" {
				continue
			}
			for _, in := range pairs(e.value) {
				if in.name != "blueprint" {
					continue
				}
				if name, ok := quiet.str(in.value, "blueprint"); ok {
					l.readBlueprint(&reader{l: l, d: d}, in.value, name, within)
				}
			}
		}
	}
}

// readBlueprint reads a blueprint, once. n is the place that names it.
func (l *loader) readBlueprint(r *reader, n *yaml.Node, name string, within []string) {
	full, ok := l.inside(r, n, name)
	if !ok {
		return
	}
	if slices.Contains(within, full) {
		r.errorf(n, "%s uses itself: %s", full, strings.Join(append(slices.Clip(within), full), " → "))
		return
	}
	if _, read := l.blueprints[full]; read {
		return
	}
	if l.docs[full] != nil {
		r.errorf(n, "%s is no blueprint: it is read as another file of the bot", full)
		return
	}
	l.blueprints[full] = nil
	d := l.read(full, MaxRuleFile, r.pos(n))
	if d == nil {
		return
	}
	l.yaml[full] = true
	root := l.parseYAML(d)
	if root == nil {
		return
	}
	b := &blueprint{d: d, inputs: make(map[string]*inputDecl)}
	in := &reader{l: l, d: d}
	entries, ok := in.mapping(root, "a blueprint")
	if !ok {
		return
	}
	declared := false
	for _, e := range entries {
		switch e.name {
		case "version":
			in.version(e.value)
		case "blueprint":
			declared = true
			b.head(in, e.value)
		case "defaults":
			b.defaults = l.readDefaults(in, e.value)
		case "rules":
			b.rules, _ = in.sequence(e.value, "rules")
		case "lists", "vars", "bot", "secrets", "include":
			in.errorf(e.key, "a blueprint has no %s: what it needs are inputs", e.name)
		default:
			in.unknown(e, []string{"version", "blueprint", "defaults", "rules"})
		}
	}
	if !declared {
		in.errorf(root, "file is no blueprint: it needs `blueprint: {name: …, inputs: {…}}`")
		return
	}
	l.blueprints[full] = b
	l.findUses(d, b.rules, append(slices.Clip(within), full))
}

func (b *blueprint) head(r *reader, n *yaml.Node) {
	entries, _ := r.mapping(n, "blueprint")
	for _, e := range entries {
		switch e.name {
		case "name":
			b.name, _ = r.str(e.value, "name")
		case "description":
			r.str(e.value, "description")
		case "inputs":
			inputs, _ := r.mapping(e.value, "inputs")
			for _, in := range inputs {
				b.input(r, in)
			}
		default:
			r.unknown(e, blueprintKeys)
		}
	}
}

func (b *blueprint) input(r *reader, e entry) {
	in := &inputDecl{name: e.name, pos: r.pos(e.key)}
	if !identifier.MatchString(e.name) {
		r.errorf(e.key, "input %q: use small letters, digits and _", e.name)
		return
	}
	b.order = append(b.order, e.name)
	b.inputs[e.name] = in
	entries, ok := r.mapping(e.value, "input "+e.name)
	if !ok {
		return
	}
	var def, required, choices *yaml.Node
	for _, k := range entries {
		switch k.name {
		case "type":
			in.typ, _ = r.enum(k.value, "type", inputTypes...)
		case "description":
			in.doc, _ = r.str(k.value, "description")
		case "required":
			required = k.key
			in.required = r.boolean(k.value, "required")
		case "default":
			def = k.value
		case "choices":
			choices = k.key
			items, _ := r.sequence(k.value, "choices")
			for _, item := range items {
				if s, ok := r.str(item, "choices"); ok {
					in.choices = append(in.choices, s)
				}
			}
		default:
			r.unknown(k, inputKeys)
		}
	}
	switch {
	case in.typ == "" && !slices.ContainsFunc(entries, func(k entry) bool { return k.name == "type" }):
		r.errorf(e.key, "input %s needs type: one of %s", e.name, oneOf(inputTypes))
	case in.typ == "choice" && len(in.choices) == 0:
		r.errorf(e.key, "input %s needs choices: the texts that it may be", e.name)
	case in.typ != "choice" && choices != nil:
		r.errorf(choices, "choices belong to the type choice")
	}
	switch {
	case def == nil && required == nil:
		in.required = true
	case def != nil && in.required:
		r.errorf(required, "an input with a default is never missing: leave out required")
	case def == nil && !in.required && nothing(in.typ) == nil && in.typ != "":
		r.errorf(required, "an input of type %s that need not be given needs a default", in.typ)
	case def != nil && in.typ != "":
		p := &place{r: r, level: levelLoad, lists: map[string][]string{}, vars: map[string]any{}, inputs: map[string]*inputValue{}}
		in.def, _ = p.input(in, def, "default")
	}
}

// input reads the value of an input. what names it in messages.
func (p *place) input(in *inputDecl, n *yaml.Node, what string) (*inputValue, bool) {
	n = resolve(n)
	g := &inputValue{pos: p.r.pos(n)}
	var v any
	switch {
	case n.Kind == yaml.ScalarNode && strings.Contains(n.Value, open):
		var ok bool
		if v, ok = p.loadExpr(n, what); !ok {
			return nil, false
		}
		g.list = p.listName(n)
	case n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" && (in.typ == "text" || in.typ == "duration"):
		v = n.Value // a number or a yes is what was typed
	case n.Kind == yaml.ScalarNode && (in.typ == "user" || in.typ == "group" || in.typ == "choice") && !isString(n):
		p.r.notString(n, what)
		return nil, false
	default:
		var ok bool
		if v, ok = p.loadValue(n, what); !ok {
			return nil, false
		}
	}
	if err := g.set(in, v); err != nil {
		p.r.errorf(n, "%s: %v (declared at %s)", what, err, in.pos)
		return nil, false
	}
	return g, true
}

// listName is the list that a value is and nothing else, or "".
func (p *place) listName(n *yaml.Node) string {
	source := strings.TrimSpace(n.Value)
	source = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(source, open), "}}"))
	if name, ok := strings.CutPrefix(source, "lists."); ok && identifier.MatchString(name) {
		return source
	}
	if name, ok := strings.CutPrefix(source, "inputs."); ok && p.inputs[name] != nil {
		return p.inputs[name].list
	}
	return ""
}

// set makes a value one of the input's type.
func (g *inputValue) set(in *inputDecl, v any) error {
	if v == nil {
		return fmt.Errorf("nothing is given, want %s", inputType(in.typ))
	}
	bad := fmt.Errorf("want %s, have %s", inputType(in.typ), describe(v))
	switch in.typ {
	case "list":
		list, err := texts(v)
		if err != nil {
			return fmt.Errorf("want %s: %w", inputType(in.typ), err)
		}
		g.value = list
		return nil
	case "integer", "number":
		switch n := v.(type) {
		case int:
			g.value, g.text = n, strconv.Itoa(n)
			return nil
		case float64:
			g.value, g.text = n, strconv.FormatFloat(n, 'g', -1, 64)
			if in.typ == "number" {
				return nil
			}
		}
		return bad
	case "boolean":
		b, ok := v.(bool)
		if !ok {
			return bad
		}
		g.value, g.text = b, strconv.FormatBool(b)
		return nil
	case "duration":
		switch d := v.(type) {
		case time.Duration:
			g.value, g.text = d, d.String()
			return nil
		case string:
			parsed, err := parseDuration(d)
			if err != nil {
				return err
			}
			g.value, g.text = parsed, d
			return nil
		}
		return bad
	}
	s, ok := v.(string)
	switch {
	case !ok:
		return bad
	case in.typ != "text" && strings.TrimSpace(s) == "":
		return fmt.Errorf("want %s, have an empty text", inputType(in.typ))
	case in.typ == "choice" && !slices.Contains(in.choices, s):
		return fmt.Errorf("cannot be %q%s: it is one of %s", s, didYouMean(s, in.choices), oneOf(in.choices))
	}
	g.value, g.text = s, s
	return nil
}

// nothing is what an input is that is not given and has no default; nil where there is no such value.
func nothing(typ string) any {
	switch typ {
	case "list":
		return []string{}
	case "number", "integer", "boolean", "duration":
		return nil
	}
	return (*string)(nil)
}

func inputType(typ string) string {
	switch typ {
	case "integer":
		return "a whole number"
	case "boolean":
		return "true or false"
	case "duration":
		return "a duration such as 5m"
	case "list":
		return "a list of texts"
	case "user":
		return "a user's id"
	case "group":
		return "a group's id"
	}
	return "a " + typ
}

// literal is the value of a key that takes no expression: where it is ${{ inputs.NAME }} and nothing else, what was given.
// The text of an input is never looked at again for expressions or YAML.
func (r *reader) literal(n *yaml.Node) *yaml.Node {
	n = resolve(n)
	if r.use == nil || n.Kind != yaml.ScalarNode {
		return n
	}
	m := onlyInput.FindStringSubmatch(n.Value)
	if m == nil {
		return n
	}
	g, ok := r.use.inputs[m[1]]
	if !ok {
		return n // the key says that it takes no expression
	}
	scalar := func(tag, value string, style yaml.Style) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value, Style: style, Line: n.Line, Column: n.Column}
	}
	var out *yaml.Node
	switch v := g.value.(type) {
	case *string:
		out = scalar("!!null", "", 0)
	case bool:
		out = scalar("!!bool", g.text, 0)
	case int:
		out = scalar("!!int", g.text, 0)
	case float64:
		out = scalar("!!float", g.text, 0)
	case []string:
		out = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
		for _, s := range v {
			out.Content = append(out.Content, scalar("!!str", s, yaml.DoubleQuotedStyle))
		}
	default:
		out = scalar("!!str", g.text, yaml.DoubleQuotedStyle)
	}
	told := fmt.Sprintf(" (input %s, given at %s)", m[1], g.pos)
	r.l.fromInput[out] = told
	for _, item := range out.Content {
		r.l.fromInput[item] = told
	}
	return out
}

// use compiles the rules of a blueprint for one use of it.
func (l *loader) use(r *reader, n *yaml.Node, entries []entry, set *Set, defaults map[string]*defaultValue) {
	u := &use{pos: r.pos(resolve(n)), outer: r.use, inputs: make(map[string]*inputValue), runIn: r}
	var id, use *entry
	for _, e := range entries {
		switch e.name {
		case "id":
			id = &e
		case "use":
			use = &e
		case "run":
			u.run = e.value
			r.enum(e.value, "run", modeNames...)
		default:
			if slices.Contains(ruleKeys, e.name) {
				r.errorf(e.key, "%s does not go with use: the blueprint's rules have their own", e.name)
			} else {
				r.unknown(e, useEntryKeys)
			}
		}
	}
	if u.run == nil && r.use != nil {
		u.run, u.runIn = r.use.run, r.use.runIn
	}
	if id == nil {
		r.errorf(resolve(n), "use needs id: the ids of the blueprint's rules begin with it")
		return
	}
	name, ok := r.str(id.value, "id")
	if !ok {
		return
	}
	if !ruleID.MatchString(name) {
		r.errorf(resolve(id.value), "id %q: use small letters, digits, dots, - and _", name)
		return
	}
	full := name
	if r.use != nil {
		full = r.use.prefix + name
	}
	if first, ok := l.ruleIDs[full]; ok {
		r.errorf(resolve(id.value), "id %q comes twice, first at %s", full, first)
		return
	}
	l.ruleIDs[full] = r.pos(resolve(id.value))
	u.prefix = full + "."
	if !l.readUse(r, u, use) {
		return
	}
	b := u.blueprint
	if len(b.defaults) > 0 {
		both := make(map[string]*defaultValue, len(defaultKeys))
		for _, from := range []map[string]*defaultValue{defaults, b.defaults} {
			for name, v := range from {
				both[name] = v
			}
		}
		defaults = both
	}
	for _, n := range b.rules {
		if l.usedRules++; l.usedRules > maxUsedRules {
			if l.usedRules == maxUsedRules+1 {
				r.errorf(use.key, "blueprints bring more than %d rules into the bot", maxUsedRules)
			}
			return
		}
		l.rule(&reader{l: l, d: b.d, use: u}, n, set, defaults)
	}
}

// readUse reads what stands under use.
func (l *loader) readUse(r *reader, u *use, e *entry) bool {
	entries, ok := r.mapping(e.value, "use")
	if !ok {
		return false
	}
	var file, with *yaml.Node
	for _, k := range entries {
		switch k.name {
		case "blueprint":
			file = resolve(k.value)
		case "with":
			with = resolve(k.value)
		default:
			r.unknown(k, useKeys)
		}
	}
	if file == nil {
		r.errorf(e.key, "use needs blueprint: the file")
		return false
	}
	name, ok := r.str(file, "blueprint")
	if !ok {
		return false
	}
	if u.blueprint = l.blueprints[path.Join(path.Dir(r.d.name), name)]; u.blueprint == nil {
		return false // told when it was read
	}
	b := u.blueprint
	depth := 1
	for outer := u.outer; outer != nil; outer = outer.outer {
		if outer.blueprint == b {
			return false // a cycle, told as well
		}
		if depth++; depth > maxUseDepth {
			r.errorf(e.key, "more than %d blueprints use one another", maxUseDepth)
			return false
		}
	}
	p := &place{r: r, level: levelLoad, lists: l.lists, vars: l.vars}
	if r.use != nil {
		p.lists, p.vars, p.inputs = map[string][]string{}, map[string]any{}, r.use.inputs
	}
	at := e.key
	if with != nil {
		at = with
		inputs, valid := r.mapping(with, "with")
		ok = valid
		for _, in := range inputs {
			decl := b.inputs[in.name]
			if decl == nil {
				r.errorf(in.key, "%s has no input %q%s", b.d.name, in.name, didYouMean(in.name, b.order))
				ok = false
				continue
			}
			g, valid := p.input(decl, in.value, "input "+in.name)
			u.inputs[in.name], ok = g, ok && valid
		}
	}
	for _, name := range b.order {
		decl := b.inputs[name]
		if _, given := u.inputs[name]; given {
			continue
		}
		switch {
		case decl.def != nil:
			u.inputs[name] = decl.def
		case decl.required:
			doc := ""
			if decl.doc != "" {
				doc = ": " + decl.doc
			}
			r.errorf(at, "%s needs the input %s%s (declared at %s)", b.d.name, name, doc, decl.pos)
			ok = false
		default:
			u.inputs[name] = &inputValue{value: nothing(decl.typ), pos: decl.pos}
		}
	}
	return ok
}

// blueprintHint says why a name of the bot's is not known here.
func (p *place) blueprintHint() string {
	if p.inputs == nil {
		return ""
	}
	return ": a blueprint sees nothing of the bot but its inputs"
}
