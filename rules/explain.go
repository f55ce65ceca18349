package rules

import (
	"fmt"
)

// Explanation says what a rule made of an event.
type Explanation struct {
	Rule   *Rule
	Fired  bool
	Shadow bool
	Hit    Hit

	// Reason is one word for why the rule did not fire: "off", "event", "stage", "self", "match", "if", "fact", "error".
	Reason string
	// Text says it for people.
	Text string
	// Operand is the part of the `if` that was false, Value what its left side was.
	Operand, Value string
}

// Explain says of every rule whether the event fires it and, if not, why. The order is that of trying: by stage,
// priority and file, then the rules that do not listen to the event or are off, in file order.
func (s *Set) Explain(ev *Event, f *Facts) []Explanation {
	var out []Explanation
	listed := make(map[*Rule]bool)
	if p := s.byEvent[ev.Type]; p != nil {
		t := trials.Get().(*trial)
		t.begin(s, p, ev, f)
		p.walk(func(r *Rule) bool {
			listed[r] = true
			e := Explanation{Rule: r, Shadow: r.Mode == ModeShadow}
			e.Fired = t.try(r)
			if e.Fired && r.match != nil {
				e.Hit = r.match.hit(&t.in)
			}
			if !e.Fired {
				t.explain(&e)
			}
			out = append(out, e)
			return e.Fired
		}, func(r *Rule, why string) {
			listed[r] = true
			out = append(out, Explanation{Rule: r, Shadow: r.Mode == ModeShadow, Reason: "stage", Text: why})
		})
		t.end()
	}
	for _, r := range s.Rules {
		switch {
		case listed[r]:
		case r.Mode == ModeOff:
			out = append(out, Explanation{Rule: r, Reason: "off", Text: "run: off"})
		default:
			out = append(out, Explanation{Rule: r, Shadow: r.Mode == ModeShadow, Reason: "event",
				Text: fmt.Sprintf("does not listen to %s", ev.Type)})
		}
	}
	return out
}

// explain fills in why the rule that was just tried did not fire.
func (t *trial) explain(e *Explanation) {
	e.Reason, e.Text = t.reason, t.reason
	switch t.reason {
	case reasonSelf:
		e.Reason = "self"
	case reasonMatch:
		e.Text = e.Rule.match.why(&t.in)
	case reasonIf:
		e.Operand, e.Value = t.falseOperand(e.Rule)
		e.Text = "if  " + e.Operand + "  false"
		if e.Value != "" {
			e.Text += "  (" + e.Value + ")"
		}
	case reasonNil, reasonError:
		e.Text = t.failed.Error()
	}
}

func (t *trial) falseOperand(r *Rule) (operand, value string) { return r.cond.source, "" }

func (m *matcher) why(in *input) string { return "match" }
