// Package actions holds what a step of a rule can do: a typed, documented action for each, and the registry that lint,
// help and the runtime read them from.
//
// An action is made of a Spec, which says what it is called and does, and a function on two structs:
//
//	type greetIn struct {
//		Name string `arg:"name,required" doc:"Whom to greet."`
//	}
//	type greetOut struct {
//		Text string `arg:"text,text" doc:"What was said."`
//	}
//
//	var greet = actions.New(actions.Spec{
//		Name: "greet", Doc: "Says hello.", Settle: actions.SettleAsk, Example: "greet: {name: Alice}",
//	}, func(ctx context.Context, call *actions.Call, in greetIn) (greetOut, error) { ... })
//
// New fills the Spec's inputs and outputs from the structs. The tag "arg" holds a field's name and options after it:
// required (an input that must be given), secret (an input that may hold a secret), squash (an embedded struct whose
// fields belong to the outer one), text and value (the outputs that become Result.Text and Result.Value). "doc" is a
// plain sentence, "enum" a list of words separated by commas.
//
// Fields may be strings, booleans, numbers, time.Duration, *sdkconn.Message, sdkconn.Locator, any, map[string]any,
// structs, and lists of these. A pointer to a scalar or a struct tells an input that was not given from an empty one.
//
// Inputs are decoded strictly: a name that is not declared is an error with the nearest one that is, and no value is
// converted to another type, except between numbers when nothing is lost, and from "5m" to a duration. A nil value is
// the same as none.
package actions
