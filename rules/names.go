package rules

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
)

// nameCheck walks an expression's tree before the type checker does: it resolves what is known at load (lists.*, vars.*),
// refuses what the place may not use, and notes what the expression reads.
type nameCheck struct {
	p       *place
	prog    *program
	report  func(n ast.Node, format string, args ...any)
	failed  bool
	nilable bool // reads a fact that may be nil
}

func (c *nameCheck) errorf(n ast.Node, format string, args ...any) {
	c.failed = true
	c.report(n, format, args...)
}

// nilFacts are the members that may be nil.
var nilFacts = map[[2]string]func(*Needs){
	{"user", "role"}:       func(n *Needs) { n.Role = true },
	{"user", "name"}:       func(n *Needs) { n.UserName = true },
	{"chat", "name"}:       func(n *Needs) { n.ChatName = true },
	{"chat", "group_type"}: func(n *Needs) { n.GroupType = true },
}

// member takes `root.name` apart; name is "" when it is computed.
func member(n ast.Node) (root, name string, ok bool) {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return "", "", false
	}
	id, ok := m.Node.(*ast.IdentifierNode)
	if !ok {
		return "", "", false
	}
	if prop, ok := m.Property.(*ast.StringNode); ok {
		name = prop.Value
	}
	return id.Value, name, true
}

func (c *nameCheck) check(root *ast.Node) {
	based := make(map[ast.Node]bool) // identifiers that are the root of a member
	depth := make(map[ast.Node]int)
	calls := 0
	visit(root, func(n *ast.Node) {
		if m, ok := (*n).(*ast.MemberNode); ok {
			if id, ok := m.Node.(*ast.IdentifierNode); ok {
				based[id] = true
			}
		}
		if pred, ok := (*n).(*ast.PredicateNode); ok {
			d := 1
			visit(&pred.Node, func(inner *ast.Node) { d = max(d, depth[*inner]+1) })
			depth[pred] = d
			if d > maxPredicates {
				c.errorf(pred, "at most %d of any, all, map, filter and the like inside one another", maxPredicates)
			}
		}
	})
	visit(root, func(n *ast.Node) {
		switch node := (*n).(type) {
		case *ast.IdentifierNode:
			c.identifier(node, based[node])
		case *ast.MemberNode:
			c.member(n, node)
			ofNoError(n, node)
		case *ast.BinaryNode:
			c.in(node)
		case *ast.CallNode:
			c.call(n, node, &calls)
		case *ast.BuiltinNode:
			switch {
			case node.Name == "date" && len(node.Arguments) > 2:
				c.errorf(node, "date() takes no time zone: a function reads no files, and zones are files")
			case node.Name == "count":
				c.count(n, node)
			}
		}
	})
}

// ofNoError makes steps.NAME.error.code nil, rather than a failure, where the step has no error. (expr's own ?. gives the
// member's type to the whole, and fails when the nil is compared with a text.)
func ofNoError(at *ast.Node, n *ast.MemberNode) {
	err, ok := n.Node.(*ast.MemberNode)
	if !ok {
		return
	}
	if prop, ok := err.Property.(*ast.StringNode); !ok || prop.Value != "error" {
		return
	}
	name, ok := n.Property.(*ast.StringNode)
	if !ok || name.Value != "code" && name.Value != "text" {
		return // the checker says what there is
	}
	if root, _, ok := member(err.Node); ok && root == "steps" {
		ast.Patch(at, &ast.CallNode{Callee: &ast.IdentifierNode{Value: errorFunction}, Arguments: []ast.Node{err, name}})
	}
}

func (c *nameCheck) identifier(n *ast.IdentifierNode, based bool) {
	p := c.p
	name := n.Value
	if !slices.Contains(rootNames, name) {
		if name == "$env" {
			c.errorf(n, "unknown name %q", name)
		}
		if t, ok := p.locals[name]; ok {
			c.prog.use(name)
			if c.prog.locals == nil {
				c.prog.locals = make(map[string]Type)
			}
			c.prog.locals[name] = t
		}
		return
	}
	c.prog.use(name)
	switch name {
	case "inputs":
		if c.p.inputs == nil {
			c.errorf(n, "inputs: only a blueprint has them")
		} else if !based {
			c.errorf(n, "name one of them: inputs.NAME")
		}
		return
	case "lists", "vars", "steps", "secrets":
		if !based {
			c.errorf(n, "name one of them: %s.NAME", name)
		}
		return
	case "faq":
		if !p.faq {
			c.errorf(n, "faq: the rule has no faq")
			return
		}
		if p.level == levelRule {
			c.errorf(n, "faq: only steps see which row answers")
			return
		}
	case "command":
		if !p.usage {
			c.errorf(n, "command: only the usage of a command sees it")
			return
		}
	case "answer":
		if !p.answer {
			c.errorf(n, "answer: only accept, inside ask, looks at an answer; what was accepted is steps.ID.text")
			return
		}
	case "events":
		if p.level == levelRule || p.level == levelEvent {
			c.errorf(n, "events: only steps see the events of a batch; here it is one, event")
			return
		}
	}
	if p.level == levelLoad {
		c.errorf(n, "%q is not known when the file is loaded: only lists and vars are", name)
		return
	}
	has := func(f func(eventDoc) bool) bool { // without any event, something else is wrong and told already
		return len(p.events) == 0 || slices.ContainsFunc(p.events, f)
	}
	var missing bool
	switch name {
	case "msg":
		missing = !has(func(d eventDoc) bool { return d.msg })
	case "chat":
		missing = !has(func(d eventDoc) bool { return d.chat })
	case "user":
		missing = !has(func(d eventDoc) bool { return d.user })
	case "trigger":
		missing = !has(func(d eventDoc) bool { return strings.HasPrefix(d.name, webhookPrefix) })
	case "match":
		if !p.match {
			c.errorf(n, "match: the rule has no match")
		}
	case "args":
		if p.command != nil {
			if !based {
				c.errorf(n, "name one of them: args.NAME")
			}
		} else if !p.args {
			c.errorf(n, "args: the rule has no command, and its match no mode: command")
		}
	case "state":
		c.prog.needs.State = true
	}
	if missing {
		c.errorf(n, "%q: the events of this rule have none", name)
	}
	if !based {
		switch name {
		case "msg":
			c.prog.elems = true
		case "user":
			c.prog.needs.Role, c.prog.needs.UserName = true, true
		case "chat":
			c.prog.needs.ChatName, c.prog.needs.GroupType = true, true
		}
	}
}

func (c *nameCheck) member(at *ast.Node, n *ast.MemberNode) {
	root, name, ok := member(n)
	if !ok {
		return
	}
	p := c.p
	if need, ok := nilFacts[[2]string{root, name}]; ok {
		need(&c.prog.needs)
		c.nilable = true
	}
	switch root {
	case "lists", "vars", "steps", "secrets", "inputs":
		if name == "" {
			c.errorf(n, "%s.NAME needs a plain name", root)
			return
		}
	}
	switch root {
	case "args":
		if p.command != nil && p.level != levelLoad {
			c.arg(at, n, name)
		}
	case "msg":
		if name == "elems" {
			c.prog.elems = true
		}
	case "lists":
		list, ok := p.lists[name]
		if !ok {
			c.errorf(n.Property, "there is no list %q%s%s", name, didYouMean(name, keys(p.lists)), p.blueprintHint())
			return
		}
		if p.r != nil && p.r.l.used != nil {
			p.r.l.used["lists."+name] = true
		}
		ast.Patch(at, &ast.ConstantNode{Value: list})
	case "vars":
		if p.runVars[name] {
			return
		}
		v, ok := p.vars[name]
		if first, later := p.laterVar(name); !ok && later {
			c.errorf(n.Property, "var %q comes later, at %s: a var sees those before it", name, first)
			return
		}
		if !ok {
			c.errorf(n.Property, "there is no var %q%s%s", name, didYouMean(name, slices.Concat(keys(p.vars), keys(p.runVars))),
				p.blueprintHint())
			return
		}
		ast.Patch(at, constant(v))
	case "inputs":
		in, ok := p.inputs[name]
		if !ok {
			if p.inputs != nil {
				c.errorf(n.Property, "there is no input %q%s", name, didYouMean(name, keys(p.inputs)))
			}
			return
		}
		ast.Patch(at, constant(in.value))
	case "steps":
		if p.level != levelStep {
			c.errorf(n, "steps: no step has run yet here")
			return
		}
		if _, ok := p.steps[name]; !ok {
			switch {
			case p.later[name]:
				c.errorf(n.Property, "step %q comes later%s", name, didYouMean(name, keys(p.steps)))
			default:
				c.errorf(n.Property, "there is no step %q before this one%s", name, didYouMean(name, keys(p.steps)))
			}
			return
		}
		if !slices.Contains(c.prog.steps, name) {
			c.prog.steps = append(c.prog.steps, name)
		}
	case "secrets":
		if !p.secrets {
			c.errorf(n, "a secret is not allowed here: only in bot.connection and in inputs made for secrets")
			return
		}
		p.r.l.secret(p.r, name, func(format string, args ...any) { c.errorf(n.Property, format, args...) })
	}
}

func constant(v any) ast.Node {
	switch v := v.(type) {
	case nil:
		return &ast.NilNode{}
	case string:
		return &ast.StringNode{Value: v}
	case int:
		return &ast.IntegerNode{Value: v}
	case float64:
		return &ast.FloatNode{Value: v}
	case bool:
		return &ast.BoolNode{Value: v}
	}
	return &ast.ConstantNode{Value: v}
}

// in turns `x in lists.NAME` into a look-up in a set.
func (c *nameCheck) in(n *ast.BinaryNode) {
	if n.Operator != "in" {
		return
	}
	right, ok := n.Right.(*ast.ConstantNode)
	if !ok {
		return
	}
	list, ok := right.Value.([]string)
	if !ok {
		return
	}
	sets := c.p.r.l.compiling.sets
	key := fmt.Sprintf("%p/%d", list, len(list))
	set, ok := sets[key]
	if !ok {
		set = make(map[string]struct{}, len(list))
		for _, s := range list {
			set[s] = struct{}{}
		}
		sets[key] = set
	}
	right.Value = set
	right.SetType(reflect.TypeOf(set))
}

func (c *nameCheck) call(at *ast.Node, n *ast.CallNode, calls *int) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	*calls++
	hidden := func(name string) ast.Node {
		id := &ast.IdentifierNode{Value: name}
		id.SetLocation(n.Location())
		return id
	}
	if c.p.level == levelLoad && (callee.Value == "now" || callee.Value == "pick") {
		c.errorf(n, "%s() is not known when the file is loaded", callee.Value)
		return
	}
	switch callee.Value {
	case "now":
		if len(n.Arguments) > 0 {
			c.errorf(n, "now() takes nothing: it is in the bot's own time zone")
			return
		}
		c.prog.use("now()")
		ast.Patch(at, hidden("now()"))
	case "pick":
		if len(n.Arguments) != 1 {
			c.errorf(n, "pick(list) takes one list")
			return
		}
		c.prog.use("seed()")
		h := fnv.New32a()
		if c.p.rule != nil {
			h.Write([]byte(c.p.rule.ID))
		}
		fmt.Fprintf(h, "/%d", *calls)
		n.Arguments = append(n.Arguments, hidden("seed()"), &ast.IntegerNode{Value: int(h.Sum32())})
	case "redact":
		c.redact(n)
	case "help":
		c.help(n)
	}
	if why, ok := disabled[callee.Value]; ok && callee.Value != "now" {
		c.errorf(n, "%s() is not there: %s", callee.Value, why)
	}
}

func (c *nameCheck) redact(n *ast.CallNode) {
	if len(n.Arguments) != 2 {
		return
	}
	kinds, ok := n.Arguments[1].(*ast.ArrayNode)
	if !ok {
		return
	}
	for _, k := range kinds.Nodes {
		if s, ok := k.(*ast.StringNode); ok {
			if _, ok := redactions[s.Value]; !ok {
				c.errorf(k, "redact does not know %q%s: it knows %s", s.Value, didYouMean(s.Value, keys(redactions)),
					oneOf(keys(redactions)))
			}
		}
	}
}

// require makes reading a nil fact fail, except where the expression itself says what to do then: before ?? and beside
// nil.
func (c *nameCheck) require(root *ast.Node) {
	handled := make(map[ast.Node]bool)
	visit(root, func(n *ast.Node) {
		b, ok := (*n).(*ast.BinaryNode)
		if !ok {
			return
		}
		switch b.Operator {
		case "??":
			handled[b.Left] = true
		case "==", "!=":
			if _, ok := b.Right.(*ast.NilNode); ok {
				handled[b.Left] = true
			}
			if _, ok := b.Left.(*ast.NilNode); ok {
				handled[b.Right] = true
			}
		}
	})
	visit(root, func(n *ast.Node) {
		root, name, ok := member(*n)
		if !ok || handled[*n] {
			return
		}
		if _, ok := nilFacts[[2]string{root, name}]; !ok {
			return
		}
		ast.Patch(n, &ast.CallNode{
			Callee:    &ast.IdentifierNode{Value: needFunction},
			Arguments: []ast.Node{*n, &ast.StringNode{Value: root + "." + name}},
		})
	})
}

// bound walks the checked tree: it refuses slices of text and keeps texts that an expression builds up by itself from
// growing without limit.
func (c *nameCheck) bound(root *ast.Node) {
	grows := false // a let or a reduce can double a text again and again
	visit(root, func(n *ast.Node) {
		switch node := (*n).(type) {
		case *ast.SliceNode:
			if t := node.Node.Nature(); t.Kind == reflect.String {
				c.errorf(node, "a text cannot be sliced with [a:b], which cuts characters in half: use left(text, n)")
			}
		case *ast.MemberNode:
			if prop, ok := node.Property.(*ast.StringNode); ok && prop.Value == "Local" && node.Node.Nature().IsTime() {
				c.errorf(node.Property, "Local() is the zone of whatever machine this is: times are in the bot's zone already")
			}
		case *ast.VariableDeclaratorNode:
			grows = true
		case *ast.BuiltinNode:
			grows = grows || node.Name == "reduce"
		}
	})
	if !grows {
		return
	}
	visit(root, func(n *ast.Node) {
		b, ok := (*n).(*ast.BinaryNode)
		if !ok || b.Operator != "+" {
			return
		}
		if t := *b.Nature(); t.Kind != reflect.String && t.Type != nil {
			return
		}
		was := *b.Nature()
		callee := &ast.IdentifierNode{Value: addFunction}
		callee.SetType(functions[addFunction].Type())
		call := &ast.CallNode{Callee: callee, Arguments: []ast.Node{b.Left, b.Right}}
		ast.Patch(n, call)
		call.SetNature(was)
	})
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// passing are the functions that give nothing of a list's items but what a predicate of them gives, or the items.
var passing = []string{
	"len", "all", "any", "none", "one", "map", "filter", "find", "findIndex", "findLast", "findLastIndex", "count", "take",
}

// others notes which facts are read of the users and chats of other events: those of a batch, or an answer. It looks at
// the checked tree, so that a user is known by its type wherever it comes from.
func (c *nameCheck) others(root *ast.Node) {
	if !slices.Contains(c.prog.uses, "events") && !slices.Contains(c.prog.uses, "answer") {
		return
	}
	all := Needs{Role: true, UserName: true, ChatName: true, GroupType: true, State: c.prog.needs.State}
	whole := func(n ast.Node) { // n leaves the expression, or goes where it cannot be followed
		if !plainType(n.Nature()) {
			c.prog.needs = all
		}
	}
	whole(*root)
	visit(root, func(n *ast.Node) {
		switch node := (*n).(type) {
		case *ast.MemberNode:
			c.otherFact(node)
		case *ast.CallNode:
			for _, arg := range node.Arguments {
				whole(arg)
			}
		case *ast.BuiltinNode:
			if !slices.Contains(passing, node.Name) {
				for _, arg := range node.Arguments {
					whole(arg)
				}
			}
		case *ast.BinaryNode:
			whole(node.Left)
			whole(node.Right)
		case *ast.VariableDeclaratorNode:
			whole(node.Value)
		case *ast.ArrayNode:
			for _, item := range node.Nodes {
				whole(item)
			}
		case *ast.PairNode:
			whole(node.Value)
		}
	})
}

// otherFact notes the fact that a member is, if it is one.
func (c *nameCheck) otherFact(n *ast.MemberNode) {
	name, ok := n.Property.(*ast.StringNode)
	if !ok {
		return
	}
	of := n.Node.Nature().Type
	if of != nil && of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	known := of != nil && of.Kind() == reflect.Struct
	for _, root := range []struct {
		name string
		view reflect.Type
	}{{"user", reflect.TypeFor[userView]()}, {"chat", reflect.TypeFor[chatView]()}} {
		if need, ok := nilFacts[[2]string{root.name, name.Value}]; ok && (!known || of == root.view) {
			need(&c.prog.needs)
		}
	}
}

// plainType reports whether a value of a type holds no user and no chat: a text, a number, a time, or a list of such.
func plainType(n *nature.Nature) bool {
	t := n.Type
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Interface {
			return n.Ref != nil && plainType(n.Ref)
		}
		t = t.Elem()
	}
	switch {
	case n.Nil:
		return true
	case t == nil, t.Kind() == reflect.Interface, t.Kind() == reflect.Map:
		return false
	case t.Kind() == reflect.Struct:
		return t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[msgView]() || t == reflect.TypeFor[elemView]()
	}
	return true
}
