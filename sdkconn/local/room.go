package local

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// room is where messages are: two users, or a group. Each of them sees it as a conversation of his own.
type room struct {
	id    int64
	kind  sdkconn.ConvType
	a, b  int64 // the two users, a <= b; a group's owner is a
	name  string
	title string
	typ   sdkconn.GroupType
	made  uint64 // 0: only named by imported messages
	gone  uint64

	page    page
	members map[int64]*member // of a group, with those who left; nil until loaded
	views   map[int64]bool    // users whose view is known to exist; the writer's only
	seq     int64             // the last one given out in a group, -1 not loaded; the writer's only
}

// member is one user's time in a group. A user who left stays here with his stays closed.
type member struct {
	user   *user
	role   sdkconn.MemberRole
	joined uint64
	muted  uint64
	card   string
	stays  []stay
}

// stay is one span of log positions in which the user was in the group; to is 0 while he is.
type stay struct{ from, to int64 }

func (s stay) covers(id int64) bool { return id >= s.from && (s.to == 0 || id <= s.to) }

// in reports whether the user is in the group now.
func (m *member) in() bool { return m != nil && m.stays[len(m.stays)-1].to == 0 }

// covers reports whether the user was in the group at a log position.
func (m *member) covers(id int64) bool {
	if m == nil {
		return false
	}
	for _, s := range m.stays {
		if s.covers(id) {
			return true
		}
	}
	return false
}

func (r *room) isGroup() bool { return r.kind == sdkconn.ConvGroup }

// live reports whether r is a group that exists.
func (r *room) live() bool { return r != nil && r.made != 0 && r.gone == 0 }

// openPast reports whether members see the messages from before they came.
func (r *room) openPast() bool { return r.rules().openPast }

// forgets reports whether the group keeps no history and counts nothing as unread.
func (r *room) forgets() bool { return r.isGroup() && r.rules().forgets }

// peer is the other user's id in a room of two; in the room of a user with himself it is his own.
func (r *room) peer(self int64) int64 {
	if r.a == self {
		return r.b
	}
	return r.a
}

// lookup answers who and where from one connection, and remembers the answers. The writer's lives as long as nobody
// else changes what it holds; a reader's as long as one call.
type lookup struct {
	db        *db
	users     map[int64]*user
	userNames map[string]*user
	rooms     map[int64]*room
	pairs     map[[2]int64]*room
	groups    map[string]*room
}

func newLookup(d *db) *lookup {
	return &lookup{
		db: d, users: make(map[int64]*user), userNames: make(map[string]*user),
		rooms: make(map[int64]*room), pairs: make(map[[2]int64]*room), groups: make(map[string]*room),
	}
}

const roomColumns = `SELECT id, kind, a, b, name, title, type, made, gone, page FROM room `

// room returns where the user's conversation is, or nil when there was none yet.
func (l *lookup) room(self *user, conv sdkconn.Conversation) (*room, error) {
	if conv.Type == sdkconn.ConvGroup {
		return l.group(conv.ID)
	}
	peer, err := l.anyUser(conv.ID)
	if err != nil || peer == nil {
		return nil, err
	}
	return l.pair(self.id, peer.id)
}

func (l *lookup) pair(x, y int64) (*room, error) {
	key := [2]int64{min(x, y), max(x, y)}
	if r := l.pairs[key]; r != nil {
		return r, nil
	}
	return l.loadRoom(roomColumns+`WHERE kind = 1 AND a = ? AND b = ?`, key[0], key[1])
}

// group returns the newest group of that id, dissolved or not.
func (l *lookup) group(name string) (*room, error) {
	if r := l.groups[name]; r != nil {
		return r, nil
	}
	return l.loadRoom(roomColumns+`WHERE kind = 2 AND name = ? ORDER BY id DESC LIMIT 1`, name)
}

func (l *lookup) roomByID(id int64) (*room, error) {
	if r := l.rooms[id]; r != nil {
		return r, nil
	}
	return l.loadRoom(roomColumns+`WHERE id = ?`, id)
}

func (l *lookup) loadRoom(sql string, args ...any) (*room, error) {
	var r *room
	var page string
	_, err := l.db.one(func(s *sqlite3.Stmt) {
		r = &room{
			id: s.ColumnInt64(0), kind: sdkconn.ConvType(s.ColumnInt64(1)), a: s.ColumnInt64(2), b: s.ColumnInt64(3),
			name: s.ColumnText(4), title: s.ColumnText(5), typ: sdkconn.GroupType(s.ColumnInt64(6)),
			made: uint64(s.ColumnInt64(7)), gone: uint64(s.ColumnInt64(8)), seq: -1, views: make(map[int64]bool),
		}
		page = s.ColumnText(9)
	}, sql, args...)
	if err != nil || r == nil {
		return nil, err
	}
	if old := l.rooms[r.id]; old != nil {
		return old, nil
	}
	if page != "" {
		if err := sdkconn.Unmarshal([]byte(page), &r.page); err != nil {
			return nil, fmt.Errorf("stored group: %w", err)
		}
	}
	l.rooms[r.id] = r
	if !r.isGroup() {
		l.pairs[[2]int64{r.a, r.b}] = r
	} else if newer := l.groups[r.name]; newer == nil || newer.id < r.id {
		l.groups[r.name] = r
	}
	return r, nil
}

// loadMembers fills a group's members.
func (l *lookup) loadMembers(r *room) error {
	if r.members != nil {
		return nil
	}
	members, err := l.readMembers(`SELECT user, since, until, role, joined, muted, card FROM member WHERE room = ?
		ORDER BY user, since`, r.id)
	if err == nil {
		r.members = members
	}
	return err
}

// member returns one user's membership, or nil when he never was in the group, without reading the others'.
func (l *lookup) member(r *room, id int64) (*member, error) {
	if r.members != nil {
		return r.members[id], nil
	}
	members, err := l.readMembers(`SELECT user, since, until, role, joined, muted, card FROM member
		WHERE room = ? AND user = ? ORDER BY since`, r.id, id)
	return members[id], err
}

func (l *lookup) readMembers(sql string, args ...any) (map[int64]*member, error) {
	members := make(map[int64]*member)
	err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		id := s.ColumnInt64(0)
		m := members[id]
		if m == nil {
			m = &member{user: &user{id: id}}
			members[id] = m
		}
		m.stays = append(m.stays, stay{s.ColumnInt64(1), s.ColumnInt64(2)})
		m.role, m.joined = sdkconn.MemberRole(s.ColumnInt64(3)), uint64(s.ColumnInt64(4))
		m.muted, m.card = uint64(s.ColumnInt64(5)), s.ColumnText(6)
		return true, nil
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	for id, m := range members {
		if m.user, err = l.userByID(id); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// conversation is the room as one of its users names it.
func (l *lookup) conversation(r *room, self int64) (sdkconn.Conversation, error) {
	if r.isGroup() {
		return sdkconn.Group(r.name), nil
	}
	peer, err := l.userByID(r.peer(self))
	if err != nil {
		return sdkconn.Conversation{}, err
	}
	return sdkconn.C2C(peer.name), nil
}
