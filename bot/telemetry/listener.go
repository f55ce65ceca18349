package telemetry

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/timbot-go/timbot/bot"
)

// ErrNoToken is returned by Listen for an address that others can reach, without a token.
var ErrNoToken = errors.New("this address can be reached from other machines, so a token is needed")

// minToken is the shortest token that is taken.
const minToken = 16

// aliveWithin is how long a bot may take to answer before it counts as stuck.
const aliveWithin = 5 * time.Second

// ListenConfig is what Listen needs.
type ListenConfig struct {
	// Addr is host:port. Without a host it is 127.0.0.1.
	Addr string

	// Token is what a client must give as "Authorization: Bearer TOKEN"; empty for none, which loopback addresses alone may
	// have.
	Token string

	Telemetry *Telemetry
	Backlog   BacklogFunc
	Stats     func() bot.Stats
	Pace      func() bot.PaceStats

	// Ready says whether the bot does its work, and if not, why.
	Ready func() (ok bool, why []string)

	// Alive returns when the bot's loops answer.
	Alive func()

	Clock clockwork.Clock
	Log   *slog.Logger
}

// Listener answers /metrics, /healthz and /readyz.
type Listener struct {
	server *http.Server
	addr   string
	done   chan error
}

// Listen begins to answer. The caller closes the Listener. Errors: ErrNoToken, and those of net.Listen.
func Listen(c ListenConfig) (*Listener, error) {
	addr, err := checkAddr(c.Addr, c.Token)
	if err != nil {
		return nil, err
	}
	handler, err := newHandler(c)
	if err != nil {
		return nil, err
	}
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l := &Listener{addr: socket.Addr().String(), done: make(chan error, 1), server: &http.Server{
		Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}}
	go func() { l.done <- l.server.Serve(socket) }()
	return l, nil
}

// Addr is where it listens, as host:port.
func (l *Listener) Addr() string { return l.addr }

// Close stops listening and waits for requests under way, until ctx ends.
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

// checkAddr is the address to listen at. One that others can reach needs a token.
func checkAddr(addr, token string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("listen: %q is no address: want for instance :9464 or 0.0.0.0:9464", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if token != "" && len(token) < minToken {
		return "", fmt.Errorf("listen: the token has %d letters: want at least %d", len(token), minToken)
	}
	ip, err := netip.ParseAddr(host)
	if loopback := host == "localhost" || err == nil && ip.IsLoopback(); !loopback && token == "" {
		return "", fmt.Errorf("listen at %s: %w", addr, ErrNoToken)
	}
	return net.JoinHostPort(host, port), nil
}

func newHandler(c ListenConfig) (http.Handler, error) {
	registry := c.Telemetry.registry
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "timbot_ready", Help: "1 while the bot does its work."}, func() float64 {
		if ok, _ := c.Ready(); ok {
			return 1
		}
		return 0
	})
	for _, collector := range append(counters(c.Stats, c.Pace), newGauges(c.Backlog), ready) {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn), EnableOpenMetrics: true, MaxRequestsInFlight: 4,
	}))
	asking := make(chan struct{}, 1) // one question at a time, however often a stuck bot is asked
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		late := c.Clock.NewTimer(aliveWithin)
		defer late.Stop()
		answered := make(chan struct{})
		select {
		case asking <- struct{}{}:
			go func() {
				c.Alive()
				<-asking
				close(answered)
			}()
		case <-late.Chan():
			stuck(w)
			return
		}
		select {
		case <-answered:
			say(w, http.StatusOK, "ok")
		case <-late.Chan():
			stuck(w)
		}
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ok, why := c.Ready(); !ok {
			say(w, http.StatusServiceUnavailable, "not ready\n"+strings.Join(why, "\n"))
			return
		}
		say(w, http.StatusOK, "ready")
	})
	if c.Token == "" {
		return mux, nil
	}
	want := sha256.Sum256([]byte(c.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		if !ok || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			say(w, http.StatusUnauthorized, "give the token: Authorization: Bearer TOKEN")
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}

func stuck(w http.ResponseWriter) {
	say(w, http.StatusServiceUnavailable, fmt.Sprintf("stuck: no answer within %s", aliveWithin))
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
