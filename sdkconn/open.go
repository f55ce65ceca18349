package sdkconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/jonboulle/clockwork"
)

// Config is what a connection needs beside its URL. The zero value is ready for use.
type Config struct {
	// Dir is the folder that relative paths in the URL are relative to. Empty is the working directory.
	Dir string

	// Clock is where the connection reads the time. Nil is the real clock.
	Clock clockwork.Clock

	// Logger takes what nobody can be told otherwise. Nil discards.
	Logger *slog.Logger
}

// WithDefaults returns a copy with every empty field that has a default set to it.
func (c Config) WithDefaults() Config {
	if c.Clock == nil {
		c.Clock = clockwork.NewRealClock()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Driver opens connections of one URL scheme.
type Driver interface {
	// Open connects and logs in. It blocks until the login succeeded or failed, or ctx ends. config has its defaults.
	Open(ctx context.Context, u *url.URL, config Config) (Conn, error)
}

// ErrUnknownScheme is returned by Open for a URL whose scheme no driver has registered.
var ErrUnknownScheme = errors.New("no connection of this kind")

var drivers struct {
	sync.RWMutex
	m map[string]Driver
}

// Register makes a driver available under a URL scheme. It panics when the scheme is taken: two drivers in one program
// is a programmer's mistake.
func Register(scheme string, d Driver) {
	drivers.Lock()
	defer drivers.Unlock()
	if _, taken := drivers.m[scheme]; taken {
		panic("sdkconn: Register called twice for " + scheme)
	}
	if drivers.m == nil {
		drivers.m = make(map[string]Driver)
	}
	drivers.m[scheme] = d
}

// Schemes returns the registered schemes, sorted.
func Schemes() []string {
	drivers.RLock()
	defer drivers.RUnlock()
	var names []string
	for name := range drivers.m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ParseURL parses a connection's URL and checks that a driver is there for it, without connecting.
func ParseURL(rawurl string) (*url.URL, error) {
	u, err := url.Parse(rawurl)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) { // its text repeats the URL, which may hold a secret
			err = ue.Err
		}
		return nil, fmt.Errorf("connection URL: %w", err)
	}
	drivers.RLock()
	_, ok := drivers.m[u.Scheme]
	drivers.RUnlock()
	if !ok {
		return nil, fmt.Errorf("connection URL: scheme %q: %w (have %s)", u.Scheme, ErrUnknownScheme,
			strings.Join(Schemes(), ", "))
	}
	return u, nil
}

// Open connects to the service that the URL names and logs in. See the drivers for their URLs.
func Open(ctx context.Context, rawurl string, config Config) (Conn, error) {
	u, err := ParseURL(rawurl)
	if err != nil {
		return nil, err
	}
	drivers.RLock()
	d := drivers.m[u.Scheme]
	drivers.RUnlock()
	return d.Open(ctx, u, config.WithDefaults())
}
