package sdkconn_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/sdkconn"
)

// Few values each, so that events often differ in one field only; ids are made of what keys are made of.
var (
	anID   = rapid.StringMatching(`[ab.0-9_-]{0,4}`)
	number = rapid.Uint64Range(0, 3)
	text   = rapid.SampledFrom([]string{"", "a", "你好 😀", "\"\\/\n\x00", "{}"})
)

var conversations = rapid.Custom(func(t *rapid.T) sdkconn.Conversation {
	return sdkconn.Conversation{ID: anID.Draw(t, "id"), Type: rapid.SampledFrom([]sdkconn.ConvType{1, 2, 3}).Draw(t, "type")}
})

var elements = rapid.Custom(func(t *rapid.T) sdkconn.Elem {
	switch rapid.IntRange(0, 4).Draw(t, "elem") {
	case 0:
		return &sdkconn.TextElem{Text: text.Draw(t, "text")}
	case 1:
		return &sdkconn.CustomElem{Data: text.Draw(t, "data"), Ext: text.Draw(t, "ext")}
	case 2:
		return &sdkconn.LocationElem{Latitude: rapid.Float64().Draw(t, "latitude")}
	case 3:
		return &sdkconn.ImageElem{OrigURL: text.Draw(t, "url"), Level: sdkconn.ImageLevel(number.Draw(t, "level"))}
	}
	return &sdkconn.UnknownElem{Type: 50, Raw: []byte(`{"elem_type":50,"x":[1,"😀"]}`)}
})

var messages = rapid.Custom(func(t *rapid.T) *sdkconn.Message {
	conv := conversations.Draw(t, "conversation")
	m := &sdkconn.Message{
		ConvID: conv.ID, ConvType: conv.Type, Seq: number.Draw(t, "seq"), Rand: number.Draw(t, "rand"),
		ServerTime: number.Draw(t, "time"), ClientTime: number.Draw(t, "client time"), IsFromSelf: rapid.Bool().Draw(t, "self"),
		CloudCustom: text.Draw(t, "cloud custom"), Elems: rapid.SliceOfN(elements, 0, 3).Draw(t, "elems"), UniqueID: 1<<63 + 1,
		Priority: sdkconn.Priority(number.Draw(t, "priority")), Status: sdkconn.StatusSendSucc, ReceiptUnreadCount: -1,
	}
	if rapid.Bool().Draw(t, "with more") {
		m.Unknown = []byte(`{"later_key":{"a":[1]}}`)
		m.Version = number.Draw(t, "version")
		m.SenderMember = &sdkconn.GroupMemberInfo{Identifier: "alice", Role: sdkconn.RoleAdmin}
	}
	return m
})

var events = rapid.Custom(func(t *rapid.T) *sdkconn.Event {
	e := &sdkconn.Event{At: number.Draw(t, "at"), CaughtUp: rapid.Bool().Draw(t, "caught up")}
	conv := conversations.Draw(t, "conversation")
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		e.Kind, e.Message = sdkconn.EventNewMsg, messages.Draw(t, "message")
	case 1:
		e.Kind, e.Message = sdkconn.EventMsgUpdate, messages.Draw(t, "message")
	case 2:
		e.Kind, e.Revoked = sdkconn.EventMsgRevoke, &sdkconn.Revocation{Locator: sdkconn.Locator{
			ConvID: conv.ID, ConvType: conv.Type, IsRevoked: true, IsSelf: rapid.Bool().Draw(t, "self"), Rand: number.Draw(t, "rand"),
			Seq: number.Draw(t, "seq"), Time: number.Draw(t, "time"),
		}, RevokerUserID: anID.Draw(t, "revoker")}
	case 3:
		e.Kind, e.Receipt = sdkconn.EventReadedReceipt, &sdkconn.MessageReceipt{
			ConvID: conv.ID, ConvType: conv.Type, TimeStamp: number.Draw(t, "time"), MsgID: anID.Draw(t, "msg id")}
	case 4:
		e.Kind, e.Conv = sdkconn.EventConv, &sdkconn.ConvInfo{ID: conv.ID, Type: conv.Type, UnreadNum: number.Draw(t, "unread")}
		e.ConvChange = sdkconn.ConvChange(number.Draw(t, "change"))
		if rapid.Bool().Draw(t, "with last") {
			e.Conv.LastMsg, e.Conv.HasLastMsg = messages.Draw(t, "last"), true
		}
	case 5:
		e.Kind = rapid.SampledFrom([]sdkconn.EventKind{sdkconn.EventNetworkStatus, sdkconn.EventKickedOffline, sdkconn.EventUserSigExpired}).Draw(t, "kind")
		e.Network, e.Code = sdkconn.NetworkStatus(number.Draw(t, "network")), sdkconn.Code(number.Draw(t, "code"))
	}
	return e
})

// identity is what makes two events the same one, said in another way than Key says it.
func identity(e *sdkconn.Event) string {
	message := func(m *sdkconn.Message) string {
		return fmt.Sprintf("%q %d %d %d %d %v", m.ConvID, m.ConvType, m.Time(), m.Seq, m.Rand, m.IsFromSelf)
	}
	switch e.Kind {
	case sdkconn.EventNewMsg:
		return "new " + message(e.Message)
	case sdkconn.EventMsgUpdate:
		content, err := sdkconn.Marshal(e.Message.Elems)
		return fmt.Sprintf("update %s %d %s %v %q", message(e.Message), e.Message.Version, content, err, e.Message.CloudCustom)
	case sdkconn.EventMsgRevoke:
		return "revoke " + message(e.Revoked.Message())
	case sdkconn.EventReadedReceipt:
		r := e.Receipt
		return fmt.Sprintf("receipt %q %d %d %q", r.ConvID, r.ConvType, r.TimeStamp, r.MsgID)
	case sdkconn.EventConv:
		s := fmt.Sprintf("conv %d %q %d %d %d", e.At, e.Conv.ID, e.Conv.Type, e.Conv.UnreadNum, e.ConvChange)
		if e.Conv.LastMsg != nil {
			s += fmt.Sprint(message(e.Conv.LastMsg), " ", e.Conv.LastMsg.Version)
		}
		return s
	}
	return fmt.Sprintf("%s %d %d %d", e.Kind, e.At, e.Network, e.Code)
}

func TestEventKeysAreTheSameForTheSameEventOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := events.Draw(t, "a"), events.Draw(t, "b")
		if same := identity(a) == identity(b); same != (a.Key() == b.Key()) {
			t.Errorf("same: %v\n%s\n%s", same, a.Key(), b.Key())
		}
	})
}

func TestEventKeysSortByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		early, late := messages.Draw(t, "early"), messages.Draw(t, "late")
		early.ServerTime = rapid.Uint64Range(1, 9999999998).Draw(t, "time")
		late.ServerTime = rapid.Uint64Range(early.ServerTime+1, 9999999999).Draw(t, "later")
		a, b := sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: early}, sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: late}
		if a.Key() >= b.Key() {
			t.Errorf("%s does not come before %s", a.Key(), b.Key())
		}
	})
}

func TestEventSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := events.Draw(t, "event")
		data, err := sdkconn.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back sdkconn.Event
		if err := sdkconn.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if again, err := sdkconn.Marshal(&back); err != nil || string(again) != string(data) {
			t.Errorf("%v:\n%s\n%s", err, data, again)
		}
		if back.Key() != e.Key() {
			t.Errorf("key %s became %s", e.Key(), back.Key())
		}
		if back.Conversation() != e.Conversation() {
			t.Errorf("conversation %v became %v", e.Conversation(), back.Conversation())
		}
	})
}

// The same message told as an event, and read back from the history later, when more is known about it.
func TestEventKeyIgnoresWhatChangesLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: messages.Draw(t, "message")}
		key := e.Key()
		e.At, e.CaughtUp = 99, true
		m := e.Message
		m.IsRead, m.IsPeerRead, m.Status, m.CustomInt = true, true, sdkconn.StatusRevoked, 5
		m.Elems = append(m.Elems, &sdkconn.TextElem{Text: "edited"})
		if e.Key() != key {
			t.Errorf("%s became %s", key, e.Key())
		}
	})
}

func TestEventKeys(t *testing.T) {
	m := &sdkconn.Message{ConvID: "alice", ConvType: sdkconn.ConvC2C, ServerTime: 1700000000, Seq: 31, Rand: 77}
	for want, e := range map[string]sdkconn.Event{
		"1700000000.31.77.c2c_alice.0.m":     {Kind: sdkconn.EventNewMsg, Message: m},
		"1700000000.31.77.c2c_alice.0.r":     {Kind: sdkconn.EventMsgRevoke, Revoked: &sdkconn.Revocation{Locator: m.Locator()}},
		"1700000000.0.c2c_alice..x":          {Kind: sdkconn.EventReadedReceipt, Receipt: &sdkconn.MessageReceipt{ConvID: "alice", ConvType: 1, TimeStamp: 1700000000}},
		"0000000007.network_status.3.9512.n": {Kind: sdkconn.EventNetworkStatus, At: 7, Network: sdkconn.NetworkConnectFailed, Code: sdkconn.CodeNetUnreach},
	} {
		if got := e.Key(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	edit := sdkconn.Event{Kind: sdkconn.EventMsgUpdate, Message: m}
	if key := edit.Key(); !strings.HasPrefix(key, "1700000000.31.77.c2c_alice.0.e.") {
		t.Errorf("got %s", key)
	}
}

func TestLocatorAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := messages.Draw(t, "message")
		if l := m.Locator(); l.Message().Locator().Time != m.Time() || l.Message().Seq != m.Seq || l.Message().Rand != m.Rand || l.Message().IsFromSelf != m.IsFromSelf {
			t.Errorf("%+v lost its identity: %+v", m, l.Message())
		}
	})
}

func TestMentions(t *testing.T) {
	for name, c := range map[string]struct {
		users []string
		want  bool
	}{"nobody": {nil, false}, "another": {[]string{"bob"}, false}, "me": {[]string{"bob", "me"}, true}, "all": {[]string{sdkconn.MentionAll}, true}} {
		if got := (&sdkconn.Message{GroupAtUsers: c.users}).Mentions("me"); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestElemTypes(t *testing.T) {
	sendable := map[sdkconn.Elem]bool{
		&sdkconn.TextElem{}: true, &sdkconn.ImageElem{}: true, &sdkconn.SoundElem{}: true, &sdkconn.CustomElem{}: true, &sdkconn.FileElem{}: true,
		&sdkconn.FaceElem{}: true, &sdkconn.LocationElem{}: true, &sdkconn.VideoElem{}: true, &sdkconn.MergeElem{}: true,
		&sdkconn.GroupTipsElem{}: false, &sdkconn.GroupReportElem{}: false, &sdkconn.FriendChangeElem{}: false,
		&sdkconn.ProfileChangeElem{}: false, &sdkconn.UnknownElem{Type: 13}: false, &sdkconn.UnknownElem{Type: sdkconn.ElemInvalid}: false,
	}
	names := make(map[string]bool)
	for e, want := range sendable {
		if got := e.ElemType().Sendable(); got != want {
			t.Errorf("%T: sendable %v", e, got)
		}
		names[e.ElemType().String()] = true

		// What is written of an element is read as the same type.
		data, err := sdkconn.Marshal(&sdkconn.Message{Elems: sdkconn.Elems{e}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := sdkconn.UnmarshalMessage(data)
		if err != nil {
			t.Fatal(err)
		}
		if reflect.TypeOf(m.Elems[0]) != reflect.TypeOf(e) || m.Elems[0].ElemType() != e.ElemType() {
			t.Errorf("%T became %T", e, m.Elems[0])
		}
	}
	if len(names) != 14 { // thirteen and "unknown"
		t.Errorf("names: %v", maps.Keys(names))
	}
}

func TestDownloads(t *testing.T) {
	for name, c := range map[string]struct {
		elem sdkconn.Elem
		want []sdkconn.DownloadElemParam
	}{
		"text":          {&sdkconn.TextElem{}, nil},
		"not uploaded":  {&sdkconn.FileElem{FilePath: "a.pdf"}, nil},
		"picture":       {&sdkconn.ImageElem{OrigID: "i", OrigURL: "u"}, []sdkconn.DownloadElemParam{{Type: sdkconn.DownloadImage, ID: "i", URL: "u"}}},
		"sound":         {&sdkconn.SoundElem{FileID: "s", BusinessID: 1}, []sdkconn.DownloadElemParam{{Type: sdkconn.DownloadSound, ID: "s", BusinessID: 1}}},
		"file":          {&sdkconn.FileElem{URL: "u"}, []sdkconn.DownloadElemParam{{Type: sdkconn.DownloadFile, URL: "u"}}},
		"video":         {&sdkconn.VideoElem{VideoID: "v", ImageID: "i"}, []sdkconn.DownloadElemParam{{Type: sdkconn.DownloadVideo, ID: "v"}, {Type: sdkconn.DownloadVideoThumb, ID: "i"}}},
		"snapshot only": {&sdkconn.VideoElem{ImageURL: "i"}, []sdkconn.DownloadElemParam{{Type: sdkconn.DownloadVideoThumb, URL: "i"}}},
	} {
		if got := sdkconn.Downloads(c.elem); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
