package plugins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/timbot-go/timbot/plugins/wire"
)

// scope is where a function runs.
type scope struct {
	server *server
	call   *wire.CallRequest // nil of the plugin's own accord
}

type scopeKey struct{}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// Call says what a call is.
type Call struct {
	// Effect names what the call is to achieve, for good: the same step of the same run has the same one when it is called
	// again. It makes a fine idempotency key.
	Effect string

	// Again says that a call with this Effect may have been made before, and that its outcome is not known.
	Again bool

	Rule, Step   string // where it comes from
	Conversation string // "c2c_USER" or "group_ID"; empty for none
	User         string // whom the event is about; empty for nobody
}

// CallOf is the call that a function of an action answers; the zero Call in another context.
func CallOf(ctx context.Context) Call {
	s := scopeOf(ctx)
	if s == nil || s.call == nil {
		return Call{}
	}
	o := s.call.GetOrigin()
	return Call{
		Effect: s.call.EffectId, Again: s.call.Again, Rule: o.GetRule(), Step: o.GetStep(), Conversation: o.GetConversation(), User: o.GetUser(),
	}
}

// Bot is the bot that a plugin may ask, as far as its manifest says and the bot's file grants; what is not granted is an *Error
// with the code "forbidden". Its methods block until the bot has answered, ctx ends, or the bot is gone, and may be called by
// many goroutines at once.
type Bot struct{ scope *scope }

var errNoBot = errors.New("plugins: this context is neither of an action nor of Plugin.Run")

// BotOf is the bot in a function of an action, or in Plugin.Run.
func BotOf(ctx context.Context) *Bot { return &Bot{scopeOf(ctx)} }

// Do has the bot do one of its own actions: input is a struct or map with the inputs, out takes the outputs and may be nil;
// `timbot actions` lists both. In a call the action acts in the call's conversation unless the input names another, and is
// named after the call: done again with the call, it is the same.
func (b *Bot) Do(ctx context.Context, action string, input, out any) error {
	data, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("%s: input: %w", action, err)
	}
	return b.ask(ctx, action, &wire.Request{Kind: &wire.Request_Do{Do: &wire.Do{Action: action, Input: data}}}, out)
}

// Reply answers with a text in the call's conversation.
func (b *Bot) Reply(ctx context.Context, text string) error {
	return b.Do(ctx, "reply", map[string]any{"text": text}, nil)
}

// Send sends a text to a conversation, "c2c_USER" or "group_ID".
func (b *Bot) Send(ctx context.Context, conversation, text string) error {
	return b.Do(ctx, "send", map[string]any{"to": conversation, "text": text}, nil)
}

// Get reads what Set kept into value, a pointer, and reports whether there was something.
func (b *Bot) Get(ctx context.Context, key string, value any) (bool, error) {
	var raw json.RawMessage
	err := b.ask(ctx, "state "+key, &wire.Request{Kind: &wire.Request_GetState{GetState: &wire.GetState{Key: key}}}, &raw)
	if err != nil || raw == nil || string(raw) == "null" {
		return false, err
	}
	if err := json.Unmarshal(raw, value); err != nil {
		return false, fmt.Errorf("state %s: %w", key, err)
	}
	return true, nil
}

// Set keeps a value for good, under a key of at most 200 bytes. As JSON it has at most 64 KiB; nil removes the key. Only this
// plugin sees it.
func (b *Bot) Set(ctx context.Context, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("state %s: %w", key, err)
	}
	return b.ask(ctx, "state "+key, &wire.Request{Kind: &wire.Request_SetState{SetState: &wire.SetState{Key: key, Value: data}}}, nil)
}

// Signal tells the rules on signal.NAME; data, which may be nil, becomes event.data. It returns when the bot will not forget
// it.
func (b *Bot) Signal(ctx context.Context, name string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("signal %s: %w", name, err)
	}
	if data == nil {
		raw = nil
	}
	return b.ask(ctx, "signal "+name, &wire.Request{Kind: &wire.Request_Signal{Signal: &wire.Signal{Name: name, Data: raw}}}, nil)
}

// Unwell tells people that the plugin cannot do its work, and why; it is still called. Well takes it back.
func (b *Bot) Unwell(ctx context.Context, why string) error { return b.health(ctx, false, why) }

// Well says that the plugin can do its work, as it does until it says otherwise.
func (b *Bot) Well(ctx context.Context) error { return b.health(ctx, true, "") }

func (b *Bot) health(ctx context.Context, ok bool, text string) error {
	if b.scope == nil {
		return errNoBot
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return b.scope.server.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Health{Health: &wire.Health{Ok: ok, Text: valid(text)}}})
}

func (b *Bot) ask(ctx context.Context, what string, r *wire.Request, out any) error {
	if b.scope == nil {
		return errNoBot
	}
	r.Call = b.scope.call.GetId()
	answer, err := b.scope.server.ask(ctx, r)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: the answer: %w", what, err)
	}
	return nil
}
