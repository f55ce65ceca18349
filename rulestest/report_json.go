package rulestest

import (
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON returns a reporter that writes one JSON object a line: for each test {"type": "test", …}, for a file that could not be
// loaded {"type": "error", …}, for a file's coverage {"type": "coverage", …}, and at the end {"type": "summary", …}.
func JSON(w io.Writer) Reporter { return &jsonReport{w} }

type jsonReport struct{ w io.Writer }

type jsonTest struct {
	Type     string        `json:"type"` // test
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Name     string        `json:"name"`
	Row      int           `json:"row,omitzero"` // of its table, from 1
	Rule     string        `json:"rule,omitzero"`
	Passed   bool          `json:"passed"`
	TookUS   int64         `json:"took_us"` // microseconds
	Failures []jsonFailure `json:"failures,omitzero"`
}

type jsonFailure struct {
	File    string     `json:"file"`
	Line    int        `json:"line"`
	Col     int        `json:"col,omitzero"`
	Step    int        `json:"step,omitzero"` // from 1
	Title   string     `json:"title,omitzero"`
	Message string     `json:"message"`
	Diff    []jsonDiff `json:"diff,omitzero"`
	Event   string     `json:"event,omitzero"` // the key of the step's event
}

type jsonDiff struct {
	Sign string `json:"sign"` // "-" wanted, "+" what there was, " " both
	Text string `json:"text"`
}

type jsonError struct {
	Type     string        `json:"type"` // error
	File     string        `json:"file"`
	Mistakes []jsonMistake `json:"mistakes"`
}

type jsonMistake struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitzero"`
	Col     int    `json:"col,omitzero"`
	Rule    string `json:"rule,omitzero"`
	Message string `json:"message"`
	Source  string `json:"source,omitzero"`
}

type jsonCoverage struct {
	Type     string        `json:"type"` // coverage
	File     string        `json:"file"`
	Rules    Share         `json:"rules"`
	Branches Share         `json:"branches"`
	Lists    []ListShare   `json:"lists,omitzero"`
	Points   []jsonPoint   `json:"points,omitzero"`
	Missing  []jsonMissing `json:"missing,omitzero"`
	Below    []string      `json:"below,omitzero"` // what is less than it must be
}

type jsonPoint struct {
	Rule    string `json:"rule"`
	Key     string `json:"key"`
	Kind    string `json:"kind"`
	Text    string `json:"text"`
	Want    string `json:"want"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Reached bool   `json:"reached"`
}

type jsonMissing struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
	Kind string `json:"kind"`
	Rule string `json:"rule,omitzero"`
	Text string `json:"text"`
}

type jsonSummary struct {
	Type   string `json:"type"` // summary
	Files  int    `json:"files"`
	Tests  int    `json:"tests"`
	Failed int    `json:"failed"` // tests
	Broken int    `json:"broken"` // files that could not be loaded
	Below  int    `json:"below"`  // files whose coverage is too little
	Passed bool   `json:"passed"`
}

func (j *jsonReport) line(v any) error {
	// Texts from outside may be no UTF-8.
	out, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	if err == nil {
		_, err = j.w.Write(append(out, '\n'))
	}
	return err
}

func (j *jsonReport) File(o *Outcome) error {
	if o.Err != nil {
		e := jsonError{Type: "error", File: o.Path}
		for _, m := range o.mistakesOf() {
			text := m.Msg
			if m.Err != nil {
				text += ": " + m.Err.Error()
			}
			e.Mistakes = append(e.Mistakes, jsonMistake{m.File, m.Line, m.Col, m.Rule, text, m.Source})
		}
		return j.line(e)
	}
	for _, r := range o.Results {
		t := jsonTest{
			Type: "test", File: o.Path, Line: r.Test.Pos.Line, Name: r.Test.Name, Row: r.Test.Row, Rule: r.Test.Rule,
			Passed: r.Passed(), TookUS: r.Took.Microseconds(),
		}
		for _, f := range r.Failures {
			one := jsonFailure{
				File: f.Pos.File, Line: f.Pos.Line, Col: f.Pos.Col, Step: f.Step, Title: f.Title, Message: f.Message,
			}
			for _, l := range f.Diff {
				one.Diff = append(one.Diff, jsonDiff{string(l.Sign), l.Text})
			}
			if f.Story != nil {
				one.Event = f.Story.Event.Key
			}
			t.Failures = append(t.Failures, one)
		}
		if err := j.line(t); err != nil {
			return err
		}
	}
	c := o.Coverage
	if c == nil {
		return nil
	}
	out := jsonCoverage{
		Type: "coverage", File: o.Path, Rules: c.Rules, Branches: c.Branches, Lists: c.Lists, Below: o.Below,
	}
	for _, p := range c.Points {
		out.Points = append(out.Points, jsonPoint{
			p.Rule, p.Key, string(p.Kind), p.Text, p.Want, p.Pos.File, p.Pos.Line, p.Pos.Col, p.Reached,
		})
	}
	for _, m := range c.Missing() {
		out.Missing = append(out.Missing, jsonMissing{m.Pos.File, m.Pos.Line, m.Pos.Col, m.Kind, m.Rule, m.Text})
	}
	return j.line(out)
}

func (j *jsonReport) End(all []*Outcome) error {
	s := jsonSummary{Type: "summary", Passed: true}
	for _, o := range all {
		s.Files++
		s.Tests += len(o.Results)
		s.Failed += o.failed()
		if o.Err != nil {
			s.Broken++
		}
		if len(o.Below) > 0 {
			s.Below++
		}
		s.Passed = s.Passed && o.Passed()
	}
	return j.line(s)
}
