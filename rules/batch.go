package rules

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Batch gathers the events that fire a rule into one run, whose expressions see them as `events`.
type Batch struct {
	Quiet   time.Duration // the run begins when nothing more came for so long
	MaxWait time.Duration // and no later than this after the first event
	Max     int           // and at once when there are so many; 1 to MaxBatch
	Pos     Pos

	by   *eventKey
	set  *Set
	rule *Rule
}

// The defaults and the bound of a batch.
const (
	DefaultBatchQuiet = 15 * time.Second
	DefaultBatchWait  = time.Minute
	DefaultBatchMax   = 100
	MaxBatch          = 1000
)

// Key says which batch the event goes to: what `by` names, such as "chat/group_g", or "" for one over everything. It
// reads the event, the facts and the hit of the scope.
func (b *Batch) Key(sc *Scope) (string, error) { return b.by.of(sc, b.set, b.rule) }

var batchKeys = []string{"by", "quiet", "max_wait", "max"}

func (c *ruleCompiler) batch(n *yaml.Node) {
	entries, ok := c.r.mapping(n, "batch")
	if !ok {
		return
	}
	b := &Batch{Max: DefaultBatchMax, Pos: c.r.pos(resolve(n)), set: c.set, rule: c.rule}
	var quiet, wait *yaml.Node
	for _, e := range entries {
		switch e.name {
		case "by":
			b.by = c.eventKey(e.value, "by")
		case "quiet":
			quiet = resolve(e.value)
			b.Quiet = c.positive(e.value, "quiet", DefaultBatchQuiet)
		case "max_wait":
			wait = resolve(e.value)
			b.MaxWait = c.positive(e.value, "max_wait", 0)
		case "max":
			if i, ok := c.r.integer(e.value, "max", 1, MaxBatch); ok {
				b.Max = i
			}
		default:
			c.r.unknown(e, batchKeys)
		}
	}
	// What is not given follows what is.
	switch {
	case quiet == nil && wait == nil:
		b.Quiet, b.MaxWait = DefaultBatchQuiet, DefaultBatchWait
	case wait == nil:
		b.MaxWait = max(DefaultBatchWait, b.Quiet)
	case quiet == nil:
		b.Quiet = DefaultBatchQuiet
		if b.MaxWait > 0 {
			b.Quiet = min(b.Quiet, b.MaxWait)
		}
	case b.MaxWait > 0 && b.Quiet > b.MaxWait:
		c.r.errorf(quiet, "quiet is longer than max_wait: the batch never waits for it")
	}
	c.rule.Batch = b
}

// positive reads a duration longer than 0; it answers def when it reports a mistake.
func (c *ruleCompiler) positive(n *yaml.Node, what string, def time.Duration) time.Duration {
	d, ok := c.r.duration(n, what)
	switch {
	case ok && d > 0:
		return d
	case ok:
		c.r.errorf(resolve(n), "%s must be longer than 0", what)
	}
	return def
}
