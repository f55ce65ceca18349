package rules

import "time"

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

	per *value // nil for one limit over everything
	set *Set
}

// MaxLimit bounds Limit.Times: each firing of a window is remembered.
const MaxLimit = 1000

// Key says whom the event counts for: what `per` names, such as "user/alice", or "" for one limit over everything.
func (l *Limit) Key(sc *Scope) (string, error) { return keyOf(l.per, sc, l.set) }
