package rulestest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/timbot-go/timbot/rules"
)

// Outcome is what came of one test file.
type Outcome struct {
	Path    string
	Suite   *Suite // nil when it could not be loaded
	Err     error  // why
	Results []*Result
	Took    time.Duration // real time, loading included

	Coverage *Coverage // nil when it was not wanted, or not all tests were run
	Below    []string  // what of it is too little; told only when all tests passed
}

// Passed reports whether the file was loaded, no test failed, and the tests reach what they must.
func (o *Outcome) Passed() bool {
	if o.Err != nil || len(o.Below) > 0 {
		return false
	}
	for _, r := range o.Results {
		if !r.Passed() {
			return false
		}
	}
	return true
}

// failed counts the results that did not pass.
func (o *Outcome) failed() int {
	n := 0
	for _, r := range o.Results {
		if !r.Passed() {
			n++
		}
	}
	return n
}

// coverageAt is where too little coverage is told.
func (o *Outcome) coverageAt() rules.Pos {
	if o.Suite == nil || o.Suite.coverAt.Line == 0 {
		return rules.Pos{File: o.Path, Line: 1, Col: 1}
	}
	return o.Suite.coverAt
}

// name is how a report calls the file.
func (o *Outcome) name() string {
	if o.Suite != nil {
		return o.Suite.Name
	}
	return o.Path
}

// Reporter is told what came of the tests, file by file in their order.
type Reporter interface {
	File(*Outcome) error
	// End is called once, after all files.
	End(all []*Outcome) error
}

// Reporters returns one that tells all of them.
func Reporters(all ...Reporter) Reporter { return reporters(all) }

type reporters []Reporter

func (l reporters) File(o *Outcome) error {
	var errs []error
	for _, r := range l {
		errs = append(errs, r.File(o))
	}
	return errors.Join(errs...)
}

func (l reporters) End(all []*Outcome) error {
	var errs []error
	for _, r := range l {
		errs = append(errs, r.End(all))
	}
	return errors.Join(errs...)
}

// said is what a failure says in one line.
func (f *Failure) said() string {
	switch {
	case f.Step == 0:
		return f.Message
	case f.Title == "":
		return fmt.Sprintf("step %d: %s", f.Step, f.Message)
	}
	return fmt.Sprintf("step %d, %s: %s", f.Step, f.Title, f.Message)
}

// text is all that a failure says, but for the story.
func (f *Failure) text() string {
	var b strings.Builder
	b.WriteString(f.said())
	for _, l := range f.Diff {
		fmt.Fprintf(&b, "\n%c %s%s", l.Sign, l.what(), l.Text)
	}
	return b.String()
}

func (l *DiffLine) what() string {
	return map[byte]string{'-': "want  ", '+': "got   ", ' ': "      "}[l.Sign]
}

// mistakesOf takes the error of a file that could not be loaded apart.
func (o *Outcome) mistakesOf() rules.Errors {
	var all rules.Errors
	if errors.As(o.Err, &all) && len(all) > 0 {
		return all
	}
	return rules.Errors{{File: o.Path, Msg: o.Err.Error()}}
}

// rendered is an error with the source lines that it knows.
func rendered(err error) string {
	if r, ok := err.(interface{ Render() string }); ok {
		return strings.TrimSuffix(r.Render(), "\n")
	}
	return err.Error()
}

func indented(text, by string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = by + l
		}
	}
	return strings.Join(lines, "\n")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
