package bot

import (
	"reflect"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// Catalog is what the rules are checked against: every action of the registry, with its typed inputs and outputs.
func Catalog(r *actions.Registry) rules.Catalog { return catalog{r} }

type catalog struct{ registry *actions.Registry }

// Names implements rules.Catalog.
func (c catalog) Names() []string { return c.registry.Names() }

// Step implements rules.Catalog.
func (c catalog) Step(name string) (rules.StepSpec, bool) {
	a, ok := c.registry.Lookup(name)
	if !ok {
		return rules.StepSpec{}, false
	}
	spec := a.Spec()
	out := rules.StepSpec{
		Name: spec.Name, Doc: spec.Doc, Inputs: fields(spec.Inputs), ActsOnChat: spec.ActsOnChat,
		NeedsConversation: spec.NeedsConversation, Targets: spec.Targets, Scalar: spec.Scalar, OneOf: spec.OneOf,
		AtMostOne: spec.AtMostOne, Approvable: spec.Approvable,
	}
	if spec.Output != nil {
		out.Output = rules.Type{Kind: rules.KindObject, Fields: fields(spec.Outputs)}
	}
	return out, true
}

func fields(inputs []actions.Input) []rules.Field {
	out := make([]rules.Field, 0, len(inputs))
	for _, in := range inputs {
		out = append(out, rules.Field{
			Name: in.Name, Doc: in.Doc, Type: typeOf(in.Type, in.Fields), Required: in.Required, Secret: in.Secret,
			Enum: in.Enum, Form: rules.TextForm(in.Form), Rows: in.Rows,
		})
	}
	return out
}

var (
	messageType  = reflect.TypeFor[*sdkconn.Message]()
	locatorType  = reflect.TypeFor[sdkconn.Locator]()
	durationType = reflect.TypeFor[time.Duration]()
)

// typeOf says in the rules' words what a Go type of an input or output is; members are those of a struct in it.
func typeOf(t reflect.Type, members []actions.Input) rules.Type {
	switch t {
	case messageType, messageType.Elem():
		return rules.Type{Kind: rules.KindMessage}
	case locatorType:
		return rules.Type{Kind: rules.KindLocator}
	case durationType:
		return rules.Type{Kind: rules.KindDuration}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeOf(t.Elem(), members)
	case reflect.String:
		return rules.Type{Kind: rules.KindString}
	case reflect.Bool:
		return rules.Type{Kind: rules.KindBool}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return rules.Type{Kind: rules.KindInt}
	case reflect.Float32, reflect.Float64:
		return rules.Type{Kind: rules.KindFloat}
	case reflect.Slice, reflect.Array:
		elem := typeOf(t.Elem(), members)
		return rules.Type{Kind: rules.KindList, Elem: &elem}
	case reflect.Map:
		return rules.Type{Kind: rules.KindMap}
	case reflect.Struct:
		return rules.Type{Kind: rules.KindObject, Fields: fields(members)}
	}
	return rules.Type{Kind: rules.KindAny}
}
