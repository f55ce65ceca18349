package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// clockLeeway is by how many seconds the service's clock may be ahead of the bot's.
const clockLeeway = 5

// behindPause is how long an ask whose time is over waits for what came while the bot was away to be read.
const behindPause = 2 * time.Second

// codeNotAccepted is the code of an ask whose answers were all refused.
const codeNotAccepted = "not_accepted"

// ask does an ask step: the question, then a wait for the answer, and both again after an answer that is not accepted.
func (r *run) ask(ctx context.Context, step *rules.Step) (outcome, error) {
	h := r.top().Hold
	if h == nil {
		if err := r.mayAsk(); err != nil {
			return r.over(r.failed(step, codeFailed, err)), nil
		}
		r.top().Hold = &holdRecord{Since: r.b.clock.Now().UnixMilli()}
		r.say(asideAsk)
		return stepGoesOn, nil
	}
	if h.Phase == phaseSaid {
		question, err := r.said(step)
		if err != nil {
			return r.over(r.failed(step, question.Err.Code, err)), nil
		}
		if err := r.mayAsk(); err != nil {
			return r.over(r.failed(step, codeFailed, err)), nil
		}
		return stepWaits, r.awaitAnswer(ctx, step, question)
	}
	if answer, ok := r.steps[r.answerKey(step)]; ok {
		return r.answered(step, answer)
	}
	if w := r.rec.Wait; w != nil && r.b.clock.Now().UnixMilli() < w.Due {
		return stepWaits, nil
	}
	if later, err := r.late(ctx, step); later || err != nil {
		return stepWaits, err
	}
	r.tell(step, "no answer in "+step.Ask.Timeout.String())
	if r.rec.Root != rootSteps { // a list for the end of a dialogue does not begin again
		return stepEnds, nil
	}
	r.log.Info("dialogue timed out", "step", stepName(step), "timeout", step.Ask.Timeout)
	r.turnTo(rootOnTimeout)
	return stepGoesOn, r.keepTalk(dialogueRecord{})
}

// late lets a message answer that came before the time was over and is looked at after it: because the bot was away, or
// because others stood before it. It reports whether the run waits on.
func (r *run) late(ctx context.Context, step *rules.Step) (bool, error) {
	conversation := conversationOf(r.ev)
	if r.b.catchUp.behind(r.ev.Source.Conversation()) {
		w := waitRecord{For: waitAsk, Step: r.stepKey(step), Tries: r.top().Hold.Tries}
		return true, r.waitUntil(ctx, w, r.b.clock.Now().Add(behindPause))
	}
	if r.b.queues.waiting(conversation) && r.b.people.overdue(r.id) {
		r.b.busy.enter()
		r.b.queues.put(conversation, item{wake: r.id})
		return true, nil
	}
	return false, nil
}

// mayAsk reports why the run cannot ask anybody.
func (r *run) mayAsk() error {
	if r.rule.Session == nil {
		return errors.New("ask needs a rule with a session")
	}
	conversation := conversationOf(r.ev)
	if conversation == "" {
		return errors.New("this event has no conversation in which to ask")
	}
	// A run that went on after it had stood still has lost its dialogue, and perhaps to another one.
	if open, ok := r.b.people.inTheWay(conversation, talksTo(r.rule, r.ev)); ok && open.Run != r.id {
		return fmt.Errorf("a dialogue of rule %s is open", open.Rule)
	}
	return nil
}

// keepTalk writes down, with the next commit, which answer the dialogue waits for; of d Step, Answer, Since and Due count,
// none for no answer.
func (r *run) keepTalk(d dialogueRecord) error {
	d.Conversation, d.User, d.Run, d.Rule = conversationOf(r.ev), talksTo(r.rule, r.ev), r.id, r.rule.ID
	w, err := r.b.people.keepDialogue(d)
	r.change.State = append(r.change.State, w)
	return err
}

// awaitAnswer lets the run wait until somebody answers.
func (r *run) awaitAnswer(ctx context.Context, step *rules.Step, question stepRecord) error {
	h := r.top().Hold
	// The service's own time of the question, which its time of an answer can be compared with.
	since := uint64(max(h.Since, 0)) / 1000
	if result, err := question.result(); err == nil {
		if out, ok := result.Out.(map[string]any); ok {
			if msg, ok := out["msg"].(*sdkconn.Message); ok && msg != nil && msg.Time() != 0 {
				since = msg.Time()
			}
		}
	}
	h.Phase = phaseWaiting
	due := r.b.clock.Now().Add(step.Ask.Timeout)
	d := dialogueRecord{Step: stepName(step), Answer: r.answerKey(step), Since: since, Due: due.UnixMilli()}
	if err := r.keepTalk(d); err != nil {
		return err
	}
	return r.waitUntil(ctx, waitRecord{For: waitAsk, Step: r.stepKey(step), Tries: h.Tries}, due)
}

// answerKey is under which key of the run's steps the answer is kept that an ask waits for.
func (r *run) answerKey(step *rules.Step) string {
	path, items, _ := strings.Cut(r.stepKey(step), "#")
	if items != "" {
		items = "#" + items
	}
	return path + ".answer" + items + "#" + strconv.Itoa(r.top().Hold.Tries)
}

// answered looks at an answer.
func (r *run) answered(step *rules.Step, answer stepRecord) (outcome, error) {
	result, err := answer.result()
	if err != nil {
		return stepGoesOn, fmt.Errorf("run %s: answer: %w", r.id, err)
	}
	msg, _ := result.Out.(*sdkconn.Message)
	h := r.top().Hold
	h.Tries++
	r.rec.Wait = nil
	if err := r.keepTalk(dialogueRecord{}); err != nil {
		return stepGoesOn, err
	}
	if r.rec.Root == rootSteps && r.rule.Session.Cancels(answer.Text) {
		r.tell(step, "cancelled")
		r.log.Info("dialogue cancelled", "step", stepName(step))
		r.turnTo(rootOnCancel)
		return stepGoesOn, nil
	}
	if r.accepts(step, msg) {
		out := map[string]any{"text": answer.Text, "msg": msg, "tries": h.Tries}
		rec, err := newStepRecord(true, out, answer.Text, answer.Text, nil)
		if err != nil {
			return r.over(r.failed(step, codeFailed, err)), nil
		}
		return r.over(r.record(step, rec)), nil
	}
	if h.Tries >= step.Ask.Tries {
		return r.over(r.failed(step, codeNotAccepted, fmt.Errorf("none of %d answers was accepted", h.Tries))), nil
	}
	h.Since = r.b.clock.Now().UnixMilli()
	r.say(asideAgain)
	return stepGoesOn, nil
}

// accepts asks the rule about an answer. A condition that cannot be evaluated takes none.
func (r *run) accepts(step *rules.Step, msg *sdkconn.Message) bool {
	if msg == nil {
		return false
	}
	events := rules.Events(&sdkconn.Event{Kind: sdkconn.EventNewMsg, At: msg.Time(), Message: msg}, r.b.conn.Self())
	if len(events) == 0 {
		return false
	}
	r.scope.Answer = &events[0]
	defer func() { r.scope.Answer = nil }()
	ok, err := step.Ask.Accepts(r.scope)
	switch {
	case err != nil:
		r.tell(step, "not accepted: the condition failed")
		r.log.Warn("answer not accepted: the condition failed", "step", stepName(step), "at", step.Pos)
		r.log.Debug("answer not accepted: the condition failed", "step", stepName(step), "err", err) // may quote a message
	case !ok:
		r.tell(step, "not accepted")
	}
	return ok && err == nil
}

// answerTo returns the dialogue that a message answers.
func (b *Bot) answerTo(ev *rules.Event) (dialogueRecord, bool) {
	d, ok := b.people.dialogue(conversationOf(ev), ev.User)
	at := ev.Source.Message.Time()
	if !ok || d.Step == "" || d.Answered || at < d.Since {
		return dialogueRecord{}, false
	}
	// By the bot's clock as long as the time is not over, and by the service's afterwards.
	if b.clock.Now().UnixMilli() > d.Due && int64(at) > d.Due/1000+clockLeeway {
		return dialogueRecord{}, false
	}
	return d, true
}

// takeAnswer gives a message to the run that waits for it, with the commit of the message's event.
func (b *Bot) takeAnswer(d dialogueRecord, ev *rules.Event, change *journal.Change) error {
	msg := ev.Source.Message
	rec, err := newStepRecord(true, msg, msg.Text(), nil, nil)
	if err != nil {
		return err
	}
	data, err := encodeStep(rec)
	if err != nil {
		return err
	}
	d.Answered = true
	w, err := b.people.keepDialogue(d)
	change.Steps = append(change.Steps, journal.Step{Run: d.Run, Key: d.Answer, Data: data})
	change.State = append(change.State, w)
	return err
}
