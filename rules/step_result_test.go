package rules

import (
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestAStepsErrorIsNilWhereThereIsNone(t *testing.T) {
	set := load(t, `
rules:
  - id: r
    on: message
    do:
      - {id: a, reply: hi, on_error: continue}
      - reply: "${{ steps.a.error.code ?? \"fine\" }} ${{ steps.a.error?.text ?? \"fine\" }} ${{ steps.a.error == nil }}"
      - if: steps.a.error.code == "10010"
        reply: gone
`)
	steps := set.Rules[0].Steps
	sc := scope(c2c("hi"), facts(), nil)
	for _, test := range []struct {
		result *Result
		text   string
		gone   bool
	}{
		{&Result{OK: true}, "fine fine true", false},
		{&Result{Err: &StepError{Code: "10010", Text: "no such group"}}, "10010 no such group false", true},
		{nil, "fine fine true", false},
	} {
		sc.Steps = map[string]*Result{"a": test.result}
		in, err := steps[1].Inputs(sc)
		if err != nil || in["text"] != test.text {
			t.Errorf("%+v: %q, %v; want %q", test.result, in["text"], err, test.text)
		}
		if ok, err := steps[2].If(sc); ok != test.gone || err != nil {
			t.Errorf("%+v: if is %v, %v; want %v", test.result, ok, err, test.gone)
		}
	}
}

func TestANilOptionalInputIsNotGiven(t *testing.T) {
	set := load(t, `
rules:
  - id: r
    on: message.group
    do:
      - send: {to_user: "${{ user.name }}", text: "${{ state.user.text }}", mentions: ["${{ user.id }}"]}
      - mute: {for: "${{ state.user.wait }}"}
`)
	sc := scope(&Event{Type: "message.group", Source: &sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: textMsg("bob", sdkconn.Group("g"), "x")}, User: "bob"}, &Facts{}, nil)
	in, err := set.Rules[0].Steps[0].Inputs(sc)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := in["to_user"]; ok {
		t.Errorf("inputs %v: to_user is nil", in)
	}
	if _, err := set.Rules[0].Steps[1].Inputs(sc); err == nil {
		t.Error("a required input that is nil is no error")
	}
}
