package local

import (
	"context"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// FindByMsgLocatorList implements [sdkconn.Conn].
func (c *Conn) FindByMsgLocatorList(ctx context.Context, conv sdkconn.Conversation, locators []sdkconn.Locator) ([]*sdkconn.Message, error) {
	const op = "FindByMsgLocatorList"
	if err := c.checkConv(op, conv); err != nil {
		return nil, err
	}
	if err := c.check(op); err != nil {
		return nil, err
	}
	if len(locators) == 0 {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "empty message_locator_list")
	}
	list := []*sdkconn.Message{}
	err := c.read(ctx, op, func(l *lookup) error {
		r, err := l.room(c.user, conv)
		if err != nil || r == nil {
			return err
		}
		v, err := l.view(c.user.id, r)
		if err != nil {
			return err
		}
		type identity struct {
			key
			self bool
		}
		found := make(map[identity]bool)
		for _, loc := range locators {
			id := identity{key{loc.Time, loc.Seq, loc.Rand}, loc.IsSelf}
			if found[id] {
				continue
			}
			one, err := l.history(c.user, r, v, query{limit: 1, only: &loc})
			if err != nil {
				return err
			}
			found[id] = len(one) > 0
			list = append(list, one...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// MsgFindMessages implements [sdkconn.MessageFinder].
func (c *Conn) MsgFindMessages(ctx context.Context, msgIDs []string) ([]*sdkconn.Message, error) {
	const op = "MsgFindMessages"
	if err := c.check(op); err != nil {
		return nil, err
	}
	if len(msgIDs) == 0 {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "message_id_list is empty")
	}
	list := []*sdkconn.Message{}
	err := c.read(ctx, op, func(l *lookup) error {
		rooms, err := l.roomsOf(c.user, sdkconn.ConvInvalid)
		if err != nil {
			return err
		}
		for _, id := range msgIDs {
			m, err := l.byID(c.user, rooms, id)
			if err != nil {
				return err
			}
			if m != nil {
				list = append(list, m)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// byID looks for a message in the user's conversations. The id's client time is the time in the identity of every message
// that was sent; an imported one may have another.
func (l *lookup) byID(self *user, rooms []*room, id string) (*sdkconn.Message, error) {
	head, random, ok := cutLast(id)
	if !ok {
		return nil, nil
	}
	_, client, ok := cutLast(head)
	if !ok {
		return nil, nil
	}
	at, terr := strconv.ParseUint(client, 10, 63)
	rand, rerr := strconv.ParseUint(random, 10, 32)
	if terr != nil || rerr != nil {
		return nil, nil
	}
	for _, r := range rooms {
		loc := sdkconn.Locator{Rand: rand}
		scan := func(s *sqlite3.Stmt) { loc.Time, loc.Seq = uint64(s.ColumnInt64(0)), uint64(s.ColumnInt64(1)) }
		found, err := l.db.one(scan, `SELECT time, seq FROM msg WHERE room = ? AND time = ? AND rand = ?`, r.id, at, rand)
		if err == nil && !found {
			found, err = l.db.one(scan, `SELECT time, seq FROM own WHERE user = ? AND room = ? AND client = ? AND rand = ?`,
				self.id, r.id, at, rand)
		}
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		v, err := l.view(self.id, r)
		if err != nil {
			return nil, err
		}
		for _, loc.IsSelf = range [...]bool{true, false} {
			list, err := l.history(self, r, v, query{limit: 1, only: &loc})
			if err != nil {
				return nil, err
			}
			if len(list) > 0 && list[0].MsgID == id {
				return list[0], nil
			}
		}
	}
	return nil, nil
}

func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", "", false
}
