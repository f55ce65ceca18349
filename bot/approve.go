package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// What may come of a request for consent. The last two are codes of the step, too.
const (
	endApproved   = "approved"
	endRefused    = "refused"
	endNoApproval = "no_approval"
)

// maxAsked bounds how much of one input a request shows, in characters.
const maxAsked = 200

// approve asks people before a step is done, and lets it be done when they agree.
func (r *run) approve(ctx context.Context, step *rules.Step) (outcome, error) {
	h := r.top().Hold
	switch {
	case h == nil:
		return r.requestConsent(ctx, step)
	case h.End == endApproved:
		h.Phase = phaseAgreed
		return stepGoesOn, nil
	case h.End != "":
		return r.refused(step, h.End, errors.New(h.Text))
	case h.Phase == phaseSaid:
		if request, err := r.said(step); err != nil {
			r.b.people.consented(r.change, r.id)
			return r.refused(step, request.Err.Code, fmt.Errorf("the request could not be sent: %w", err))
		}
	}
	a, ok := r.b.people.approval(h.Number)
	if !ok || a.Run != r.id {
		return r.refused(step, endNoApproval, errors.New("the request is gone"))
	}
	now, due := r.b.clock.Now(), time.UnixMilli(h.Due)
	switch {
	case a.End != "":
	case now.Before(due):
		if r.waitsUntil(waitApprove, due) {
			return stepWaits, nil
		}
		h.Phase = phaseWaiting
		return stepWaits, r.waitUntil(ctx, waitRecord{For: waitApprove, Step: r.stepKey(step)}, due)
	default:
		decided, _, ok, err := r.b.people.decide(h.Number, endNoApproval, "")
		if err != nil || !ok {
			return stepGoesOn, err // answered in this moment: look again
		}
		a = decided
	}
	r.b.people.consented(r.change, r.id)
	h.End, h.By, h.Text = a.End, a.Decider, a.told(step.Approve.Timeout)
	r.tell(step, h.Text)
	r.log.Info("approval", "number", h.Number, "end", h.End, "by", h.By)
	r.say(asideTold)
	return stepGoesOn, nil
}

// refused lets the step fail. When it is tried again after all, people are asked again.
func (r *run) refused(step *rules.Step, code string, err error) (outcome, error) {
	r.top().Hold = nil
	return r.over(r.failed(step, code, err)), nil
}

// requestConsent makes the request.
func (r *run) requestConsent(ctx context.Context, step *rules.Step) (outcome, error) {
	in, err := step.Approve.Inputs(r.scope)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), nil
	}
	inputs, err := step.Inputs(r.scope)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), nil
	}
	number, counted := r.b.people.number()
	now := r.b.clock.Now()
	a := approvalRecord{
		Number: number, Conversation: conversationOf(r.ev), Run: r.id, Rule: r.rule.ID, Action: step.Action,
		Group: in.Group, By: in.By, Since: now.UnixMilli(), Due: now.Add(step.Approve.Timeout).UnixMilli(),
	}
	a.What = a.request(inputLines(step, inputs), in.Text, step.Approve.Timeout)
	w, err := entry(scopeApproval, fmt.Sprint(number), a)
	if err != nil {
		return stepGoesOn, err
	}
	r.change.State = append(r.change.State, counted, w)
	r.top().Hold = &holdRecord{Number: number, Group: a.Group, Text: a.What, Due: a.Due}
	r.say(asideRequest)
	if err := r.commit(ctx); err != nil {
		return stepGoesOn, err
	}
	r.b.people.addApproval(a)
	return stepGoesOn, nil
}

// request is the text of the request.
func (a *approvalRecord) request(inputs, text string, timeout time.Duration) string {
	var s strings.Builder
	fmt.Fprintf(&s, "#%d %s 待批准 waits for approval (rule %s)\n%s", a.Number, a.Action, a.Rule, inputs)
	if text != "" {
		fmt.Fprintf(&s, "%s\n", text)
	}
	fmt.Fprintf(&s, "%s: 「同意 %d」「拒绝 %d」 / approve %d, reject %d (%s)",
		strings.Join(a.By, ", "), a.Number, a.Number, a.Number, a.Number, timeout)
	return s.String()
}

// told is what the group is told at the end.
func (a *approvalRecord) told(timeout time.Duration) string {
	switch a.End {
	case endApproved, endRefused:
		return fmt.Sprintf("#%d is %s by %s", a.Number, a.End, a.Decider)
	}
	return fmt.Sprintf("#%d is not done: nobody agreed within %s", a.Number, timeout)
}

// inputLines is a step's inputs for people, one a line, without the secret ones.
func inputLines(step *rules.Step, inputs map[string]any) string {
	secret := step.Secrets()
	var s strings.Builder
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if slices.Contains(secret, name) {
			continue
		}
		text := fmt.Sprint(inputs[name])
		switch v := inputs[name].(type) {
		case string:
		case *sdkconn.Message:
			text = v.Text()
		default:
			if data, err := encodeValue(v); err == nil {
				text = string(data)
			}
		}
		if runes := []rune(text); len(runes) > maxAsked {
			text = string(runes[:maxAsked]) + "…"
		}
		fmt.Fprintf(&s, "%s: %s\n", name, text)
	}
	return s.String()
}

// Approval is a step that waits for a person's consent.
type Approval struct {
	Number  int       `json:"number"` // by which people call it
	Rule    string    `json:"rule"`
	Action  string    `json:"action"`
	Group   string    `json:"group"`       // where it was asked
	By      []string  `json:"by,omitzero"` // who may answer there
	Request string    `json:"request"`     // what was asked
	Since   time.Time `json:"since"`
	Due     time.Time `json:"due,omitzero"`
}

// Approvals returns the open requests, by number.
func (in *Inspector) Approvals(ctx context.Context) ([]Approval, error) {
	p, err := in.waiting(ctx)
	if err != nil {
		return nil, err
	}
	var out []Approval
	for _, a := range p.openApprovals("") {
		out = append(out, Approval{
			Number: a.Number, Rule: a.Rule, Action: a.Action, Group: a.Group, By: a.By, Request: a.What,
			Since: time.UnixMilli(a.Since), Due: time.UnixMilli(a.Due),
		})
	}
	return out, nil
}

// Decide answers a request: the step is done, or fails with the code "refused"; at once beside a running bot, else when
// it runs next. by says who decided; it need not be one of Approval.By. Errors: ErrNotOpen.
func (in *Inspector) Decide(ctx context.Context, number int, approve bool, by string) error {
	in.changing.Lock()
	defer in.changing.Unlock()
	p, err := in.waiting(ctx)
	if err != nil {
		return err
	}
	end := endRefused
	if approve {
		end = endApproved
	}
	a, w, ok, err := p.decide(number, end, by)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("approval #%d %w", number, ErrNotOpen)
	}
	if err := in.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{w}}); err != nil {
		p.reopenApproval(number)
		return fmt.Errorf("journal: %w", err)
	}
	in.goOn(a.Conversation, a.Run)
	return nil
}
