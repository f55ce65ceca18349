package rulestest

import (
	"fmt"
	"io"
	"strings"
)

// Tint says what a part of a text report is, for its colour.
type Tint int

// The tints.
const (
	TintPlain Tint = iota
	TintGood       // it passed
	TintBad        // it failed; what was wanted and is not there
	TintGot        // what there was
	TintDim        // what is said besides
)

// TextOptions says how Text writes. The zero value is the plainest form.
type TextOptions struct {
	Tell    func(*Failure) string     // a story in the terminal's form; nil leaves stories out
	Paint   func(Tint, string) string // colours; nil: none
	Clean   func(string) string       // makes somebody else's text harmless for a terminal; nil leaves it as it is
	Diff    bool                      // shows long texts line by line
	Missing bool                      // names what no test reached
}

// Text returns a reporter that writes for people: a line for a file that passed, and for each failed test what was wanted
// and what there was.
func Text(w io.Writer, o TextOptions) Reporter {
	if o.Paint == nil {
		o.Paint = func(_ Tint, text string) string { return text }
	}
	if o.Clean == nil {
		o.Clean = func(text string) string { return text }
	}
	return &textReport{w, o}
}

type textReport struct {
	w io.Writer
	TextOptions
}

func (t *textReport) File(o *Outcome) error {
	var b strings.Builder
	failed := t.Paint(TintBad, "FAIL") + "  "
	switch {
	case o.Err != nil:
		fmt.Fprintf(&b, "%s%s\n%s\n", failed, o.Path, indented(t.Clean(rendered(o.Err)), "      "))
	case o.Passed():
		fmt.Fprintf(&b, "%s    %s  %s%s\n", t.Paint(TintGood, "ok"), o.name(), counted(len(o.Results), "test"), o.shares())
	case len(o.Below) > 0:
		at := o.coverageAt()
		fmt.Fprintf(&b, "%s%s / coverage   %s:%d%s\n", failed, o.name(), at.File, at.Line, o.shares())
		for _, line := range o.Below {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	default:
		for _, r := range o.Results {
			for i := range r.Failures {
				t.failure(&b, failed, o, r, &r.Failures[i])
			}
		}
	}
	if o.Coverage != nil && o.failed() == 0 && (t.Missing || len(o.Below) > 0) {
		for _, m := range o.Coverage.Missing() {
			fmt.Fprintf(&b, "      %s\n", t.Clean(m.line()))
		}
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

// shares is the coverage in one line.
func (o *Outcome) shares() string {
	c := o.Coverage
	if c == nil {
		return ""
	}
	out := fmt.Sprintf("   rules %s   branches %s", c.Rules, c.Branches)
	for i, l := range c.Lists {
		if i == 0 {
			out += "   lists"
		}
		out += fmt.Sprintf(" %s %s", l.Name, l.Share)
	}
	return out
}

// line is what was not reached, with its place.
func (m *Missing) line() string {
	if m.Rule == "" {
		return fmt.Sprintf("%s:%d  %s", m.Pos.File, m.Pos.Line, m.Text)
	}
	return fmt.Sprintf("%s:%d  rule %s: %s", m.Pos.File, m.Pos.Line, m.Rule, m.Text)
}

func (t *textReport) failure(b *strings.Builder, failed string, o *Outcome, r *Result, f *Failure) {
	fmt.Fprintf(b, "%s%s / %s   %s:%d\n", failed, o.name(), t.Clean(r.Test.Title()), f.Pos.File, f.Pos.Line)
	b.WriteString(indented(t.Clean(f.said()), "      ") + "\n")
	for i := range f.Diff {
		l := &f.Diff[i]
		fmt.Fprintf(b, "      %s\n", t.signed(l.Sign, fmt.Sprintf("%c %s%s", l.Sign, l.what(), t.Clean(l.Text))))
		if !t.Diff {
			continue
		}
		for _, long := range l.Long {
			fmt.Fprintf(b, "        %s, line by line:\n", long.Field)
			for _, x := range long.Lines() {
				if x.Sign == '@' {
					fmt.Fprintf(b, "        %s\n", t.Paint(TintDim, "@ "+x.Text))
					continue
				}
				fmt.Fprintf(b, "        %s\n", t.signed(x.Sign, fmt.Sprintf("%c %s", x.Sign, t.Clean(x.Text))))
			}
		}
	}
	if t.Tell != nil && f.Story != nil {
		b.WriteString(indented(t.Tell(f), "      ") + "\n")
	}
}

func (t *textReport) signed(sign byte, line string) string {
	return t.Paint(map[byte]Tint{'-': TintBad, '+': TintGot}[sign], line)
}

func (t *textReport) End(all []*Outcome) error {
	tests, failed, below := 0, 0, 0
	for _, o := range all {
		tests += len(o.Results)
		if failed += o.failed(); o.Err != nil {
			failed++
		}
		if len(o.Below) > 0 {
			below++
		}
	}
	var parts []string
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s failed", failed, counted(max(tests, failed), "test")))
	}
	if below > 0 {
		parts = append(parts, fmt.Sprintf("too little is covered by %s", counted(below, "file")))
	}
	if len(parts) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(t.w, strings.Join(parts, "; "))
	return err
}
