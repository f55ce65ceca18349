package rules

import "time"

// SessionPer says with whom a dialogue is.
type SessionPer int

// With whom.
const (
	PerUser SessionPer = iota // one user in one conversation
	PerChat                   // everybody in a conversation
)

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
