package journal

import (
	"context"
	"errors"
	"time"
)

// Errors of every journal.
var (
	// ErrConflict is returned by Commit when a CountWrite's Before is no longer the count. Nothing was applied; read
	// again and decide anew.
	ErrConflict = errors.New("journal: somebody else changed it meanwhile")

	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("journal: closed")

	// ErrUnknownRuleSet is returned by RuleSet for a hash that the journal does not keep.
	ErrUnknownRuleSet = errors.New("journal: unknown rule set")
)

// Journal is durable storage for one bot. All methods may be called from many goroutines at once, block until done or
// until ctx ends, and return ErrClosed after Close. A call that ended with ctx may still take effect.
type Journal interface {
	// Append stores the events that are not stored yet, in this order, and moves the positions of their
	// conversations. It reports for each event whether it was new.
	Append(ctx context.Context, events []Event) (fresh []bool, err error)

	// Commit applies a change. Errors: ErrConflict.
	Commit(ctx context.Context, change *Change) error

	// Pending returns events that are not done, in the order in which they were appended, at most limit of them,
	// beginning after the one with number after (0: from the start).
	Pending(ctx context.Context, after uint64, limit int) ([]Stored, error)

	// Event returns a stored event by its key, done or not, as long as a run needs it; ok is false otherwise.
	Event(ctx context.Context, key string) (e Event, ok bool, err error)

	// Runs returns the open runs of one event in their order.
	Runs(ctx context.Context, event string) ([]Run, error)

	// Run returns one open run; ok is false when there is none.
	Run(ctx context.Context, id string) (r Run, ok bool, err error)

	// Steps returns what is recorded of one open run's steps, by key.
	Steps(ctx context.Context, run string) (map[string][]byte, error)

	// Timers returns all timers that are set, by (Due, ID).
	Timers(ctx context.Context) ([]Timer, error)

	// State returns what is kept under one scope, by key. An unknown scope is empty.
	State(ctx context.Context, scope string) (map[string][]byte, error)

	// Count returns how many marks a counter has that were made after since.
	Count(ctx context.Context, key string, since time.Time) (int, error)

	// Position returns how far a conversation was handed over; ok is false for one never seen.
	Position(ctx context.Context, conversation string) (p Position, ok bool, err error)

	// Positions returns the positions of all conversations, by conversation.
	Positions(ctx context.Context) ([]Position, error)

	// RuleSet returns a rule set that an open run began with. Errors: ErrUnknownRuleSet.
	RuleSet(ctx context.Context, hash string) (RuleSet, error)

	// Close makes everything durable and frees what the journal holds. A second Close does nothing.
	Close() error
}

// Event is one thing that the connection handed over, with what the journal must know of it.
type Event struct {
	Key          string    // unique for good, time first
	Conversation string    // "" for an event of none
	Seq          uint64    // the message's place in a group; 0 where there is none
	At           time.Time // when it happened
	Data         []byte    // the event itself; the journal does not look into it
}

// Stored is an event and its number: 1 for the first ever appended, growing.
type Stored struct {
	N uint64
	Event
}

// Run is one rule's way through its steps for one event. The bot's own part of it is in Data.
type Run struct {
	ID      string // unique for good
	Event   string // the key of the event that started it
	Order   int    // its place among the event's runs
	RuleSet string // the hash of the rule set that it began with
	Data    []byte
}

// Step is what is recorded of one step of a run: that it was begun, or what came of it.
type Step struct {
	Run  string
	Key  string
	Data []byte
}

// Timer wakes a run.
type Timer struct {
	ID  string // one timer an id: setting it again moves it
	Due time.Time
	Run string
}

// StateWrite sets a value, or removes it when Value is nil.
type StateWrite struct {
	Scope, Key string
	Value      []byte
}

// CountWrite makes one mark on a counter.
type CountWrite struct {
	Key string
	At  time.Time

	// Before is how many marks after Since the writer saw: Commit answers ErrConflict when it is not so any more.
	Before int
	Since  time.Time

	// Expire is when the mark may be forgotten; not before the longest window that asks for it has passed.
	Expire time.Time
}

// Position is the newest event of a conversation that was handed over.
type Position struct {
	Conversation string
	Seq          uint64
	At           time.Time
}

// RuleSet is the text of a rule set, kept as long as an open run needs it.
type RuleSet struct {
	Hash string
	Data []byte
}

// Change is a set of writes that belong together. The fields are applied in their order here.
type Change struct {
	RuleSets   []RuleSet    // kept until no open run names them
	Runs       []Run        // put: new, or with new Data
	Steps      []Step       // put; of open runs
	State      []StateWrite //
	Counts     []CountWrite //
	StopTimers []string     // ids; an unknown one is no error
	SetTimers  []Timer      // of open runs
	EndRuns    []string     // the run, its steps and its timers go
	Done       []string     // events that need nothing more; their keys stay known

	// Lazy says that the change need not be durable when Commit returns: doing it again after a crash does no harm.
	Lazy bool
}

// Empty reports whether the change would change nothing.
func (c *Change) Empty() bool {
	return len(c.RuleSets)+len(c.Runs)+len(c.Steps)+len(c.State)+len(c.Counts)+len(c.StopTimers)+len(c.SetTimers)+
		len(c.EndRuns)+len(c.Done) == 0
}

// Add puts other's writes after c's. The result is lazy only when both are.
func (c *Change) Add(other *Change) {
	c.Lazy = other.Lazy && (c.Lazy || c.Empty())
	c.RuleSets = append(c.RuleSets, other.RuleSets...)
	c.Runs = append(c.Runs, other.Runs...)
	c.Steps = append(c.Steps, other.Steps...)
	c.State = append(c.State, other.State...)
	c.Counts = append(c.Counts, other.Counts...)
	c.StopTimers = append(c.StopTimers, other.StopTimers...)
	c.SetTimers = append(c.SetTimers, other.SetTimers...)
	c.EndRuns = append(c.EndRuns, other.EndRuns...)
	c.Done = append(c.Done, other.Done...)
}
