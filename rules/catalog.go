package rules

// Catalog names the steps that a rule may take. The runtime fills it from its registry of actions.
type Catalog interface {
	// Step returns what is known of a step, and whether there is one of that name.
	Step(name string) (StepSpec, bool)
	// Names returns the names of all steps, sorted.
	Names() []string
}

// StepSpec says what a step takes and gives, so that a rule can be checked before it ever runs.
type StepSpec struct {
	Name, Doc string

	Inputs []Field
	Output Type // of steps.<id>.out; the zero Type is none

	// ActsOnChat marks a step that changes what others see. Stage observe refuses it.
	ActsOnChat bool

	// NeedsConversation marks a step that acts in the event's conversation unless one of the inputs in Targets is given.
	// It is an error in a rule with an event that has no conversation.
	NeedsConversation bool
	Targets           []string

	// Approvable marks a step that takes `approve` among its inputs: a person must agree before it is done.
	Approvable bool

	// Scalar is the input that a bare value sets: with "text", `reply: hi` is `reply: {text: hi}`. Empty: a mapping is
	// needed.
	Scalar string

	// OneOf holds groups of inputs of which exactly one must be given, AtMostOne groups of which several exclude each
	// other.
	OneOf     [][]string
	AtMostOne [][]string
}

// Field is one input of a step or one member of an object.
type Field struct {
	Name, Doc string
	Type      Type
	Required  bool
	Secret    bool     // may hold ${{ secrets.NAME }}
	Enum      []string // the only values of a string; nil: any
	Form      TextForm // of a string; "": any

	// Rows says that expressions of the string may name row, a row of the file of targets: Step.Inputs answers a *RowText
	// then, in place of the string.
	Rows bool
}

// TextForm is how a string must look.
type TextForm string

// The forms of a text.
const (
	FormRate  TextForm = "rate"  // "20/s"
	FormClock TextForm = "clock" // "22:00"
)

// check says what is wrong with a text of this form.
func (f TextForm) check(s string) error {
	switch f {
	case FormRate:
		_, err := ParseRate(s)
		return err
	case FormClock:
		_, err := ParseClock(s)
		return err
	}
	return nil
}

// Kind says what sort of value a Type is.
type Kind int

// The kinds, and the Go type of a value of that kind in what Step.Inputs returns.
const (
	KindNone     Kind = iota // nothing
	KindAny                  // nil, string, int64, float64, bool, []any, map[string]any, *sdkconn.Message
	KindString               // string
	KindInt                  // int64
	KindFloat                // float64
	KindBool                 // bool
	KindDuration             // time.Duration; "5m", "2d" in a file
	KindMessage              // *sdkconn.Message
	KindLocator              // sdkconn.Locator; {time, seq, rand, is_self} or a message in a file
	KindList                 // []any of Elem
	KindObject               // map[string]any with the members of Fields and no others
	KindMap                  // map[string]any with any keys; the values are of Elem, or any
)

// Type is the type of an input or output.
type Type struct {
	Kind   Kind
	Elem   *Type   // of a list or map; nil: any
	Fields []Field // of an object
}

// String returns the type's name for people: "a text", "a list of messages".
func (t Type) String() string {
	switch t.Kind {
	case KindNone:
		return "nothing"
	case KindString:
		return "a text"
	case KindInt:
		return "a whole number"
	case KindFloat:
		return "a number"
	case KindBool:
		return "true or false"
	case KindDuration:
		return "a duration such as 5m"
	case KindMessage:
		return "a message"
	case KindLocator:
		return "a message or its locator"
	case KindList:
		if t.Elem != nil && t.Elem.Kind != KindAny {
			return "a list, each " + t.Elem.String()
		}
		return "a list"
	case KindObject, KindMap:
		return "a mapping"
	}
	return "any value"
}

func (t Type) elem() Type {
	if t.Elem == nil {
		return Type{Kind: KindAny}
	}
	return *t.Elem
}

func fieldNames(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}
