package local

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func init() { sdkconn.Register("local", driver{}) }

// driver opens local:PATH?user=ID.
type driver struct{}

// Open implements [sdkconn.Driver].
func (driver) Open(ctx context.Context, u *url.URL, config sdkconn.Config) (sdkconn.Conn, error) {
	path, user, window, err := parseURL(u)
	if err != nil {
		return nil, fmt.Errorf("connection URL: %w", err)
	}
	if path != Memory && !filepath.IsAbs(path) {
		path = filepath.Join(config.Dir, path)
	}
	chat, err := Open(ctx, path, Config{Clock: config.Clock, Logger: config.Logger, RevokeWindow: window})
	if err != nil {
		return nil, err
	}
	conn, err := chat.Login(ctx, user)
	if err != nil {
		return nil, errors.Join(err, chat.Close())
	}
	conn.driver = true
	return conn, nil
}

func parseURL(u *url.URL) (path, user string, window time.Duration, err error) {
	if u.Host != "" {
		return "", "", 0, fmt.Errorf("local:PATH?user=ID has no host, got %q; for a relative path leave the slashes out", u.Host)
	}
	path = u.Path
	if u.Opaque != "" {
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", "", 0, err
		}
	}
	if path == "" {
		return "", "", 0, errors.New("no path: want local:PATH?user=ID")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", "", 0, err
	}
	for name, values := range query {
		switch name {
		case "user":
			user = values[0]
		case "revoke_window":
			if window, err = time.ParseDuration(values[0]); err != nil || window <= 0 {
				return "", "", 0, fmt.Errorf("revoke_window %q: want a duration above zero, like 120s", values[0])
			}
		default:
			return "", "", 0, fmt.Errorf("unknown parameter %q: local knows user and revoke_window", name)
		}
		if len(values) > 1 {
			return "", "", 0, fmt.Errorf("parameter %q is given twice", name)
		}
	}
	if user == "" {
		return "", "", 0, errors.New("no user: want local:PATH?user=ID")
	}
	return path, user, window, nil
}
