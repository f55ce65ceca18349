package rulestest

import (
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
)

// mock is one answer of an action that is not done.
type mock struct {
	action string
	source string
	when   *vm.Program // nil: always
	out    map[string]any
	err    string
	code   string
	times  int // 0: as often as asked
	after  time.Duration
}

// mocks reads a mocks: section.
func (s *Suite) mocks(n *yaml.Node) []*mock {
	r := s.reader
	var out []*mock
	for _, e := range r.mapping(n, "mocks") {
		action, ok := s.registry.Lookup(e.name)
		if !ok {
			r.errorf(e.key, "there is no action %q%s", e.name, nearest(e.name, s.registry.Names()))
			continue
		}
		items := []*yaml.Node{e.value}
		if e.value.Kind == yaml.SequenceNode {
			items = r.sequence(e.value, "mocks."+e.name)
		}
		for _, item := range items {
			out = append(out, r.mock(item, action))
		}
	}
	return out
}

func (r *reader) mock(n *yaml.Node, action actions.Action) *mock {
	m := &mock{action: action.Spec().Name}
	f := r.fields(n, "a mock", "when", "return", "error", "code", "times", "after")
	if e, ok := f["when"]; ok {
		m.source = r.text(e.value, "when")
		program, err := expr.Compile(m.source, expr.Env(map[string]any{"args": map[string]any{}}), expr.AsBool())
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			r.errorf(e.value, "when: %s", first)
		}
		m.when = program
	}
	if e, ok := f["return"]; ok {
		m.out, _ = r.value(e.value, "return").(map[string]any)
		if m.out == nil {
			r.errorf(e.value, "return must be a mapping of the action's outputs, not %s", kindOf(e.value))
		} else if _, err := actions.Answer(action, m.out); err != nil {
			r.errorf(e.value, "return: %s", err)
		}
	}
	if e, ok := f["error"]; ok {
		m.err = r.text(e.value, "error")
		if _, both := f["return"]; both {
			r.errorf(e.key, "a mock has return or error, not both")
		}
	} else if e, ok := f["code"]; ok {
		r.errorf(e.key, "code is that of an error: give error too")
	} else if m.out == nil && len(r.errs) == 0 {
		r.errorf(n, "a mock needs return or error")
	}
	if e, ok := f["code"]; ok {
		m.code = r.text(e.value, "code")
	}
	if e, ok := f["times"]; ok {
		m.times = r.integer(e.value, "times", 1, 1<<30)
	}
	if e, ok := f["after"]; ok {
		m.after = r.duration(e.value, "after")
	}
	return m
}

// fits reports whether the mock answers a call with these inputs.
func (m *mock) fits(args map[string]any) (bool, error) {
	if m.when == nil {
		return true, nil
	}
	v, err := expr.Run(m.when, map[string]any{"args": args})
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return false, fmt.Errorf("when: %s: %s", m.source, first)
	}
	ok, _ := v.(bool)
	return ok, nil
}

// mockError is the error of a mock.
type mockError struct{ text, code string }

func (e *mockError) Error() string { return e.text }

// ErrorCode is what the rule sees as error.code.
func (e *mockError) ErrorCode() string { return e.code }
