package rules

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// Over says what happens to an event that a limit does not let through.
type Over int

// What may happen.
const (
	OverDrop  Over = iota // the rule does not fire, and does not stop its stage
	OverWait              // it fires, and its run waits for its turn
	OverReply             // it fires, and its run does Limit.Reply in place of its steps, once a window
)

var overNames = []string{"drop", "wait", "reply"}

// String returns the word for it in a rule.
func (o Over) String() string { return overNames[o] }

// Limit bounds how often a rule fires. It slides: in no window, wherever it begins, are there more than Times.
type Limit struct {
	Times  int           // 1 to MaxLimit
	Window time.Duration // longer than 0
	Over   Over
	Reply  []*Step // of OverReply; their paths begin with "limit.reply"
	Pos    Pos

	per  *eventKey
	set  *Set
	rule *Rule
}

// MaxLimit bounds Limit.Times: each firing of a window is remembered.
const MaxLimit = 1000

// Key says whom the event counts for: what `per` names, such as "user/alice", or "" for one limit over everything. It
// reads the event, the facts and the hit of the scope.
func (l *Limit) Key(sc *Scope) (string, error) { return l.per.of(sc, l.set, l.rule) }

var limitKeys = []string{"per", "rate", "over", "reply"}

// noLimit is what a rule says that wants no limit, whatever the defaults say.
const noLimit = "none"

func (c *ruleCompiler) limit(n *yaml.Node) {
	if n = resolve(n); isString(n) && n.Value == noLimit {
		return
	}
	entries, ok := c.r.mapping(n, "limit")
	if !ok {
		return
	}
	l := &Limit{Times: 1, Window: time.Second, Pos: c.r.pos(resolve(n)), set: c.set, rule: c.rule}
	var rate bool
	var reply *entry
	for _, e := range entries {
		switch e.name {
		case "per":
			l.per = c.eventKey(e.value, "per")
		case "rate":
			rate = true
			if r, ok := c.r.rate(e.value, "rate", MaxLimit); ok {
				l.Times, l.Window = r.Times, r.Per
			}
		case "over":
			if word, ok := c.r.enum(e.value, "over", overNames...); ok {
				l.Over = Over(slices.Index(overNames, word))
			}
		case "reply":
			reply = &e
		default:
			c.r.unknown(e, limitKeys)
		}
	}
	if !rate {
		c.r.errorf(resolve(n), "limit needs rate: how many in how long, for instance 1/30s")
	}
	switch {
	case reply != nil && l.Over != OverReply:
		c.r.errorf(reply.key, "reply belongs to `over: reply`")
	case reply != nil:
		c.place.level = levelStep
		l.Reply = c.limitReply(reply)
	case l.Over == OverReply:
		c.r.errorf(resolve(n), "over: reply needs reply: the text that is said then")
	}
	if l.Over == OverWait && c.rule.Session != nil {
		c.r.errorf(resolve(n), "over: wait cannot go with session: nobody waits in line for a talk; write over: drop or reply")
	}
	c.rule.Limit = l
}

// limitReply compiles what is said in place of the rule's steps: the inputs of reply.
func (c *ruleCompiler) limitReply(e *entry) []*Step {
	if n := resolve(e.value); n.ShortTag() == "!!null" || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		c.r.errorf(e.key, "reply is empty: it is the text that is said")
		return nil
	}
	s := c.synthetic("limit.reply[0]", e.value)
	if !c.reply(s, "reply", e.key, e.value, nil, nil) {
		return nil
	}
	return []*Step{s}
}
