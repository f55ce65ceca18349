package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/wire"
)

// action is an action of a plugin, as the bot's other actions are.
type action struct {
	supervisor *supervisor
	plugin     *Plugin
	action     *Action
}

var _ actions.Action = (*action)(nil)

// Spec implements actions.Action.
func (a *action) Spec() actions.Spec { return a.action.Spec }

// Run implements actions.Action.
func (a *action) Run(ctx context.Context, call *actions.Call, args map[string]any) (actions.Result, error) {
	h := a.supervisor.host
	began := h.clock.Now()
	result, err := a.run(ctx, call, args)
	h.observer.PluginCalled(a.supervisor.name, a.action.Spec.Name, codeOf(err), h.clock.Since(began))
	if err != nil {
		return actions.Result{}, fmt.Errorf("%s: %w", a.action.Spec.Name, err)
	}
	return result, nil
}

// codeOf is an error in a word out of few: those that a plugin makes up are all "error".
func codeOf(err error) string {
	var failure *actions.Failure
	var input *actions.InputError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &input):
		return "input"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &failure) && (failure.Code == codeDown || failure.Code == codeCrashed || failure.Code == codeFault):
		return failure.Code
	}
	return "error"
}

func (a *action) run(ctx context.Context, call *actions.Call, args map[string]any) (actions.Result, error) {
	input, err := encodeInput(a.action.Spec.Inputs, args)
	if err != nil {
		return actions.Result{}, err
	}
	s := a.supervisor
	s.mu.Lock()
	room := s.room
	s.mu.Unlock()
	select {
	case room <- struct{}{}:
	default:
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return actions.Result{}, &actions.Failure{Code: codeDown, Text: fmt.Sprintf(
				"plugin %s works on %d calls already: no room within the step's time", s.name, cap(room))}
		}
	}
	defer func() { <-room }()
	for {
		i, err := s.get(ctx)
		if err != nil {
			return actions.Result{}, err
		}
		limit := a.action.Timeout
		if own := i.plugin.Limits.Timeout; own > 0 && own < limit {
			limit = own
		}
		if r := i.begin(a.action, call, limit); r != nil {
			return a.call(ctx, i, r, input, limit)
		}
		select { // it ends, and another takes its place
		case <-i.broken:
			select {
			case <-i.ended:
			case <-ctx.Done():
				return actions.Result{}, context.Cause(ctx)
			}
		default:
		}
	}
}

// call calls the plugin, within the times of the step, the action and the plugin.
func (a *action) call(ctx context.Context, i *instance, r *running, input []byte, limit time.Duration) (actions.Result, error) {
	defer i.end(r)
	stop := context.AfterFunc(ctx, func() { i.interrupt(r) })
	defer stop()
	reply, err := i.call(a.request(r, input, limit))
	timedOut := func() error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !i.host.clock.Now().Before(r.due):
			return fmt.Errorf("no answer within %s: %w", limit, context.DeadlineExceeded)
		}
		return nil
	}
	if err != nil {
		return actions.Result{}, a.broke(i, err, timedOut())
	}
	if e := reply.GetError(); e != nil {
		err := a.failure(e)
		if late := timedOut(); late != nil {
			return actions.Result{}, fmt.Errorf("%w: %w", late, err)
		}
		return actions.Result{}, err
	}
	return a.result(reply.GetOutput())
}

func (a *action) request(r *running, input []byte, limit time.Duration) *wire.CallRequest {
	c := r.call
	req := &wire.CallRequest{
		Id: r.id, Action: a.action.name(), Input: input, EffectId: c.EffectID, Again: !c.Unsettled.IsZero(),
		TimeoutMs: uint32(min(limit, 24*time.Hour).Milliseconds()),
		Origin:    &wire.Origin{Rule: c.Rule, Step: c.Step, User: c.User},
	}
	if c.Conversation.Valid() {
		req.Origin.Conversation = c.Conversation.String()
	}
	return req
}

// failure is what a plugin says went wrong, as rules see it.
func (a *action) failure(e *wire.Error) error {
	code := e.GetCode()
	if !validCode.MatchString(code) || len(code) > 50 {
		code = "failed"
	}
	text := quotedText(e.GetText())
	if text == "" {
		text = "the plugin says no more than " + code
	}
	var err error = &actions.Failure{Code: code, Text: text, Final: e.GetFinal()}
	if e.GetUnsettled() && a.action.Spec.Settle == actions.SettleReport {
		err = fmt.Errorf("%w: %w", actions.ErrUnsettled, err)
	}
	if after := e.GetRetryAfterMs(); after > 0 {
		err = actions.Retry(err, time.Duration(after)*time.Millisecond)
	}
	return err
}

// broke is the error of a call that was not answered. late says that its time was over.
func (a *action) broke(i *instance, err, late error) error {
	s := status.Convert(err)
	if gone := s.Code() == codes.Unavailable || s.Code() == codes.Canceled || s.Code() == codes.Internal; gone {
		timer := i.host.clock.NewTimer(2 * verdictAfter) // the session ends with the connection
		defer timer.Stop()
		select {
		case <-i.broken:
			select {
			case <-i.ended:
			case <-timer.Chan():
			}
			i.mu.Lock()
			cause := i.cause
			i.mu.Unlock()
			if cause == nil {
				cause = errClosed
			}
			err = &actions.Failure{Code: codeCrashed, Text: fmt.Sprintf("plugin %s ended in the middle of the call", i.plugin.Name), Err: i.verdict(cause)}
			if late != nil {
				return fmt.Errorf("%w: %w", late, err)
			}
			if a.action.Spec.Settle == actions.SettleReport {
				err = fmt.Errorf("%w: %w", actions.ErrUnsettled, err)
			}
			return err
		case <-timer.Chan():
		}
	}
	if late != nil {
		return fmt.Errorf("%w: plugin %s broke the call off: %s", late, i.plugin.Name, quotedText(s.Message()))
	}
	err = &actions.Failure{Code: codeFault, Text: fmt.Sprintf("plugin %s broke the call off: %s", i.plugin.Name, quotedText(s.Message()))}
	if s.Code() == codes.ResourceExhausted {
		err = &actions.Failure{Code: codeFault, Final: true,
			Text: fmt.Sprintf("plugin %s: the call's input or output is larger than %d bytes", i.plugin.Name, wire.MaxMessage)}
	}
	if a.action.Spec.Settle == actions.SettleReport {
		err = fmt.Errorf("%w: %w", actions.ErrUnsettled, err)
	}
	return err
}

// result checks what the plugin answered.
func (a *action) result(output []byte) (actions.Result, error) {
	fault := func(err error) (actions.Result, error) {
		return actions.Result{}, &actions.Failure{
			Code: codeFault, Final: true, Text: fmt.Sprintf("plugin %s answered what its plugin.yaml does not say: %v", a.supervisor.name, err),
		}
	}
	spec := &a.action.Spec
	out, err := decodeOutput(spec.Outputs, output)
	if err != nil {
		return fault(err)
	}
	var result actions.Result
	if len(spec.Outputs) > 0 {
		result.Out = out
	}
	result.Text, _ = out[spec.Text].(string)
	result.Value = out[spec.Value]
	return result, nil
}
