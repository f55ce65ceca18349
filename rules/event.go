package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

// Event is one thing that rules can fire on.
type Event struct {
	// Type is the name in the language: "message.c2c", "member.joined", ...
	Type string
	// Key names the event for good; it begins with the time in ten digits. An SDK event that is several rule events
	// gives each a key of its own.
	Key string
	// Source is what the connection told; nil for bot.started and other events without one.
	Source *sdkconn.Event
	// User is whom the event is about: the sender, the member who joined, the one who asks. Empty when nobody.
	User string
	// Self is the bot's own user id.
	Self string
	// Data is what a signal carries, raw; of a call of a webhook a mapping with what `trigger` shows.
	Data any
	// Hops is how many signals led to this one, itself included, beginning at an event of another kind.
	Hops int
}

// eventDoc describes one event name. doc.go lists the same table; a test compares them.
type eventDoc struct {
	name string
	kind sdkconn.EventKind // the SDK event that it comes from; empty for the bot's own life
	// what the event has beside itself
	text, msg, chat, user bool
}

var eventDocs = []eventDoc{
	{"message.c2c", sdkconn.EventNewMsg, true, true, true, true},
	{"message.group", sdkconn.EventNewMsg, true, true, true, true},
	{"message.edited", sdkconn.EventMsgUpdate, true, true, true, true},
	{"message.revoked", sdkconn.EventMsgRevoke, false, true, true, true},
	{"message.read", sdkconn.EventReadedReceipt, false, false, true, true},
	{"member.joined", sdkconn.EventNewMsg, false, false, true, true},
	{"member.left", sdkconn.EventNewMsg, false, false, true, true},
	{"member.removed", sdkconn.EventNewMsg, false, false, true, true},
	{"member.muted", sdkconn.EventNewMsg, false, false, true, true},
	{"member.unmuted", sdkconn.EventNewMsg, false, false, true, true},
	{"member.promoted", sdkconn.EventNewMsg, false, false, true, true},
	{"member.demoted", sdkconn.EventNewMsg, false, false, true, true},
	{"group.changed", sdkconn.EventNewMsg, false, false, true, true},
	{"group.requested", sdkconn.EventNewMsg, false, false, true, true},
	{"group.accepted", sdkconn.EventNewMsg, false, false, true, true},
	{"group.refused", sdkconn.EventNewMsg, false, false, true, true},
	{"group.invited", sdkconn.EventNewMsg, false, false, true, true},
	{"group.invite_accepted", sdkconn.EventNewMsg, false, false, true, true},
	{"group.invite_refused", sdkconn.EventNewMsg, false, false, true, true},
	{"group.invite_requested", sdkconn.EventNewMsg, false, false, true, true},
	{"group.created", sdkconn.EventNewMsg, false, false, true, true},
	{"group.dissolved", sdkconn.EventNewMsg, false, false, true, true},
	{"group.notice", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.added", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.removed", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.left", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.promoted", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.demoted", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.muted", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.unmuted", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.banned", sdkconn.EventNewMsg, false, false, true, true},
	{"bot.unbanned", sdkconn.EventNewMsg, false, false, true, true},
	{"conversation.changed", sdkconn.EventConv, false, false, true, false},
	{"bot.started", "", false, false, false, false},
	{"bot.online", sdkconn.EventNetworkStatus, false, false, false, false},
	{"bot.offline", sdkconn.EventNetworkStatus, false, false, false, false},
	{"bot.kicked", sdkconn.EventKickedOffline, false, false, false, false},
	{"bot.sig_expired", sdkconn.EventUserSigExpired, false, false, false, false},
}

// eventGroups holds the names that stand for several events.
var eventGroups = map[string][]string{"message": {"message.c2c", "message.group"}}

// EventTypes returns the names of all events, in the order of the reference, without the names that stand for several.
func EventTypes() []string {
	names := make([]string, len(eventDocs))
	for i, d := range eventDocs {
		names[i] = d.name
	}
	return names
}

func eventDocOf(name string) (eventDoc, bool) {
	i := slices.IndexFunc(eventDocs, func(d eventDoc) bool { return d.name == name })
	if i < 0 {
		return eventDoc{}, false
	}
	return eventDocs[i], true
}

// Lifecycle makes an event of the bot's own life: "bot.started", and "bot.online", "bot.offline", "bot.kicked",
// "bot.sig_expired" where the connection did not tell of it itself. at is in Unix seconds.
func Lifecycle(typ string, at uint64, self string) Event {
	return Event{Type: typ, Key: fmt.Sprintf("%010d.%s.n", at, typ), Self: self}
}

// Events returns what e means in the language, or nil when it means nothing: a tip in which three members join is three
// events. self is the bot's user id. The same e always gives the same events.
func Events(e *sdkconn.Event, self string) []Event {
	one := func(typ, user string) []Event {
		return []Event{{Type: typ, Key: e.Key(), Source: e, User: user, Self: self}}
	}
	switch e.Kind {
	case sdkconn.EventMsgUpdate:
		// A revocation is told by itself; tips and notices do not happen again when they are edited.
		if e.Message == nil || e.Message.Status == sdkconn.StatusRevoked || !people(e.Message) {
			return nil
		}
		return one("message.edited", e.Message.Sender)[:messageEvents(e)]
	case sdkconn.EventNewMsg:
		if e.Message == nil {
			return nil
		}
		for _, elem := range e.Message.Elems {
			switch elem := elem.(type) {
			case *sdkconn.GroupTipsElem:
				return tipEvents(e, elem, self)
			case *sdkconn.GroupReportElem:
				if typ := reportEvent(elem); typ != "" {
					return one(typ, elem.OpUser)
				}
				return nil
			case *sdkconn.FriendChangeElem, *sdkconn.ProfileChangeElem:
				return nil
			}
		}
		return one(messageEvent(e), e.Message.Sender)[:messageEvents(e)]
	case sdkconn.EventMsgRevoke:
		if e.Revoked == nil {
			return nil
		}
		user := e.Revoked.RevokerUserID
		if user == "" { // in a C2C conversation each side revokes its own
			user = self
			if e.Revoked.ConvType != sdkconn.ConvC2C {
				user = ""
			} else if !e.Revoked.IsSelf {
				user = e.Revoked.ConvID
			}
		}
		return one("message.revoked", user)
	case sdkconn.EventReadedReceipt:
		if e.Receipt == nil {
			return nil
		}
		user := ""
		if e.Receipt.ConvType == sdkconn.ConvC2C {
			user = e.Receipt.ConvID
		}
		return one("message.read", user)
	case sdkconn.EventConv:
		if e.Conv != nil {
			return one("conversation.changed", "")
		}
	case sdkconn.EventNetworkStatus:
		switch e.Network {
		case sdkconn.NetworkConnected:
			return one("bot.online", "")
		case sdkconn.NetworkDisconnected:
			return one("bot.offline", "")
		}
	case sdkconn.EventKickedOffline:
		return one("bot.kicked", "")
	case sdkconn.EventUserSigExpired:
		return one("bot.sig_expired", "")
	}
	return nil
}

// messageEvent names the event of a message that is no tip or notice. A message read back from the history after it
// was revoked is a revocation: firing on its text would answer what its sender took back.
func messageEvent(e *sdkconn.Event) string {
	switch {
	case e.Message.Status == sdkconn.StatusRevoked:
		return "message.revoked"
	case e.Message.ConvType == sdkconn.ConvGroup:
		return "message.group"
	}
	return "message.c2c"
}

// people reports whether a message is what people write.
func people(m *sdkconn.Message) bool {
	for _, elem := range m.Elems {
		switch elem.(type) {
		case *sdkconn.GroupTipsElem, *sdkconn.GroupReportElem, *sdkconn.FriendChangeElem, *sdkconn.ProfileChangeElem:
			return false
		}
	}
	return true
}

// messageEvents is 1, or 0 for a message outside of any conversation.
func messageEvents(e *sdkconn.Event) int {
	if e.Message.Conversation().Valid() {
		return 1
	}
	return 0
}

func tipEvents(e *sdkconn.Event, tip *sdkconn.GroupTipsElem, self string) []Event {
	var out []Event
	add := func(typ, user string) {
		out = append(out, Event{Type: typ, Key: e.Key() + "#" + user, Source: e, User: user, Self: self})
	}
	each := func(typ string) {
		users := tip.Users
		if len(users) == 0 && tip.OpUser != "" {
			users = []string{tip.OpUser}
		}
		for _, user := range users {
			add(typ, user)
		}
	}
	switch tip.TipType {
	case sdkconn.TipInvite:
		each("member.joined")
	case sdkconn.TipQuit:
		each("member.left")
	case sdkconn.TipKick:
		each("member.removed")
	case sdkconn.TipSetAdmin:
		each("member.promoted")
	case sdkconn.TipCancelAdmin:
		each("member.demoted")
	case sdkconn.TipMemberInfoChange:
		for _, change := range tip.MemberChanges {
			if change.ShutupTime > 0 {
				add("member.muted", change.Identifier)
			} else {
				add("member.unmuted", change.Identifier)
			}
		}
	case sdkconn.TipGroupInfoChange, sdkconn.TipTopicInfoChange, sdkconn.TipPinnedMessageAdded,
		sdkconn.TipPinnedMessageDeleted:
		add("group.changed", tip.OpUser)
	}
	return out
}

func reportEvent(r *sdkconn.GroupReportElem) string {
	switch r.ReportType {
	case sdkconn.ReportAddRequest:
		return "group.requested"
	case sdkconn.ReportAddAccept:
		return "group.accepted"
	case sdkconn.ReportAddRefuse:
		return "group.refused"
	case sdkconn.ReportInviteReq:
		return "group.invited"
	case sdkconn.ReportInviteAccept:
		return "group.invite_accepted"
	case sdkconn.ReportInviteRefuse:
		return "group.invite_refused"
	case sdkconn.ReportInviteReqAdmin:
		return "group.invite_requested"
	case sdkconn.ReportCreate:
		return "group.created"
	case sdkconn.ReportDelete, sdkconn.ReportGroupRecycle:
		return "group.dissolved"
	case sdkconn.ReportTopicCreate, sdkconn.ReportTopicDelete:
		return "group.changed"
	case sdkconn.ReportUserDefine:
		return "group.notice"
	case sdkconn.ReportInvite:
		return "bot.added"
	case sdkconn.ReportBeKicked:
		return "bot.removed"
	case sdkconn.ReportQuit:
		return "bot.left"
	case sdkconn.ReportGrantAdmin:
		return "bot.promoted"
	case sdkconn.ReportCancelAdmin:
		return "bot.demoted"
	case sdkconn.ReportShutUpMember:
		if r.ShutUpTime > 0 {
			return "bot.muted"
		}
		return "bot.unmuted"
	case sdkconn.ReportBanned:
		return "bot.banned"
	case sdkconn.ReportUnbanned:
		return "bot.unbanned"
	}
	return ""
}

// at is when the event happened, in Unix seconds.
func (ev *Event) at() uint64 {
	if ev.Source != nil {
		return ev.Source.At
	}
	var at uint64
	for i := 0; i < len(ev.Key) && '0' <= ev.Key[i] && ev.Key[i] <= '9'; i++ {
		at = at*10 + uint64(ev.Key[i]-'0')
	}
	return at
}

// tip and report return the element that a tip or notice event is made of.
func (ev *Event) tip() *sdkconn.GroupTipsElem      { return elemOf[*sdkconn.GroupTipsElem](ev) }
func (ev *Event) report() *sdkconn.GroupReportElem { return elemOf[*sdkconn.GroupReportElem](ev) }

func elemOf[E sdkconn.Elem](ev *Event) E {
	var none E
	if ev.Source == nil || ev.Source.Message == nil {
		return none
	}
	for _, e := range ev.Source.Message.Elems {
		if e, ok := e.(E); ok {
			return e
		}
	}
	return none
}

// Conversation is where the event belongs: for a notice about a group the group, not the system conversation that the
// notice came in. The zero value means nowhere.
func (ev *Event) Conversation() sdkconn.Conversation {
	if ev.Source == nil {
		return sdkconn.Conversation{}
	}
	if r := ev.report(); r != nil {
		return sdkconn.Group(r.GroupID)
	}
	c := ev.Source.Conversation()
	if !c.Valid() {
		return sdkconn.Conversation{}
	}
	return c
}

// fromSelf reports whether a message event is about a message of the bot's own.
func (ev *Event) fromSelf() bool {
	e := ev.Source
	switch {
	case e == nil:
		return false
	case e.Message != nil && ev.isMessage():
		return e.Message.IsFromSelf || ev.Self != "" && e.Message.Sender == ev.Self
	case e.Revoked != nil:
		return e.Revoked.IsSelf
	}
	return false
}

// isMessage reports whether the event is about a message that people wrote, not a tip or notice.
func (ev *Event) isMessage() bool { return strings.HasPrefix(ev.Type, "message.") }

// message is the message of a message event, or nil.
func (ev *Event) message() *sdkconn.Message {
	if ev.Source == nil || !ev.isMessage() {
		return nil
	}
	return ev.Source.Message
}

// text is what match looks at.
func (ev *Event) text() string {
	if m := ev.message(); m != nil {
		return m.Text()
	}
	return ""
}
