package actions

import (
	"errors"
	"reflect"
)

// Answer is the Result that an action would have left with these outputs, by name; outputs that are not given are zero. It
// is for who stands in for an action, in a test. Errors: *InputError, joined, for outputs that the action does not have and
// for values of a wrong type.
func Answer(a Action, outputs map[string]any) (Result, error) {
	spec := a.Spec()
	loose := make([]Input, len(spec.Outputs))
	for i, out := range spec.Outputs {
		loose[i] = out
		loose[i].Required, loose[i].Enum = false, nil
	}
	values, errs := conform("", loose, outputs)
	if len(errs) > 0 {
		return Result{}, errors.Join(errs...)
	}
	if spec.Output == nil {
		return Result{}, nil
	}
	into := reflect.New(spec.Output)
	put(into.Elem(), values)
	r := Result{Out: into.Elem().Interface()}
	all := r.Values()
	r.Text, _ = all[spec.Text].(string)
	r.Value = all[spec.Value]
	return r, nil
}
