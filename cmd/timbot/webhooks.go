package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/webhook"
	"github.com/timbot-go/timbot/rules"
)

// listenForWebhooks begins to take calls of webhooks at addr, or where the bot's file says. The caller calls stop after the
// bot's Run.
func listenForWebhooks(b *bot.Bot, set *rules.Set, addr string, log *slog.Logger) (stop func() error, err error) {
	stop = func() error { return nil }
	hooks := set.Webhooks()
	if addr = cmp.Or(addr, set.Bot.Webhooks.Listen); addr == "" {
		if len(hooks) > 0 {
			log.Warn("nobody listens for the webhooks of the rules: set bot.webhooks.listen, or give --webhooks", "webhooks", len(hooks))
		}
		return stop, nil
	}
	l, err := webhook.Listen(webhook.Config{Addr: addr, Take: b.Webhook, Webhooks: hooks, Log: log})
	if err != nil {
		return stop, err
	}
	log.Info("listening for webhooks", "addr", l.Addr(), "webhooks", len(hooks))
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), watchClose)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil // a caller that dawdles has been cut off
	}, nil
}
