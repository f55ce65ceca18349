package bot

import (
	"fmt"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// conversationOf is where an event belongs, as the queues and the journal name it; "" for nowhere.
func conversationOf(ev *rules.Event) string {
	if ev.Source == nil {
		return ""
	}
	if c := ev.Source.Conversation(); c.Valid() {
		return c.String()
	}
	return ""
}

// talksTo is the user with whom a rule's dialogue about an event is.
func talksTo(rule *rules.Rule, ev *rules.Event) string {
	if rule.Session.Per == rules.PerChat || ev.User == "" {
		return everybody
	}
	return ev.User
}

// sessionGate says why a rule with a session may not fire; "" when it may. talks says that another one fired on the same
// event.
func (b *Bot) sessionGate(ev *rules.Event, rule *rules.Rule, talks bool) string {
	if rule.Session == nil {
		return ""
	}
	if talks {
		return "another dialogue begins with this event"
	}
	if open, ok := b.people.inTheWay(conversationOf(ev), talksTo(rule, ev)); ok {
		return fmt.Sprintf("a dialogue of rule %s is open", open.Rule)
	}
	return ""
}

// openDialogue opens the dialogue of a run that begins, with the change that creates the run.
func (b *Bot) openDialogue(r *run, change *journal.Change) error {
	if r.rule.Session == nil || r.rec.Root != rootSteps {
		return nil
	}
	conversation := conversationOf(r.ev)
	if conversation == "" {
		return nil // an ask says so
	}
	w, err := b.people.keepDialogue(dialogueRecord{
		Conversation: conversation, User: talksTo(r.rule, r.ev), Run: r.id, Rule: r.rule.ID,
	})
	if err != nil {
		return err
	}
	change.State = append(change.State, w)
	return nil
}

// turnTo ends a dialogue's steps and begins another of its lists.
func (r *run) turnTo(list root) {
	r.rec.Root = list
	r.rec.Frames = []frame{{}}
	r.rec.afresh()
	r.items = nil
	r.setLocals()
}

// listens reports whether events of this kind are needed though no rule is on them: what people write is, while something
// waits for it or may begin to.
func (b *Bot) listens(kind sdkconn.EventKind) bool {
	return kind == sdkconn.EventNewMsg && (b.rules().Dialogues() || b.rules().Handoffs() || b.rules().Approvals() || b.people.any())
}
