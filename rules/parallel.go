package rules

import (
	"fmt"
	"maps"

	"gopkg.in/yaml.v3"
)

// MaxParallel is how many branches a StepParallel has at most.
const MaxParallel = 10

// parallelStep reads the branches; none sees what the others give.
func (c *ruleCompiler) parallelStep(s *Step, n *yaml.Node) {
	r := c.r
	items, ok := r.sequence(n, "parallel")
	if !ok {
		return
	}
	if len(items) < 2 || len(items) > MaxParallel {
		r.errorf(resolve(n), "parallel has %d branches: it takes 2 to %d", len(items), MaxParallel)
	}
	before := c.place.steps
	all := maps.Clone(before)
	c.branches++
	for i, item := range items {
		entries, ok := r.mapping(item, "a branch")
		if !ok {
			continue
		}
		b := &Branch{Pos: r.pos(item), set: c.set, rule: c.rule}
		done := false
		c.place.steps, c.place.env = maps.Clone(before), nil
		for _, e := range entries {
			if e.name != "do" {
				r.unknown(e, []string{"do"})
				continue
			}
			done = true
			b.Steps = c.steps(e.value, fmt.Sprintf("%s.parallel[%d].do", s.Path, i), "do")
		}
		if !done {
			r.errorf(item, "a branch needs do")
		}
		s.Branches = append(s.Branches, b)
		maps.Copy(all, c.place.steps)
	}
	c.branches--
	c.place.steps, c.place.env = all, nil
}

// inBranch refuses what the branches of a parallel cannot hold.
func (c *ruleCompiler) inBranch(e entry) bool {
	if c.branches == 0 {
		return false
	}
	switch e.name {
	case "stop":
		c.r.errorf(e.key, "stop is not possible in a branch of parallel: the others would go on")
	case "ask":
		c.r.errorf(e.key, "ask is not possible in a branch of parallel: a person is asked one thing at a time")
	default:
		return false
	}
	return true
}
