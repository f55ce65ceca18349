package rulestest

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// JUnit returns a reporter that writes, at the end, the XML that CI servers read: a suite for each test file, a case for each
// test, with the failure's text. A file that could not be loaded is an error, coverage that is too little a failed case.
func JUnit(w io.Writer) Reporter { return &junitReport{w} }

type junitReport struct{ w io.Writer }

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"` // seconds
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	File     string      `xml:"file,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string         `xml:"name,attr"`
	Classname string         `xml:"classname,attr"`
	File      string         `xml:"file,attr"`
	Line      int            `xml:"line,attr,omitempty"`
	Time      string         `xml:"time,attr"`
	Failures  []junitProblem `xml:"failure"`
	Error     *junitProblem  `xml:"error"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func (*junitReport) File(*Outcome) error { return nil }

func (j *junitReport) End(all []*Outcome) error {
	var out junitSuites
	var took time.Duration
	for _, o := range all {
		s := o.junit()
		out.Tests += s.Tests
		out.Failures += s.Failures
		out.Errors += s.Errors
		took += o.Took
		out.Suites = append(out.Suites, s)
	}
	out.Time = seconds(took)
	text, err := xml.MarshalIndent(out, "", "  ") // what XML cannot hold becomes U+FFFD
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.w, "%s%s\n", xml.Header, text)
	return err
}

func (o *Outcome) junit() junitSuite {
	s := junitSuite{Name: o.name(), File: o.Path, Time: seconds(o.Took)}
	class := strings.TrimSuffix(filepath.ToSlash(o.Path), FileSuffix) // the folder tells two files of one name apart
	class = strings.ReplaceAll(strings.Trim(class, "./"), "/", ".")
	add := func(c junitCase) {
		c.Classname = class
		s.Tests++
		if c.Error != nil {
			s.Errors++
		} else if len(c.Failures) > 0 {
			s.Failures++
		}
		s.Cases = append(s.Cases, c)
	}
	if o.Err != nil {
		first, _, _ := strings.Cut(o.Err.Error(), "\n")
		add(junitCase{Name: "load", File: o.Path, Time: s.Time, Error: &junitProblem{first, "load", rendered(o.Err)}})
		return s
	}
	for _, r := range o.Results {
		c := junitCase{Name: r.Test.Title(), File: o.Path, Line: r.Test.Pos.Line, Time: seconds(r.Took)}
		for i := range r.Failures {
			f := &r.Failures[i]
			c.Failures = append(c.Failures, junitProblem{f.said(), "expectation", fmt.Sprintf("%s\n%s", f.Pos, f.text())})
		}
		add(c)
	}
	if len(o.Below) > 0 {
		at := o.coverageAt()
		add(junitCase{Name: "coverage", File: at.File, Line: at.Line, Time: seconds(0), Failures: []junitProblem{{
			strings.Join(o.Below, "; "), "coverage", strings.Join(o.missing(), "\n"),
		}}})
	}
	return s
}

// missing is what no test reached, a line each.
func (o *Outcome) missing() []string {
	var out []string
	for _, m := range o.Coverage.Missing() {
		out = append(out, m.line())
	}
	return out
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
