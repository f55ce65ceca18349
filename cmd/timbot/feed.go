package main

import (
	"io"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// identity names a message for all sides at once: each side has a view of its own.
type identity struct {
	place           string // the group, or both users
	time, seq, rand uint64
}

func identityOf(self string, conv sdkconn.Conversation, l sdkconn.Locator) identity {
	place := "group " + conv.ID
	if conv.Type == sdkconn.ConvC2C {
		place = "c2c " + min(self, conv.ID) + " " + max(self, conv.ID)
	}
	return identity{place, l.Time, l.Seq, l.Rand}
}

// remembered bounds how many messages the feed knows again.
const remembered = 10_000

// feed puts what the bot does and what the users are told into one order, each thing once.
type feed struct {
	mu    sync.Mutex
	show  func(entry)
	seen  map[string]map[identity]entry // by kind
	older map[string]map[identity]entry
}

func newFeed(show func(entry)) *feed {
	return &feed{show: show, seen: make(map[string]map[identity]entry)}
}

// hold keeps everybody else from adding anything while do does something and adds it. do may wait for the chat, but not
// for the bot: the bot may be waiting for the feed.
func (f *feed) hold(do func(add func(kind string, id identity, e entry, show bool))) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do(f.add)
}

// add shows an entry unless that was done before. Callers hold f.mu.
func (f *feed) add(kind string, id identity, e entry, show bool) {
	if _, seen := f.find(kind, id); seen {
		return
	}
	if f.seen[kind] == nil {
		f.seen[kind] = make(map[identity]entry)
	}
	if len(f.seen[kind]) >= remembered {
		if f.older == nil {
			f.older = make(map[string]map[identity]entry)
		}
		f.older[kind], f.seen[kind] = f.seen[kind], make(map[identity]entry)
	}
	f.seen[kind][id] = e
	if show && e.Text != "" {
		f.show(e)
	}
}

func (f *feed) find(kind string, id identity) (entry, bool) {
	e, ok := f.seen[kind][id]
	if !ok {
		e, ok = f.older[kind][id]
	}
	return e, ok
}

// put shows something that happens once and nobody else tells.
func (f *feed) put(e entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.show(e)
}

// feedLog is where the bot logs: in the order of everything else.
type feedLog struct {
	feed *feed
	w    io.Writer
}

// Write implements io.Writer.
func (l *feedLog) Write(p []byte) (int, error) {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	return l.w.Write(p)
}

// event adds what self was told.
func (f *feed) event(self string, ev *sdkconn.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case ev.Message != nil:
		f.message(self, ev)
	case ev.Revoked != nil:
		f.revoked(self, ev.Revoked.RevokerUserID, ev.Conversation(), ev.Revoked.Locator, ev.At)
	case ev.Receipt != nil && ev.Receipt.ConvType == sdkconn.ConvC2C:
		f.read(ev.Receipt.ConvID, self, ev.Receipt.TimeStamp)
	case ev.Kind == sdkconn.EventKickedOffline:
		f.show(entry{Kind: "notice", Time: ev.At, To: self, Text: self + " was logged in elsewhere and gets nothing here any more"})
	}
}

func (f *feed) message(self string, ev *sdkconn.Event) {
	m := ev.Message
	id := identityOf(self, m.Conversation(), m.Locator())
	for _, el := range m.Elems {
		switch el := el.(type) {
		case *sdkconn.GroupTipsElem:
			f.add("tip", id, entry{Kind: "notice", Time: m.Time(), From: el.OpUser, Group: el.GroupID, Text: tipText(el)}, true)
			return
		case *sdkconn.GroupReportElem:
			text := noticeText(el)
			if text != "" {
				text = "to " + self + ": " + text
			}
			id.place = self + " " + el.GroupID // each user has notices of his own
			f.add("notice", id, entry{
				Kind: "notice", Time: m.Time(), From: el.OpUser, To: self, Group: el.GroupID, Text: text,
			}, true)
			return
		}
	}
	if ev.Kind == sdkconn.EventMsgUpdate {
		e := messageEntry("edited", self, m)
		e.Text = m.Sender + " changed a message: " + e.Text
		f.add("edited "+m.Text(), id, e, true)
		return
	}
	f.add("message", id, messageEntry("message", self, m), true)
}

// revoked adds that by took a message back; self is one of those who are told.
func (f *feed) revoked(self, by string, conv sdkconn.Conversation, l sdkconn.Locator, at uint64) {
	id := identityOf(self, conv, l)
	original, known := f.find("message", id)
	e := entry{Kind: "revoked", Time: at, From: by, ID: original.ID}
	if conv.Type == sdkconn.ConvGroup {
		e.Group = conv.ID
	}
	whose := "a message"
	switch {
	case known && original.From == by, by == "" && known:
		e.From, whose = original.From, "a message"
	case known:
		whose = "a message of " + original.From
	case by == "" && l.IsSelf:
		e.From = self
	case by == "":
		e.From = conv.ID
	}
	if e.Group == "" {
		e.To = conv.ID
		if e.From == conv.ID {
			e.To = self
		}
	}
	e.Text = e.From + " took back " + whose
	if known {
		e.Text += ": " + original.Text
	}
	f.add("revoked", id, e, true)
}

// read adds that a user has read what another wrote to him.
func (f *feed) read(reader, writer string, upTo uint64) {
	id := identity{place: reader + " " + writer, time: upTo}
	f.add("read", id, entry{Kind: "read", Time: upTo, From: reader, To: writer, Text: reader + " has read what " + writer + " wrote"}, true)
}
