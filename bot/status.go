package bot

import (
	"context"
	"time"
)

// Status is how a bot does.
type Status struct {
	Running bool      `json:"running"`
	User    string    `json:"user,omitzero"`     // the bot's user id
	Name    string    `json:"name,omitzero"`     // as its file says
	Began   time.Time `json:"began,omitzero"`    // when New made it
	Rules   int       `json:"rules,omitzero"`    // how many
	RuleSet string    `json:"rule_set,omitzero"` // the hash of their text

	// NotReloaded is why the newest change of the bot's files is not used; empty when it is.
	NotReloaded string `json:"not_reloaded,omitzero"`

	Ready    bool      `json:"ready"`             // it answers what comes in
	Problems []Problem `json:"problems,omitzero"` // what keeps it from that

	Handled uint64 `json:"handled,omitzero"` // events and wake-ups since it was made
	Unused  uint64 `json:"unused,omitzero"`  // events that no rule listens to

	Events  int   `json:"events"`  // in the journal
	Pending int   `json:"pending"` // of them not done
	Runs    int   `json:"runs"`    // open ones
	Timers  int   `json:"timers"`
	Bytes   int64 `json:"bytes"` // of the journal

	Dialogues int `json:"dialogues"` // open ones
	Handoffs  int `json:"handoffs"`  // conversations in people's hands
	Approvals int `json:"approvals"` // requests that wait for an answer
	Dead      int `json:"dead"`      // runs that stand still until a person decides

	// Journal is why the journal's part is missing; empty when it is not.
	Journal string `json:"journal,omitzero"`
}

// Status tells how the bot does, also when its journal does not answer. Errors: ctx's.
func (b *Bot) Status(ctx context.Context) (*Status, error) {
	s, err := b.inspector.Status(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s = &Status{Journal: err.Error()}
	}
	health, set := b.Health(), b.rules()
	s.Running, s.Ready, s.Problems = true, health.Ready, health.Problems
	s.User, s.Name, s.Began = b.conn.Self(), set.Bot.Name, b.since
	if why := b.notReloaded.Load(); why != nil {
		s.NotReloaded = *why
	}
	s.Rules, s.RuleSet = len(set.Rules), set.Hash()
	s.Handled, s.Unused = b.handled.Load(), b.unused.Load()
	return s, nil
}

// Status tells what the journal holds. Errors are the journal's.
func (in *Inspector) Status(ctx context.Context) (*Status, error) {
	stats, err := in.journal.Stats(ctx)
	if err != nil {
		return nil, err
	}
	s := &Status{
		Events: stats.Events, Pending: stats.Pending, Runs: stats.Runs, Timers: stats.Timers, Bytes: stats.Bytes,
	}
	for scope, n := range map[string]*int{
		scopeDialogue: &s.Dialogues, scopeHandoff: &s.Handoffs, scopeApproval: &s.Approvals, scopeDead: &s.Dead,
	} {
		for after, more := "", true; more; {
			page, err := in.journal.StateRange(ctx, scope, after, statsPage)
			if err != nil {
				return nil, err
			}
			*n += len(page)
			if more = len(page) == statsPage; more {
				after = page[len(page)-1].Key
			}
		}
	}
	return s, nil
}
