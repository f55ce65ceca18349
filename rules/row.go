package rules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// rowName is what a row of a file of targets is called in expressions: row.name is its column "name".
const rowName = "row"

var rowType = Type{Kind: KindMap, Elem: &Type{Kind: KindString}}

// RowText is a text that differs from row to row of a file: what Step.Inputs answers for an input with Field.Rows whose
// expressions name row. Everything else in it is joined already, and never read again. It can be kept as JSON.
type RowText struct {
	Parts []RowPart `json:"parts"`
}

// RowPart is a piece of a RowText: literal text, or an expression.
type RowPart struct {
	Text string `json:"text,omitzero"`
	Expr string `json:"expr,omitzero"`
}

// ParseRowText reads a text with ${{ }} in it, in which row is the only name. It answers nil for a text without any. The
// error says what is wrong with the first expression that is.
func ParseRowText(text string) (*RowText, error) {
	pieces, unclosed := split(text)
	if unclosed >= 0 {
		return nil, errors.New("this ${{ has no }}: " + shorten(text[unclosed:], maxPartSource))
	}
	out, dynamic := new(RowText), false
	for _, p := range pieces {
		part := RowPart{Text: text[p.start:p.end]}
		if p.expr {
			part, dynamic = RowPart{Expr: strings.TrimSpace(part.Text)}, true
		}
		out.Parts = append(out.Parts, part)
	}
	if !dynamic {
		return nil, nil
	}
	_, err := out.Compile()
	return out, err
}

// String is the text as a file would have it.
func (t *RowText) String() string {
	var b strings.Builder
	for _, p := range t.Parts {
		b.WriteString(p.Text)
		if p.Expr != "" {
			fmt.Fprintf(&b, "%s %s }}", open, p.Expr)
		}
	}
	return b.String()
}

// RowTemplate is a RowText compiled. Its methods may be called from many goroutines at once.
type RowTemplate struct {
	parts   []rowProgram
	columns []string
	all     bool
}

type rowProgram struct {
	text, source string
	code         *vm.Program
}

// Compile makes the text ready for rows. The error names the expression and what is wrong with it.
func (t *RowText) Compile() (*RowTemplate, error) {
	out := new(RowTemplate)
	columns := make(map[string]bool)
	for _, p := range t.Parts {
		r := rowProgram{text: p.Text, source: p.Expr}
		if p.Expr != "" {
			var err error
			if r.code, err = out.compile(p.Expr, columns); err != nil {
				return nil, fmt.Errorf("${{ %s }}: %w", shorten(p.Expr, maxPartSource), err)
			}
		}
		out.parts = append(out.parts, r)
	}
	out.columns = slices.Sorted(maps.Keys(columns))
	return out, nil
}

func (t *RowTemplate) compile(source string, columns map[string]bool) (code *vm.Program, err error) {
	defer func() {
		if r := recover(); r != nil { // expr's own fault
			err = fmt.Errorf("it cannot be compiled: %v", r)
		}
	}()
	if len(source) > maxExprBytes {
		return nil, fmt.Errorf("it is longer than %d bytes", maxExprBytes)
	}
	loading := &loader{compiling: newCompiling()}
	p := &place{r: &reader{l: loading, d: &document{}}, level: levelStep, locals: map[string]Type{rowName: rowType}}
	cfg := loading.compiling.config(p)
	tree, err := parser.ParseWithConfig(source, cfg)
	if err != nil {
		_, msg := exprError(source, err)
		return nil, errors.New(msg)
	}
	prog := new(program)
	names := &nameCheck{p: p, prog: prog, report: func(_ ast.Node, format string, args ...any) {
		if err == nil {
			err = fmt.Errorf(format, args...)
		}
	}}
	names.check(&tree.Node)
	if err == nil {
		err = onlyRow(prog)
	}
	if err != nil {
		return nil, err
	}
	visit(&tree.Node, func(n *ast.Node) {
		switch root, name, ok := member(*n); {
		case !ok || root != rowName:
		case name == "":
			t.all = true
		default:
			columns[name] = true
		}
	})
	var check checker.Checker
	if _, e := check.Check(tree, cfg); e != nil {
		_, msg := exprError(source, e)
		return nil, errors.New(p.improve(msg, tree.Node, false))
	}
	if names.bound(&tree.Node); err != nil {
		return nil, err
	}
	if e := optimize(tree, cfg); e != nil {
		return nil, e
	}
	return compiler.Compile(tree, cfg)
}

// onlyRow refuses an expression that names row and something else: it is evaluated where only the row is there.
func onlyRow(p *program) error {
	for _, name := range p.uses {
		if name != rowName && !slices.Contains(p.uses, rowName) {
			return fmt.Errorf("%s is not known here: only row is, a row of the file of targets", strings.TrimSuffix(name, "()"))
		}
		if name != rowName {
			return fmt.Errorf("row cannot stand in one ${{ }} with %s: row is known only when the message goes out, a row at a time",
				strings.TrimSuffix(name, "()"))
		}
	}
	return nil
}

// Columns names the columns that the text reads; all says that it may read any.
func (t *RowTemplate) Columns() (names []string, all bool) { return t.columns, t.all }

// Render is the text for one row. An error says which expression failed.
func (t *RowTemplate) Render(row map[string]string) (string, error) {
	seen := make(map[string]any, len(row))
	for name, value := range row {
		seen[name] = value
	}
	env := map[string]any{rowName: seen}
	var b strings.Builder
	for _, p := range t.parts {
		s := p.text
		if p.code != nil {
			out, err := run(p.code, env)
			if err == nil {
				s, err = text(out)
			}
			if err != nil {
				return "", fmt.Errorf("${{ %s }}: %w", shorten(p.source, maxPartSource), err)
			}
		}
		if b.Len()+len(s) > maxJoinedBytes {
			return "", errTooLong
		}
		b.WriteString(s)
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}

// rowed lets an input's expressions name row.
func (p *place) rowed() {
	if _, taken := p.locals[rowName]; taken { // a for_each has that name
		return
	}
	locals := maps.Clone(p.locals)
	if locals == nil {
		locals = make(map[string]Type)
	}
	locals[rowName] = rowType
	p.locals, p.env, p.rows = locals, nil, true
}

// namesRow reports whether a part is evaluated for each row.
func (p part) namesRow() bool { return p.expr != nil && slices.Contains(p.expr.uses, rowName) }

// joinRows evaluates all but the parts that name row. It answers a text when there are none.
func joinRows(parts []part, env any) (any, error) {
	if !slices.ContainsFunc(parts, part.namesRow) {
		return join(parts, env)
	}
	out := new(RowText)
	for _, p := range parts {
		if p.namesRow() {
			out.Parts = append(out.Parts, RowPart{Expr: p.expr.source})
			continue
		}
		s, err := join([]part{{}, p}, env) // a text, whatever an expression gives
		if err != nil {
			return nil, err
		}
		out.Parts = append(out.Parts, RowPart{Text: s.(string)})
	}
	return out, nil
}
