package rulestest

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/timbot-go/timbot/rules"
)

// GitHub returns a reporter that writes the commands by which GitHub Actions marks lines of a change: one for each failure,
// mistake and coverage that is too little.
func GitHub(w io.Writer) Reporter { return &githubReport{w} }

type githubReport struct{ w io.Writer }

// What would end a command, or a property of one.
var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func (g *githubReport) File(o *Outcome) error {
	var b strings.Builder
	add := func(at rules.Pos, title, text string) {
		fmt.Fprintf(&b, "::error file=%s,line=%d", githubProperty.Replace(at.File), max(at.Line, 1))
		if at.Col > 0 {
			fmt.Fprintf(&b, ",col=%d", at.Col)
		}
		fmt.Fprintf(&b, ",title=%s::%s\n", githubProperty.Replace(title), githubText.Replace(text))
	}
	if o.Err != nil {
		for _, m := range o.mistakesOf() {
			text := m.Msg
			if m.Err != nil {
				text += ": " + m.Err.Error()
			}
			add(m.Pos(), o.name(), text)
		}
	}
	for _, r := range o.Results {
		for i := range r.Failures {
			add(r.Failures[i].Pos, o.name()+" / "+r.Test.Title(), r.Failures[i].text())
		}
	}
	if len(o.Below) > 0 {
		add(o.coverageAt(), o.name()+" / coverage", strings.Join(slices.Concat(o.Below, o.missing()), "\n"))
	}
	_, err := io.WriteString(g.w, b.String())
	return err
}

func (*githubReport) End([]*Outcome) error { return nil }
