package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// gates answers for the rules that are named, and notes who was asked.
func gates(closed map[string]string, asked *[]string) func(Fired) Gate {
	return func(f Fired) Gate {
		*asked = append(*asked, f.Rule.ID)
		why, ok := closed[f.Rule.ID]
		return Gate{Closed: ok, Why: why}
	}
}

// explained lists what Explain says fired, as ids lists what Match says.
func explained(es []Explanation) []string {
	var out []string
	for _, e := range es {
		switch {
		case e.Fired && e.Shadow:
			out = append(out, "~"+e.Rule.ID)
		case e.Fired:
			out = append(out, e.Rule.ID)
		}
	}
	return out
}

func TestGate(t *testing.T) {
	set := load(t, `rules:
  - {id: g, stage: guard, final: true, on: message, limit: {rate: 1/s}, do: [log: x]}
  - {id: shadow, run: shadow, on: message, limit: {rate: 1/s}, do: [log: x]}
  - {id: free, on: message, match: {any_of: free}, do: [log: x]}
  - {id: talk, on: message, match: {any_of: hi}, session: {}, do: [ask: x]}
  - {id: main, on: message, limit: {per: user, rate: 2/1m, over: wait}, do: [log: x]}
  - {id: back, stage: fallback, on: message, do: [log: x]}`)
	for name, test := range map[string]struct {
		text                      string
		closed                    map[string]string
		fired, asked, dropped, by string
	}{
		"all open":             {"hi", nil, "g", "g", "", "g"},
		"a guard is dropped":   {"hi", map[string]string{"g": "limit"}, "~shadow talk", "g talk", "g: limit", ""},
		"the next wins":        {"hi", map[string]string{"g": "limit", "talk": "a dialogue is open"}, "~shadow main", "g talk main", "g: limit talk: a dialogue is open", ""},
		"fallback is tried":    {"x", map[string]string{"g": "", "main": "l"}, "~shadow back", "g main", "g:  main: l", ""},
		"others are not asked": {"free", map[string]string{"g": ""}, "~shadow free", "g", "g: ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var asked, again []string
			f := facts()
			f.Gate = gates(test.closed, &asked)
			d := set.Match(c2c(test.text), f)
			var dropped []string
			for _, x := range d.Dropped {
				dropped = append(dropped, x.Rule.ID+": "+x.Why)
			}
			final := ""
			if d.Final != nil {
				final = d.Final.ID
			}
			if got := strings.Join(ids(d), " "); got != test.fired || strings.Join(asked, " ") != test.asked ||
				strings.Join(dropped, " ") != test.dropped || final != test.by {
				t.Errorf("fired %s, asked %v, dropped %v, final %q, want %+v", got, asked, dropped, final, test)
			}
			f.Gate = gates(test.closed, &again)
			es := set.Explain(c2c(test.text), f)
			if got := strings.Join(explained(es), " "); got != test.fired || !slices.Equal(asked, again) {
				t.Errorf("explained %s, asked %v; matched %s, asked %v", got, again, test.fired, asked)
			}
			for _, e := range es {
				why, closed := test.closed[e.Rule.ID]
				if slices.Contains(again, e.Rule.ID) && closed && (e.Reason != "limit" || e.Text != why) {
					t.Errorf("%s: %s %q, want limit %q", e.Rule.ID, e.Reason, e.Text, why)
				}
			}
		})
	}
}

// What a gate did to a rule that it let through is told.
func TestGateSaysWhy(t *testing.T) {
	set := load(t, "rules: [{id: r, on: message, match: {any_of: hi}, limit: {rate: 1/s, over: wait}, do: [log: x]}]")
	f := facts()
	f.Gate = func(fired Fired) Gate {
		return Gate{Why: "waits for its turn: " + strings.Join(fired.Hit.Words, "")}
	}
	const want = "waits for its turn: hi"
	if d := set.Match(c2c("hi"), f); d.Fired[0].Why != want {
		t.Errorf("matched: %+v", d.Fired[0])
	}
	if e := set.Explain(c2c("hi"), f)[0]; !e.Fired || e.Text != want || e.Reason != "" {
		t.Errorf("explained: %+v", e)
	}
}

const stagesRules = `rules:
  - {id: g, stage: guard, on: message, do: [log: x]}
  - {id: m, on: message, do: [log: x]}
  - {id: b, stage: fallback, on: message, do: [log: x]}
  - {id: o, stage: observe, on: message, do: [log: x]}`

func TestStagesOfFacts(t *testing.T) {
	set := load(t, stagesRules)
	for want, stages := range map[string][]Stage{
		"g m o": nil, "": {}, "g o": {StageObserve, StageGuard}, "b": {StageFallback}, "m": {StageMain, StageFallback},
	} {
		f := facts()
		f.Stages = stages
		if got := strings.Join(ids(set.Match(c2c("x"), f)), " "); got != want {
			t.Errorf("stages %v fired %s, want %s", stages, got, want)
		}
		es := set.Explain(c2c("x"), f)
		if got := strings.Join(explained(es), " "); got != want {
			t.Errorf("stages %v explained %s, want %s", stages, got, want)
		}
		for _, e := range es {
			if stages != nil && !slices.Contains(stages, e.Rule.Stage) &&
				(e.Reason != "stage" || e.Text != fmt.Sprintf("stage %s, not for events of the time the bot was away", e.Rule.Stage)) {
				t.Errorf("%s: %s %q", e.Rule.ID, e.Reason, e.Text)
			}
		}
	}
}

func TestTaken(t *testing.T) {
	set := load(t, stagesRules)
	f := facts()
	f.Taken = "answer to order (ask_no)"
	if got := strings.Join(ids(set.Match(c2c("x"), f)), " "); got != "g o" {
		t.Errorf("fired %s", got)
	}
	for _, e := range set.Explain(c2c("x"), f) {
		taken := e.Rule.ID == "m" || e.Rule.ID == "b"
		if e.Fired == taken || taken && e.Text != "stage "+e.Rule.Stage.String()+", answer to order (ask_no)" {
			t.Errorf("%s: fired %v, %q", e.Rule.ID, e.Fired, e.Text)
		}
	}
}

// A rule that its gate keeps is like a rule that does not match, except that the gate of a shadow is never asked; and
// Explain says the same as Match.
func TestGateProperty(t *testing.T) {
	type spec struct {
		stage, mode                int
		final, cont, gated, closed bool
	}
	source := func(specs []spec, matches func(i int) bool) string {
		var b strings.Builder
		b.WriteString("rules:\n")
		for i, s := range specs {
			fmt.Fprintf(&b, "  - {id: r%d, stage: %s, run: %s, final: %v, continue: %v, on: message, match: {any_of: %s}, do: [log: x]",
				i, Stage(s.stage), Mode(s.mode), s.final, s.cont, map[bool]string{true: "yes it", false: "nope"}[matches(i)])
			if s.gated {
				b.WriteString(", limit: {rate: 1/s}")
			}
			b.WriteString("}\n")
		}
		return strings.ReplaceAll(strings.ReplaceAll(b.String(), "final: false, ", ""), "continue: false, ", "")
	}
	rapid.Check(t, func(rt *rapid.T) {
		specs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) spec {
			s := spec{stage: rapid.IntRange(0, 3).Draw(t, "stage"), mode: rapid.IntRange(0, 2).Draw(t, "mode"),
				gated: rapid.Bool().Draw(t, "gated"), closed: rapid.Bool().Draw(t, "closed")}
			s.final = s.stage == 0 && rapid.Bool().Draw(t, "final")
			s.cont = (s.stage == 1 || s.stage == 2) && rapid.Bool().Draw(t, "continue")
			return s
		}), 1, 6).Draw(rt, "rules")
		f := facts()
		f.Stages = rapid.SampledFrom([][]Stage{nil, {StageGuard, StageMain}, {StageMain, StageFallback, StageObserve}}).Draw(rt, "stages")
		f.Taken = rapid.SampledFrom([]string{"", "taken"}).Draw(rt, "taken")
		kept := func(i int) bool { return specs[i].gated && specs[i].closed && specs[i].mode == int(ModeLive) }
		plain := load(t, source(specs, func(i int) bool { return !kept(i) }))
		want := strings.Join(ids(plain.Match(c2c("yes it"), f)), " ")

		set := load(t, source(specs, func(int) bool { return true }))
		var asked, again []string
		closed := map[string]string{}
		for i, s := range specs {
			if s.closed {
				closed[fmt.Sprintf("r%d", i)] = "closed"
			}
		}
		f.Gate = gates(closed, &asked)
		d := set.Match(c2c("yes it"), f)
		if got := strings.Join(ids(d), " "); got != want {
			rt.Fatalf("gated %s, without those that are kept %s", got, want)
		}
		for _, id := range asked {
			if r := set.Rule(id); r.Mode != ModeLive || !r.Gated() {
				rt.Fatalf("%s was asked", id)
			}
		}
		f.Gate = gates(closed, &again)
		if got := strings.Join(explained(set.Explain(c2c("yes it"), f)), " "); got != want || !slices.Equal(asked, again) {
			rt.Fatalf("explained %s asking %v, matched %s asking %v", got, again, want, asked)
		}
	})
}
