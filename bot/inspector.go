package bot

import (
	"sync"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
)

// Inspector looks into a journal and changes what a person may change there: beside a running bot (Bot.Inspector), or on
// a journal that no bot runs on.
type Inspector struct {
	journal journal.Journal
	actions *actions.Registry
	clock   clockwork.Clock
	wake    func(journal.Timer) // tells the running bot of a timer; nil without one

	changing sync.Mutex // one person at a time
	events   locks      // by event: held while it is found out whether a run's end is its end
	dead     deadBook
}

// NewInspector returns an inspector of a journal that no bot runs on. It takes ownership of nothing.
func NewInspector(j journal.Journal, r *actions.Registry, clock clockwork.Clock) *Inspector {
	return &Inspector{journal: j, actions: r, clock: clock}
}

// Inspector returns the inspector of the bot's journal.
func (b *Bot) Inspector() *Inspector { return b.inspector }
