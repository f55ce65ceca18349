package rulestest

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"gopkg.in/yaml.v3"
)

// withRow returns a copy of a part of a test in which ${{ … }} with row in it is what the row says. A text that is one
// ${{ … }} keeps the type of the value.
func (r *reader) withRow(n *yaml.Node, row map[string]any) *yaml.Node {
	n = resolve(n)
	out := *n
	out.Anchor = ""
	if n.Kind == yaml.ScalarNode {
		r.fill(&out, row)
		return &out
	}
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out.Content[i] = r.withRow(c, row)
	}
	return &out
}

// fill evaluates the parts of a text that speak of the row.
func (r *reader) fill(n *yaml.Node, row map[string]any) {
	text := n.Value
	if !strings.Contains(text, "${{") {
		return
	}
	env := map[string]any{"row": row}
	var b strings.Builder
	for rest := text; ; {
		before, after, ok := strings.Cut(rest, "${{")
		if !ok {
			b.WriteString(rest)
			break
		}
		source, tail, closed := strings.Cut(after, "}}")
		if !closed {
			r.errorf(n, "${{ without its }}")
			return
		}
		program, err := expr.Compile(source, expr.Env(env))
		if err == nil {
			var v any
			if v, err = expr.Run(program, env); err == nil {
				if before == "" && tail == "" && b.Len() == 0 {
					if err = encode(n, v); err == nil {
						return
					}
				}
				if v == nil {
					v = ""
				}
				b.WriteString(before)
				fmt.Fprint(&b, v)
			}
		}
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			r.errorf(n, "${{%s}}: %s", source, first)
			return
		}
		rest = tail
	}
	n.Value, n.Tag, n.Style = b.String(), "!!str", yaml.DoubleQuotedStyle
}

// encode puts a value in the node's place.
func encode(n *yaml.Node, v any) error {
	var made yaml.Node
	if err := made.Encode(v); err != nil {
		return err
	}
	place(&made, n.Line, n.Column)
	*n = made
	return nil
}

func place(n *yaml.Node, line, col int) {
	n.Line, n.Column = line, col
	for _, c := range n.Content {
		place(c, line, col)
	}
}
