package rulestest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// TAP returns a reporter that writes the Test Anything Protocol, version 14.
func TAP(w io.Writer) Reporter { return &tapReport{w: w} }

type tapReport struct {
	w io.Writer
	n int
}

// tapAbout is what is told below a test that failed.
type tapAbout struct {
	Message  string   `yaml:"message"`
	Severity string   `yaml:"severity"`
	At       tapPlace `yaml:"at"`
	Diff     []string `yaml:"diff,omitempty"`
	Missing  []string `yaml:"missing,omitempty"`

	Also []tapAbout `yaml:"also,omitempty"`
}

type tapPlace struct {
	File   string `yaml:"file"`
	Line   int    `yaml:"line"`
	Column int    `yaml:"column,omitempty"`
}

// tapName takes what would mean something out of a description.
func tapName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, clearText(s))
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(s)
}

func (t *tapReport) File(o *Outcome) error {
	var b bytes.Buffer
	if t.n == 0 {
		b.WriteString("TAP version 14\n")
	}
	var err error
	add := func(name string, problems ...tapAbout) {
		t.n++
		not := ""
		if len(problems) > 0 {
			not = "not "
		}
		fmt.Fprintf(&b, "%sok %d - %s\n", not, t.n, tapName(o.name()+" / "+name))
		if len(problems) == 0 {
			return
		}
		problems[0].Also = problems[1:]
		text, merr := yaml.Marshal(problems[0])
		if merr != nil {
			err = merr
		}
		fmt.Fprintf(&b, "  ---\n%s\n  ...\n", indented(string(text), "  "))
	}
	if o.Err != nil {
		var problems []tapAbout
		for _, m := range o.mistakesOf() {
			problems = append(problems, tapAbout{Message: clearText(m.Msg), Severity: "error", At: tapPlace{m.File, m.Line, m.Col}})
		}
		add("load", problems...)
	}
	for _, r := range o.Results {
		var problems []tapAbout
		for i := range r.Failures {
			f := &r.Failures[i]
			about := tapAbout{Message: clearText(f.said()), Severity: "fail", At: tapPlace{f.Pos.File, f.Pos.Line, f.Pos.Col}}
			for _, l := range f.Diff {
				about.Diff = append(about.Diff, clearText(fmt.Sprintf("%c %s%s", l.Sign, l.what(), l.Text)))
			}
			problems = append(problems, about)
		}
		add(r.Test.Title(), problems...)
	}
	if len(o.Below) > 0 {
		at := o.coverageAt()
		add("coverage", tapAbout{
			Message: strings.Join(o.Below, "; "), Severity: "fail", At: tapPlace{at.File, at.Line, at.Col}, Missing: o.missing(),
		})
	}
	if err == nil {
		_, err = t.w.Write(b.Bytes())
	}
	return err
}

// clearText is a text as YAML can hold it.
func clearText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func (t *tapReport) End([]*Outcome) error {
	_, err := fmt.Fprintf(t.w, "1..%d\n", t.n)
	return err
}
