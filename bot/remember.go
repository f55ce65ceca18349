package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// Memory names what rules call state: of a user (state.user), of a conversation (state.chat), or, when both are zero, of the
// bot (state.bot).
type Memory struct {
	User string
	Chat sdkconn.Conversation
}

func (m Memory) scope() (string, error) {
	switch {
	case m.User != "" && m.Chat.Valid():
		return "", fmt.Errorf("bot: state is of a user or of a conversation, not of both")
	case m.User != "":
		return scopeUser + m.User, nil
	case m.Chat.Valid():
		return scopeChat + m.Chat.String(), nil
	}
	return scopeBot, nil
}

// Remembered returns what rules have set in one state, as expressions see it. Errors: the journal's.
func (in *Inspector) Remembered(ctx context.Context, m Memory) (map[string]any, error) {
	scope, err := m.scope()
	if err != nil {
		return nil, err
	}
	return readState(ctx, in.journal, scope)
}

// Remember writes values into one state, as a set step does; a nil value is removed. Values are nil, bool, string, numbers,
// times, durations, and lists and maps of those. Errors: the journal's, and those of a value of another kind.
func (in *Inspector) Remember(ctx context.Context, m Memory, values map[string]any) error {
	scope, err := m.scope()
	if err != nil {
		return err
	}
	change := &journal.Change{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		w := journal.StateWrite{Scope: scope, Key: key}
		if v := values[key]; v != nil {
			if w.Value, err = encodeValue(v); err != nil {
				return fmt.Errorf("state %s: %w", key, err)
			}
		}
		change.State = append(change.State, w)
	}
	return in.journal.Commit(ctx, change)
}

// The journal's scopes of state.
const (
	scopeUser = "user/"
	scopeChat = "chat/"
	scopeBot  = "bot"
)

// stateScopes names the journal's scopes of what rules call state.user, state.chat and state.bot for an event.
func stateScopes(ev *rules.Event) (user, chat, own string) {
	if ev.User != "" {
		user = scopeUser + ev.User
	}
	if ev.Source != nil {
		if c := ev.Source.Conversation(); c.Valid() {
			chat = scopeChat + c.String()
		}
	}
	return user, chat, scopeBot
}

// state reads what the journal keeps for the event's user, its conversation and the bot.
func (b *Bot) state(ctx context.Context, s *rules.State, ev *rules.Event) error {
	user, chat, own := stateScopes(ev)
	var err error
	if s.User, err = readState(ctx, b.journal, user); err != nil {
		return err
	}
	if s.Chat, err = readState(ctx, b.journal, chat); err != nil {
		return err
	}
	s.Bot, err = readState(ctx, b.journal, own)
	return err
}

func readState(ctx context.Context, j journal.Journal, scope string) (map[string]any, error) {
	if scope == "" {
		return nil, nil
	}
	raw, err := j.State(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(raw))
	for k, data := range maps.All(raw) {
		v, err := decodeValue(data)
		if err != nil {
			return nil, fmt.Errorf("state %s %s: %w", scope, k, err)
		}
		out[k] = seenValue(v)
	}
	return out, nil
}

// seenValue is a kept value as expressions see it.
func seenValue(v any) any { return rules.View(rules.Type{Kind: rules.KindAny}, v) }
