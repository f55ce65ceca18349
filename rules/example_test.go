package rules_test

import (
	"errors"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// steps is a catalog with one step.
type steps struct{}

func (steps) Names() []string { return []string{"reply"} }

func (steps) Step(name string) (rules.StepSpec, bool) {
	return rules.StepSpec{
		Name: "reply", ActsOnChat: true, NeedsConversation: true, Scalar: "text",
		Inputs: []rules.Field{{Name: "text", Type: rules.Type{Kind: rules.KindString}, Required: true}},
	}, name == "reply"
}

func Example() {
	files := fstest.MapFS{"bot.yaml": {Data: []byte(`
version: 1
rules:
  - id: hours
    on: message
    match: { any_of: [几点开门] }
    if: chat.type == "c2c"
    do:
      - reply: ${{ user.name ?? "您好" }}，9 点。
`)}}
	set, err := rules.Load(files, "bot.yaml", rules.Options{Catalog: steps{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	source := &sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: &sdkconn.Message{
		Sender: "alice", ConvID: "alice", ConvType: sdkconn.ConvC2C,
		Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "请问几点开门？"}},
	}}
	facts := &rules.Facts{Now: time.Unix(0, 0).UTC()}
	for _, event := range rules.Events(source, "concierge") {
		for _, fired := range set.Match(&event, facts).Fired {
			inputs, err := fired.Rule.Steps[0].Inputs(&rules.Scope{Event: &event, Facts: facts, Hit: &fired.Hit})
			fmt.Println(fired.Rule.ID, fired.Hit.Words, fired.Hit.Spans, inputs["text"], err)
		}
	}
	// Output: hours [几点开门] [{6 18}] 您好，9 点。 <nil>
}

func ExampleErrors() {
	files := fstest.MapFS{"bot.yaml": {Data: []byte(`version: 1
rules:
  - id: hours
    on: mesage
    do: [repyl: hi]
`)}}
	_, err := rules.Load(files, "bot.yaml", rules.Options{Catalog: steps{}})
	var errs rules.Errors
	if errors.As(err, &errs) {
		fmt.Print(errs.Render())
	}
	// Output:
	// bot.yaml:4:9: rule "hours": unknown event "mesage" (did you mean "message"?)
	//     4 |     on: mesage
	//       |         ^
	// bot.yaml:5:10: rule "hours": unknown step "repyl" (did you mean "reply"?)
	//     5 |     do: [repyl: hi]
	//       |          ^
}
