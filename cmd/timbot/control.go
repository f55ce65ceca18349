package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/rules"
)

// openControl lets other commands ask and steer a bot through its data folder until the caller calls stop. A bot whose
// socket cannot be made runs all the same.
func openControl(folder *bot.Folder, b *bot.Bot, l *loaded, plugins *host.Host, log *slog.Logger) (stop func() error) {
	socket, err := control.Listen(folder)
	if err != nil {
		log.Error("no other command can ask this bot", "err", err)
		return func() error { return nil }
	}
	server := control.NewServer(control.Desk{
		Inspector: b.Inspector(),
		Status: func(ctx context.Context) (*control.Status, error) {
			s, err := b.Status(ctx)
			if err != nil {
				return nil, err
			}
			return &control.Status{Status: *s, Version: readBuild().Version, PID: os.Getpid()}, nil
		},
		Reload: func(ctx context.Context) (*control.Reloaded, error) { return reload(ctx, b, l) },
		Trim: func(ctx context.Context) (*control.Trimmed, error) {
			t, err := b.Trim(ctx)
			return trimmed(t), err
		},
		Signal:  b.Signal,
		Jobs:    b,
		History: b.History,
	}, log)
	answerPlugins(server, plugins)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx, socket); err != nil {
			log.Error("no other command can ask this bot any more", "err", err)
		}
	})
	return func() error {
		cancel()
		serving.Wait()
		return socket.Close()
	}
}

// reload reads a bot's files again and lets the bot go on by them, unless something is wrong with them.
func reload(ctx context.Context, b *bot.Bot, l *loaded) (*control.Reloaded, error) {
	before, err := b.Status(ctx)
	if err != nil {
		return nil, err
	}
	set, err := l.files.Load(l.registry)
	var found rules.Errors
	if errors.As(err, &found) {
		out := &control.Reloaded{Rules: before.Rules, RuleSet: before.RuleSet}
		for _, e := range found {
			out.Mistakes = append(out.Mistakes, e.Render())
		}
		return out, nil
	}
	if err == nil {
		err = b.Reload(set)
	}
	if failed := new(bot.TestsError); errors.As(err, &failed) {
		b.NotReloaded(ctx, err)
		return &control.Reloaded{Rules: before.Rules, RuleSet: before.RuleSet, Mistakes: failed.Failed}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &control.Reloaded{Rules: len(set.Rules), RuleSet: set.Hash(), Changed: set.Hash() != before.RuleSet}
	for _, w := range set.Warnings() {
		out.Warnings = append(out.Warnings, newRemark(severityWarning, w.ID, w.Error).rendered)
	}
	return out, nil
}
