package rules

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Part is one operand of an `if`, or one of its sub-expressions, and what it was.
type Part struct {
	Source string // as the rule has it
	Value  string // "true", "false", the error, or what a sub-expression was: short, for people
	Held   bool   // it was true
	Depth  int    // 0 for an operand, 1 and more for what is inside the one above
}

// Bounds of the parts of one `if`.
const (
	maxParts      = 50
	maxPartDepth  = 5
	maxPartSource = 200 // characters
)

// operand is a part of an `if`, compiled by itself.
type operand struct {
	source string
	code   *vm.Program // nil when it cannot be compiled alone
	strict *vm.Program // the same made to fail when a fact is nil; nil where there is no need
	joined string      // how the parts inside hang together: "&&", "||", or "" for values to show
	inside []operand
	shows  bool // inside begins with a side of a comparison
}

// operands takes `a && b && c` apart; any other expression is one operand.
func (p *place) operands(source string) []operand {
	tree, err := parser.Parse(source)
	if err != nil {
		return nil
	}
	if b, ok := tree.Node.(*ast.BinaryNode); ok && (b.Operator == "&&" || b.Operator == "and") {
		return p.sides(b, source, "&&", "and", -1)
	}
	return []operand{p.operand(tree.Node, source, 0)}
}

// operand compiles the part n, which the rule spells as source.
func (p *place) operand(n ast.Node, source string, depth int) operand {
	o := operand{source: source}
	if o.code = p.again(source, true, false); p.rule != nil && p.rule.Stage == StageGuard {
		o.strict = p.again(source, true, true)
	}
	if depth == maxPartDepth {
		return o
	}
	source = unwrap(source)
	if u, ok := n.(*ast.UnaryNode); ok && (u.Operator == "not" || u.Operator == "!") { // `a not in b` is `not (a in b)`
		n, source = u.Node, u.Node.String()
	}
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch {
		case n.Operator == "&&" || n.Operator == "and":
			o.joined = "&&"
			o.inside = p.sides(n, source, "&&", "and", depth)
		case n.Operator == "||" || n.Operator == "or":
			o.joined = "||"
			o.inside = p.sides(n, source, "||", "or", depth)
		case comparisons[n.Operator]:
			for _, side := range []ast.Node{n.Left, n.Right} {
				if telling(side) {
					o.inside = append(o.inside, operand{source: side.String(), code: p.again(side.String(), false, false)})
				}
			}
			o.shows = len(o.inside) > 0
		}
	case *ast.ConditionalNode:
		o.inside = []operand{p.operand(n.Cond, n.Cond.String(), depth+1)}
	}
	return o
}

// sides takes `a op b op c` apart.
func (p *place) sides(n *ast.BinaryNode, source, op, word string, depth int) []operand {
	var nodes []ast.Node
	var flatten func(ast.Node)
	flatten = func(n ast.Node) {
		if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == op || b.Operator == word) {
			flatten(b.Left)
			flatten(b.Right)
			return
		}
		nodes = append(nodes, n)
	}
	flatten(n)
	texts := splitAt(source, op, word)
	out := make([]operand, min(len(nodes), maxParts))
	for i := range out {
		text := nodes[i].String()
		if len(texts) == len(nodes) {
			text = texts[i]
		}
		out[i] = p.operand(nodes[i], text, depth+1)
	}
	return out
}

var comparisons = map[string]bool{
	"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true, "in": true, "contains": true,
	"startsWith": true, "endsWith": true, "matches": true,
}

// telling reports whether the value of a side of a comparison says more than the rule itself does.
func telling(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode, *ast.ConstantNode:
		return false
	case *ast.UnaryNode:
		return telling(n.Node)
	case *ast.ArrayNode:
		for _, item := range n.Nodes {
			if telling(item) {
				return true
			}
		}
		return false
	case *ast.MemberNode:
		root, _, ok := member(n)
		return !ok || root != "lists"
	}
	return true
}

// parts says what the operands of the `if` were that was just evaluated, up to the one that decided.
func (t *trial) parts(r *Rule) []Part {
	if r.cond.operands == nil {
		return nil
	}
	var out []Part
	strict := r.cond.strict != nil && t.lacks(r.cond.needs)
	t.evaluate(r.cond.operands(), "&&", 0, strict, &out)
	return out
}

func (t *trial) evaluate(list []operand, joined string, depth int, strict bool, out *[]Part) {
	for _, o := range list {
		if len(*out) == maxParts {
			return
		}
		part := Part{Source: shorten(o.source, maxPartSource), Depth: depth}
		code := o.code
		if strict && o.strict != nil {
			code = o.strict
		}
		if code == nil {
			part.Value = "?"
		} else if v, err := run(code, &t.env); err != nil {
			part.Value = shorten(err.Error(), maxPartSource)
		} else {
			part.Value, part.Held = short(v), v == true
		}
		*out = append(*out, part)
		t.evaluate(o.inside, o.joined, depth+1, strict, out)
		if joined == "&&" && !part.Held || joined == "||" && part.Held {
			return
		}
	}
}

// falseOperand finds the first operand of a rule's `if` that was false, and what was compared in it.
func falseOperand(r *Rule, parts []Part) (source, value string) {
	n := -1
	for i, part := range parts {
		if part.Depth > 0 {
			continue
		}
		if n++; part.Held {
			continue
		}
		if r.cond.operands()[n].shows && i+1 < len(parts) {
			value = parts[i+1].Value
		}
		return part.Source, value
	}
	return r.cond.source, ""
}

// unwrap takes the brackets around a whole expression off.
func unwrap(source string) string {
	for {
		source = strings.TrimSpace(source)
		if !strings.HasPrefix(source, "(") || closing(source) != len(source)-1 {
			return source
		}
		source = source[1 : len(source)-1]
	}
}

// closing finds the bracket that closes the one at the start, or -1.
func closing(source string) int {
	end, depth := -1, 0
	outside(source, func(i int) bool {
		switch source[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				end = i
				return false
			}
		}
		return true
	})
	return end
}

// outside calls f for the bytes outside of quotes, until it answers false.
func outside(source string, f func(i int) bool) {
	for i := 0; i < len(source); i++ {
		switch c := source[i]; c {
		case '"', '\'', '`':
			for i++; i < len(source) && source[i] != c; i++ {
				if source[i] == '\\' && c != '`' {
					i++
				}
			}
		default:
			if !f(i) {
				return
			}
		}
	}
}

// splitAt cuts an expression at an operator, spelled with signs or as a word, outside of brackets and quotes.
func splitAt(source, op, word string) []string {
	var parts []string
	start, depth, from := 0, 0, 0
	cut := func(at, size int) {
		parts = append(parts, strings.TrimSpace(source[start:at]))
		start, from = at+size, at+size
	}
	outside(source, func(i int) bool {
		switch c := source[i]; {
		case i < from:
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case depth > 0:
		case strings.HasPrefix(source[i:], op):
			cut(i, len(op))
		case isBlank(c):
			if rest := source[i+1:]; strings.HasPrefix(rest, word) && len(rest) > len(word) && isBlank(rest[len(word)]) {
				cut(i, len(word)+1)
			}
		}
		return true
	})
	return append(parts, strings.TrimSpace(source[start:]))
}

// shorten cuts a text after n characters.
func shorten(s string, n int) string {
	if out := left(s, n); out != s {
		return out + "…"
	}
	return s
}
