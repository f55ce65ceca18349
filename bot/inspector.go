package bot

import (
	"context"
	"sync"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// Inspector looks into a journal and changes what a person may change there: beside a running bot (Bot.Inspector), or on
// a journal that no bot runs on.
type Inspector struct {
	journal journal.Journal
	actions *actions.Registry
	clock   clockwork.Clock
	wake    func(journal.Timer) // tells the running bot of a timer; nil without one
	live    func() *rules.Set   // of the running bot; nil without one

	people   *people                        // of the running bot; nil without one
	lanes    *lanes                         // of the running bot; nil without one
	goOnWith func(conversation, run string) // lets a run of the running bot go on; nil without one

	changing sync.Mutex // one person at a time

	reading sync.Mutex
	sets    []*rules.Set // read from the journal, the last used at the end
	watch   watchers
	events  locks    // by event: held while it is found out whether a run's end is its end
	dead    deadBook // guarded by changing
}

// NewInspector returns an inspector of a journal that no bot runs on. It takes ownership of nothing.
func NewInspector(j journal.Journal, r *actions.Registry, clock clockwork.Clock) *Inspector {
	return &Inspector{journal: j, actions: r, clock: clock}
}

// Inspector returns the inspector of the bot's journal.
func (b *Bot) Inspector() *Inspector { return b.inspector }

// waiting is what waits for people: as the running bot knows it, or as the journal has it now.
func (in *Inspector) waiting(ctx context.Context) (*people, error) {
	p := in.people
	if p == nil {
		p = newPeople()
	}
	return p, p.load(ctx, in.journal)
}

// goOn lets a run go on with what was written down for it; without a running bot it does when it is taken up again.
func (in *Inspector) goOn(conversation, run string) {
	if in.goOnWith != nil {
		in.goOnWith(conversation, run)
	}
}
