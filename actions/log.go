package actions

import (
	"context"
	"log/slog"
	"maps"
	"slices"
)

type logIn struct {
	Text  string         `arg:"text,required" doc:"What to write."`
	Level string         `arg:"level" enum:"debug,info,warn,error" doc:"How important it is; info unless given."`
	Attrs map[string]any `arg:"attrs" doc:"Values to write beside it, by name."`
}

type logOut struct {
	Text string `arg:"text,text" doc:"What was written."`
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}

// Log writes to the bot's log.
var Log = New(Spec{
	Name:    "log",
	Doc:     "Writes a line to the bot's log. Nobody in the chat sees it.",
	Example: "log: {level: warn, text: 库存不足, attrs: {item: 42}}",
	Scalar:  "text",
	Settle:  SettleRepeat, // a line too many in a log harms nobody
}, func(ctx context.Context, call *Call, args logIn) (logOut, error) {
	var attrs []slog.Attr
	if len(args.Attrs) > 0 {
		group := make([]any, 0, len(args.Attrs))
		for _, name := range slices.Sorted(maps.Keys(args.Attrs)) {
			group = append(group, slog.Any(name, args.Attrs[name]))
		}
		attrs = append(attrs, slog.Group("attrs", group...)) // apart, so that no name hides one of the bot's own
	}
	call.Log.LogAttrs(ctx, levels[args.Level], args.Text, attrs...)
	return logOut{Text: args.Text}, nil
})
