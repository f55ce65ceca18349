package rulestest

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rules"
)

// Mutant is one small change of a rules file that tests should notice.
type Mutant struct {
	Pos  rules.Pos
	Rule string // the rule that is changed, or ""
	Kind string // one of the Kinds
	What string // the change, for people
	Same string // why it changes nothing that a test could notice; empty when that is not known
	file string // of the change, as the set names it
	text []byte // of the file, changed
	list string // the name of the list that is changed, or ""
}

// The kinds of changes.
const (
	KindWord       = "word"       // a word, or an entry of a list, is dropped
	KindComparison = "comparison" // a comparison is turned round, or its bound is moved
	KindOperand    = "operand"    // one side of an && or || is dropped, or && becomes ||
	KindCondition  = "condition"  // an if is dropped, or never holds
	KindKey        = "key"        // limit, final, continue, concurrency, batch is dropped
	KindStep       = "step"       // a step is dropped
	KindBranch     = "branch"     // a branch of choose is dropped
	KindOrder      = "order"      // two rules change places
	KindNumber     = "number"     // a number of a limit, a batch or an ask is another
)

// maxEntries bounds how many entries of one list are dropped, one a mutant: those at equal distances are taken.
const maxEntries = 40

// mutants returns the changes of all files of a set.
func (s *Suite) mutants(set *rules.Set) []*Mutant {
	var out []*Mutant
	files := listFiles(set)
	for _, src := range set.Sources() {
		if src.Name == madeBot {
			continue
		}
		if !isYAML(src.Name) {
			out = append(out, s.lineMutants(src, files[src.Name])...)
			continue
		}
		m := &mutator{s: s, set: set, src: src}
		m.file()
		out = append(out, m.out...)
	}
	return out
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// listFiles are the names of the lists that files hold.
func listFiles(set *rules.Set) map[string]string {
	out := make(map[string]string)
	for _, src := range set.Sources() {
		var root yaml.Node
		if !isYAML(src.Name) || yaml.Unmarshal(src.Text, &root) != nil || len(root.Content) != 1 {
			continue
		}
		lists := child(root.Content[0], "lists")
		if lists == nil {
			continue
		}
		for i := 0; i+1 < len(lists.Content); i += 2 {
			if file := child(lists.Content[i+1], "file"); file != nil {
				out[path.Join(path.Dir(src.Name), file.Value)] = lists.Content[i].Value
			}
		}
	}
	return out
}

// lineMutants drops lines of a list's file.
func (s *Suite) lineMutants(src rules.Source, list string) []*Mutant {
	lines := strings.SplitAfter(string(src.Text), "\n")
	var at []int
	for i, line := range lines {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "#") {
			at = append(at, i)
		}
	}
	var out []*Mutant
	for _, i := range spread(at) {
		changed := slices.Concat(lines[:i], lines[i+1:])
		out = append(out, &Mutant{
			Pos: rules.Pos{File: s.pathOf(src.Name), Line: i + 1}, Kind: KindWord, file: src.Name,
			list: list, What: "without the entry " + show(strings.TrimSpace(lines[i])), text: []byte(strings.Join(changed, "")),
		})
	}
	return out
}

// spread takes at most maxEntries, at equal distances.
func spread(at []int) []int {
	if len(at) <= maxEntries {
		return at
	}
	out := make([]int, maxEntries)
	for i := range out {
		out[i] = at[i*len(at)/maxEntries]
	}
	return out
}

// mutator makes the mutants of one YAML file.
type mutator struct {
	s    *Suite
	set  *rules.Set
	src  rules.Source
	root yaml.Node
	rule string
	out  []*Mutant
}

func (m *mutator) file() {
	if yaml.Unmarshal(m.src.Text, &m.root) != nil || len(m.root.Content) != 1 {
		return
	}
	top := m.root.Content[0]
	if lists := child(top, "lists"); lists != nil {
		for i := 0; i+1 < len(lists.Content); i += 2 {
			before := len(m.out)
			m.entries(lists.Content[i+1], "list "+lists.Content[i].Value, "")
			for _, x := range m.out[before:] {
				x.list = lists.Content[i].Value
			}
		}
	}
	list := child(top, "rules")
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	for i, n := range list.Content {
		n = resolve(n)
		if id := child(n, "id"); id != nil {
			m.rule = id.Value
			m.ruleOf(n)
			m.order(list, i)
		}
	}
	m.rule = ""
}

// child is the value of a mapping's key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// add makes a mutant of the tree as it is now; the caller undoes the change.
func (m *mutator) add(at *yaml.Node, kind, same, format string, args ...any) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	if enc.Encode(m.root.Content[0]) != nil || enc.Close() != nil {
		return
	}
	m.out = append(m.out, &Mutant{
		Pos: rules.Pos{File: m.s.pathOf(m.src.Name), Line: at.Line, Col: at.Column}, Rule: m.rule, Kind: kind,
		What: fmt.Sprintf(format, args...), Same: same, file: m.src.Name, text: b.Bytes(),
	})
}

// without calls f while some of the node's children are not there.
func without(n *yaml.Node, i, count int, f func()) {
	old := n.Content
	n.Content = slices.Concat(old[:i:i], old[i+count:])
	f()
	n.Content = old
}

// with calls f while a scalar says something else.
func with(n *yaml.Node, value string, f func()) {
	old := *n
	n.Value = value
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		n.Style = yaml.DoubleQuotedStyle
	}
	n.Tag = "!!str"
	f()
	*n = old
}

// entries drops the words of a list, one at a time.
func (m *mutator) entries(n *yaml.Node, what, mode string) {
	if n = resolve(n); n.Kind != yaml.SequenceNode {
		return
	}
	var at []int
	for i := range n.Content {
		at = append(at, i)
	}
	for _, i := range spread(at) {
		word := n.Content[i]
		if len(n.Content) == 1 && mode != "" { // a match needs one
			continue
		}
		same := ""
		if mode == "contains" && what == "any_of" {
			same = covered(word.Value, n.Content)
		}
		without(n, i, 1, func() { m.add(word, KindWord, same, "%s without %s", what, show(word.Value)) })
	}
}

// covered says which other word is hit wherever this one is.
func covered(word string, all []*yaml.Node) string {
	for _, other := range all {
		if other.Value != word && other.Value != "" && strings.Contains(word, other.Value) {
			return show(other.Value) + " is hit wherever it is"
		}
	}
	return ""
}

// ruleOf makes the mutants of one rule.
func (m *mutator) ruleOf(n *yaml.Node) {
	rule := m.set.Rule(m.rule)
	if rule == nil {
		return
	}
	if match := child(n, "match"); match != nil {
		mode := "contains"
		if e := child(match, "mode"); e != nil {
			mode = e.Value
		}
		for _, key := range []string{"any_of", "all_of", "none_of", "except"} {
			if list := child(match, key); list != nil {
				m.entries(list, key, mode)
				if key == "none_of" || key == "except" {
					m.drop(match, key, KindWord, "")
				}
			}
		}
	}
	m.condition(n, "if")
	for _, key := range []string{"limit", "concurrency", "batch", "final", "continue"} {
		m.drop(n, key, KindKey, m.needless(rule, key))
	}
	for _, at := range [][]string{{"limit", "rate"}, {"batch", "max"}, {"session", "timeout"}} {
		if e := child(child(n, at[0]), at[1]); e != nil {
			m.number(e, strings.Join(at, "."))
		}
	}
	m.steps(child(n, "do"))
	for _, key := range []string{"on_timeout", "on_cancel"} {
		m.steps(child(child(n, "session"), key))
	}
}

// needless says why a key of a rule changes nothing.
func (m *mutator) needless(rule *rules.Rule, key string) string {
	later := func(stages ...rules.Stage) bool {
		return slices.ContainsFunc(m.set.Rules, func(r *rules.Rule) bool {
			return r != rule && r.Mode != rules.ModeOff && slices.Contains(stages, r.Stage) &&
				slices.ContainsFunc(r.Events, func(e string) bool { return slices.Contains(rule.Events, e) })
		})
	}
	switch {
	case key == "final" && !later(rules.StageMain, rules.StageFallback):
		return "no rule of main or fallback listens to its events"
	case key == "continue" && !later(rule.Stage, rules.StageFallback):
		return "no other rule of its stage listens to its events"
	}
	return ""
}

// drop leaves a key out.
func (m *mutator) drop(n *yaml.Node, key, kind, same string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Value == key {
			without(n, i, 2, func() { m.add(k, kind, same, "without %s", key) })
			return
		}
	}
}

// number moves a number that a text begins with, or is.
func (m *mutator) number(n *yaml.Node, what string) {
	digits := 0
	for digits < len(n.Value) && '0' <= n.Value[digits] && n.Value[digits] <= '9' {
		digits++
	}
	if v, err := strconv.Atoi(n.Value[:digits]); err == nil {
		old := *n
		n.Value = strconv.Itoa(v+1) + n.Value[digits:]
		m.add(n, KindNumber, "", "%s is %s, not %s", what, n.Value, old.Value)
		*n = old
	}
}

// condition makes the mutants of an expression under a key.
func (m *mutator) condition(n *yaml.Node, key string) {
	e := child(n, key)
	if e == nil || e.Kind != yaml.ScalarNode {
		return
	}
	m.drop(n, key, KindCondition, "")
	with(e, "false", func() { m.add(e, KindCondition, "", "%s never holds", key) })
	m.expression(e, key)
}

// expression makes the mutants of what an expression compares and joins.
func (m *mutator) expression(e *yaml.Node, key string) {
	tree, err := parser.Parse(e.Value)
	if err != nil {
		return
	}
	seen := map[string]bool{tree.Node.String(): true}
	change := func(kind, format string, args ...any) {
		text := tree.Node.String()
		if seen[text] {
			return
		}
		seen[text] = true
		with(e, text, func() { m.add(e, kind, "", "%s: %s", key, fmt.Sprintf(format, args...)) })
	}
	v := &places{}
	ast.Walk(&tree.Node, v)
	for _, at := range v.found {
		node := *at
		b, ok := node.(*ast.BinaryNode)
		if not, unary := node.(*ast.UnaryNode); unary && (not.Operator == "not" || not.Operator == "!") {
			*at = not.Node
			change(KindComparison, "%s in place of %s", not.Node, not)
			*at = node
		}
		if !ok {
			continue
		}
		whole := b.String()
		switch b.Operator {
		case "&&", "and", "||", "or":
			*at = b.Left
			change(KindOperand, "without %s", b.Right)
			*at = b.Right
			change(KindOperand, "without %s", b.Left)
			*at = node
			old := b.Operator
			if b.Operator = "||"; old == "||" || old == "or" {
				b.Operator = "&&"
			}
			change(KindOperand, "%s in place of %s", b, whole)
			b.Operator = old
			continue
		}
		for _, op := range turned[b.Operator] {
			old := b.Operator
			b.Operator = op
			change(KindComparison, "%s in place of %s", b, whole)
			b.Operator = old
		}
		if !slices.Contains([]string{"<", "<=", ">", ">=", "=="}, b.Operator) {
			if b.Operator == "in" || b.Operator == "matches" || b.Operator == "contains" || b.Operator == "startsWith" || b.Operator == "endsWith" {
				*at = &ast.UnaryNode{Operator: "not", Node: b}
				change(KindComparison, "not (%s)", whole)
				*at = node
			}
			continue
		}
		if bound, ok := b.Right.(*ast.IntegerNode); ok {
			bound.Value++
			change(KindNumber, "%s in place of %s", b, whole)
			bound.Value--
		}
	}
}

// turned are the operators that take the place of another.
var turned = map[string][]string{
	"==": {"!="}, "!=": {"=="}, "<": {"<=", ">="}, "<=": {"<", ">"}, ">": {">=", "<="}, ">=": {">", "<"},
}

// places finds all nodes of a tree, to be replaced.
type places struct{ found []*ast.Node }

// Visit implements ast.Visitor.
func (p *places) Visit(n *ast.Node) { p.found = append(p.found, n) }

// steps makes the mutants of a list of steps.
func (m *mutator) steps(list *yaml.Node) {
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	for i, n := range list.Content {
		n = resolve(n)
		if n.Kind == yaml.MappingNode {
			if name := stepOf(n); name != "log" {
				without(list, i, 1, func() { m.add(n, KindStep, "", "without the step %s", name) })
			}
		}
		m.condition(n, "if")
		if e := child(child(n, "ask"), "accept"); e != nil {
			m.expression(e, "accept")
		}
		if e := child(child(n, "ask"), "tries"); e != nil {
			m.number(e, "ask.tries")
		}
		if e := child(child(n, "count"), "window"); e != nil {
			m.number(e, "count.window")
		}
		if branches := child(n, "choose"); branches != nil && branches.Kind == yaml.SequenceNode {
			for j, b := range branches.Content {
				b = resolve(b)
				if len(branches.Content) > 1 {
					without(branches, j, 1, func() { m.add(b, KindBranch, "", "choose without its branch %d", j+1) })
				}
				if e := child(b, "if"); e != nil {
					m.expression(e, "if")
				}
				m.steps(child(b, "do"))
			}
		}
		m.steps(child(n, "do"))
		m.steps(child(child(n, "for_each"), "do"))
		m.steps(child(n, "parallel"))
	}
}

// common are the keys of a step that are no action.
var common = []string{"id", "if", "timeout", "retry", "on_error", "do"}

// stepOf is what a step does, for people.
func stepOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; !slices.Contains(common, key) {
			return key
		}
	}
	return "do"
}

// order lets a rule of main or fallback change places with the next of its stage.
func (m *mutator) order(list *yaml.Node, i int) {
	a := m.set.Rule(m.rule)
	if a == nil || a.Stage != rules.StageMain && a.Stage != rules.StageFallback {
		return
	}
	for j := i + 1; j < len(list.Content); j++ {
		id := child(list.Content[j], "id")
		if id == nil {
			continue
		}
		b := m.set.Rule(id.Value)
		if b == nil || b.Stage != a.Stage || b.Priority != a.Priority || a.Mode == rules.ModeOff || b.Mode == rules.ModeOff {
			continue
		}
		if !slices.ContainsFunc(a.Events, func(e string) bool { return slices.Contains(b.Events, e) }) {
			return // never tried on the same event
		}
		same := ""
		if apart(list.Content[i], list.Content[j]) {
			same = "no message is both"
		}
		list.Content[i], list.Content[j] = list.Content[j], list.Content[i]
		m.add(resolve(list.Content[j]), KindOrder, same, "after %s", b.ID)
		list.Content[i], list.Content[j] = list.Content[j], list.Content[i]
		return
	}
}

// apart reports whether two rules look for different commands, or different whole texts: no message is both.
func apart(a, b *yaml.Node) bool {
	words := func(n *yaml.Node) (mode string, list []string) {
		match := child(n, "match")
		if e := child(match, "mode"); e != nil {
			mode = e.Value
		}
		if e := child(match, "any_of"); e != nil && e.Kind == yaml.SequenceNode {
			for _, item := range e.Content {
				list = append(list, strings.ToLower(resolve(item).Value))
			}
		}
		return mode, list
	}
	modeA, wordsA := words(a)
	modeB, wordsB := words(b)
	if modeA != modeB || modeA != "command" && modeA != "exact" || len(wordsA) == 0 || len(wordsB) == 0 {
		return false
	}
	return !slices.ContainsFunc(wordsA, func(w string) bool { return slices.Contains(wordsB, w) })
}
