package sdkconn_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

type driver struct {
	url    *url.URL
	config sdkconn.Config
	err    error
}

func (d *driver) Open(_ context.Context, u *url.URL, config sdkconn.Config) (sdkconn.Conn, error) {
	d.url, d.config = u, config
	return nil, d.err
}

var testDriver = new(driver) // a scheme is registered once, and a test runs as often as is wanted

func init() {
	sdkconn.Register("test-open", testDriver)
	sdkconn.Register("test-parse", new(driver))
}

func TestOpen(t *testing.T) {
	d := testDriver
	*d = driver{err: sdkconn.CodeNotLoggedIn}
	if !slices.Contains(sdkconn.Schemes(), "test-open") {
		t.Errorf("schemes: %v", sdkconn.Schemes())
	}
	_, err := sdkconn.Open(t.Context(), "test-open:./chat.db?user=alice", sdkconn.Config{Dir: "bots"})
	if !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("got %v", err)
	}
	if d.url.Opaque != "./chat.db" || d.url.Query().Get("user") != "alice" {
		t.Errorf("got %+v", d.url)
	}
	if d.config.Clock == nil || d.config.Logger == nil || d.config.Dir != "bots" {
		t.Errorf("got %+v", d.config)
	}
}

func TestRegisterTwicePanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "test-open") {
			t.Errorf("got %v", r)
		}
	}()
	sdkconn.Register("test-open", new(driver))
}

func TestParseURL(t *testing.T) {
	for _, rawurl := range []string{"", "chat.db", "nosuch:chat.db", "TEST PARSE:x"} {
		if _, err := sdkconn.ParseURL(rawurl); err == nil {
			t.Errorf("%q is taken", rawurl)
		}
	}
	if _, err := sdkconn.ParseURL("nosuch:x"); !errors.Is(err, sdkconn.ErrUnknownScheme) || !strings.Contains(err.Error(), "test-parse") {
		t.Errorf("got %v", err)
	}
	if _, err := sdkconn.Open(t.Context(), "nosuch:x", sdkconn.Config{}); !errors.Is(err, sdkconn.ErrUnknownScheme) {
		t.Errorf("got %v", err)
	}
	// A URL may hold a secret; what is said about a bad one does not repeat it.
	if _, err := sdkconn.ParseURL("test-parse://secret\x7f"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if u, err := sdkconn.ParseURL("TEST-PARSE:x"); err != nil || u.Scheme != "test-parse" {
		t.Errorf("got %v, %v", u, err)
	}
}

func TestWithDefaultsLeavesTheCallersAlone(t *testing.T) {
	var c sdkconn.Config
	if full := c.WithDefaults(); full.Clock == nil || full.Logger == nil {
		t.Error("no defaults")
	}
	if c.Clock != nil || c.Logger != nil {
		t.Error("the caller's config was changed")
	}
}
