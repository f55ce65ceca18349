package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// codeHandedOff is the code of a handoff of a conversation that people have already.
const codeHandedOff = "handed_off"

// ErrNotOpen is returned for a handoff or an approval that is not open, or not any more.
var ErrNotOpen = errors.New("is not open")

// handOff does a handoff step: the conversation is people's until it is given back, then the run goes on.
func (r *run) handOff(ctx context.Context, step *rules.Step) (outcome, error) {
	if r.top().Hold == nil {
		return r.handOver(ctx, step)
	}
	conversation := conversationOf(r.ev)
	h, open := r.b.people.handoff(conversation)
	if !open || h.Run != r.id { // nothing is left to wait for
		return r.handedBack(step, "")
	}
	if h.Resumed {
		return r.handedBack(step, h.By)
	}
	due, now := h.due(), r.b.clock.Now()
	switch {
	case !due.IsZero() && now.UnixMilli() >= due.UnixMilli():
		by := "time"
		if h.After == 0 || due.UnixMilli() < h.Since+h.After {
			by = "silence"
		}
		if _, _, ok, err := r.b.people.resume(conversation, by); err != nil || !ok {
			return stepGoesOn, err // given back in this moment: look again
		}
		return r.handedBack(step, by)
	case r.waitsUntil(waitHandoff, due):
		return stepWaits, nil
	}
	r.top().Hold.Phase = phaseWaiting
	return stepWaits, r.waitUntil(ctx, waitRecord{For: waitHandoff, Step: r.stepKey(step)}, due)
}

// waitsUntil reports whether the run waits for that until then already.
func (r *run) waitsUntil(what waitFor, due time.Time) bool {
	w := r.rec.Wait
	if w == nil || w.For != what {
		return false
	}
	if due.IsZero() {
		return w.Due == 0
	}
	return w.Due == due.UnixMilli() && r.b.timers.has(r.id)
}

// handOver gives the conversation to people and tells them.
func (r *run) handOver(ctx context.Context, step *rules.Step) (outcome, error) {
	in, err := step.Handoff.Inputs(r.scope)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), nil
	}
	conversation := conversationOf(r.ev)
	if conversation == "" {
		return r.over(r.failed(step, codeFailed, errors.New("this event has no conversation to hand off"))), nil
	}
	if h, ok := r.b.people.handoff(conversation); ok {
		return r.over(r.failed(step, codeHandedOff, fmt.Errorf("the conversation is handed off already, as #%d", h.Number))), nil
	}
	number, counted := r.b.people.number()
	h := handoffRecord{
		Conversation: conversation, Number: number, Run: r.id, Rule: r.rule.ID, Queue: in.Queue, Note: in.Note,
		Since: r.b.clock.Now().UnixMilli(), After: step.Handoff.After.Milliseconds(), Idle: step.Handoff.Idle.Milliseconds(),
	}
	w, err := entry(scopeHandoff, conversation, h)
	if err != nil {
		return stepGoesOn, err
	}
	r.change.State = append(r.change.State, counted, w)
	r.top().Hold = &holdRecord{Number: number, Group: r.set.Bot.OpsGroup, Text: h.notice(), Phase: phaseSaid}
	if r.set.Bot.OpsGroup != "" {
		r.say(asideNotice)
	}
	if err := r.commit(ctx); err != nil {
		return stepGoesOn, err
	}
	r.b.people.addHandoff(h)
	r.log.Info("conversation handed off", "conversation", conversation, "number", number, "queue", in.Queue)
	return stepGoesOn, nil
}

// handedBack lets the run go on.
func (r *run) handedBack(step *rules.Step, by string) (outcome, error) {
	r.b.people.handedBack(r.change, r.id)
	r.log.Info("conversation given back", "number", r.top().Hold.Number, "by", by)
	r.tell(step, "given back by "+by)
	rec, err := newStepRecord(true, nil, by, nil, nil)
	if err != nil {
		return stepGoesOn, err
	}
	return r.over(r.record(step, rec)), nil
}

// notice is what the ops group is told.
func (h *handoffRecord) notice() string {
	var s strings.Builder
	fmt.Fprintf(&s, "#%d %s 转人工 handed off", h.Number, h.Conversation)
	if h.Queue != "" {
		fmt.Fprintf(&s, " → %s", h.Queue)
	}
	fmt.Fprintf(&s, " (rule %s)", h.Rule)
	if h.Note != "" {
		fmt.Fprintf(&s, "\n%s", h.Note)
	}
	fmt.Fprintf(&s, "\n交还给机器人请发送「恢复 %d」 / to give it back: resume %d", h.Number, h.Number)
	return s.String()
}

// Handoff is a conversation in people's hands.
type Handoff struct {
	Number       int       `json:"number"`       // by which people call it
	Conversation string    `json:"conversation"` // c2c_USER or group_ID
	Rule         string    `json:"rule"`
	Queue        string    `json:"queue,omitzero"`
	Note         string    `json:"note,omitzero"`
	Since        time.Time `json:"since"`
	Due          time.Time `json:"due,omitzero"` // when it is given back by itself, if nobody writes until then; zero: never
}

// Handoffs returns the conversations that are in people's hands, by number.
func (in *Inspector) Handoffs(ctx context.Context) ([]Handoff, error) {
	p, err := in.waiting(ctx)
	if err != nil {
		return nil, err
	}
	var out []Handoff
	for _, h := range p.openHandoffs() {
		out = append(out, Handoff{
			Number: h.Number, Conversation: h.Conversation, Rule: h.Rule, Queue: h.Queue, Note: h.Note,
			Since: time.UnixMilli(h.Since), Due: h.due(),
		})
	}
	return out, nil
}

// ResumeHandoff gives a conversation back to the bot: at once beside a running one, else when it runs next. by says who
// did. Errors: ErrNotOpen.
func (in *Inspector) ResumeHandoff(ctx context.Context, conversation, by string) error {
	in.changing.Lock()
	defer in.changing.Unlock()
	p, err := in.waiting(ctx)
	if err != nil {
		return err
	}
	h, w, ok, err := p.resume(conversation, by)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("handoff of %s %w", conversation, ErrNotOpen)
	}
	if err := in.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{w}}); err != nil {
		p.reopenHandoff(conversation)
		return fmt.Errorf("journal: %w", err)
	}
	in.goOn(h.Conversation, h.Run)
	return nil
}
