package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Pos is a place in a source file. Line and Col count from 1, Col in characters; 0 means not known.
type Pos struct {
	File string
	Line int
	Col  int
}

// String returns "file:line:col" without the parts that are not known.
func (p Pos) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
		if p.Col > 0 {
			s += fmt.Sprintf(":%d", p.Col)
		}
	}
	return s
}

// Error is one mistake in a bot's files.
type Error struct {
	File   string // as the fs.FS names it
	Line   int    // from 1; 0: the file as a whole
	Col    int    // in characters from 1; 0: the line as a whole
	Rule   string // id of the rule that holds it, if any
	Msg    string // what is wrong, for people, with the nearest valid name where there is one
	Err    error  // what lies behind it, for instance an *fs.PathError; may be nil
	Source string // the source line, if there is one

	seq int // order in which the file was read
}

// Error returns one line: `file:line:col: rule "x": message`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Pos().String())
	b.WriteString(": ")
	if e.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", e.Rule)
	}
	b.WriteString(e.Msg)
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns what lies behind the error, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Pos is where the mistake is.
func (e *Error) Pos() Pos { return Pos{File: e.File, Line: e.Line, Col: e.Col} }

// Render returns the error with its source line and a caret below the place, without a final newline:
//
//	rules/oncall.yaml:12:9: rule "page": unknown step "repyl" (did you mean "reply"?)
//	   12 |     do: repyl
//	      |         ^
func (e *Error) Render() string {
	if e.Source == "" || e.Line == 0 {
		return e.Error()
	}
	line, col := window(e.Source, e.Col)
	number := fmt.Sprintf("%5d", e.Line)
	out := e.Error() + "\n" + number + " | " + line
	if col > 0 {
		out += "\n" + strings.Repeat(" ", len(number)) + " | " + indent(line, col) + "^"
	}
	return out
}

// The longest part of a source line that is shown, in characters.
const maxShown = 160

// window cuts a line that is too long to be read down to the part around col.
func window(line string, col int) (string, int) {
	line = strings.ToValidUTF8(line, "\uFFFD")
	if utf8.RuneCountInString(line) <= maxShown {
		return line, col
	}
	runes := []rune(line)
	from := max(0, col-maxShown/2)
	to := min(len(runes), from+maxShown)
	shown := string(runes[from:to])
	if to < len(runes) {
		shown += "…"
	}
	if from > 0 {
		shown = "…" + shown
		col = col - from + 1
	}
	return shown, col
}

// indent returns white space as wide on a terminal as the characters of line before col.
func indent(line string, col int) string {
	var b strings.Builder
	before := line
	n := 0
	for i := range line {
		if n++; n == col {
			before = line[:i]
			break
		}
	}
	for g := uniseg.NewGraphemes(before); g.Next(); {
		if g.Str() == "\t" {
			b.WriteByte('\t')
		} else {
			b.WriteString(strings.Repeat(" ", g.Width()))
		}
	}
	return b.String()
}

// Errors is every mistake in a bot's files, in the order of the files and of the places in them. It is never empty.
type Errors []Error

// Error returns one line for each mistake.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i := range es {
		lines[i] = es[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Render returns each mistake with its source line and a caret, with a newline after each.
func (es Errors) Render() string {
	var b strings.Builder
	for i := range es {
		b.WriteString(es[i].Render())
		b.WriteByte('\n')
	}
	return b.String()
}

// Unwrap returns the mistakes for errors.As.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i := range es {
		out[i] = &es[i]
	}
	return out
}

// Warning is something that is no mistake but that lint should tell.
type Warning struct {
	// ID names the kind of finding: "unused-list", "empty-list", "always-candidate", "shadow", "unreachable",
	// "unset-secret", "idle-session", "silent-handoff", "fuzzy-cost", "short-word".
	ID string
	Error
}

// The most errors that one load reports; a file that is wrong throughout says no more with ten thousand.
const maxErrors = 1000

// sorted puts errors in the order of the files and places and drops repeated ones.
func sorted(errs []Error) Errors {
	slices.SortStableFunc(errs, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	errs = slices.CompactFunc(errs, func(a, b Error) bool {
		return a.File == b.File && a.Line == b.Line && a.Col == b.Col && a.Msg == b.Msg
	})
	if len(errs) > maxErrors {
		errs = append(errs[:maxErrors], Error{
			File: errs[maxErrors].File,
			Msg:  fmt.Sprintf("%d more errors are not shown", len(errs)-maxErrors),
		})
	}
	return errs
}
