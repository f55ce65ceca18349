package face

import (
	"math"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// The events of a conversation list beside sdkconn's.
const (
	convSyncStart  sdkconn.ConvChange = 3
	convSyncFinish sdkconn.ConvChange = 4
)

// maxTold bounds the messages of one event.
const maxTold = 100

// recvNewMsg is one listener to new messages.
type recvNewMsg struct {
	id uintptr
	f  func(json string)
}

// listeners are what the process registered. They are called on the thread, with JSON as the C API has it.
type listeners struct {
	recvNewMsg  []recvNewMsg
	revoke      func(json string)
	receipt     func(json string)
	update      func(json string)
	groupTips   func(json string)
	conv        func(change sdkconn.ConvChange, json string)
	unread      func(total uint64)
	network     func(status sdkconn.NetworkStatus, code sdkconn.Code, desc string)
	kicked      func()
	sigExpired  func()
	selfUpdated func(json string)
	upload      func(json string, elem, current, total uint32)
}

// heard returns a term's listeners as they are now.
func (s *SDK) heard(of *listeners) listeners {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *of
}

// AddRecvNewMsgCallback adds a listener to new messages. A second one of the same id replaces the first.
func (s *SDK) AddRecvNewMsgCallback(id uintptr, f func(json string)) {
	s.RemoveRecvNewMsgCallback(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f != nil {
		old := s.listeners.recvNewMsg
		s.listeners.recvNewMsg = append(old[:len(old):len(old)], recvNewMsg{id, f})
	}
}

// RemoveRecvNewMsgCallback removes a listener to new messages.
func (s *SDK) RemoveRecvNewMsgCallback(id uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []recvNewMsg
	for _, l := range s.listeners.recvNewMsg {
		if l.id != id {
			kept = append(kept, l)
		}
	}
	s.listeners.recvNewMsg = kept
}

// set sets one of the listeners.
func set[F any](s *SDK, field func(*listeners) *F, f F) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*field(s.listeners) = f
}

// SetMsgRevokeCallback has f told an array of revoked messages' locators. Nil ends it, as for the others.
func (s *SDK) SetMsgRevokeCallback(f func(json string)) {
	set(s, func(l *listeners) *func(string) { return &l.revoke }, f)
}

// SetMsgReadedReceiptCallback has f told an array of receipts.
func (s *SDK) SetMsgReadedReceiptCallback(f func(json string)) {
	set(s, func(l *listeners) *func(string) { return &l.receipt }, f)
}

// SetMsgUpdateCallback has f told an array of messages that were edited.
func (s *SDK) SetMsgUpdateCallback(f func(json string)) {
	set(s, func(l *listeners) *func(string) { return &l.update }, f)
}

// SetGroupTipsEventCallback has f told one group tip. Tips are new messages too.
func (s *SDK) SetGroupTipsEventCallback(f func(json string)) {
	set(s, func(l *listeners) *func(string) { return &l.groupTips }, f)
}

// SetConvEventCallback has f told an array of conversations that changed, or "" at the start and the end of the login's
// reading of the list.
func (s *SDK) SetConvEventCallback(f func(change sdkconn.ConvChange, json string)) {
	set(s, func(l *listeners) *func(sdkconn.ConvChange, string) { return &l.conv }, f)
}

// SetConvTotalUnreadMessageCountChangedCallback has f told how many messages are unread when that may have changed.
func (s *SDK) SetConvTotalUnreadMessageCountChangedCallback(f func(total uint64)) {
	set(s, func(l *listeners) *func(uint64) { return &l.unread }, f)
}

// SetNetworkStatusListenerCallback has f told that the network is there.
func (s *SDK) SetNetworkStatusListenerCallback(f func(status sdkconn.NetworkStatus, code sdkconn.Code, desc string)) {
	set(s, func(l *listeners) *func(sdkconn.NetworkStatus, sdkconn.Code, string) { return &l.network }, f)
}

// SetKickedOfflineCallback has f told that the user logged in elsewhere.
func (s *SDK) SetKickedOfflineCallback(f func()) {
	set(s, func(l *listeners) *func() { return &l.kicked }, f)
}

// SetUserSigExpiredCallback has f told that the signature expired.
func (s *SDK) SetUserSigExpiredCallback(f func()) {
	set(s, func(l *listeners) *func() { return &l.sigExpired }, f)
}

// SetSelfInfoUpdatedCallback has f told the user's own changed profile.
func (s *SDK) SetSelfInfoUpdatedCallback(f func(json string)) {
	set(s, func(l *listeners) *func(string) { return &l.selfUpdated }, f)
}

// SetMsgElemUploadProgressCallback has f told how much of an element's file was uploaded.
func (s *SDK) SetMsgElemUploadProgressCallback(f func(json string, elem, current, total uint32)) {
	set(s, func(l *listeners) *func(string, uint32, uint32, uint32) { return &l.upload }, f)
}

func (s *SDK) uploaded(c *session, msg *sdkconn.Message, elem int, current, total uint64) {
	if s.heard(c.listeners).upload == nil {
		return
	}
	text := encode(msg)
	s.thread.post(&c.scope, func() {
		if f := s.heard(c.listeners).upload; f != nil {
			f(text, uint32(elem), small(current), small(total))
		}
	})
}

func small(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// synced tells that the list of conversations was read: it is there from the beginning.
func (s *SDK) synced(c *session) {
	for _, change := range []sdkconn.ConvChange{convSyncStart, convSyncFinish} {
		s.thread.post(&c.scope, func() {
			if f := s.heard(c.listeners).conv; f != nil {
				f(change, "")
			}
		})
	}
}

// tell passes events to the listeners and returns when they have heard them. Events that are being told when the login ends are
// taken, and those before them; the others are not.
func (s *SDK) tell(t *term, c *session, events []sdkconn.Event) error {
	var parts []*told
	var ends []int // how many events there are up to the end of each part
	for at := 0; at < len(events); {
		n := 1
		for at+n < len(events) && n < maxTold && together(&events[at], &events[at+n]) {
			n++
		}
		part := slices.Clone(events[at : at+n]) // it may be told still when this has returned
		at += n
		if part[0].Kind == sdkconn.EventKickedOffline {
			s.mu.Lock()
			there := s.session == c
			if there {
				s.leave(t, c)
			}
			s.mu.Unlock()
			if !there { // the login had ended already, and whoever came after it need not know
				continue
			}
		}
		d := &told{scope: &c.scope, run: func() { s.hear(c, part) }, done: make(chan struct{})}
		parts, ends = append(parts, d), append(ends, at)
		s.thread.put(d)
	}
	if len(parts) == 0 {
		return nil
	}
	if begun := s.thread.wait(parts); begun < len(parts) {
		took := 0
		if begun > 0 {
			took = ends[begun-1]
		}
		return &local.Partly{N: took, Err: errEnded}
	}
	return nil
}

// together reports whether one call of a listener can tell both.
func together(a, b *sdkconn.Event) bool {
	if a.Kind != b.Kind || a.ConvChange != b.ConvChange {
		return false
	}
	switch a.Kind {
	case sdkconn.EventNewMsg, sdkconn.EventMsgUpdate, sdkconn.EventMsgRevoke, sdkconn.EventReadedReceipt, sdkconn.EventConv:
		return true
	}
	return false
}

// hear calls the listeners, on the thread.
func (s *SDK) hear(c *session, events []sdkconn.Event) {
	l := s.heard(c.listeners)
	switch events[0].Kind {
	case sdkconn.EventNewMsg:
		if len(l.recvNewMsg) > 0 {
			text := list(events, func(e *sdkconn.Event) any { return e.Message })
			for _, one := range l.recvNewMsg {
				one.f(text)
			}
		}
		if l.groupTips == nil {
			return
		}
		for _, e := range events {
			for _, elem := range e.Message.Elems {
				if tip, ok := elem.(*sdkconn.GroupTipsElem); ok {
					l.groupTips(encode(tip))
				}
			}
		}
	case sdkconn.EventMsgUpdate:
		call(l.update, events, func(e *sdkconn.Event) any { return e.Message })
	case sdkconn.EventMsgRevoke:
		call(l.revoke, events, func(e *sdkconn.Event) any { return e.Revoked })
	case sdkconn.EventReadedReceipt:
		call(l.receipt, events, func(e *sdkconn.Event) any { return e.Receipt })
	case sdkconn.EventConv:
		if l.conv != nil {
			l.conv(events[0].ConvChange, list(events, func(e *sdkconn.Event) any { return e.Conv }))
		}
		if l.unread != nil {
			if total, err := c.conn.ConvGetTotalUnreadMessageCount(c.ctx); err == nil {
				l.unread(total)
			}
		}
	case sdkconn.EventNetworkStatus:
		if l.network != nil {
			l.network(events[0].Network, events[0].Code, events[0].Desc)
		}
	case sdkconn.EventKickedOffline:
		if l.kicked != nil {
			l.kicked()
		}
	case sdkconn.EventUserSigExpired:
		if l.sigExpired != nil {
			l.sigExpired()
		}
	}
}

func list(events []sdkconn.Event, of func(*sdkconn.Event) any) string {
	all := make([]any, len(events))
	for i := range events {
		all[i] = of(&events[i])
	}
	return encode(all)
}

func call(f func(string), events []sdkconn.Event, of func(*sdkconn.Event) any) {
	if f != nil {
		f(list(events, of))
	}
}
