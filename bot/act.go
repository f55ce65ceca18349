package bot

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// act does an action step. Errors are the journal's, or ctx's.
func (r *run) act(ctx context.Context, step *rules.Step) (outcome, error) {
	action, ok := r.b.action(step.Action)
	if !ok { // the rules were checked against another registry
		return r.over(r.failed(step, codeFailed, fmt.Errorf("there is no action %q", step.Action))), nil
	}
	key := r.stepKey(step)
	before, begun := r.steps[key]
	if before.Done { // a crash came between its result and the next step
		if err := r.show(step, before); err != nil {
			return stepGoesOn, err
		}
		if before.Err != nil && !step.ContinueOnError {
			r.traced().Outcome, r.fault = "failed", before.Err
			return stepEnds, nil
		}
		r.advance()
		return stepGoesOn, nil
	}
	if many, ok := action.(actions.Orderer); ok {
		return r.announce(ctx, step, many)
	}
	settle, err := r.settle(action.Spec(), step)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), nil
	}
	wait := r.rec.Wait
	r.rec.Wait = nil
	if begun && wait == nil && settle != actions.SettleRepeat { // a crash came in the middle of it
		if settle == actions.SettleReport {
			return r.over(r.failed(step, codeInterrupted,
				errors.New("the bot stopped in the middle of this step; whether it took effect is not known"))), nil
		}
		r.unsettled(before.At)
		asks := time.UnixMilli(before.At).Add(settleBackoff)
		if _, knows := r.b.conn.(sdkconn.Repeater); !knows && r.b.clock.Now().Before(asks) { // it may be on its way yet
			return stepWaits, r.waitUntil(ctx, waitRecord{For: waitRetry, Step: key}, asks)
		}
	}
	if wait != nil && wait.For == waitPace {
		if due := r.b.pace.due(r.effectID(step)); !due.IsZero() { // others were held back before it
			return stepWaits, r.waitUntil(ctx, *wait, due)
		}
	}
	inputs, err := step.Inputs(r.scope)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), nil
	}
	if settle != actions.SettleRepeat {
		err = r.begin(ctx, key)
	} else if len(r.change.Steps)+len(r.change.State) > 0 { // what came of the steps before is not left to chance
		err = r.commit(ctx)
	}
	if err != nil {
		return stepGoesOn, err
	}
	start := r.b.clock.Now()
	r.attempt = stepTrace{
		Key: key, Name: stepName(step), Action: step.Action, Began: start.UnixMilli(), Effect: r.effectID(step),
	}
	out := r.outgoing(step)
	result, err := r.call(ctx, action, step, inputs, out)
	took := r.b.clock.Since(start)
	r.attempt.Took = took.Microseconds()
	if ctx.Err() != nil { // the second stage of a stop: the journal says that it was begun
		r.b.pace.forget(out.effect)
		return stepGoesOn, ctx.Err()
	}
	if later, refusal := out.isLater(); !later.IsZero() {
		return stepWaits, r.waitTurn(ctx, key, later, refusal)
	}
	r.b.pace.forget(out.effect) // it was found, or failed before it left
	if err != nil {
		if delay, again := r.retry(step, settle, start, err); again {
			r.attempt.Code, r.attempt.Err, r.attempt.Note = stepError(err).Code, err.Error(), "tried again in "+delay.String()
			r.traced().step(r.attempt)
			r.observeStep(r.attempt)
			return stepWaits, r.wait(ctx, key, delay, err)
		}
		if settle == actions.SettleReport && unknown(err) {
			err = fmt.Errorf("%w: %w", actions.ErrUnsettled, err)
		}
		rec, recErr := newStepRecord(false, outOf(result), result.Text, result.Value, stepError(err))
		if recErr != nil {
			rec = stepRecord{Done: true, Err: stepError(err)}
		}
		var failure *actions.Failure
		rec.final = errors.As(err, &failure) && failure.Final
		return r.over(r.record(step, rec)), nil
	}
	r.log.Debug("step done", "step", stepName(step), "action", step.Action, "took", took)
	r.attempt.Msg = sentID(outOf(result))
	rec, err := newStepRecord(true, outOf(result), result.Text, result.Value, nil)
	if err == nil {
		err = r.noteAnswer(step, outOf(result))
	}
	if err != nil {
		return r.over(r.failed(step, codeFailed, err)), nil
	}
	return r.over(r.record(step, rec)), nil
}

func (r *run) over(ends bool) outcome {
	if ends {
		return stepEnds
	}
	return stepGoesOn
}

// outOf is an action's output as plain values.
func outOf(result actions.Result) any {
	if values := result.Values(); values != nil {
		return values
	}
	return nil
}

// begin writes down, durably, that a step is about to have its effect: it no longer waits, and has no result.
func (r *run) begin(ctx context.Context, key string) error {
	rec := stepRecord{At: r.b.clock.Now().UnixMilli()}
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	r.steps[key] = rec
	r.change.Steps = append(r.change.Steps, journal.Step{Run: r.id, Key: key, Data: data})
	return r.commit(ctx)
}

// settle says what becomes of a step's effect when nobody knows whether it happened.
func (r *run) settle(spec actions.Spec, step *rules.Step) (actions.Settle, error) {
	if spec.SettleOf == nil {
		return spec.Settle, nil
	}
	inputs, err := step.Inputs(r.scope)
	return spec.SettleOf(inputs), err
}

// unsettled notes that nobody knows what became of an attempt that was begun then, in Unix milliseconds.
func (r *run) unsettled(began int64) {
	if r.rec.Unsettled == 0 {
		r.rec.Unsettled = max(began, 1)
	}
}

// outgoing is where the messages of the next attempt of a step leave.
func (r *run) outgoing(step *rules.Step) *outgoing {
	return &outgoing{
		conn: r.b.conn, pace: r.b.pace, effect: r.effectID(step), tries: r.refusals(step) - r.rec.Refused,
		backoff: func(n int) time.Duration { return r.backoff(step, refusedBackoff, r.rec.Refused+n-1) },
	}
}

// refusals is how often the service may say to a step that there are too many.
func (r *run) refusals(step *rules.Step) int {
	if step.Retry.Backoff > 0 { // the step has a retry of its own
		return step.Retry.Times
	}
	return refusedTries
}

// backoff is the wait after the nth of a row, from 0: it doubles, from the longer of the step's own and first, with jitter.
func (r *run) backoff(step *rules.Step, first time.Duration, n int) time.Duration {
	first = max(first, step.Retry.Backoff)
	delay := first << min(n, 20)
	if delay <= 0 || delay > maxPatience {
		delay = maxPatience
	}
	return delay + time.Duration(float64(delay)*0.2*r.jitter(n))
}

// call runs the action within the step's time.
func (r *run) call(ctx context.Context, action actions.Action, step *rules.Step, inputs map[string]any, out *outgoing) (actions.Result, error) {
	ctx, clock, cancel := withStepTime(ctx, r.b.clock, step.Timeout)
	defer cancel()
	out.time = clock
	call := r.callOf(step)
	call.Out = out
	result, err := action.Run(ctx, call, inputs)
	if err != nil && context.Cause(ctx) == context.DeadlineExceeded {
		err = fmt.Errorf("no answer within %s: %w: %w", step.Timeout, context.DeadlineExceeded, err)
	}
	return result, err
}

// callOf is where a step's action runs.
func (r *run) callOf(step *rules.Step) *actions.Call {
	call := &actions.Call{
		Conn: r.b.conn, Event: r.ev.Source, EventKey: r.event, User: r.ev.User, EffectID: r.effectID(step),
		HTTP:    actions.HTTPPolicy(r.b.rules().Bot.HTTP),
		Answers: r.answers, Archive: r.b.archive, Clock: r.b.clock,
		Log: r.log.With("step", stepName(step)), Dir: r.b.dir, DataDir: r.b.dataDir, Rule: r.rule.ID, Step: stepName(step),
	}
	if r.rec.Unsettled != 0 {
		call.Unsettled = time.UnixMilli(r.rec.Unsettled)
	}
	if r.ev.Source != nil {
		if c := r.ev.Source.Conversation(); c.Valid() {
			call.Conversation = c
		}
	}
	return call
}

// effectID names a step's effect for good, short enough to travel with a message.
func (r *run) effectID(step *rules.Step) string { return effectID(r.id, r.stepKey(step)) }

func effectID(run, key string) string {
	h := fnv.New128a()
	h.Write([]byte(run + "/" + key))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// unknown reports whether a failed attempt may have taken effect.
func unknown(err error) bool {
	return sdkconn.EffectUnknown(err) || errors.Is(err, context.DeadlineExceeded)
}

// retry says whether and when a failed step is taken up again. An attempt that may have taken effect, begun at start, is
// never simply repeated, unless doing it twice is the same as doing it once: an action that can ask settles it.
func (r *run) retry(step *rules.Step, settle actions.Settle, start time.Time, err error) (time.Duration, bool) {
	var input *actions.InputError
	var failure *actions.Failure
	if errors.As(err, &input) || errors.As(err, &failure) && failure.Final {
		return 0, false
	}
	advised, hasAdvice := actions.RetryAfter(err)
	ask := settle == actions.SettleAsk
	switch {
	case sdkconn.FrequencyLimit(err):
		if r.rec.Refused >= r.refusals(step) {
			return 0, false
		}
		r.rec.Refused++
		return max(r.backoff(step, refusedBackoff, r.rec.Refused-1), advised), true
	case ask && errors.Is(err, actions.ErrUnsettled) && !hasAdvice:
		return 0, false
	case ask && (errors.Is(err, actions.ErrUnsettled) || unknown(err)):
		r.unsettled(start.UnixMilli())
		if r.rec.Asked >= max(settleTries, step.Retry.Times) {
			return 0, false
		}
		r.rec.Asked++
		return max(r.backoff(step, settleBackoff, r.rec.Asked-1), advised), true
	case settle == actions.SettleReport && (unknown(err) || errors.Is(err, actions.ErrUnsettled)), r.rec.Failed >= step.Retry.Times:
		return 0, false
	case !hasAdvice && sdkconn.CodeOf(err) != 0 && !sdkconn.Retryable(err):
		return 0, false
	}
	delay := step.Retry.Backoff << min(r.rec.Failed, 20)
	if delay <= 0 || delay > maxBackoff {
		delay = maxBackoff
	}
	delay += time.Duration(float64(delay) * 0.2 * r.jitter(r.rec.Failed))
	r.rec.Failed++
	return max(delay, advised), true
}

// jitter is a number in 0..1 that the run and the try decide, so that a replay waits as long.
func (r *run) jitter(try int) float64 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %d", r.id, try)
	return float64(h.Sum32()) / (1 << 32)
}

// wait lets the run come back when the delay is over.
func (r *run) wait(ctx context.Context, key string, delay time.Duration, cause error) error {
	r.log.Info("step failed, will try again", "step", key, "failed", r.rec.Failed, "refused", r.rec.Refused,
		"asked", r.rec.Asked, "in", delay, "err", cause)
	return r.waitUntil(ctx, waitRecord{For: waitRetry, Step: key}, r.b.clock.Now().Add(delay))
}

// waitTurn lets the run come back when its message may leave. refusal is why it may not now: the service said that there
// are too many; nil when it is not its turn.
func (r *run) waitTurn(ctx context.Context, key string, due time.Time, refusal error) error {
	if refusal != nil {
		r.rec.Refused++
		delay := due.Sub(r.b.clock.Now())
		r.attempt.Code, r.attempt.Err, r.attempt.Note = stepError(refusal).Code, refusal.Error(), "tried again in "+delay.String()
		r.traced().step(r.attempt)
		r.observeStep(r.attempt)
		r.log.Info("the service wants fewer messages, will try again", "step", key, "refused", r.rec.Refused, "in", delay,
			"err", refusal)
	}
	return r.waitUntil(ctx, waitRecord{For: waitPace, Step: key}, due)
}

// waitUntil lets the run leave its conversation's queue until due, or, when due is zero, until something else wakes it.
func (r *run) waitUntil(ctx context.Context, w waitRecord, due time.Time) error {
	var timers []journal.Timer
	if !due.IsZero() {
		w.Due = due.UnixMilli()
		timers = append(timers, journal.Timer{ID: r.id, Due: due, Run: r.id})
	}
	r.rec.Wait = &w
	t := r.traced()
	t.Outcome, t.Wait = "waiting", &w
	if err := r.keepTrace(); err != nil {
		return err
	}
	r.change.SetTimers = append(r.change.SetTimers, timers...)
	if err := r.commit(ctx); err != nil {
		return err
	}
	r.b.timers.add(timers...)
	return nil
}

// stepError is what expressions see of an error.
func stepError(err error) *rules.StepError {
	code := codeFailed
	var input *actions.InputError
	var status *actions.StatusError
	var own interface{ ErrorCode() string }
	switch {
	case errors.Is(err, actions.ErrUnsettled):
		code = codeInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		code = codeTimeout
	case sdkconn.CodeOf(err) != 0:
		code = fmt.Sprint(int32(sdkconn.CodeOf(err)))
	case errors.As(err, &own) && own.ErrorCode() != "":
		code = own.ErrorCode()
	case errors.As(err, &input):
		code = codeInput
	case errors.As(err, &status):
		code = fmt.Sprintf("http_%d", status.Status)
	}
	return &rules.StepError{Code: code, Text: err.Error()}
}
