package rules

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// signalPrefix begins the type of an event that a signal is.
const signalPrefix = "signal."

// SignalStep tells other rules of something.
type SignalStep struct {
	Name string // without "signal."

	data *value
	set  *Set
	rule *Rule
}

// Data evaluates what the signal carries, raw; nil for nothing.
func (s *SignalStep) Data(sc *Scope) (any, error) {
	var data any
	err := evalTo(s.data, sc.envOf(s.set, s.rule, given(map[string]*value{"data": s.data})), &data)
	return data, err
}

// Signal makes the event that a signal is: raw data, sent at a time in Unix seconds.
func Signal(name string, data any, at uint64, self string) Event {
	typ := signalPrefix + name
	return Event{Type: typ, Key: fmt.Sprintf("%010d.%s.n", at, typ), Self: self, Data: data}
}

// SignalName checks what a signal is called.
func SignalName(name string) error {
	if !ruleID.MatchString(name) {
		return fmt.Errorf("signal %q: use small letters, digits, dots, - and _", name)
	}
	return nil
}

// Hears reports whether a rule that is not off listens to a signal. The error of one that none hears names the nearest
// one that is heard.
func (s *Set) Hears(name string) error {
	if s.byEvent[signalPrefix+name] != nil {
		return nil
	}
	var heard []string
	for typ := range s.byEvent {
		if after, ok := strings.CutPrefix(typ, signalPrefix); ok {
			heard = append(heard, after)
		}
	}
	slices.Sort(heard)
	return fmt.Errorf("no rule listens to signal.%s%s", name, didYouMean(name, heard))
}

func (c *ruleCompiler) signalStep(s *Step, e entry) {
	r := c.r
	s.Signal = &SignalStep{set: c.set, rule: c.rule}
	n := resolve(e.value)
	name := n
	if n.Kind == yaml.MappingNode {
		name = nil
		entries, _ := r.mapping(n, "signal")
		for _, in := range entries {
			switch in.name {
			case "name":
				name = in.value
			case "data":
				s.Signal.data = c.place.value(in.value, "data", Field{Type: Type{Kind: KindAny}})
			default:
				r.unknown(in, []string{"name", "data"})
			}
		}
		if name == nil {
			r.errorf(e.key, "signal needs name: rules on signal.NAME hear it")
			return
		}
	}
	text, ok := r.str(name, "name")
	if !ok {
		return
	}
	if err := SignalName(text); err != nil {
		r.errorf(resolve(name), "%v", err)
	}
	s.Signal.Name = text
}

// unheard warns of signals that no rule listens to.
func (l *loader) unheard(set *Set) {
	for _, r := range set.Rules {
		r.has(func(s *Step) bool {
			if s.Signal != nil {
				if err := set.Hears(s.Signal.Name); err != nil {
					l.warn("unheard-signal", l.docs[s.Pos.File], r.ID, s.Pos.Line, s.Pos.Col, "%v", err)
				}
			}
			return false
		})
	}
}
