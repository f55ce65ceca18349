// Package webhook is HTTP before a bot's webhooks: it listens, and hands calls to Bot.Webhook.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

const (
	// The times that a caller has: for the headers, and for all of the request.
	headerTime  = 10 * time.Second
	requestTime = 30 * time.Second

	// answerTime is how long the bot has to write a call down, from the end of the headers on.
	answerTime = time.Minute

	idleTime       = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// Config is what Listen needs.
type Config struct {
	Addr string // host:port. Without a host it is 127.0.0.1.

	// Take is Bot.Webhook.
	Take func(context.Context, bot.WebhookCall) (bot.WebhookTaken, error)

	// Webhooks are those of the moment. Of an address that others can reach each must have a secret.
	Webhooks []*rules.Webhook

	Log *slog.Logger
}

// Listener answers calls of webhooks.
type Listener struct {
	server *http.Server
	addr   string
	done   chan error
}

// Listen begins to answer. The caller closes the Listener. Errors: those of the address, and of net.Listen.
func Listen(c Config) (*Listener, error) {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %q is no address: want for instance 127.0.0.1:8080 or 0.0.0.0:8080", c.Addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	local := isLocal(host)
	for _, w := range c.Webhooks {
		if !w.Secured && !local {
			return nil, fmt.Errorf("webhooks: %s: webhook %s has no secret, and %s can be reached from other machines: "+
				"give it one, or all with bot.webhooks.secret", w.Pos, w.Path, c.Addr)
		}
	}
	socket, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	l := &Listener{addr: socket.Addr().String(), done: make(chan error, 1), server: &http.Server{
		Handler: Handler(c.Take, local, c.Log), ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}}
	go func() { l.done <- l.server.Serve(socket) }()
	return l, nil
}

// Addr is where it listens, as host:port.
func (l *Listener) Addr() string { return l.addr }

// Close stops listening and waits for calls under way, until ctx ends.
func (l *Listener) Close(ctx context.Context) error {
	err := l.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, l.server.Close())
	}
	if serr := <-l.done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// isLocal reports whether a host is this machine and no other can reach it.
func isLocal(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Handler hands requests to take. local says that it listens where only this machine can reach it.
func Handler(take func(context.Context, bot.WebhookCall) (bot.WebhookTaken, error), local bool, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken, err := take(r.Context(), bot.WebhookCall{
			Path: r.URL.Path, Method: r.Method, Header: r.Header, Query: r.URL.Query(), Body: r.Body, Local: local && ownCall(r),
		})
		var refused *bot.WebhookError
		switch {
		case errors.As(err, &refused):
			refuse(w, refused)
		case err != nil:
			if r.Context().Err() == nil {
				log.Error("webhook: the call is not taken", "path", r.URL.Path, "err", err)
			}
			w.Header().Set("Retry-After", "5")
			say(w, http.StatusServiceUnavailable, "the call could not be written down: call again later")
		case taken.Again:
			say(w, http.StatusAccepted, "delivery "+taken.ID+" was taken before")
		default:
			say(w, http.StatusAccepted, "taken: "+taken.ID)
		}
	})
}

// ownCall reports whether a request comes from this machine, for a name of this machine, and through no proxy.
func ownCall(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	to := r.Host
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		to = host
	}
	return err == nil && isLocal(from) && isLocal(to)
}

func refuse(w http.ResponseWriter, e *bot.WebhookError) {
	switch e.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", strings.Join(e.Allow, ", "))
	}
	if e.Later > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.Later.Seconds())))
	}
	say(w, e.Status, e.Text)
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
