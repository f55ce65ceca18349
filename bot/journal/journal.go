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

	// Event returns a stored event by its key, done or not, as long as it is kept: at least as long as it is not done.
	Event(ctx context.Context, key string) (e Event, ok bool, err error)

	// Records returns what is kept of events, done or not, the newest first. Events of which only the key is kept are not
	// among them. See Query.
	Records(ctx context.Context, q Query) ([]Record, error)

	// Runs returns the open runs of one event in their order.
	Runs(ctx context.Context, event string) ([]Run, error)

	// Run returns one open run; ok is false when there is none.
	Run(ctx context.Context, id string) (r Run, ok bool, err error)

	// Steps returns what is recorded of one open run's steps, by key.
	Steps(ctx context.Context, run string) (map[string][]byte, error)

	// Timers returns all timers that are set, by (Due, ID).
	Timers(ctx context.Context) ([]Timer, error)

	// State returns what is kept under one scope, by key. An unknown scope is empty. Values whose Expire has passed may
	// still be among them.
	State(ctx context.Context, scope string) (map[string][]byte, error)

	// StateRange returns what is kept under one scope in the order of the keys, at most limit entries, beginning after
	// the key after ("": from the start). It is for scopes that grow.
	StateRange(ctx context.Context, scope, after string, limit int) ([]StateEntry, error)

	// Count returns how many marks a counter has that were made after since and not after until. Marks after until are
	// those of a clock that was put back.
	Count(ctx context.Context, key string, since, until time.Time) (int, error)

	// Position returns how far a conversation was handed over; ok is false for one never seen.
	Position(ctx context.Context, conversation string) (p Position, ok bool, err error)

	// Positions returns the positions of all conversations, by conversation.
	Positions(ctx context.Context) ([]Position, error)

	// RuleSet returns a rule set that an open run or a kept trace names. Errors: ErrUnknownRuleSet.
	RuleSet(ctx context.Context, hash string) (RuleSet, error)

	// AddTargets puts an announcement, and adds those of the targets to it whose names it does not have yet, in this order,
	// all in one commit. It returns the number that each target has in the announcement.
	AddTargets(ctx context.Context, a Announcement, targets []Target) (numbers []uint64, err error)

	// Announcement returns an announcement by its key; ok is false when there is none.
	Announcement(ctx context.Context, key string) (a Announcement, ok bool, err error)

	// Announcements returns announcements, the newest first, at most limit, of those with a number below before (0: from
	// the newest on).
	Announcements(ctx context.Context, before uint64, limit int) ([]Announcement, error)

	// Targets returns targets of an announcement; an unknown one has none.
	Targets(ctx context.Context, q TargetQuery) ([]Target, error)

	// Trim forgets what Retention lets go of. It works in bounded pieces, so that commits get their turn: More in the
	// result asks the caller to call it again. What is open (events that are not done, runs, timers) always stays.
	Trim(ctx context.Context, r Retention) (Trimmed, error)

	// Stats tells how much the journal holds.
	Stats(ctx context.Context) (Stats, error)

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

// Trace is what the bot wrote down of one event: what it decided and what came of it.
type Trace struct {
	Event   string // its key
	RuleSet string // the hash of the rule set that decided, or ""; its text is kept as long as the trace
	Data    []byte // the journal does not look into it
}

// Query says which records are asked for. The zero value asks for the newest one hundred.
type Query struct {
	Before       uint64 // only events with a lower number; 0: from the newest on
	Conversation string // only events of this one; "": of any
	KeyFrom      string // only keys from this one on, and
	KeyTo        string // below this one; "": no bound
	Limit        int    // at most so many; 0: 100
}

// Record is what is kept of one event.
type Record struct {
	Stored
	Done  bool
	Trace Trace // the zero Trace when none was written or it is gone
}

// StateEntry is one value of a scope.
type StateEntry struct {
	Key    string
	Value  []byte
	Expire time.Time
}

// Retention says what Trim forgets. A zero time forgets nothing by age, zero Bytes nothing by size.
type Retention struct {
	Now    time.Time // state and marks that expired before it go
	Events time.Time // done events from before it go, key, data and trace
	Traces time.Time // traces of done events from before it go

	// Bytes is how large the journal may be. When it is larger, the oldest traces of done events go, then the data of the
	// oldest done events, so that what is left of the newer half has its traces; keys of events from Keys on stay whatever
	// the size, so that what comes again is still known.
	Bytes int64
	Keys  time.Time
}

// Trimmed is what one Trim did.
type Trimmed struct {
	Events, Traces, State, Marks int // how many went; Traces also with their events
	More                         bool
}

// Stats is how much a journal holds.
type Stats struct {
	Events, Pending, Runs, Timers int   // Pending are the events that are not done
	Bytes                         int64 // on disk or in memory, as far as the journal can tell
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
	Expire     time.Time // when it may be forgotten; zero: never
}

// CountWrite makes one mark on a counter.
type CountWrite struct {
	Key string
	At  time.Time

	// Before is how many marks after Since and not after At the writer saw: Commit answers ErrConflict when it is not so
	// any more.
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

// RuleSet is the text of a rule set, kept as long as an open run or a trace needs it.
type RuleSet struct {
	Hash string
	Data []byte
}

// Change is a set of writes that belong together. The fields are applied in their order here.
type Change struct {
	RuleSets []RuleSet    // kept as long as an open run or a trace names them, from the end of this change on
	Runs     []Run        // put: new, or with new Data
	Steps    []Step       // put; of open runs
	State    []StateWrite //
	Counts   []CountWrite //

	Announcements []Announcement // put
	Targets       []TargetWrite  // put

	StopTimers []string // ids; an unknown one is no error
	SetTimers  []Timer  // of open runs
	Traces     []Trace  // put: one for an event, a later one takes its place
	EndRuns    []string // the run, its steps and its timers go
	Done       []string // events that need nothing more; their keys stay known

	// Lazy says that the change need not be durable when Commit returns: doing it again after a crash does no harm.
	Lazy bool
}

// Empty reports whether the change would change nothing.
func (c *Change) Empty() bool {
	return len(c.RuleSets)+len(c.Runs)+len(c.Steps)+len(c.State)+len(c.Counts)+len(c.Announcements)+len(c.Targets)+
		len(c.StopTimers)+len(c.SetTimers)+len(c.Traces)+len(c.EndRuns)+len(c.Done) == 0
}

// Add puts other's writes after c's. The result is lazy only when both are.
func (c *Change) Add(other *Change) {
	c.Lazy = other.Lazy && (c.Lazy || c.Empty())
	c.RuleSets = append(c.RuleSets, other.RuleSets...)
	c.Runs = append(c.Runs, other.Runs...)
	c.Steps = append(c.Steps, other.Steps...)
	c.State = append(c.State, other.State...)
	c.Counts = append(c.Counts, other.Counts...)
	c.Announcements = append(c.Announcements, other.Announcements...)
	c.Targets = append(c.Targets, other.Targets...)
	c.StopTimers = append(c.StopTimers, other.StopTimers...)
	c.SetTimers = append(c.SetTimers, other.SetTimers...)
	c.Traces = append(c.Traces, other.Traces...)
	c.EndRuns = append(c.EndRuns, other.EndRuns...)
	c.Done = append(c.Done, other.Done...)
}
