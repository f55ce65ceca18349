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

// The codes of a failed step that come from here; others are numbers of TIM.
const (
	codeExpression  = "expression"  // an expression could not be evaluated
	codeInput       = "input"       // the action refused its inputs
	codeTimeout     = "timeout"     // the step's time was over; whether it took effect is not known
	codeInterrupted = "interrupted" // the bot died in the middle of the step
	codeFailed      = "failed"      // anything else
)

// maxBackoff bounds the wait before a retry.
const maxBackoff = 5 * time.Minute

// exec goes on with the run until it ends or waits for a timer. last is asked when it ends: whether the event is done
// with it. Errors are the journal's, or ctx's; the run is in the journal then.
func (r *run) exec(ctx context.Context, last func() bool) (ended bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		r.scope.Facts.Now = r.b.now()
		if r.top().Index >= len(r.list()) {
			if len(r.rec.Frames) == 1 {
				return true, r.end(ctx, last())
			}
			r.leave()
			continue
		}
		step := r.list()[r.top().Index]
		var err error
		if r.top().Hold == nil { // else it has begun
			var ok bool
			if ok, err = step.If(r.scope); err != nil {
				if r.failed(step, codeExpression, err) {
					return true, r.end(ctx, last())
				}
				continue
			}
			if !ok {
				r.advance()
				continue
			}
		}
		switch step.Kind {
		case rules.StepStop:
			return true, r.end(ctx, last())
		case rules.StepBlock:
			r.enter()
		case rules.StepChoose:
			err = r.choose(step)
		case rules.StepForEach:
			err = r.forEach(step)
		case rules.StepSet:
			err = r.assign(step)
		case rules.StepAction, rules.StepAsk, rules.StepDelay, rules.StepHandoff:
			outcome, err := r.do(ctx, step)
			if err != nil {
				return false, err
			}
			switch outcome {
			case stepWaits:
				return false, nil
			case stepEnds:
				return true, r.end(ctx, last())
			}
		}
		if err != nil && r.failed(step, codeExpression, err) {
			return true, r.end(ctx, last())
		}
	}
}

// do does a step that acts or waits. Errors are the journal's, or ctx's.
func (r *run) do(ctx context.Context, step *rules.Step) (outcome, error) {
	switch step.Kind {
	case rules.StepAsk:
		return r.ask(ctx, step)
	case rules.StepDelay:
		return r.delay(ctx, step)
	case rules.StepHandoff:
		return r.handOff(ctx, step)
	}
	if step.Approve != nil {
		if h := r.top().Hold; h == nil || h.Phase != phaseAgreed {
			return r.approve(ctx, step)
		}
	}
	return r.act(ctx, step)
}

// end takes the run out of the journal, and its event when that is done with it.
func (r *run) end(ctx context.Context, last bool) error {
	r.b.people.end(r.change, r.id)
	t := r.traced()
	t.Ended, t.Wait = r.b.clock.Now().UnixMilli(), nil
	if t.Outcome == "" || t.Outcome == "waiting" {
		t.Outcome = r.rec.Root.outcome()
	}
	if err := r.keepTrace(); err != nil {
		return err
	}
	r.change.EndRuns = append(r.change.EndRuns, r.id)
	if last {
		r.change.Done = append(r.change.Done, r.event)
	}
	return r.write(ctx)
}

// failed records a step that failed before it began; it reports whether that ends the run.
func (r *run) failed(step *rules.Step, code string, err error) (ends bool) {
	return r.record(step, stepRecord{Done: true, Err: &rules.StepError{Code: code, Text: err.Error()}})
}

// record keeps a finished step's result and goes on; it reports whether the run ends with it.
func (r *run) record(step *rules.Step, rec stepRecord) (ends bool) {
	key := r.stepKey(step)
	data, err := json.Marshal(rec)
	if err == nil {
		err = r.show(step, rec)
	}
	if err != nil { // a value that has no JSON, for instance a NaN: the step's fault
		rec = stepRecord{Done: true, Err: &rules.StepError{Code: codeFailed, Text: err.Error()}}
		data, _ = json.Marshal(rec)
		_ = r.show(step, rec)
	}
	r.steps[key] = rec
	r.change.Steps = append(r.change.Steps, journal.Step{Run: r.id, Key: key, Data: data})
	if step.Kind != rules.StepAction || r.attempt.Key != key {
		r.attempt = stepTrace{Key: key, Name: stepName(step), Action: actionName(step), Began: r.b.clock.Now().UnixMilli()}
	}
	if rec.Err != nil {
		r.attempt.Code, r.attempt.Err = rec.Err.Code, rec.Err.Text
	}
	r.traced().step(r.attempt)
	r.attempt = stepTrace{}
	if rec.Err != nil {
		attrs := []any{"step", stepName(step), "code", rec.Err.Code}
		if rec.Err.Code != codeExpression { // whose text may quote a message
			attrs = append(attrs, "err", rec.Err.Text)
		}
		r.log.Warn("step failed", append(attrs, "goes_on", step.ContinueOnError)...)
		r.log.Debug("step failed", "step", stepName(step), "err", rec.Err.Text)
		if !step.ContinueOnError {
			r.traced().Outcome = "failed"
			return true
		}
	}
	r.advance()
	return false
}

// actionName is what a step does, in one word.
func actionName(s *rules.Step) string {
	if s.Kind == rules.StepAction {
		return s.Action
	}
	return s.Kind.String()
}

func stepName(s *rules.Step) string {
	if s.ID != "" {
		return s.ID
	}
	return s.Path
}

func (r *run) choose(step *rules.Step) error {
	for i := range step.Branches {
		ok, err := step.Branches[i].If(r.scope)
		if err != nil {
			return err
		}
		if ok {
			r.top().Branch = i
			r.enter()
			return nil
		}
	}
	r.advance()
	return nil
}

func (r *run) forEach(step *rules.Step) error {
	items, err := step.Items(r.scope)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		r.advance()
		return nil
	}
	raw, err := encodeValue(items)
	if err != nil {
		return fmt.Errorf("for_each: %w", err)
	}
	r.top().Item, r.top().Items = 0, raw
	r.setItems(len(r.rec.Frames)-1, items)
	r.enter()
	r.setLocals()
	return nil
}

// assign does a set step: values of this run, and state that outlives it.
func (r *run) assign(step *rules.Step) error {
	a, err := step.Assign(r.scope)
	if err != nil {
		return err
	}
	user, chat, own := stateScopes(r.ev)
	var writes []journal.StateWrite
	state := &r.scope.Facts.State
	for _, part := range []struct {
		name, scope string
		values      map[string]any
		seen        *map[string]any
	}{{"user", user, a.User, &state.User}, {"chat", chat, a.Chat, &state.Chat}, {"bot", own, a.Bot, &state.Bot}} {
		if len(part.values) > 0 && part.scope == "" {
			return fmt.Errorf("set: this event has no %s", part.name)
		}
		for key, value := range part.values {
			w := journal.StateWrite{Scope: part.scope, Key: key}
			if value != nil {
				if w.Value, err = encodeValue(value); err != nil {
					return fmt.Errorf("set %s.%s: %w", part.name, key, err)
				}
			}
			writes = append(writes, w)
		}
		apply(part.seen, part.values, seenValue)
	}
	apply(&r.scope.Vars, a.Vars, func(v any) any { return v })
	if r.rec.Vars, err = encodeValue(r.scope.Vars); err != nil {
		return fmt.Errorf("set vars: %w", err)
	}
	r.change.State = append(r.change.State, writes...)
	r.advance()
	return r.keepPlace()
}

func apply(seen *map[string]any, values map[string]any, as func(any) any) {
	for key, value := range values {
		if value == nil {
			delete(*seen, key)
			continue
		}
		if *seen == nil {
			*seen = make(map[string]any)
		}
		(*seen)[key] = as(value)
	}
}

// outcome is what an action step leads to.
type outcome int

const (
	stepGoesOn outcome = iota // to the next step
	stepWaits                 // for a timer
	stepEnds                  // the run
)

// act does an action step. Errors are the journal's, or ctx's.
func (r *run) act(ctx context.Context, step *rules.Step) (outcome, error) {
	action, ok := r.b.actions.Lookup(step.Action)
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
			return stepEnds, nil
		}
		r.advance()
		return stepGoesOn, nil
	}
	settle := action.Spec().Settle
	if begun && r.rec.Failed == 0 && settle != actions.SettleRepeat {
		return r.over(r.failed(step, codeInterrupted,
			errors.New("the bot stopped in the middle of this step; whether it took effect is not known"))), nil
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
	result, err := r.call(ctx, action, step, inputs)
	took := r.b.clock.Since(start)
	r.attempt.Took = took.Microseconds()
	if ctx.Err() != nil { // the second stage of a stop: the journal says that it was begun
		return stepGoesOn, ctx.Err()
	}
	if err != nil {
		if delay, again := r.retry(step, settle, err); again {
			r.attempt.Code, r.attempt.Err, r.attempt.Note = stepError(err).Code, err.Error(), "tried again in "+delay.String()
			r.traced().step(r.attempt)
			return stepWaits, r.wait(ctx, key, delay, err)
		}
		rec, recErr := newStepRecord(false, outOf(result), result.Text, result.Value, stepError(err))
		if recErr != nil {
			rec = stepRecord{Done: true, Err: stepError(err)}
		}
		return r.over(r.record(step, rec)), nil
	}
	r.log.Debug("step done", "step", stepName(step), "action", step.Action, "took", took)
	rec, err := newStepRecord(true, outOf(result), result.Text, result.Value, nil)
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

// begin writes down, durably, that a step is about to have its effect.
func (r *run) begin(ctx context.Context, key string) error {
	data, err := json.Marshal(stepRecord{})
	if err != nil {
		return err
	}
	r.steps[key] = stepRecord{}
	r.change.Steps = append(r.change.Steps, journal.Step{Run: r.id, Key: key, Data: data})
	failed := r.rec.Failed
	r.rec.Failed = 0 // until it is known how this try went
	err = r.commit(ctx)
	r.rec.Failed = failed
	return err
}

// call runs the action within the step's time.
func (r *run) call(ctx context.Context, action actions.Action, step *rules.Step, inputs map[string]any) (actions.Result, error) {
	ctx, cancel := withTimeout(ctx, r.b.clock, step.Timeout)
	defer cancel()
	call := &actions.Call{
		Conn: r.b.conn, Event: r.ev.Source, EffectID: r.effectID(step), Clock: r.b.clock,
		Log: r.log.With("step", stepName(step)), Dir: r.b.dir, DataDir: r.b.dataDir, Rule: r.rule.ID, Step: stepName(step),
	}
	if r.ev.Source != nil {
		if c := r.ev.Source.Conversation(); c.Valid() {
			call.Conversation = c
		}
	}
	result, err := action.Run(ctx, call, inputs)
	if err != nil && context.Cause(ctx) == context.DeadlineExceeded {
		err = fmt.Errorf("no answer within %s: %w: %w", step.Timeout, context.DeadlineExceeded, err)
	}
	return result, err
}

// effectID names a step's effect for good, short enough to travel with a message.
func (r *run) effectID(step *rules.Step) string {
	h := fnv.New128a()
	h.Write([]byte(r.id + "/" + r.stepKey(step)))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// retry says whether and when a failed step is tried again: never when it may have taken effect, unless doing it twice
// is the same as doing it once.
func (r *run) retry(step *rules.Step, settle actions.Settle, err error) (time.Duration, bool) {
	if r.rec.Failed >= step.Retry.Times {
		return 0, false
	}
	if settle != actions.SettleRepeat && sdkconn.EffectUnknown(err) {
		return 0, false
	}
	var input *actions.InputError
	if errors.As(err, &input) {
		return 0, false
	}
	advised, hasAdvice := actions.RetryAfter(err)
	if !hasAdvice && sdkconn.CodeOf(err) != 0 && !sdkconn.Retryable(err) {
		return 0, false
	}
	delay := step.Retry.Backoff << min(r.rec.Failed, 20)
	if delay <= 0 || delay > maxBackoff {
		delay = maxBackoff
	}
	delay += time.Duration(float64(delay) * 0.2 * r.jitter())
	return max(delay, advised), true
}

// jitter is a number in 0..1 that the run and the try decide, so that a replay waits as long.
func (r *run) jitter() float64 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %d", r.id, r.rec.Failed)
	return float64(h.Sum32()) / (1 << 32)
}

// wait lets the run come back when the delay is over.
func (r *run) wait(ctx context.Context, key string, delay time.Duration, cause error) error {
	r.rec.Failed++
	r.log.Info("step failed, will try again", "step", key, "attempt", r.rec.Failed, "in", delay, "err", cause)
	return r.waitUntil(ctx, waitRecord{For: waitRetry, Step: key}, r.b.clock.Now().Add(delay))
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
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		code = codeTimeout
	case sdkconn.CodeOf(err) != 0:
		code = fmt.Sprint(int32(sdkconn.CodeOf(err)))
	case errors.As(err, &input):
		code = codeInput
	}
	return &rules.StepError{Code: code, Text: err.Error()}
}
