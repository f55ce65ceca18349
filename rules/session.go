package rules

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// SessionPer says with whom a dialogue is.
type SessionPer int

// With whom.
const (
	PerUser SessionPer = iota // one user in one conversation
	PerChat                   // everybody in a conversation
)

var sessionPers = []string{"user", "chat"}

// String returns the word for it in a rule.
func (p SessionPer) String() string { return sessionPers[p] }

// DefaultSessionTimeout is how long a dialogue waits for an answer when the rule does not say.
const DefaultSessionTimeout = 5 * time.Minute

// Session makes a rule's steps a dialogue: at any time there is at most one for one user (or one conversation), of
// whatever rule.
type Session struct {
	Per       SessionPer
	Timeout   time.Duration // how long an ask waits unless its step has a timeout
	OnTimeout []*Step       // their paths begin with "session.on_timeout"
	OnCancel  []*Step       // "session.on_cancel"
	Pos       Pos

	cancel *matcher // nil for no words that cancel
}

// Cancels reports whether a text is one of the words that end the dialogue.
func (s *Session) Cancels(text string) bool {
	if s.cancel == nil {
		return false
	}
	var in input
	in.reset(text, false)
	return s.cancel.matches(&in)
}

var sessionKeys = []string{"per", "timeout", "cancel", "on_timeout", "on_cancel"}

// session reads all but the lists of steps, which see the results of the rule's own steps: sessionSteps reads those
// when the rule's own have been read.
func (c *ruleCompiler) session(e entry) {
	n := resolve(e.value)
	entries, ok := c.r.mapping(n, "session")
	if !ok {
		c.rule.Session = &Session{Timeout: DefaultSessionTimeout} // so that each ask does not complain too
		return
	}
	s := &Session{Timeout: DefaultSessionTimeout, Pos: c.r.pos(n)}
	c.rule.Session = s
	for _, e := range entries {
		switch e.name {
		case "per":
			if word, ok := c.r.enum(e.value, "per", sessionPers...); ok {
				s.Per = SessionPer(slices.Index(sessionPers, word))
			}
		case "timeout":
			s.Timeout = c.positive(e.value, "timeout", s.Timeout)
		case "cancel":
			m := &matcher{mode: MatchExact}
			m.any = c.phrases(e.value, "cancel", m)
			s.cancel = m
		case "on_timeout", "on_cancel":
		default:
			c.r.unknown(e, sessionKeys)
		}
	}
	for _, d := range c.place.events {
		if !d.text {
			c.r.errorf(e.key, "session is a talk with somebody who writes: %s is nothing that is written", d.name)
			break
		}
	}
	if c.rule.Stage == StageObserve {
		c.r.errorf(e.key, "session talks in the chat, which stage observe must not")
	}
	if c.rule.IncludeSelf {
		c.r.errorf(e.key, "session with include_self would make the bot talk to itself")
	}
}

// sessionSteps reads what is done when a dialogue ends early.
func (c *ruleCompiler) sessionSteps(n *yaml.Node) {
	s := c.rule.Session
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return // told already
	}
	quiet := reader{l: &loader{}, d: c.r.d} // what is wrong with the mapping has been told
	entries, _ := quiet.mapping(n, "session")
	for _, e := range entries {
		switch e.name {
		case "on_timeout":
			s.OnTimeout = c.shortSteps(e.value, "session.on_timeout", e.name)
		case "on_cancel":
			s.OnCancel = c.shortSteps(e.value, "session.on_cancel", e.name)
			if s.cancel == nil {
				c.r.errorf(e.key, "on_cancel needs cancel: the words that end the dialogue")
			}
		}
	}
}

// shortSteps compiles a list of steps that nothing may hold up. What its steps give is seen inside of it only.
func (c *ruleCompiler) shortSteps(n *yaml.Node, path, what string) []*Step {
	outer := c.place.steps
	c.place.steps = make(map[string]Type, len(outer))
	for id, t := range outer {
		c.place.steps[id] = t
	}
	c.place.env, c.short = nil, what
	out := c.steps(n, path, what)
	c.place.steps, c.place.env, c.short = outer, nil, ""
	return out
}
