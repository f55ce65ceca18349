package rules

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Delay evaluates how long a StepDelay waits; 0 or longer.
func (s *Step) Delay(sc *Scope) (time.Duration, error) {
	var d time.Duration
	err := evalTo(s.delay, sc.envOf(s.set, s.rule, given(map[string]*value{"delay": s.delay})), &d)
	return max(d, 0), err
}

func (c *ruleCompiler) delayStep(s *Step, n *yaml.Node) {
	n = resolve(n)
	s.delay = c.place.value(n, "delay", Field{Type: Type{Kind: KindDuration}, Required: true})
	if s.delay != nil && s.delay.isFixed {
		if d, ok := s.delay.fixed.(time.Duration); ok && d <= 0 {
			c.r.errorf(n, "delay must be longer than 0")
		}
	}
}
