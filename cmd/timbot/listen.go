package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/telemetry"
	"github.com/timbot-go/timbot/plugins/host"
)

// The variables of the environment that telemetry reads; those of OpenTelemetry have its names.
const (
	tokenVariable       = "TIMBOT_LISTEN_TOKEN"
	otlpVariable        = "OTEL_EXPORTER_OTLP_ENDPOINT"
	otlpHeadersVariable = "OTEL_EXPORTER_OTLP_HEADERS"
)

// watchClose bounds how long the end waits for requests and spans under way.
const watchClose = 2 * time.Second

// watching is how a bot is watched from outside.
type watching struct {
	addr, tokenFile, otlp string
}

func (w *watching) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.addr, "listen", "", "answer /metrics, /healthz and /readyz at this address, for instance :9464")
	cmd.Flags().StringVar(&w.tokenFile, "listen-token-file", "", "the file with the token that clients must give (or "+tokenVariable+")")
	cmd.Flags().StringVar(&w.otlp, "otlp", "", "send spans to this OTLP collector, for instance http://localhost:4318 (or "+otlpVariable+")")
}

// watched is a bot's telemetry; a zero one is off.
type watched struct {
	*watching
	log       *slog.Logger
	token     string
	telemetry *telemetry.Telemetry
	listener  *telemetry.Listener
}

// open gets ready to watch. The caller closes what it returns after the bot's Run.
func (w *watching) open(ctx context.Context, log *slog.Logger) (*watched, error) {
	out := &watched{watching: w, log: log}
	otlp := w.otlp
	if otlp == "" {
		otlp = os.Getenv(otlpVariable)
	}
	if w.addr == "" && otlp == "" {
		return out, nil
	}
	var err error
	if out.token, err = w.token(); err != nil {
		return nil, err
	}
	headers, err := otlpHeaders(os.Getenv(otlpHeadersVariable))
	if err != nil {
		return nil, err
	}
	out.telemetry, err = telemetry.New(ctx, telemetry.Config{
		Version: readBuild().Version, Clock: clockwork.NewRealClock(), Log: log, OTLP: otlp, OTLPHeaders: headers,
	})
	return out, err
}

// token is what clients of the listener must give; empty for none.
func (w *watching) token() (string, error) {
	if w.tokenFile == "" {
		return os.Getenv(tokenVariable), nil
	}
	text, err := os.ReadFile(w.tokenFile)
	if err != nil {
		return "", fmt.Errorf("--listen-token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("--listen-token-file: %s is empty", w.tokenFile)
	}
	return token, nil
}

// otlpHeaders reads OpenTelemetry's form of headers: name=value, separated by commas, the values escaped as in URLs.
func otlpHeaders(text string) (map[string]string, error) {
	headers := make(map[string]string)
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("%s: want name=value, separated by commas", otlpHeadersVariable) // which may be secret
		}
		headers[strings.TrimSpace(name)] = value
	}
	return headers, nil
}

// options are the bot's.
func (w *watched) options() []bot.Option {
	if w.telemetry == nil {
		return nil
	}
	return []bot.Option{bot.WithObserver(w.telemetry)}
}

// plugins is who is told of the plugins, or nil.
func (w *watched) plugins() host.Observer {
	if w.telemetry == nil {
		return nil
	}
	return w.telemetry
}

// listen begins to answer for the bot.
func (w *watched) listen(b *bot.Bot) (err error) {
	if w.addr == "" {
		return nil
	}
	w.listener, err = telemetry.Listen(telemetry.ListenConfig{
		Addr: w.addr, Token: w.token, Telemetry: w.telemetry, Backlog: b.Backlog, Stats: b.Stats, Pace: b.PaceStats,
		Ready: readiness(b), Alive: b.Alive,
		Clock: clockwork.NewRealClock(), Log: w.log,
	})
	if errors.Is(err, telemetry.ErrNoToken) {
		return fmt.Errorf("%w: give one with --listen-token-file or %s", err, tokenVariable)
	}
	if err == nil {
		w.log.Info("listening", "addr", w.listener.Addr(), "token", w.token != "")
	}
	return err
}

// readiness asks whether the bot does its work.
func readiness(b *bot.Bot) func() (bool, []string) {
	return func() (bool, []string) {
		h := b.Health()
		var why []string
		for _, p := range h.Problems {
			why = append(why, fmt.Sprintf("%s: %s (since %s)", p.Component, p.Text, p.Since.Format(time.RFC3339)))
		}
		return h.Ready, why
	}
}

// close stops listening and sends the spans that are left.
func (w *watched) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), watchClose)
	defer cancel()
	var err error
	if w.listener != nil {
		err = w.listener.Close(ctx)
	}
	if w.telemetry != nil {
		err = errors.Join(err, w.telemetry.Close(ctx))
	}
	return err
}
