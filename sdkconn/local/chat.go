package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// Memory is the path of a chat that lives in memory: each Open of it is a new one, and Close forgets it.
const Memory = ":memory:"

// DefaultRevokeWindow is how long after it was sent a message can be taken back.
const DefaultRevokeWindow = 120 * time.Second

// Config is what a chat needs beside its path. The zero value is ready for use.
type Config struct {
	// Clock is where the chat reads the time. Nil is the real clock.
	Clock clockwork.Clock

	// Logger takes what nobody can be told otherwise. Nil discards.
	Logger *slog.Logger

	// RevokeWindow is how long after it was sent a message can be taken back. Zero is DefaultRevokeWindow.
	RevokeWindow time.Duration

	// FriendsOnly lets users write to each other only when both have the other among their friends.
	FriendsOnly bool

	// Rand is where random numbers come from; it is read by one goroutine. Nil is crypto/rand.
	Rand io.Reader
}

func (c Config) withDefaults() Config {
	d := sdkconn.Config{Clock: c.Clock, Logger: c.Logger}.WithDefaults()
	c.Clock, c.Logger = d.Clock, d.Logger
	if c.RevokeWindow == 0 {
		c.RevokeWindow = DefaultRevokeWindow
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return c
}

// Chat is an open chat file. All methods may be called from many goroutines at once.
type Chat struct {
	e *engine

	mu     sync.Mutex
	conns  map[*Conn]struct{}
	closed bool
}

// opened holds the files that are open in this process, by absolute path.
var opened struct {
	mu sync.Mutex
	m  map[string]*engine
}

// Open opens the chat file at path, or makes it; the folder must be there. Beside it lie PATH-lock, PATH-wake,
// PATH-login and SQLite's PATH-wal and PATH-shm. A file of an older schema is brought up to date. The path Memory opens a new chat in memory.
//
// A file that is open in this process already is shared, with the Config of the first Open; it is closed with the last
// Chat. Errors: ErrNewerSchema, ErrNotChat, and those of the file system and of SQLite for a damaged file.
func Open(ctx context.Context, path string, config Config) (*Chat, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open chat: %w", err)
	}
	if path == "" {
		return nil, errors.New("open chat: no path")
	}
	if config.RevokeWindow < 0 {
		return nil, fmt.Errorf("open chat: revoke window %v is below zero", config.RevokeWindow)
	}
	config = config.withDefaults()
	c := &Chat{conns: make(map[*Conn]struct{})}
	if path == Memory {
		e, err := openEngine("", config)
		if err != nil {
			return nil, fmt.Errorf("open chat in memory: %w", err)
		}
		c.e = e
		return c, nil
	}
	full, err := fullPath(path)
	if err != nil {
		return nil, fmt.Errorf("open chat: %w", err)
	}
	opened.mu.Lock()
	defer opened.mu.Unlock()
	e := opened.m[full]
	if e == nil {
		if e, err = openEngine(full, config); err != nil {
			if errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB) {
				err = fmt.Errorf("the file is damaged or no chat: %w", err)
			}
			return nil, fmt.Errorf("open chat %s: %w", path, err)
		}
		if opened.m == nil {
			opened.m = make(map[string]*engine)
		}
		opened.m[full] = e
	}
	e.refs++
	c.e = e
	return c, nil
}

// fullPath is the same for every spelling of a path, whether its last element is there yet or not.
func fullPath(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(full))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(full)), nil
}

// AddUser makes a user who has not logged in yet, so that others can write to him, or changes the nick of one who is
// there. An empty nick is the user's id. Errors: CodeInvalidIdentifier.
func (c *Chat) AddUser(ctx context.Context, user, nick string) error {
	const op = "AddUser"
	if !validUser(user) {
		return fail(op, sdkconn.CodeInvalidIdentifier, "user id %q", user)
	}
	if err := c.check(op); err != nil {
		return err
	}
	return c.e.write(ctx, op, nil, func(t *tx) error {
		_, err := t.ensureUser(user, nick, true)
		return err
	})
}

// AddGroup makes a group of owner's with everybody in it whom p names, who must be users, as if it had been there before. Its
// id may be one that the service gives (@TGS#…). Errors: those of GroupCreate.
func (c *Chat) AddGroup(ctx context.Context, owner string, p sdkconn.GroupCreateParam) error {
	const op = "AddGroup"
	if p.GroupID == "" || !printable(p.GroupID) || len(p.GroupID) > maxGroupID {
		return fail(op, sdkconn.CodeGroupInvalidID, "group id %q", p.GroupID)
	}
	if err := c.check(op); err != nil {
		return err
	}
	return c.e.write(ctx, op, nil, func(t *tx) error {
		u, err := t.userByName(owner)
		if err == nil && u == nil {
			err = fail(op, codeAccountUnknown, "no user %q", owner)
		}
		if err != nil {
			return err
		}
		return t.createGroup(op, u, &p.GroupID, &p)
	})
}

// Users returns all users in the order in which they were made.
func (c *Chat) Users(ctx context.Context) ([]sdkconn.UserProfile, error) {
	const op = "Users"
	if err := c.check(op); err != nil {
		return nil, err
	}
	var users []sdkconn.UserProfile
	err := c.e.read(ctx, op, func(l *lookup) error {
		var ids []int64
		err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
			ids = append(ids, s.ColumnInt64(0))
			return true, nil
		}, `SELECT id FROM user WHERE known = 1 ORDER BY id`)
		for _, id := range ids {
			if err != nil {
				return err
			}
			var u *user
			if u, err = l.userByID(id); err == nil {
				users = append(users, u.fullProfile())
			}
		}
		return err
	})
	return users, err
}

// check answers whether calls are possible.
func (c *Chat) check(op string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fail(op, sdkconn.CodeNotInitialized, "not initialized")
	}
	return nil
}

// Close logs out everybody who logged in through c and, when c is the last Chat of the file, closes it. It blocks until
// no goroutine is left. A second Close does nothing.
func (c *Chat) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	conns := c.conns
	c.conns = nil
	c.mu.Unlock()
	var errs []error
	for conn := range conns {
		errs = append(errs, conn.logout())
	}
	return errors.Join(append(errs, c.release())...)
}

func (c *Chat) release() error {
	if c.e.path != "" {
		opened.mu.Lock()
		defer opened.mu.Unlock()
		if c.e.refs--; c.e.refs > 0 {
			return nil
		}
		delete(opened.m, c.e.path)
	}
	if err := c.e.close(); err != nil {
		return fmt.Errorf("close chat: %w", err)
	}
	return nil
}
