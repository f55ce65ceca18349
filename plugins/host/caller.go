package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/wire"
	"github.com/timbot-go/timbot/sdkconn"
)

// Caller is what a plugin may ask, within its rights. The bot implements it. Its methods are called by many goroutines at once, and
// block until what is asked is done, or ctx ends: with the plugin's process.
type Caller interface {
	// Act does one of the bot's own actions. That the plugin may do it is checked; where it may, Act checks.
	Act(ctx context.Context, a Act) (map[string]any, error)

	// PluginState reads what SetPluginState kept for a plugin: JSON, or nil.
	PluginState(ctx context.Context, plugin, key string) ([]byte, error)

	// SetPluginState keeps JSON for a plugin until it is replaced; nil removes it.
	SetPluginState(ctx context.Context, plugin, key string, value []byte) error

	// Signal tells the rules on signal.NAME; data is JSON or nil.
	Signal(ctx context.Context, name string, data jsontext.Value) error
}

// Act is something that a plugin wants the bot to do.
type Act struct {
	Plugin string
	Action string
	Input  map[string]any

	// Call is the call for which it is asked; nil of the plugin's own accord.
	Call *actions.Call

	// ActsOnChat says that this call may do what others notice.
	ActsOnChat bool

	// Effect names what is done among all that a call has the bot do, the same when the call is made again; of the plugin's own
	// accord it never comes again.
	Effect string

	// Conversations is where the plugin may act, as Rights.Conversations.
	Conversations []string
}

// May reports whether an Act may be done in a conversation.
func (a *Act) May(conv sdkconn.Conversation) bool {
	for _, granted := range a.Conversations {
		switch {
		case granted == "event":
			if a.Call != nil && a.Call.Conversation.Valid() && a.Call.Conversation == conv {
				return true
			}
		case granted == "c2c_*":
			if conv.Type == sdkconn.ConvC2C {
				return true
			}
		case granted == "group_*":
			if conv.Type == sdkconn.ConvGroup {
				return true
			}
		case granted == conv.String():
			return true
		}
	}
	return false
}

// callerBox lets callers of different types lie in one atomic.Value.
type callerBox struct{ Caller }

// Bounds of what a plugin keeps.
const (
	maxStateKey   = 200
	maxStateValue = 64 << 10
)

func forbidden(format string, args ...any) error {
	return &actions.Failure{Code: "forbidden", Final: true, Text: fmt.Sprintf(format, args...)}
}

// answer has a request of a plugin answered.
func (s *supervisor) answer(i *instance, r *wire.Request, call *running) {
	output, err := s.ask(i, r, call)
	if err == nil && len(output) > wire.MaxPayload {
		err = fmt.Errorf("the answer has %d bytes: at most %d are possible", len(output), wire.MaxPayload)
	}
	if err == nil {
		i.answer(r, output, nil)
		return
	}
	s.host.log.Debug("plugin was refused", "plugin", s.name, "err", err)
	i.answer(r, nil, errorFor(err))
}

// errorFor is an error as a plugin is told it.
func errorFor(err error) *wire.Error {
	w := &wire.Error{Code: "failed", Text: quotedText(err.Error()), Unsettled: sdkconn.EffectUnknown(err) || errors.Is(err, actions.ErrUnsettled)}
	var failure *actions.Failure
	var input *actions.InputError
	switch {
	case errors.As(err, &failure):
		w.Code, w.Final = failure.Code, failure.Final
	case errors.As(err, &input):
		w.Code, w.Final = "input", true
	case sdkconn.CodeOf(err) != 0:
		w.Code = fmt.Sprintf("tim_%d", int32(sdkconn.CodeOf(err)))
	}
	if after, ok := actions.RetryAfter(err); ok {
		w.RetryAfterMs = uint32(after.Milliseconds())
	}
	return w
}

func (s *supervisor) ask(i *instance, r *wire.Request, call *running) ([]byte, error) {
	caller := s.host.caller.Load().(callerBox).Caller
	if caller == nil {
		return nil, forbidden("there is no bot to ask")
	}
	rights := &i.plugin.Rights
	switch k := r.GetKind().(type) {
	case *wire.Request_Do:
		name := k.Do.GetAction()
		if !slices.Contains(rights.Actions, name) {
			return nil, forbidden("%s is not granted: the plugin asks for it in rights.actions of plugin.yaml, and the bot's file grants it", quoted(name))
		}
		input, err := decodeObject(k.Do.GetInput())
		if err != nil {
			return nil, &actions.InputError{Input: "input", Text: err.Error()}
		}
		a := Act{Plugin: s.name, Action: name, Input: input, Conversations: rights.Conversations, ActsOnChat: true}
		if call != nil {
			i.mu.Lock()
			call.asks++
			a.Effect = fmt.Sprintf("%s/%d", call.call.EffectID, call.asks)
			i.mu.Unlock()
			a.Call, a.ActsOnChat = call.call, call.action.Spec.ActsOnChat
		} else {
			a.Effect = fmt.Sprintf("%s/%d/%d/%d", s.name, i.began.UnixNano(), i.proc.pid, r.GetId())
		}
		out, err := caller.Act(i.ctx, a)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out, jsontext.AllowInvalidUTF8(true))
	case *wire.Request_GetState:
		if err := s.mayKeep(rights, k.GetState.GetKey()); err != nil {
			return nil, err
		}
		value, err := caller.PluginState(i.ctx, s.name, k.GetState.GetKey())
		if err != nil || value == nil {
			return []byte("null"), err
		}
		return value, nil
	case *wire.Request_SetState:
		if err := s.mayKeep(rights, k.SetState.GetKey()); err != nil {
			return nil, err
		}
		value := jsontext.Value(k.SetState.GetValue())
		switch {
		case len(value) > maxStateValue:
			return nil, &actions.InputError{Input: "value", Text: fmt.Sprintf("has %d bytes: at most %d are kept", len(value), maxStateValue)}
		case len(value) == 0 || string(value) == "null":
			value = nil
		case !value.IsValid():
			return nil, &actions.InputError{Input: "value", Text: "is no JSON"}
		}
		return []byte("null"), caller.SetPluginState(i.ctx, s.name, k.SetState.GetKey(), value)
	case *wire.Request_Signal:
		name := k.Signal.GetName()
		if !slices.Contains(rights.Signals, name) {
			return nil, forbidden("the signal %s is not granted: the plugin asks for it in rights.signals of plugin.yaml, and the bot's file "+
				"grants it", quoted(name))
		}
		return []byte("null"), caller.Signal(i.ctx, name, k.Signal.GetData())
	}
	return nil, &actions.Failure{Code: "unknown", Final: true, Text: "this timbot does not know the request"}
}

func (s *supervisor) mayKeep(rights *Rights, key string) error {
	switch {
	case !rights.State:
		return forbidden("state is not granted: the plugin asks for it in rights.state of plugin.yaml, and the bot's file grants it")
	case key == "" || len(key) > maxStateKey:
		return &actions.InputError{Input: "key", Text: fmt.Sprintf("has %d bytes: want 1 to %d", len(key), maxStateKey)}
	}
	return nil
}
