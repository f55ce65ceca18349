package bot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// keepAnswers is how long it is known what the bot answered to a message.
const keepAnswers = 24 * time.Hour

// answersScope is the scope of the journal's state that holds what was sent because of the message that an event is about;
// empty for an event about none.
func answersScope(ev *rules.Event) string {
	if ev.Source == nil {
		return ""
	}
	m := ev.Source.Message
	if ev.Source.Revoked != nil {
		m = ev.Source.Revoked.Message()
	}
	if m == nil || !m.Conversation().Valid() {
		return ""
	}
	return "answers/" + m.Conversation().String() + "/" + rules.MessageID(m)
}

// noteAnswer puts the message that a step sent into the next commit, when a rule may want to take it back.
func (r *run) noteAnswer(step *rules.Step, out any) error {
	values, _ := out.(map[string]any)
	sent, ok := values["msg"].(*sdkconn.Message)
	scope := answersScope(r.ev)
	if !ok || sent == nil || values["msg_id"] == nil || scope == "" || !r.b.rules().RevokesAnswers() {
		return nil
	}
	data, err := encodeValue(sent)
	if err != nil {
		return fmt.Errorf("note the answer: %w", err)
	}
	r.change.State = append(r.change.State, journal.StateWrite{
		Scope: scope, Key: r.effectID(step), Value: data, Expire: r.b.clock.Now().Add(keepAnswers),
	})
	return nil
}

// answers returns what was sent because of the message that the event is about, the oldest first.
func (r *run) answers(ctx context.Context) ([]*sdkconn.Message, error) {
	scope := answersScope(r.ev)
	if scope == "" {
		return nil, nil
	}
	kept, err := r.b.journal.State(ctx, scope)
	if err != nil {
		return nil, err
	}
	var out []*sdkconn.Message
	for key, data := range kept {
		v, err := decodeValue(data)
		if err != nil {
			return nil, fmt.Errorf("answer %s: %w", key, err)
		}
		if m, ok := v.(*sdkconn.Message); ok {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *sdkconn.Message) int {
		return cmp.Or(cmp.Compare(a.Time(), b.Time()), cmp.Compare(a.Seq, b.Seq))
	})
	return out, nil
}
