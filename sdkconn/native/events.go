package native

import (
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

// hear takes an event of the library, on the session's goroutine.
func (c *Conn) hear(s signal) {
	switch s.event {
	case kickedOffline:
		c.inbox.put(sdkconn.Event{Kind: sdkconn.EventKickedOffline, At: c.now(), Desc: "the same user logged in elsewhere"})
		poke(c.kicked)
	case userSigExpired:
		c.inbox.put(sdkconn.Event{Kind: sdkconn.EventUserSigExpired, At: c.now()})
		poke(c.expired)
	case networkStatus:
		if len(s.numbers) == 1 {
			c.network(sdkconn.NetworkStatus(s.numbers[0]), sdkconn.Code(s.code), s.desc)
		}
	default:
		events, err := c.events(s)
		if err != nil { // what it says must not be in a log
			c.log.Error("native: an event of the SDK cannot be read", "user", c.o.user, "callback", int(s.event), "bytes", len(s.json),
				"error", err)
			return
		}
		for i := range events {
			if e := &events[i]; e.Kind != sdkconn.EventConv && e.At < c.loginAt.Load() {
				e.CaughtUp = true
			}
		}
		c.seen.filter(&events)
		c.inbox.put(events...)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// events takes apart what a callback brings, which are lists.
func (c *Conn) events(s signal) ([]sdkconn.Event, error) {
	var events []sdkconn.Event
	switch s.event {
	case newMsg, msgUpdate:
		kind := sdkconn.EventNewMsg
		if s.event == msgUpdate {
			kind = sdkconn.EventMsgUpdate
		}
		var msgs []*sdkconn.Message
		if err := sdkconn.Unmarshal(s.json, &msgs); err != nil {
			return nil, err
		}
		for _, m := range msgs {
			if m != nil {
				events = append(events, sdkconn.Event{Kind: kind, At: c.at(m.Time()), Message: m})
			}
		}
	case msgRevoke:
		var revoked []*sdkconn.Revocation
		if err := sdkconn.Unmarshal(s.json, &revoked); err != nil {
			return nil, err
		}
		for _, r := range revoked {
			if r != nil {
				events = append(events, sdkconn.Event{Kind: sdkconn.EventMsgRevoke, At: c.now(), Revoked: r})
			}
		}
	case readedReceipt:
		var receipts []*sdkconn.MessageReceipt
		if err := sdkconn.Unmarshal(s.json, &receipts); err != nil {
			return nil, err
		}
		for _, r := range receipts {
			if r != nil {
				events = append(events, sdkconn.Event{Kind: sdkconn.EventReadedReceipt, At: c.at(r.TimeStamp), Receipt: r})
			}
		}
	case convEvent:
		if len(s.numbers) != 1 || s.numbers[0] > uint64(sdkconn.ConvUpdated) {
			return nil, nil // the start and the end of a sync
		}
		var convs []*sdkconn.ConvInfo
		if err := sdkconn.Unmarshal(s.json, &convs); err != nil {
			return nil, err
		}
		for _, info := range convs {
			if info != nil {
				events = append(events, sdkconn.Event{Kind: sdkconn.EventConv, At: c.convAt(info), Conv: info,
					ConvChange: sdkconn.ConvChange(s.numbers[0])})
			}
		}
	default:
		return nil, fmt.Errorf("callback %d is not known", s.event)
	}
	return events, nil
}

// at is the time that the service says, or now.
func (c *Conn) at(seconds uint64) uint64 {
	if seconds != 0 {
		return seconds
	}
	return c.now()
}

// convAt is when a conversation changed: with its last message, as far as is known.
func (c *Conn) convAt(info *sdkconn.ConvInfo) uint64 {
	if info.LastMsg != nil {
		return c.at(info.LastMsg.Time())
	}
	return c.now()
}
