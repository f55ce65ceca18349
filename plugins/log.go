package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"maps"

	"github.com/timbot-go/timbot/plugins/wire"
)

// Log is a logger whose lines the bot writes, with the plugin's name and, in a call, the rule's and the step's. Text of messages
// belongs at debug level only, secrets at none. In a context without a bot it writes nothing.
func Log(ctx context.Context) *slog.Logger {
	s := scopeOf(ctx)
	if s == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(&logHandler{scope: s})
}

// logHandler sends lines to the host, which decides what is written.
type logHandler struct {
	scope  *scope
	prefix string // of groups
	fields map[string]string
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	fields := maps.Clone(h.fields)
	if fields == nil {
		fields = make(map[string]string)
	}
	r.Attrs(func(a slog.Attr) bool {
		put(fields, h.prefix, a)
		return true
	})
	level := wire.Log_LEVEL_DEBUG
	switch {
	case r.Level >= slog.LevelError:
		level = wire.Log_LEVEL_ERROR
	case r.Level >= slog.LevelWarn:
		level = wire.Log_LEVEL_WARN
	case r.Level >= slog.LevelInfo:
		level = wire.Log_LEVEL_INFO
	}
	return h.scope.server.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Log{Log: &wire.Log{
		Level: level, Text: valid(r.Message), Fields: fields, Call: h.scope.call.GetId(),
	}}})
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.fields = maps.Clone(h.fields)
	if out.fields == nil {
		out.fields = make(map[string]string)
	}
	for _, a := range attrs {
		put(out.fields, h.prefix, a)
	}
	return &out
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	out := *h
	out.prefix += name + "."
	return &out
}

func put(fields map[string]string, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			put(fields, prefix, member)
		}
		return
	}
	fields[valid(prefix+a.Key)] = valid(fmt.Sprint(v.Any()))
}
