package rulestest

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Outcome is what came of one test file.
type Outcome struct {
	Path    string
	Suite   *Suite // nil when it could not be loaded
	Err     error  // why
	Results []*Result
	Took    time.Duration // real time, loading included
}

// Passed reports whether the file was loaded and no test failed.
func (o *Outcome) Passed() bool {
	if o.Err != nil {
		return false
	}
	for _, r := range o.Results {
		if !r.Passed() {
			return false
		}
	}
	return true
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

// Text returns a reporter that writes for people: a line for a file that passed, and for each failed test what was wanted
// and what there was. tell writes a story in the terminal's form; nil leaves stories out.
func Text(w io.Writer, tell func(*Failure) string) Reporter { return &textReport{w, tell} }

type textReport struct {
	w    io.Writer
	tell func(*Failure) string
}

func (t *textReport) File(o *Outcome) error {
	var b strings.Builder
	switch {
	case o.Err != nil:
		fmt.Fprintf(&b, "FAIL  %s\n%s\n", o.Path, indented(rendered(o.Err), "      "))
	case o.Passed():
		fmt.Fprintf(&b, "ok    %s  %s\n", o.name(), counted(len(o.Results), "test"))
	default:
		for _, r := range o.Results {
			for i := range r.Failures {
				t.failure(&b, o, r, &r.Failures[i])
			}
		}
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *textReport) failure(b *strings.Builder, o *Outcome, r *Result, f *Failure) {
	fmt.Fprintf(b, "FAIL  %s / %s   %s:%d\n", o.name(), r.Test.Title(), f.Pos.File, f.Pos.Line)
	line := f.Message
	if f.Step > 0 {
		line = fmt.Sprintf("step %d, %s: %s", f.Step, f.Title, f.Message)
		if f.Title == "" {
			line = fmt.Sprintf("step %d: %s", f.Step, f.Message)
		}
	}
	b.WriteString(indented(line, "      ") + "\n")
	for _, l := range f.Diff {
		what := map[byte]string{'-': "want  ", '+': "got   ", ' ': "      "}[l.Sign]
		fmt.Fprintf(b, "      %c %s%s\n", l.Sign, what, l.Text)
	}
	if t.tell != nil && f.Story != nil {
		b.WriteString(indented(t.tell(f), "      ") + "\n")
	}
}

func (t *textReport) End(all []*Outcome) error {
	files, tests, failed := 0, 0, 0
	for _, o := range all {
		files++
		tests += len(o.Results)
		if o.Err != nil {
			failed++
		}
		for _, r := range o.Results {
			if !r.Passed() {
				failed++
			}
		}
	}
	if failed > 0 {
		_, err := fmt.Fprintf(t.w, "%d of %s failed\n", failed, counted(max(tests, failed), "test"))
		return err
	}
	return nil
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
