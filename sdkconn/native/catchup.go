package native

import (
	"context"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// The bounds of what is read back from the history.
const (
	catchUpMargin   = 60 // seconds: messages of several conversations do not come in the order of their times
	catchUpPage     = 20
	catchUpMessages = 2000 // of one conversation
	seenKeys        = 8192
)

// seen remembers the messages that were told, so that what a process that ended took with it can be told from the history.
type seen struct {
	mu     sync.Mutex
	keys   map[string]struct{}
	ring   []string
	next   int
	newest uint64 // time of the newest message that was told
}

// filter takes out new messages that were told already, and remembers the others.
func (s *seen) filter(events *[]sdkconn.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := (*events)[:0]
	for _, e := range *events {
		if e.Kind == sdkconn.EventNewMsg {
			if !s.add(e.Key()) {
				continue
			}
			s.newest = max(s.newest, e.Message.Time())
		}
		kept = append(kept, e)
	}
	*events = kept
}

func (s *seen) add(key string) bool {
	if _, there := s.keys[key]; there {
		return false
	}
	if s.keys == nil {
		s.keys = make(map[string]struct{})
	}
	if len(s.ring) < seenKeys {
		s.ring = append(s.ring, key)
	} else {
		delete(s.keys, s.ring[s.next])
		s.ring[s.next] = key
		s.next = (s.next + 1) % seenKeys
	}
	s.keys[key] = struct{}{}
	return true
}

// since is from when on messages may be missing; 0 when nothing was told yet.
func (s *seen) since() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest <= catchUpMargin {
		return s.newest
	}
	return s.newest - catchUpMargin
}

// catchUp tells the messages that came while there was no session, or that it took with it: the SDK has them in its history
// and does not tell them again.
func (c *Conn) catchUp(s *session) {
	since := c.seen.since()
	if since == 0 {
		since = c.opened
	}
	data, err := s.do(c.ctx, "ConvGetConvList", "TIMConvGetConvList")
	var convs []*sdkconn.ConvInfo
	if err == nil {
		err = sdkconn.Unmarshal(data, &convs)
	}
	for _, info := range convs {
		if err != nil {
			break
		}
		if info != nil && info.Conversation().Valid() && (info.LastMsg == nil || info.LastMsg.Time() >= since) {
			err = c.catchUpIn(c.ctx, s, info.Conversation(), since)
		}
	}
	if err != nil && c.ctx.Err() == nil {
		c.log.Warn("native: what came while there was no connection could not be read back", "user", c.o.user, "error", err)
	}
}

// catchUpIn reads one conversation back to since, and tells what is new, the oldest first.
func (c *Conn) catchUpIn(ctx context.Context, s *session, conv sdkconn.Conversation, since uint64) error {
	var found []sdkconn.Event
	param := sdkconn.GetMsgListParam{Count: catchUpPage, IsRamble: true}
	for len(found) < catchUpMessages {
		page, err := getMsgList(ctx, s, "GetMsgList", conv, param)
		if err != nil {
			return err
		}
		for _, m := range page {
			switch {
			case m.Time() < since:
				page = nil
			case m.IsFromSelf, m.Status == sdkconn.StatusLocalImported, m.Status == sdkconn.StatusRevoked:
			default:
				found = append(found, sdkconn.Event{Kind: sdkconn.EventNewMsg, At: m.Time(), Message: m, CaughtUp: true})
			}
			if page == nil {
				break
			}
		}
		if len(page) < catchUpPage {
			break
		}
		param.LastMsg = page[len(page)-1]
	}
	if len(found) >= catchUpMessages {
		c.log.Warn("native: of what came while there was no connection, the newest messages are read back only", "user", c.o.user,
			"conversation", conv.String(), "messages", len(found))
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	c.seen.filter(&found)
	c.inbox.put(found...)
	return nil
}
