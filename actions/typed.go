package actions

import (
	"context"
	"fmt"
	"reflect"
	"slices"
)

// New makes an action of a function. Inputs are described by the fields of A, outputs by those of R, both structs; see
// the package's doc for their tags. New fills in what the structs say, and panics on a Spec that cannot be
// right: a bad name, an unknown Settle, a type that cannot be an input, a group that names no input.
func New[A, R any](spec Spec, run func(ctx context.Context, call *Call, args A) (R, error)) Action {
	in, out := reflect.TypeFor[A](), reflect.TypeFor[R]()
	spec.Inputs = fieldsOf(in)
	a := &typed[A, R]{run: run}
	if out.NumField() > 0 {
		spec.Output, spec.Outputs = out, fieldsOf(out)
		for _, f := range reflect.VisibleFields(out) {
			tag := tagOf(f)
			if tag.asText {
				a.text, spec.Text = f.Index, tag.name
			}
			if tag.asVal {
				a.value, spec.Value = f.Index, tag.name
			}
		}
	}
	if err := spec.check(); err != nil {
		panic(fmt.Sprintf("actions: %s: %v", spec.Name, err))
	}
	a.spec = spec
	return a
}

// check says what is wrong with a Spec.
func (s Spec) check() error {
	if !validName(s.Name) {
		return fmt.Errorf("%q is no name for an action: want lower_snake_case, or plugin.action", s.Name)
	}
	if slices.Contains(reserved, s.Name) {
		return fmt.Errorf("the name %q means something else in a step", s.Name)
	}
	switch s.Settle {
	case SettleRepeat, SettleAsk, SettleReport:
	default:
		return fmt.Errorf("settle is %q: want repeat, ask or report", s.Settle)
	}
	groups := slices.Concat(s.OneOf, s.AtMostOne, [][]string{s.Targets})
	if s.Scalar != "" {
		groups = append(groups, []string{s.Scalar})
	}
	for _, name := range slices.Concat(groups...) {
		if _, ok := s.Input(name); !ok {
			return fmt.Errorf("no input is called %q", name)
		}
	}
	return nil
}

type typed[A, R any] struct {
	spec        Spec
	run         func(context.Context, *Call, A) (R, error)
	text, value []int // field indexes in R; nil for none
}

func (a *typed[A, R]) Spec() Spec { return a.spec }

func (a *typed[A, R]) Run(ctx context.Context, call *Call, args map[string]any) (Result, error) {
	var in A
	if err := a.spec.decode(args, &in); err != nil {
		return Result{}, fmt.Errorf("%s: %w", a.spec.Name, err)
	}
	out, err := a.run(ctx, call, in)
	var res Result
	if a.spec.Output != nil {
		res.Out = out
	}
	v := reflect.ValueOf(out)
	if a.text != nil {
		res.Text = v.FieldByIndex(a.text).String()
	}
	if a.value != nil {
		res.Value = value(v.FieldByIndex(a.value))
	}
	if err != nil {
		return res, fmt.Errorf("%s: %w", a.spec.Name, err)
	}
	return res, nil
}
