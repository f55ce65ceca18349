package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What one evaluation reaches of the operands, by their texts.
func TestReached(t *testing.T) {
	for name, test := range map[string]struct{ cond, all, reached string }{
		"one":       {`msg.seq == 7`, "msg.seq == 7 true|msg.seq == 7 false", "msg.seq == 7 true"},
		"and stops": {`msg.seq == 8 && chat.type == "group"`, `msg.seq == 8 true|msg.seq == 8 false|chat.type == "group" true|chat.type == "group" false`, "msg.seq == 8 false"},
		"or stops": {`(msg.seq == 7 or chat.type == "group") and true`, `msg.seq == 7 true|msg.seq == 7 false|chat.type == "group" true|chat.type == "group" false|true true`,
			"msg.seq == 7 true|true true"},
		"inside not": {`!(msg.seq == 7 && not (msg.seq == 8 || msg.seq == 9))`, "msg.seq == 7 true|msg.seq == 7 false|msg.seq == 8 true|msg.seq == 8 false|msg.seq == 9 true|msg.seq == 9 false",
			"msg.seq == 7 true|msg.seq == 8 false|msg.seq == 9 false"},
		"the same twice": {`msg.seq == 8 || msg.seq == 8 || msg.seq == 7`, "msg.seq == 8 true|msg.seq == 8 false|msg.seq == 8 true|msg.seq == 8 false|msg.seq == 7 true|msg.seq == 7 false",
			"msg.seq == 8 false|msg.seq == 8 false|msg.seq == 7 true"},
		"a choice":   {`msg.seq == 7 ? msg.is_self : true`, "msg.seq == 7 ? msg.is_self : true true|msg.seq == 7 ? msg.is_self : true false", "msg.seq == 7 ? msg.is_self : true false"},
		"one fails":  {`msg.seq == 7 && int(msg.text) > 1`, "msg.seq == 7 true|msg.seq == 7 false|int(msg.text) > 1 true|int(msg.text) > 1 false", "msg.seq == 7 true"},
		"always":     {`true`, "true true", "true true"},
		"long":       {`msg.text != "` + strings.Repeat("x", 300) + `"`, "", ""},
		"quoted and": {`"a && b" != msg.text && msg.seq != 7`, `"a && b" != msg.text true|"a && b" != msg.text false|msg.seq != 7 true|msg.seq != 7 false`, `"a && b" != msg.text true|msg.seq != 7 false`},
	} {
		t.Run(name, func(t *testing.T) {
			set := load(t, "rules: [{id: r, on: message, if: "+quoteYAML(test.cond)+", do: [log: x]}]")
			rule := set.Rules[0]
			reached := rule.Reached(set.Explain(said("hello"), facts())[0].Parts)
			var all, got []string
			for _, p := range set.Points(rule) {
				if p.Kind != PointOperand {
					continue
				}
				all = append(all, p.Text+" "+p.Want)
				if slices.Contains(reached, p.Key) {
					got = append(got, p.Text+" "+p.Want)
				}
			}
			if len(got) != len(reached) {
				t.Errorf("%v reach only %v", reached, got)
			}
			if test.all == "" {
				if len(all) != 2 || len(got) != 1 {
					t.Errorf("%v of %v", got, all)
				}
				return
			}
			if strings.Join(all, "|") != test.all || strings.Join(got, "|") != test.reached {
				t.Errorf("%s\nof %s", strings.Join(got, "|"), strings.Join(all, "|"))
			}
		})
	}
}

// However large an if is, its points are bounded, and what an evaluation tells is never more than they are.
func TestPointsAreBounded(t *testing.T) {
	for _, cond := range []string{
		strings.Repeat(`msg.seq != 1 && `, 150) + `msg.seq == 7`,
		strings.Repeat(`(msg.seq == 1 || msg.seq == 7) && `, 60) + `msg.seq == 7`,
		strings.Repeat("(", 20) + "msg.seq == 7" + strings.Repeat(" || msg.seq == 8)", 20),
	} {
		set := load(t, "rules: [{id: r, on: message, if: "+quoteYAML(cond)+", do: [log: x]}]")
		points := set.Points(set.Rules[0])
		if len(points) > 1+2*maxParts {
			t.Errorf("%d points", len(points))
		}
		keys := make(map[string]bool)
		for _, p := range points {
			if keys[p.Key] {
				t.Errorf("%s comes twice", p.Key)
			}
			keys[p.Key] = true
		}
		for _, key := range set.Rules[0].Reached(set.Explain(said("hello"), facts())[0].Parts) {
			if !keys[key] {
				t.Errorf("%s is no point", key)
			}
		}
	}
}

// Operands have the place that the file gives them, also where YAML folds lines.
func TestPointsHavePlaces(t *testing.T) {
	set := load(t, `rules:
  - id: r
    on: message
    if: >
      msg.seq == 7 and
      (msg.seq == 8
      or msg.seq == 7)
    do: [log: x]
  - id: s
    on: message
    if: "msg.text == \"a\" && 7 == msg.seq"
    do: [log: x]
`)
	var got []string
	for _, rule := range set.Rules {
		for _, p := range set.Points(rule) {
			if p.Want == ReachedTrue {
				got = append(got, fmt.Sprintf("%d:%d %s", p.Pos.Line, p.Pos.Col, p.Text))
			}
		}
	}
	text := string(set.Sources()[0].Text)
	first := strings.Count(text[:strings.Index(text, "id: r")], "\n") // what load puts before
	want := []string{
		fmt.Sprintf("%d:7 msg.seq == 7", first+4), fmt.Sprintf("%d:8 msg.seq == 8", first+5), fmt.Sprintf("%d:10 msg.seq == 7", first+6),
		fmt.Sprintf("%d:10 msg.text == \"a\"", first+10), fmt.Sprintf("%d:31 7 == msg.seq", first+10),
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
