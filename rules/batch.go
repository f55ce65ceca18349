package rules

import "time"

// Batch gathers the events that fire a rule into one run, whose expressions see them as `events`.
type Batch struct {
	Quiet   time.Duration // the run begins when nothing more came for so long
	MaxWait time.Duration // and no later than this after the first event
	Max     int           // and at once when there are so many; 1 to MaxBatch
	Pos     Pos

	by  *value // nil for one batch over everything
	set *Set
}

// The defaults and the bound of a batch.
const (
	DefaultBatchQuiet = 15 * time.Second
	DefaultBatchWait  = time.Minute
	DefaultBatchMax   = 100
	MaxBatch          = 1000
)

// Key says which batch the event goes to: what `by` names, such as "chat/group_g", or "" for one over everything.
func (b *Batch) Key(sc *Scope) (string, error) { return keyOf(b.by, sc, b.set) }
