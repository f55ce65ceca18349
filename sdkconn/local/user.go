package local

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// user is one row of the table of users. It does not change once it is shared.
type user struct {
	id    int64
	name  string
	nick  string
	known bool                // else only named by imported messages
	page  sdkconn.UserProfile // what he says of himself beside his nick
}

// system is who sends group tips and notices.
var system = &user{id: 0, name: sdkconn.SystemSender, known: true}

// tinyBase is what the numeric ids that message ids begin with are counted from: 18 digits, as the real ones.
const tinyBase = 144115200000000000

// tiny is the user's numeric id.
func (u *user) tiny() string { return strconv.FormatInt(tinyBase+u.id, 10) }

// profile is the part of the user that messages carry.
func (u *user) profile() *sdkconn.SenderProfile {
	return &sdkconn.SenderProfile{Identifier: u.name, NickName: u.nick, FaceURL: u.page.FaceURL}
}

func (u *user) fullProfile() sdkconn.UserProfile {
	p := u.page
	p.Identifier, p.NickName, p.Custom = u.name, u.nick, slices.Clone(p.Custom)
	return p
}

// validUser reports whether the service allows the id: 1 to 32 bytes of printable ASCII.
func validUser(name string) bool { return len(name) <= 32 && printable(name) }

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// userByName returns nil when there is no such user, or one that is only named by imported messages.
func (l *lookup) userByName(name string) (*user, error) {
	u, err := l.anyUser(name)
	if err != nil || u == nil || !u.known {
		return nil, err
	}
	return u, nil
}

// anyUser also returns users that are only named by imported messages.
func (l *lookup) anyUser(name string) (*user, error) {
	if u := l.userNames[name]; u != nil {
		return u, nil
	}
	return l.loadUser(`SELECT id, name, nick, known, profile FROM user WHERE name = ?`, name)
}

func (l *lookup) userByID(id int64) (*user, error) {
	if id == system.id {
		return system, nil
	}
	if u := l.users[id]; u != nil {
		return u, nil
	}
	return l.loadUser(`SELECT id, name, nick, known, profile FROM user WHERE id = ?`, id)
}

func (l *lookup) loadUser(sql string, key any) (*user, error) {
	var u *user
	var page string
	_, err := l.db.one(func(s *sqlite3.Stmt) {
		u = &user{id: s.ColumnInt64(0), name: s.ColumnText(1), nick: s.ColumnText(2), known: s.ColumnBool(3)}
		page = s.ColumnText(4)
	}, sql, key)
	if err != nil || u == nil {
		return nil, err
	}
	if page != "" {
		if err := sdkconn.Unmarshal([]byte(page), &u.page); err != nil {
			return nil, fmt.Errorf("stored user: %w", err)
		}
	}
	l.users[u.id], l.userNames[u.name] = u, u
	return u, nil
}

// ensureUser makes the user, or makes a merely named one known. An empty nick leaves an existing one alone.
func (t *tx) ensureUser(name, nick string, known bool) (*user, error) {
	u, err := t.anyUser(name)
	if err != nil {
		return nil, err
	}
	switch {
	case u == nil:
		if nick == "" {
			nick = name
		}
		err = t.exec(`INSERT INTO user (name, nick, known, made) VALUES (?, ?, ?, ?)`, name, nick, known, t.now)
	case known && !u.known || nick != "" && nick != u.nick:
		if nick == "" {
			nick = u.nick
		}
		err = t.exec(`UPDATE user SET nick = ?, known = ? WHERE id = ?`, nick, known || u.known, u.id)
		if err == nil {
			return t.renew(u)
		}
	default:
		return u, nil
	}
	if err != nil {
		return nil, err
	}
	t.epochMoved = true
	return t.anyUser(name)
}

// renew reads a user who has changed, for whoever holds him.
func (t *tx) renew(u *user) (*user, error) {
	t.epochMoved = true
	delete(t.users, u.id)
	delete(t.userNames, u.name)
	now, err := t.userByID(u.id)
	if err != nil {
		return nil, err
	}
	for _, r := range t.rooms {
		if m := r.members[u.id]; m != nil {
			m.user = now
		}
	}
	return now, nil
}
