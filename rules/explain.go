package rules

import (
	"cmp"
	"fmt"
	"strconv"
)

// Explanation says what a rule made of an event.
type Explanation struct {
	Rule   *Rule
	Fired  bool
	Shadow bool
	Hit    Hit

	// Found is the row of a faq that answers, or what is wrong with the arguments of a command; empty of other rules.
	Found string

	// Reason is one word for why the rule did not fire: "off", "event", "stage", "self", "match", "if", "fact", "error",
	// "limit" (it matched, and Facts.Gate did not let it through).
	Reason string
	// Text says it for people.
	Text string
	// Operand is the part of the `if` that was false, Value what its left side was.
	Operand, Value string
	// Parts are the operands of the `if` that were looked at, in their order, with what they were; also of a rule that
	// fired.
	Parts []Part
}

// Explain says of every rule whether the event fires it and, if not, why. The order is that of trying: by stage,
// priority and file, then the rules that do not listen to the event or are off, in file order.
func (s *Set) Explain(ev *Event, f *Facts) []Explanation {
	var out []Explanation
	listed := make(map[*Rule]bool)
	if p := s.byEvent[ev.Type]; p != nil {
		t := trials.Get().(*trial)
		t.begin(s, p, ev, f)
		p.stages.walk(func(r *Rule) bool {
			listed[r] = true
			e := Explanation{Rule: r, Shadow: r.Mode == ModeShadow}
			e.Fired = t.try(r)
			if e.Fired && r.match != nil {
				e.Hit = t.hit(r)
				e.Found = cmp.Or(e.Hit.Wrong, r.match.told(&e.Hit))
			}
			if r.cond != nil && t.reason != reasonSelf && t.reason != reasonMatch {
				e.Parts = t.parts(r)
			}
			if !e.Fired {
				t.explain(&e)
			}
			if e.Fired && f.Gate != nil && !e.Shadow && r.Gated() {
				gate := f.Gate(Fired{Rule: r, Hit: e.Hit})
				if e.Text = gate.Why; gate.Closed {
					e.Fired, e.Reason = false, "limit"
				}
			}
			out = append(out, e)
			return e.Fired
		}, f, func(r *Rule, why string) {
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
		e.Operand, e.Value = falseOperand(e.Rule, e.Parts)
		e.Text = "if  " + e.Operand + "  false"
		if e.Value != "" {
			e.Text += "  (" + e.Value + ")"
		}
	case reasonNil, reasonError:
		e.Text = t.failed.Error()
	}
}

// short is a value as a line of an explanation shows it.
func short(v any) string {
	raw := Raw(v)
	switch raw := raw.(type) {
	case nil:
		return "nil"
	case string:
		return strconv.Quote(cut(raw))
	}
	s, err := jsonText(raw)
	if err != nil {
		return "…"
	}
	return cut(s)
}

func cut(s string) string { return shorten(s, 40) }

// why says which words of a match were missing or in the way.
func (m *matcher) why(in *input) string {
	if in.text == "" {
		return "match  the message has no text"
	}
	if m.faq != nil {
		return "match  no question of " + m.faq.file
	}
	if m.mode == MatchCommand {
		return "match  no command of any_of"
	}
	v := in.view(m.profile)
	for i, word := range m.all.words {
		if _, _, ok := m.find(&m.all, i, in, v); !ok {
			return fmt.Sprintf("match  all_of: %q is not there", cut(word))
		}
	}
	place := func(o occurrence) string {
		span := v.span(o.start, o.end)
		return fmt.Sprintf("%q [%d:%d]", cut(in.text[span.Start:span.End]), span.Start, span.End)
	}
	if o, ok := m.first(&m.none, in, v); ok {
		return fmt.Sprintf("match  none_of: %q ← %s", cut(m.none.words[o.word]), place(o))
	}
	safe := ""
	m.each(&m.any, in, v, func(o occurrence) bool { // it is there, and shielded
		safe = fmt.Sprintf("match  any_of: %q ← %s stands inside a phrase of except", cut(m.any.words[o.word]), place(o))
		return false
	})
	if safe != "" {
		return safe
	}
	return "match  no word of any_of"
}
