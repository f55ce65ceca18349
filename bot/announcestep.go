package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
)

// announce does a step that sends to many: it orders an announcement and waits, without a goroutine, until that is done.
// Errors are the journal's, or ctx's.
func (r *run) announce(ctx context.Context, step *rules.Step, action actions.Orderer) (outcome, error) {
	r.rec.Wait = nil
	id := r.effectID(step)
	h := r.top().Hold
	if h == nil || h.Job == "" {
		if out, done, err := r.orderAnnouncement(ctx, step, action, id); done || err != nil {
			return out, err
		}
		h = r.top().Hold
	}
	req, results, ok, err := r.b.announcer.result(ctx, h.Job, id)
	if err != nil {
		return stepGoesOn, err
	}
	switch {
	case !ok || req.cutShort(): // a crash came while it was ordered
		if out, done, err := r.orderAnnouncement(ctx, step, action, id); done || err != nil {
			return out, err
		}
		return r.awaitAnnouncement(ctx, step)
	case req.Done && h.End == endAgain: // a person has the step tried again
		if err := r.b.announcer.again(ctx, h.Job, id); err != nil {
			return stepGoesOn, err
		}
		h.End = ""
		return stepGoesOn, nil // to look again
	case !req.Done:
		h.End = ""
		return r.awaitAnnouncement(ctx, step)
	}
	announced := req.announced(h.Job)
	announced.Results = results
	result := announced.Result()
	failure := req.failure()
	if failure != nil {
		h.End = endAgain
	}
	if w, ok := action.(actions.OrderWatcher); ok {
		var err error
		if failure != nil {
			err = &actions.Failure{Code: failure.Code, Text: failure.Text}
		}
		w.Ordered(r.callOf(step), result, err)
	}
	rec, err := newStepRecord(failure == nil, outOf(result), result.Text, result.Value, failure)
	if err != nil {
		return r.over(r.failed(step, codeFailed, err)), nil
	}
	return r.over(r.record(step, rec)), nil
}

// endAgain is the End of a hold whose announcement failed: who comes again wants the failed ones tried anew.
const endAgain = "again"

// failure is the step's error: nobody got it, or it ended before it was done.
func (r *announceRequest) failure() *rules.StepError {
	if r.State == AnnounceRefused {
		return &rules.StepError{Code: endRefused, Text: "the announcement was refused"}
	}
	if r.Sent > 0 || r.Failed == 0 {
		return nil
	}
	first := rules.StepError{Code: codeFailed, Text: "it failed"}
	if len(r.First) > 0 {
		_ = json.Unmarshal(r.First, &first) // which rec.settle wrote
	}
	first.Text = "nobody got the message: " + first.Text
	return &first
}

// orderAnnouncement evaluates the step's inputs and orders what they say; done says that the step is over.
func (r *run) orderAnnouncement(ctx context.Context, step *rules.Step, action actions.Orderer, id string) (out outcome, done bool, err error) {
	inputs, err := step.Inputs(r.scope)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), true, nil
	}
	o, err := r.orderOf(step, action, inputs, id)
	if err != nil {
		return r.over(r.failed(step, stepError(err).Code, err)), true, nil
	}
	h := r.top().Hold
	if h == nil {
		h = &holdRecord{Phase: phaseAgreed}
		r.top().Hold = h
	}
	if h.Job != "" { // the key as it was when the step began
		o.Key = h.Job
	}
	h.Job = o.Key
	r.attempt = stepTrace{
		Key: r.stepKey(step), Name: stepName(step), Action: step.Action, Began: r.b.clock.Now().UnixMilli(), Effect: announceEffect(o.Key),
	}
	if err := r.commit(ctx); err != nil {
		return stepGoesOn, true, err
	}
	if _, err := r.b.announcer.order(ctx, o); errors.Is(err, errOrdering) {
		return stepWaits, true, r.waitUntil(ctx, waitRecord{For: waitRetry, Step: r.stepKey(step)}, r.b.clock.Now().Add(settleBackoff))
	} else if errors.Is(err, ErrAnnouncement) {
		r.top().Hold = nil
		return r.over(r.failed(step, codeInput, err)), true, nil
	} else if err != nil {
		return stepGoesOn, true, err
	}
	return stepGoesOn, false, nil
}

// orderOf is what a step's inputs ask for.
func (r *run) orderOf(step *rules.Step, action actions.Orderer, inputs map[string]any, id string) (AnnounceOrder, error) {
	rows, _ := inputs["text"].(*rules.RowText)
	if rows != nil {
		inputs = maps.Clone(inputs)
		inputs["text"] = rows.String()
	}
	asked, err := action.Order(r.callOf(step), inputs)
	if err != nil {
		return AnnounceOrder{}, err
	}
	out := AnnounceOrder{
		Key: asked.Key, ID: id, By: "rule " + r.rule.ID, Users: asked.Users, Groups: asked.Groups, Message: asked.Message,
		Pace: asked.Pace, Quiet: asked.Quiet, text: rows, run: r.id, conversation: conversationOf(r.ev),
	}
	if out.Key == "" {
		out.Key = fmt.Sprintf("%s/%s", r.rule.ID, id)
	}
	if asked.File != "" {
		out.Files = []AnnounceTargets{{Path: asked.File}}
	}
	return out, nil
}

// awaitAnnouncement lets the run leave its conversation's queue until its request is done, which sets a timer for it.
func (r *run) awaitAnnouncement(ctx context.Context, step *rules.Step) (outcome, error) {
	if err := r.waitUntil(ctx, waitRecord{For: waitAnnounce, Step: r.stepKey(step)}, time.Time{}); err != nil {
		return stepGoesOn, err
	}
	return stepWaits, nil
}
