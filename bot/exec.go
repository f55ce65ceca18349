package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// The codes of a failed step that come from here; others are numbers of TIM.
const (
	codeExpression  = "expression"  // an expression could not be evaluated
	codeInput       = "input"       // the action refused its inputs
	codeTimeout     = "timeout"     // the step's time was over; whether it took effect is not known
	codeInterrupted = "interrupted" // whether the step took effect is not known and cannot be found out
	codeFailed      = "failed"      // anything else
)

const (
	// maxBackoff bounds the wait before a retry.
	maxBackoff = 5 * time.Minute

	// settleTries is how often a step whose outcome is not known is taken up again, at least, and settleBackoff the first
	// wait before it: an answer that came too late to be heard has been given by then.
	settleTries   = 3
	settleBackoff = 2 * time.Second

	// refusedTries is how often a step goes on after the service said that there were too many, unless the step says;
	// refusedBackoff is the first wait.
	refusedTries   = 10
	refusedBackoff = time.Second

	// maxPatience bounds the waits of both.
	maxPatience = time.Minute
)

// exec goes on with the run until it ends or waits for a timer. last is asked when it ends: whether the event is done
// with it. Errors are the journal's, or ctx's; the run is in the journal then.
func (r *run) exec(ctx context.Context, last func() bool) (ended bool, err error) {
	r.scope.Count = r.counted(ctx)
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if r.displaced() {
			return true, r.endDisplaced(ctx)
		}
		r.scope.Facts.Now = r.b.now()
		if r.top().Index >= len(r.list()) {
			if len(r.rec.Frames) == r.rec.Base+1 {
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
				r.did(step, noteSkipped)
				r.advance()
				continue
			}
		}
		switch step.Kind {
		case rules.StepStop:
			r.did(step, "")
			return true, r.end(ctx, last())
		case rules.StepBlock:
			r.enter()
		case rules.StepChoose:
			err = r.choose(step)
		case rules.StepForEach:
			err = r.forEach(step)
		case rules.StepSet:
			err = r.assign(step)
		case rules.StepAction, rules.StepAsk, rules.StepDelay, rules.StepHandoff, rules.StepCount,
			rules.StepSignal, rules.StepParallel:
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
	case rules.StepCount:
		return r.count(ctx, step)
	case rules.StepSignal:
		return r.signal(ctx, step)
	case rules.StepParallel:
		return r.parallel(ctx, step)
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
	if r.lost != nil {
		return r.lost
	}
	r.b.people.end(r.change, r.id)
	if r.rec.Dead != nil {
		return r.park(ctx)
	}
	t := r.traced()
	t.Ended, t.Wait = r.b.clock.Now().UnixMilli(), nil
	if t.Outcome == "" || t.Outcome == "waiting" {
		t.Outcome = r.rec.Root.outcome()
	}
	if err := r.keepTrace(); err != nil {
		return err
	}
	if r.rec.Parent != "" {
		if err := r.handBack(); err != nil {
			return err
		}
	}
	if !last && r.shared {
		return r.endShared(ctx)
	}
	r.change.EndRuns = append(r.change.EndRuns, r.id)
	if last {
		r.change.Done = append(r.change.Done, r.event)
	}
	leaveLane(&r.rec, r.id, r.change)
	if err := r.write(ctx); err != nil {
		return err
	}
	r.b.lanes.leave(r.id)
	return r.observeEnd(last, nil)
}

// failed records a step that failed before it began; it reports whether that ends the run.
func (r *run) failed(step *rules.Step, code string, err error) (ends bool) {
	return r.record(step, stepRecord{Done: true, Err: &rules.StepError{Code: code, Text: err.Error()}})
}

// record keeps a finished step's result and goes on; it reports whether the run ends with it.
func (r *run) record(step *rules.Step, rec stepRecord) (ends bool) {
	key := r.stepKey(step)
	if r.bury(step, key, rec) {
		return true
	}
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
	if r.attempt.Key != key {
		r.attempt = stepTrace{Key: key, Name: stepName(step), Action: actionName(step), Began: r.b.clock.Now().UnixMilli()}
	}
	if rec.Err != nil {
		r.attempt.Code, r.attempt.Err = rec.Err.Code, rec.Err.Text
	}
	r.attempt.Out = r.kept(step, rec.Out)
	r.traced().step(r.attempt)
	r.observeStep(r.attempt)
	r.attempt = stepTrace{}
	if rec.Err != nil {
		attrs := []any{"step", stepName(step), "code", rec.Err.Code}
		if rec.Err.Code != codeExpression && rec.Err.Code != codeInput { // whose text may quote a message
			attrs = append(attrs, "err", rec.Err.Text)
		}
		r.log.Warn("step failed", append(attrs, "goes_on", step.ContinueOnError)...)
		r.log.Debug("step failed", "step", stepName(step), "err", rec.Err.Text)
		if !step.ContinueOnError {
			r.traced().Outcome, r.fault = "failed", rec.Err
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
			r.did(step, "branch %d of %d", i+1, len(step.Branches))
			r.top().Branch = i
			r.enter()
			return nil
		}
	}
	r.did(step, "none of %d branches", len(step.Branches))
	r.advance()
	return nil
}

func (r *run) forEach(step *rules.Step) error {
	items, err := step.Items(r.scope)
	if err != nil {
		return err
	}
	r.did(step, "%d items", len(items))
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
	r.did(step, "%s", assigned(a))
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
