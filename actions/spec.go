package actions

import (
	"reflect"
	"slices"
	"strings"
)

// Spec describes an action. Lint, help and the reference are made from it.
type Spec struct {
	// Name is the step's key in a rule: lower_snake_case, or plugin.action.
	Name string

	// Doc says in plain sentences what the action does.
	Doc string

	// Example is YAML: one step.
	Example string

	// Inputs are what a step may give, in the order of the help. New fills them in.
	Inputs []Input

	// Output is the struct type of Result.Out, nil for an action without outputs, and Outputs its fields. New fills
	// them in.
	Output  reflect.Type
	Outputs []Input

	// Text and Value name the outputs that become Result.Text and Result.Value; empty for none. New fills them in.
	Text, Value string

	// ActsOnChat says that other people can notice the effect. Rules of stage observe cannot use such an action.
	ActsOnChat bool

	// NeedsConversation says that the action uses the event's conversation, unless one of Targets is given.
	NeedsConversation bool

	// Targets are the inputs that say which conversation or message is meant, in place of the event's.
	Targets []string

	// Scalar is the input that a bare value sets: "reply: hi" is "reply: {text: hi}". Empty: a mapping is needed.
	Scalar string

	// OneOf lists groups of inputs of which exactly one must be given, AtMostOne groups of which several exclude each
	// other.
	OneOf     [][]string
	AtMostOne [][]string

	// Approvable says that a step may have `approve` among its inputs: a person must agree before it is done. The bot
	// asks; the action never sees the input.
	Approvable bool

	// Settle says what becomes of an effect whose outcome is unknown.
	Settle Settle

	// SettleOf, when it is not nil, says it for the inputs at hand, as rules give them.
	SettleOf func(args map[string]any) Settle
}

// Outside reports whether the action asks the world outside, neither the chat nor the bot: a web server, or a plugin. What
// it answers cannot be told without doing it.
func (s Spec) Outside() bool { return s.Name == "http" || strings.Contains(s.Name, ".") }

// Input describes one input or output.
type Input struct {
	Name string
	Doc  string

	// Type is the Go type without pointers, except *sdkconn.Message.
	Type reflect.Type

	// Required inputs must be given and not be nil.
	Required bool

	// Secret inputs may hold a secret.
	Secret bool

	// Enum is the list of words that a string, or each string of a list, may be. Empty: any.
	Enum []string

	// Form is how a string must look: "rate" or "clock"; empty: any. Rows says that its expressions may name row, a row of a
	// file of targets. The rules see to both.
	Form string
	Rows bool

	// Fields are those of a struct or of the structs in a list.
	Fields []Input
}

// Input returns the input of that name.
func (s Spec) Input(name string) (Input, bool) { return inputOf(s.Inputs, name) }

func inputOf(inputs []Input, name string) (Input, bool) {
	i := slices.IndexFunc(inputs, func(in Input) bool { return in.Name == name })
	if i < 0 {
		return Input{}, false
	}
	return inputs[i], true
}

func namesOf(inputs []Input) []string {
	names := make([]string, len(inputs))
	for i, in := range inputs {
		names[i] = in.Name
	}
	return names
}
