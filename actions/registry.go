package actions

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
)

// Registry holds actions by name. The zero value is empty and ready for use. Its methods may be called from many
// goroutines at once.
type Registry struct {
	mu sync.RWMutex
	m  map[string]Action
}

// NewRegistry returns a registry that holds the actions. It panics when Register would fail: two actions of one name in
// a program are a programmer's mistake.
func NewRegistry(actions ...Action) *Registry {
	r := new(Registry)
	for _, a := range actions {
		if err := r.Register(a); err != nil {
			panic("actions: " + err.Error())
		}
	}
	return r
}

// Register adds an action. It fails when the name is taken or means something else in a step, and when the Spec cannot
// be right.
func (r *Registry) Register(a Action) error {
	spec := a.Spec()
	if err := spec.check(); err != nil {
		return fmt.Errorf("register action %q: %w", spec.Name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.m[spec.Name]; taken {
		return fmt.Errorf("register action %q: the name is taken", spec.Name)
	}
	if r.m == nil {
		r.m = make(map[string]Action)
	}
	r.m[spec.Name] = a
	return nil
}

// Lookup returns the action of that name.
func (r *Registry) Lookup(name string) (Action, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	a, ok := r.m[name]
	return a, ok
}

// Names returns the names of all actions, sorted.
func (r *Registry) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.m))
}

// reserved are the keys of a step that are no actions: those beside an action, and the ones that steer a run.
var reserved = []string{
	"id", "if", "timeout", "retry", "on_error",
	"set", "choose", "for_each", "parallel", "do", "stop", "delay", "ask", "handoff", "approve", "count", "signal",
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$`)

func validName(name string) bool { return nameForm.MatchString(name) }
