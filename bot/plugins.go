package bot

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// Plugins runs the actions that come from plugins. A *host.Host does. New and Reload tell it which plugins there are.
type Plugins interface {
	Use(list []host.Plugin, caller host.Caller)
	Lookup(name string) (actions.Action, bool)
}

// PluginsFolder is the name of the folder in the data folder in which each plugin has a folder of its own.
const PluginsFolder = "plugins"

// WithPlugins sets what runs the bot's plugins. Without it the steps of plugins fail, unless WithActions has actions of their
// names, which go first. The caller closes it, after Run has returned and before the connection is closed.
func WithPlugins(p Plugins) Option { return func(b *Bot) { b.plugins = p } }

// action returns what a step does.
func (b *Bot) action(name string) (actions.Action, bool) {
	if a, ok := b.actions.Lookup(name); ok || b.plugins == nil {
		return a, ok
	}
	return b.plugins.Lookup(name)
}

// usePlugins tells the host which plugins the rules have.
func (b *Bot) usePlugins(set *rules.Set) {
	if b.plugins != nil {
		b.plugins.Use(PluginsOf(set, b.dir), &pluginDesk{b})
	}
}

// PluginsOf is a rule set's plugins as a host runs them on this system; dir is the folder of the bot's file.
func PluginsOf(set *rules.Set, dir string) []host.Plugin {
	var out []host.Plugin
	for _, p := range set.Plugins() {
		out = append(out, PluginOf(p, dir))
	}
	return out
}

// PluginOf is one plugin as a host runs it on this system; dir is the folder that its Dir is relative to.
func PluginOf(p *rules.Plugin, dir string) host.Plugin {
	m := p.Manifest
	out := host.Plugin{
		Name: p.Name, Program: m.Name, Version: m.Version, Dir: filepath.Join(dir, filepath.FromSlash(p.Dir)),
		Command: p.Command, Files: m.Files, Env: p.Env, AtOnce: p.AtOnce,
		Rights: host.Rights{
			Actions: p.Grants.Actions, Signals: p.Grants.Signals, State: p.Grants.State, Conversations: p.Conversations,
		},
		Limits: host.Limits(p.Limits), Restart: host.Restart(p.Restart),
	}
	if abs, err := filepath.Abs(out.Dir); err == nil {
		out.Dir = abs
	}
	if out.Command == nil {
		out.Command = m.Command(runtime.GOOS, runtime.GOARCH)
		if sum := m.Checksum(runtime.GOOS, runtime.GOARCH); sum != "" {
			out.Checksums = append(out.Checksums, sum)
		}
	}
	if p.Checksum != "" {
		out.Checksums = append(out.Checksums, p.Checksum)
	}
	for i := range m.Actions {
		a := &m.Actions[i]
		spec := actions.Spec{
			Name: p.Name + "." + a.Name, Doc: a.Doc, Inputs: inputsOf(a.Inputs), Outputs: inputsOf(a.Outputs), Scalar: a.Scalar,
			Text: a.Text, Value: a.Value, ActsOnChat: a.ActsOnChat, Settle: actions.SettleReport,
		}
		if a.Idempotent {
			spec.Settle = actions.SettleRepeat
		}
		if len(a.Outputs) > 0 {
			spec.Output = anyMap
		}
		out.Actions = append(out.Actions, host.Action{Spec: spec, Timeout: a.Timeout})
	}
	return out
}

var anyMap = reflect.TypeFor[map[string]any]()

func inputsOf(fields []rules.Field) []actions.Input {
	out := make([]actions.Input, 0, len(fields))
	for _, f := range fields {
		out = append(out, actions.Input{
			Name: f.Name, Doc: f.Doc, Type: goType(f.Type), Required: f.Required, Secret: f.Secret, Enum: f.Enum, Fields: membersOf(f.Type),
		})
	}
	return out
}

// membersOf are the members of the objects in a type.
func membersOf(t rules.Type) []actions.Input {
	for t.Elem != nil {
		t = *t.Elem
	}
	return inputsOf(t.Fields)
}

// goType is the Go type of a value of a type; typeOf is its inverse.
func goType(t rules.Type) reflect.Type {
	elem := reflect.TypeFor[any]()
	if t.Elem != nil {
		elem = goType(*t.Elem)
	}
	switch t.Kind {
	case rules.KindString:
		return reflect.TypeFor[string]()
	case rules.KindInt:
		return reflect.TypeFor[int64]()
	case rules.KindFloat:
		return reflect.TypeFor[float64]()
	case rules.KindBool:
		return reflect.TypeFor[bool]()
	case rules.KindDuration:
		return durationType
	case rules.KindList:
		return reflect.SliceOf(elem)
	case rules.KindMap:
		return reflect.MapOf(reflect.TypeFor[string](), elem)
	case rules.KindObject:
		return reflect.TypeFor[struct{}]()
	}
	return reflect.TypeFor[any]()
}

// pluginDesk is the bot as its plugins may ask it.
type pluginDesk struct{ b *Bot }

var _ host.Caller = (*pluginDesk)(nil)

// actTimeout bounds what a plugin has the bot do.
const actTimeout = 30 * time.Second

// Act implements host.Caller.
func (d *pluginDesk) Act(ctx context.Context, a host.Act) (map[string]any, error) {
	b := d.b
	refuse := func(format string, args ...any) (map[string]any, error) {
		return nil, &actions.Failure{Code: "forbidden", Final: true, Text: a.Action + ": " + fmt.Sprintf(format, args...)}
	}
	if !slices.Contains(rules.PluginsMayCall, a.Action) {
		return refuse("a plugin can have the bot do %s, and nothing else", strings.Join(rules.PluginsMayCall, ", "))
	}
	action, ok := b.actions.Lookup(a.Action)
	if !ok {
		return refuse("the bot has no such action")
	}
	if action.Spec().ActsOnChat && !a.ActsOnChat {
		return refuse("others may notice it, and plugin.yaml does not say acts_on_chat of the action that is being called")
	}
	call := &actions.Call{
		Conn: b.conn, EffectID: effectID(a.Effect, "plugin"), Clock: b.clock, Log: b.log.With("plugin", a.Plugin),
		Dir: filepath.Join(b.dataDir, PluginsFolder, a.Plugin), DataDir: filepath.Join(b.dataDir, PluginsFolder, a.Plugin),
		Rule: "plugin", Step: a.Plugin,
	}
	if c := a.Call; c != nil {
		call.Event, call.Conversation, call.User, call.Rule, call.Step = c.Event, c.Conversation, c.User, c.Rule, c.Step
		call.Unsettled = c.Unsettled
	}
	conv, err := placeOf(call.Conversation, a.Input)
	switch {
	case err != nil:
		return nil, err
	case !conv.Valid():
		return nil, &actions.InputError{Input: "to_user", Text: "is missing: the call belongs to no conversation"}
	case !a.May(conv):
		return refuse("%s is none of the conversations that rights.conversations of the bot's file grants", conv)
	}
	ctx, timer, cancel := withStepTime(ctx, b.clock, actTimeout)
	defer cancel()
	for refused := 0; ; refused++ {
		out := &outgoing{
			conn: b.conn, pace: b.pace, effect: call.EffectID, time: timer, tries: max(refusedTries-refused, 0),
			backoff: func(n int) time.Duration { return min(refusedBackoff<<min(refused+n-1, 10), maxPatience) },
		}
		call.Out = out
		result, err := action.Run(ctx, call, a.Input)
		later, _ := out.isLater()
		if later.IsZero() {
			b.pace.forget(call.EffectID)
			if err != nil {
				return nil, err
			}
			return shareable(result.Values()), nil
		}
		goOn := timer.pause()
		ok := b.pause(ctx, later.Sub(b.clock.Now()))
		goOn()
		if !ok {
			b.pace.forget(call.EffectID)
			return nil, fmt.Errorf("%s: wait for the turn: %w", a.Action, context.Cause(ctx))
		}
	}
}

// placeOf is the conversation that an action's inputs name, else the call's own.
func placeOf(own sdkconn.Conversation, input map[string]any) (sdkconn.Conversation, error) {
	var found []sdkconn.Conversation
	for _, prefix := range []string{"to", "in"} {
		for _, suffix := range []string{"_user", "_group", ""} {
			name := prefix + suffix
			v, given := input[name]
			if !given || v == nil {
				continue
			}
			id, ok := v.(string)
			if !ok || id == "" {
				return own, &actions.InputError{Input: name, Text: "want a text"}
			}
			switch suffix {
			case "_user":
				found = append(found, sdkconn.C2C(id))
			case "_group":
				found = append(found, sdkconn.Group(id))
			default:
				c, err := sdkconn.ParseConversation(id)
				if err != nil {
					return own, &actions.InputError{Input: name, Text: fmt.Sprintf("%q is no conversation: want c2c_USER or group_ID", id)}
				}
				found = append(found, c)
			}
		}
	}
	if len(found) > 1 {
		return own, &actions.InputError{Input: "to", Text: "name one conversation"}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return own, nil
}

// shareable leaves out what a plugin cannot be given.
func shareable(values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for name, v := range values {
		switch v.(type) {
		case nil, string, bool, int64, float64:
			out[name] = v
		}
	}
	return out
}

// scopePlugin is the beginning of the scopes of the journal's state in which plugins keep values, a scope for each: its other
// parts are the plugin and the key.
const scopePlugin = "plugin/"

// PluginState implements host.Caller.
func (d *pluginDesk) PluginState(ctx context.Context, plugin, key string) ([]byte, error) {
	values, err := d.b.journal.State(ctx, scopePlugin+plugin+"/"+key)
	if err != nil {
		return nil, err
	}
	return values[""], nil
}

// SetPluginState implements host.Caller.
func (d *pluginDesk) SetPluginState(ctx context.Context, plugin, key string, value []byte) error {
	return d.b.journal.Commit(ctx, &journal.Change{
		State: []journal.StateWrite{{Scope: scopePlugin + plugin + "/" + key, Value: value}},
	})
}

// Signal implements host.Caller.
func (d *pluginDesk) Signal(ctx context.Context, name string, data jsontext.Value) error {
	return d.b.Signal(ctx, name, data)
}
