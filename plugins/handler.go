package plugins

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Handler does an action. Func makes one.
type Handler interface {
	call(ctx context.Context, input []byte) (output []byte, err error)
	check() error
	types() (in, out []field)
}

// Func makes a Handler of a function. In and Out are structs; see the package's doc. struct{} is none.
func Func[In, Out any](f func(ctx context.Context, in In) (Out, error)) Handler {
	return function[In, Out](f)
}

type function[In, Out any] func(context.Context, In) (Out, error)

func (f function[In, Out]) check() error {
	if f == nil {
		return errors.New("its function is nil")
	}
	if _, err := fieldsOf(reflect.TypeFor[In](), inputs); err != nil {
		return fmt.Errorf("inputs: %w", err)
	}
	if _, err := fieldsOf(reflect.TypeFor[Out](), outputs); err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	return nil
}

func (f function[In, Out]) types() (in, out []field) {
	in, _ = fieldsOf(reflect.TypeFor[In](), inputs) // checked
	out, _ = fieldsOf(reflect.TypeFor[Out](), outputs)
	return in, out
}

func (f function[In, Out]) call(ctx context.Context, input []byte) ([]byte, error) {
	var in In
	if err := json.Unmarshal(input, &in, json.RejectUnknownMembers(true)); err != nil {
		return nil, &Error{
			Code: "input", Final: true,
			Text: fmt.Sprintf("the inputs are not those of this program (is its plugin.yaml current?): %v", err),
		}
	}
	out, err := f(ctx, in)
	if err != nil {
		return nil, err
	}
	output, err := json.Marshal(out, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("the outputs: %w", err)
	}
	return output, nil
}
