package journal

// Announcement is what is kept of one announcement, under its key. The bot's own part of it is in Data.
type Announcement struct {
	Key     string // unique for good
	N       uint64 // 1 for the first one ever made, growing; Commit and AddTargets do not look at it
	Targets uint64 // how many it has; Commit and AddTargets do not look at it
	Data    []byte
}

// Target is one conversation that an announcement is for.
type Target struct {
	N     uint64 // its place in the announcement, from 1 on without gaps; AddTargets gives it
	Name  string // the conversation: an announcement has each name once
	State TargetState
	Data  []byte // the journal does not look into it
}

// TargetState says what became of a target. The journal does not interpret it.
type TargetState uint8

// The states of a target.
const (
	TargetQueued  TargetState = iota // nothing yet
	TargetSent                       // it has the message
	TargetFailed                     // it does not, or not for sure
	TargetSkipped                    // it was not to have it
	TargetRevoked                    // it had the message, which was taken back
)

// TargetQuery asks for targets of one announcement, in their order.
type TargetQuery struct {
	Key    string
	After  uint64        // only those with a higher number
	UpTo   uint64        // and not above this one; 0: no bound
	States []TargetState // only those in one of these; none: in any
	Limit  int           // at most so many; 0: 100
}

// TargetWrite says what became of a target that is there; one that is not is passed over.
type TargetWrite struct {
	Key   string // the announcement's
	N     uint64
	State TargetState
	Data  []byte
}
