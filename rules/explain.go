package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Explanation says what a rule made of an event.
type Explanation struct {
	Rule   *Rule
	Fired  bool
	Shadow bool
	Hit    Hit

	// Reason is one word for why the rule did not fire: "off", "event", "stage", "self", "match", "if", "fact", "error",
	// "limit" (it matched, and Facts.Gate did not let it through).
	Reason string
	// Text says it for people.
	Text string
	// Operand is the part of the `if` that was false, Value what its left side was.
	Operand, Value string
	// Parts are the operands of the `if` that were looked at, in their order, with what they were; also of a rule that
	// fired.
	Parts []Part
}

// Part is one operand of an `if`, or one of its sub-expressions, and what it was.
type Part struct {
	Source string // as the rule has it
	Value  string // "true", "false", the error, or what a sub-expression was: short, for people
	Held   bool   // it was true
	Depth  int    // 0 for an operand, 1 and more for what is inside the one above
}

// Explain says of every rule whether the event fires it and, if not, why. The order is that of trying: by stage,
// priority and file, then the rules that do not listen to the event or are off, in file order.
func (s *Set) Explain(ev *Event, f *Facts) []Explanation {
	var out []Explanation
	listed := make(map[*Rule]bool)
	if p := s.byEvent[ev.Type]; p != nil {
		t := trials.Get().(*trial)
		t.begin(s, p, ev, f)
		p.walk(func(r *Rule) bool {
			listed[r] = true
			e := Explanation{Rule: r, Shadow: r.Mode == ModeShadow}
			e.Fired = t.try(r)
			if e.Fired && r.match != nil {
				e.Hit = r.match.hit(&t.in)
			}
			if !e.Fired {
				t.explain(&e)
			}
			out = append(out, e)
			if e.Fired && f.Gate != nil && !e.Shadow && r.Gated() {
				gate := f.Gate(Fired{Rule: r, Hit: e.Hit})
				if e.Text = gate.Why; gate.Closed {
					e.Fired, e.Reason = false, "limit"
				}
			}
			out[len(out)-1] = e
			return e.Fired
		}, f, func(r *Rule, why string) {
			listed[r] = true
			out = append(out, Explanation{Rule: r, Shadow: r.Mode == ModeShadow, Reason: "stage", Text: why})
		})
		t.end()
	}
	for _, r := range s.Rules {
		switch {
		case listed[r]:
		case r.Mode == ModeOff:
			out = append(out, Explanation{Rule: r, Reason: "off", Text: "run: off"})
		default:
			out = append(out, Explanation{Rule: r, Shadow: r.Mode == ModeShadow, Reason: "event",
				Text: fmt.Sprintf("does not listen to %s", ev.Type)})
		}
	}
	return out
}

// explain fills in why the rule that was just tried did not fire.
func (t *trial) explain(e *Explanation) {
	e.Reason, e.Text = t.reason, t.reason
	switch t.reason {
	case reasonSelf:
		e.Reason = "self"
	case reasonMatch:
		e.Text = e.Rule.match.why(&t.in)
	case reasonIf:
		e.Operand, e.Value = t.falseOperand(e.Rule)
		e.Text = "if  " + e.Operand + "  false"
		if e.Value != "" {
			e.Text += "  (" + e.Value + ")"
		}
	case reasonNil, reasonError:
		e.Text = t.failed.Error()
	}
}

// operand is a part of an `if` that must hold for the whole to hold.
type operand struct {
	source string
	code   *vm.Program
	left   *vm.Program // the left side of a comparison, to show; nil when there is none
}

// operands takes `a && b && c` apart; any other expression is one operand.
func (p *place) operands(source string) []operand {
	tree, err := parser.Parse(source)
	if err != nil {
		return nil
	}
	var nodes []ast.Node
	var flatten func(ast.Node)
	flatten = func(n ast.Node) {
		if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == "&&" || b.Operator == "and") {
			flatten(b.Left)
			flatten(b.Right)
			return
		}
		nodes = append(nodes, n)
	}
	flatten(tree.Node)
	texts := splitAnd(source)
	out := make([]operand, len(nodes))
	for i, n := range nodes {
		out[i].source = n.String()
		if len(texts) == len(nodes) {
			out[i].source = texts[i]
		}
		out[i].code = p.again(out[i].source, true, false)
		if u, ok := n.(*ast.UnaryNode); ok { // `a not in b` is `not (a in b)`
			n = u.Node
		}
		if b, ok := n.(*ast.BinaryNode); ok && comparisons[b.Operator] {
			out[i].left = p.again(b.Left.String(), false, false)
		}
	}
	return out
}

var comparisons = map[string]bool{
	"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true, "in": true, "contains": true,
	"startsWith": true, "endsWith": true, "matches": true,
}

// splitAnd cuts an expression at the && and `and` outside of brackets and quotes.
func splitAnd(source string) []string {
	var parts []string
	start, depth := 0, 0
	for i := 0; i < len(source); i++ {
		switch c := source[i]; c {
		case '"', '\'', '`':
			for i++; i < len(source) && source[i] != c; i++ {
				if source[i] == '\\' && c != '`' {
					i++
				}
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '&', ' ', '\n', '\t':
			if depth > 0 {
				continue
			}
			size := 0
			if strings.HasPrefix(source[i:], "&&") {
				size = 2
			} else if rest := source[i+1:]; c != '&' && strings.HasPrefix(rest, "and") && len(rest) > 3 && isBlank(rest[3]) {
				size = 4
			}
			if size > 0 {
				parts = append(parts, strings.TrimSpace(source[start:i]))
				i += size - 1
				start = i + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(source[start:]))
}

// falseOperand finds the first part of a rule's `if` that was false, and what stands on its left side.
func (t *trial) falseOperand(r *Rule) (source, value string) {
	if r.cond.operands != nil {
		for _, o := range r.cond.operands() {
			if o.code == nil {
				continue
			}
			if out, err := run(o.code, &t.env); err != nil || out == true {
				continue
			}
			if o.left != nil {
				if left, err := run(o.left, &t.env); err == nil {
					value = short(left)
				}
			}
			return o.source, value
		}
	}
	return r.cond.source, ""
}

// short is a value as a line of an explanation shows it.
func short(v any) string {
	raw := Raw(v)
	if s, ok := raw.(string); ok {
		return strconv.Quote(cut(s))
	}
	s, err := jsonText(raw)
	if err != nil {
		return ""
	}
	return cut(s)
}

func cut(s string) string {
	if out := left(s, 40); out != s {
		return out + "…"
	}
	return s
}

// why says which words of a match were missing or in the way.
func (m *matcher) why(in *input) string {
	if in.text == "" {
		return "match  the message has no text"
	}
	if m.mode == MatchCommand {
		return "match  no command of any_of"
	}
	v := in.view(m.normalize)
	for i, word := range m.all.words {
		if _, _, ok := m.find(&m.all, i, v); !ok {
			return fmt.Sprintf("match  all_of: %q is not there", cut(word))
		}
	}
	for i, word := range m.none.words {
		if start, end, ok := m.find(&m.none, i, v); ok {
			span := v.span(start, end)
			return fmt.Sprintf("match  none_of: %q ← %q [%d:%d]", cut(word), cut(in.text[span.Start:span.End]), span.Start, span.End)
		}
	}
	return "match  no word of any_of"
}
