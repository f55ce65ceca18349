package local

import (
	"context"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// relations is the schema's step for what a user thinks of others.
const relations = `
CREATE TABLE relation (
	id   INTEGER PRIMARY KEY,
	kind INTEGER NOT NULL,            -- 1 friend, 2 black list
	user INTEGER NOT NULL,
	peer INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX relation_pair ON relation (user, peer, kind);
`

// The kinds of relations.
const (
	isFriend  = 1
	isOutcast = 2
)

// FriendshipAddFriend implements [sdkconn.Friends]. Nobody is asked, and nobody is told. An unknown user is
// CodeSvrMsgInvalidID.
func (c *Conn) FriendshipAddFriend(ctx context.Context, user string, friend sdkconn.FriendType) error {
	return c.befriend(ctx, "FriendshipAddFriend", user, friend, (*tx).relate)
}

// FriendshipDeleteFriend implements [sdkconn.Friends].
func (c *Conn) FriendshipDeleteFriend(ctx context.Context, user string, friend sdkconn.FriendType) error {
	return c.befriend(ctx, "FriendshipDeleteFriend", user, friend, (*tx).unrelate)
}

func (c *Conn) befriend(ctx context.Context, op, user string, friend sdkconn.FriendType, change func(t *tx, kind, user, peer int64) error) error {
	if friend > sdkconn.FriendBoth || user == c.user.name {
		return fail(op, sdkconn.CodeInvalidParameters, "friend type %d of %q", friend, user)
	}
	return c.write(ctx, op, func(t *tx) error {
		u, err := t.userByName(user)
		if err != nil {
			return err
		}
		if u == nil {
			return fail(op, sdkconn.CodeSvrMsgInvalidID, "no user %q", user)
		}
		if err := change(t, isFriend, c.user.id, u.id); err != nil || friend == sdkconn.FriendSingle {
			return err
		}
		return change(t, isFriend, u.id, c.user.id)
	})
}

func (t *tx) relate(kind, user, peer int64) error {
	return t.exec(`INSERT INTO relation (kind, user, peer) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, kind, user, peer)
}

func (t *tx) unrelate(kind, user, peer int64) error {
	return t.exec(`DELETE FROM relation WHERE kind = ? AND user = ? AND peer = ?`, kind, user, peer)
}

// related lists whom the user has in a relation.
func (l *lookup) related(kind, of int64) ([]*user, error) {
	var ids []int64
	err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		ids = append(ids, s.ColumnInt64(0))
		return true, nil
	}, `SELECT peer FROM relation WHERE user = ? AND kind = ? ORDER BY id`, of, kind)
	var list []*user
	for _, id := range ids {
		if err != nil {
			return nil, err
		}
		var u *user
		if u, err = l.userByID(id); err == nil {
			list = append(list, u)
		}
	}
	return list, err
}

// FriendshipGetFriendProfileList implements [sdkconn.Friends].
func (c *Conn) FriendshipGetFriendProfileList(ctx context.Context) ([]sdkconn.UserProfile, error) {
	list := []sdkconn.UserProfile{}
	err := c.read(ctx, "FriendshipGetFriendProfileList", func(l *lookup) error {
		users, err := l.related(isFriend, c.user.id)
		for _, u := range users {
			list = append(list, u.fullProfile())
		}
		return err
	})
	return list, err
}

// FriendshipAddToBlackList implements [sdkconn.BlackList]. It is all of the users or none; an unknown one is
// CodeSvrMsgInvalidID. A friend on the list stays a friend.
func (c *Conn) FriendshipAddToBlackList(ctx context.Context, users []string) error {
	return c.outcast(ctx, "FriendshipAddToBlackList", users, (*tx).relate)
}

// FriendshipDeleteFromBlackList implements [sdkconn.BlackList].
func (c *Conn) FriendshipDeleteFromBlackList(ctx context.Context, users []string) error {
	return c.outcast(ctx, "FriendshipDeleteFromBlackList", users, (*tx).unrelate)
}

func (c *Conn) outcast(ctx context.Context, op string, users []string, change func(t *tx, kind, user, peer int64) error) error {
	if len(users) == 0 {
		return fail(op, sdkconn.CodeInvalidParameters, "no users")
	}
	return c.write(ctx, op, func(t *tx) error {
		var ids []int64
		for _, name := range users {
			u, err := t.userByName(name)
			if err != nil {
				return err
			}
			if u == nil {
				return fail(op, sdkconn.CodeSvrMsgInvalidID, "no user %q", name)
			}
			ids = append(ids, u.id)
		}
		for _, id := range ids {
			if err := change(t, isOutcast, c.user.id, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// FriendshipGetBlackList implements [sdkconn.BlackList].
func (c *Conn) FriendshipGetBlackList(ctx context.Context) ([]string, error) {
	list := []string{}
	err := c.read(ctx, "FriendshipGetBlackList", func(l *lookup) error {
		users, err := l.related(isOutcast, c.user.id)
		for _, u := range users {
			list = append(list, u.name)
		}
		return err
	})
	return list, err
}

// mayWrite checks what the recipient thinks of the sender, and in a chat for friends also the other way round.
func (t *tx) mayWrite(op string, from, to *user) error {
	if from.id == to.id {
		return nil
	}
	has := func(kind int64, u, peer *user) (bool, error) {
		n, err := t.db.integer(`SELECT count(*) FROM relation WHERE user = ? AND peer = ? AND kind = ?`, u.id, peer.id, kind)
		return n > 0, err
	}
	out, err := has(isOutcast, to, from)
	switch {
	case err != nil:
		return err
	case out:
		return fail(op, sdkconn.CodeSvrMsgInPeerBlacklist, "%s wants nothing from %s", to.name, from.name)
	case !t.e.friendsOnly:
		return nil
	}
	his, err := has(isFriend, to, from)
	if err != nil {
		return err
	}
	own, err := has(isFriend, from, to)
	switch {
	case err != nil:
		return err
	case !his && !own:
		return fail(op, sdkconn.CodeSvrMsgBothNotFriend, "%s and %s are no friends", from.name, to.name)
	case !his:
		return fail(op, sdkconn.CodeSvrMsgNotPeerFriend, "%s is no friend of %s", from.name, to.name)
	case !own:
		return fail(op, sdkconn.CodeSvrMsgNotSelfFriend, "%s is no friend of %s", to.name, from.name)
	}
	return nil
}
