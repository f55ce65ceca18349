package rules

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// ConcurrencyMode says what becomes of an event that would fire a rule of which a run is open.
type ConcurrencyMode int

// What may happen.
const (
	ConcurrencySingle   ConcurrencyMode = iota // the rule does not fire, and does not stop its stage
	ConcurrencyRestart                         // it fires, and the run that was open ends
	ConcurrencyQueued                          // it fires, and its run waits until those before it have ended
	ConcurrencyParallel                        // it fires, unless Max runs are open
)

var concurrencyModes = []string{"single", "restart", "queued", "parallel"}

// String returns the word for it in a rule.
func (m ConcurrencyMode) String() string { return concurrencyModes[m] }

// Concurrency bounds how many runs of a rule are open at once. A run is open from its beginning to its end, also while it
// waits for time, for people, for a retry, or as a dead letter.
type Concurrency struct {
	Mode ConcurrencyMode
	Max  int // of queued: how many wait; of parallel: how many are open; 1 to MaxConcurrency
	Pos  Pos

	per  *eventKey
	set  *Set
	rule *Rule
}

// The default and the bound of Concurrency.Max. A parallel rule has the bound unless it says.
const (
	DefaultQueued  = 10
	MaxConcurrency = 1000
)

// Key says whom the run counts for: what `per` names, such as "user/alice", or "" for one line over everything. It reads
// the event, the facts and the hit of the scope.
func (c *Concurrency) Key(sc *Scope) (string, error) { return c.per.of(sc, c.set, c.rule) }

var concurrencyKeys = []string{"per", "mode", "max"}

// concurrency reads the key after limit, batch and session, with which it must agree.
func (c *ruleCompiler) concurrency(e entry) {
	entries, ok := c.r.mapping(e.value, "concurrency")
	if !ok {
		return
	}
	out := &Concurrency{Pos: c.r.pos(resolve(e.value)), set: c.set, rule: c.rule}
	var most *yaml.Node
	for _, e := range entries {
		switch e.name {
		case "per":
			out.per = c.eventKey(e.value, "per")
		case "mode":
			if word, ok := c.r.enum(e.value, "mode", concurrencyModes...); ok {
				out.Mode = ConcurrencyMode(slices.Index(concurrencyModes, word))
			}
		case "max":
			most = e.key
			if i, ok := c.r.integer(e.value, "max", 1, MaxConcurrency); ok {
				out.Max = i
			}
		default:
			c.r.unknown(e, concurrencyKeys)
		}
	}
	switch out.Mode {
	case ConcurrencySingle, ConcurrencyRestart:
		if most != nil {
			c.r.errorf(most, "max belongs to `mode: queued` and `mode: parallel`: with %s one run is open", out.Mode)
		}
	case ConcurrencyQueued:
		if out.Max == 0 {
			out.Max = DefaultQueued
		}
	case ConcurrencyParallel:
		if out.Max == 0 {
			out.Max = MaxConcurrency
		}
	}
	if c.rule.Batch != nil {
		c.r.errorf(e.key, "a rule has concurrency or batch: a batch gathers what comes while it is open into one run")
	}
	if c.rule.Session != nil && (out.Mode == ConcurrencyRestart || out.Mode == ConcurrencyQueued) {
		c.r.errorf(e.key, "mode: %s cannot go with session: what is said while a dialogue is open is its answer; "+
			"write mode: single or parallel", out.Mode)
	}
	if l := c.rule.Limit; l != nil && l.Over == OverWait {
		switch out.Mode {
		case ConcurrencyQueued:
			c.r.errorf(e.key, "mode: queued cannot go with limit's over: wait: a run waits in one line; write over: drop or reply")
		case ConcurrencyRestart:
			c.r.errorf(e.key, "mode: restart cannot go with limit's over: wait: a run that waits for its turn would be restarted "+
				"before it comes; write over: drop or reply")
		}
	}
	c.rule.Concurrency = out
}
