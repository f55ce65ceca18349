package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/pflag"
)

// logging is how a command logs.
type logging struct {
	format string
	level  string
	short  bool // without what a person at a chat has no use for
}

func (l *logging) flags(flags *pflag.FlagSet, level string) {
	flags.StringVar(&l.level, "log-level", level, "what is logged on standard error: debug, info, warn or error")
}

// logger makes the logger that writes to w.
func (l *logging) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", l.level)
	}
	opts := &slog.HandlerOptions{Level: level}
	if l.short {
		opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == "run" || a.Key == "msg_id") {
				return slog.Attr{}
			}
			return a
		}
	}
	switch l.format {
	case "", "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("--log-format %q: want text or json", l.format)
}
