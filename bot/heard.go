package bot

import (
	"fmt"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// heard is what a message means to what waits for people.
type heard struct {
	taken string // why main and fallback are not tried; "" when the message means nothing

	// take gives the message to what waits for it, with the change; nil when nothing does. It returns the run that goes on
	// when the change is in the journal.
	take func(change *journal.Change) (wakeUp, bool, error)
}

// wakeUp is a run that goes on when the commit at hand is done.
type wakeUp struct{ conversation, run string }

// hear says what an event means to what waits for people.
func (b *Bot) hear(ev *rules.Event, trace *traceRecord) heard {
	if ev.Type != "message.c2c" && ev.Type != "message.group" || !b.people.any() {
		return heard{}
	}
	conversation, now := conversationOf(ev), b.clock.Now()
	b.people.spoke(conversation, now)
	if msg := ev.Source.Message; msg.IsFromSelf || msg.Sender == b.conn.Self() {
		return heard{}
	}
	if d, ok := b.answerTo(ev); ok {
		return heard{fmt.Sprintf("answer to %s (%s)", d.Rule, d.Step), func(change *journal.Change) (wakeUp, bool, error) {
			return wakeUp{d.Conversation, d.Run}, true, b.takeAnswer(d, ev, change)
		}}
	}
	if h, ok := b.hearWord(ev, trace, now); ok {
		return h
	}
	if h, ok := b.people.handoff(conversation); ok && !h.Resumed {
		if h.Queue == "" {
			return heard{taken: "handed off"}
		}
		return heard{taken: "handed off to " + h.Queue}
	}
	return heard{}
}

// taken lets the event's message do what it was heard to mean, unless a final rule of guard keeps it.
func (b *Bot) taken(h heard, d rules.Decision, trace *traceRecord, change *journal.Change, now time.Time) ([]wakeUp, error) {
	switch {
	case h.take == nil:
		return nil, nil
	case d.Final != nil:
		trace.note(now, "not taken as an %s: rule %s is final", h.taken, d.Final.ID)
		return nil, nil
	}
	w, ok, err := h.take(change)
	if err != nil || !ok {
		return nil, err
	}
	trace.note(now, "%s", h.taken)
	return []wakeUp{w}, nil
}

// wakeUp puts runs that something has come for before all else in their conversations' queues.
func (b *Bot) wakeUp(runs []wakeUp) {
	for _, w := range runs {
		b.busy.enter()
		b.queues.putFirst(queueOf(w.conversation, w.run), item{wake: w.run})
	}
}
