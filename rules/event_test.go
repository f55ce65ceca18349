package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func elemMsg(conv sdkconn.Conversation, e sdkconn.Elem) *sdkconn.Event {
	return newMsg(&sdkconn.Message{Sender: sdkconn.SystemSender, ConvID: conv.ID, ConvType: conv.Type, ServerTime: epoch, Seq: 3, Rand: 4, Elems: sdkconn.Elems{e}})
}

func TestEvents(t *testing.T) {
	group := sdkconn.Group("g")
	tip := func(typ sdkconn.TipType, users ...string) *sdkconn.Event {
		return elemMsg(group, &sdkconn.GroupTipsElem{GroupID: "g", TipType: typ, OpUser: "op", Users: users})
	}
	report := func(typ sdkconn.ReportType) *sdkconn.Event {
		return elemMsg(sdkconn.Conversation{Type: sdkconn.ConvSystem}, &sdkconn.GroupReportElem{GroupID: "g", ReportType: typ, OpUser: "op", Msg: "please"})
	}
	revoked := textMsg("a", sdkconn.C2C("a"), "x")
	revoked.Status = sdkconn.StatusRevoked
	nowhere := textMsg("a", sdkconn.Conversation{}, "x")
	edited := &sdkconn.Event{Kind: sdkconn.EventMsgUpdate, At: epoch, Message: textMsg("a", group, "x")}
	tests := map[string]struct {
		event *sdkconn.Event
		want  string // type user chat, several separated by commas
	}{
		"c2c":              {newMsg(textMsg("a", sdkconn.C2C("a"), "x")), "message.c2c a c2c_a"},
		"group":            {newMsg(textMsg("a", group, "x")), "message.group a group_g"},
		"already revoked":  {newMsg(revoked), "message.revoked a c2c_a"},
		"no conversation":  {newMsg(nowhere), ""},
		"edited":           {edited, "message.edited a group_g"},
		"edited tip":       {&sdkconn.Event{Kind: sdkconn.EventMsgUpdate, Message: tip(sdkconn.TipInvite, "a").Message}, ""},
		"update, revoked":  {&sdkconn.Event{Kind: sdkconn.EventMsgUpdate, Message: revoked}, ""},
		"revoked by peer":  {&sdkconn.Event{Kind: sdkconn.EventMsgRevoke, Revoked: &sdkconn.Revocation{Locator: sdkconn.Locator{ConvID: "a", ConvType: sdkconn.ConvC2C}}}, "message.revoked a c2c_a"},
		"revoked by me":    {&sdkconn.Event{Kind: sdkconn.EventMsgRevoke, Revoked: &sdkconn.Revocation{Locator: sdkconn.Locator{ConvID: "a", ConvType: sdkconn.ConvC2C, IsSelf: true}}}, "message.revoked bot c2c_a"},
		"revoked in group": {&sdkconn.Event{Kind: sdkconn.EventMsgRevoke, Revoked: &sdkconn.Revocation{RevokerUserID: "op", Locator: sdkconn.Locator{ConvID: "g", ConvType: sdkconn.ConvGroup}}}, "message.revoked op group_g"},
		"read":             {&sdkconn.Event{Kind: sdkconn.EventReadedReceipt, Receipt: &sdkconn.MessageReceipt{ConvID: "a", ConvType: sdkconn.ConvC2C}}, "message.read a c2c_a"},
		"conversation":     {&sdkconn.Event{Kind: sdkconn.EventConv, Conv: &sdkconn.ConvInfo{ID: "a", Type: sdkconn.ConvC2C}}, "conversation.changed  c2c_a"},
		"online":           {&sdkconn.Event{Kind: sdkconn.EventNetworkStatus}, "bot.online  invalid(0)_"},
		"offline":          {&sdkconn.Event{Kind: sdkconn.EventNetworkStatus, Network: sdkconn.NetworkDisconnected}, "bot.offline  invalid(0)_"},
		"connecting":       {&sdkconn.Event{Kind: sdkconn.EventNetworkStatus, Network: sdkconn.NetworkConnecting}, ""},
		"kicked offline":   {&sdkconn.Event{Kind: sdkconn.EventKickedOffline}, "bot.kicked  invalid(0)_"},
		"ticket":           {&sdkconn.Event{Kind: sdkconn.EventUserSigExpired}, "bot.sig_expired  invalid(0)_"},
		"three joined":     {tip(sdkconn.TipInvite, "a", "b", "c"), "member.joined a group_g, member.joined b group_g, member.joined c group_g"},
		"quit":             {tip(sdkconn.TipQuit), "member.left op group_g"},
		"kick":             {tip(sdkconn.TipKick, "a"), "member.removed a group_g"},
		"promoted":         {tip(sdkconn.TipSetAdmin, "a"), "member.promoted a group_g"},
		"demoted":          {tip(sdkconn.TipCancelAdmin, "a"), "member.demoted a group_g"},
		"changed":          {tip(sdkconn.TipGroupInfoChange), "group.changed op group_g"},
		"marks":            {tip(sdkconn.TipMemberMarkChange, "a"), ""},
		"muted": {elemMsg(group, &sdkconn.GroupTipsElem{TipType: sdkconn.TipMemberInfoChange, MemberChanges: []sdkconn.MemberChangeInfo{{Identifier: "a", ShutupTime: 60}, {Identifier: "b"}}}),
			"member.muted a group_g, member.unmuted b group_g"},
		"asks to join":   {report(sdkconn.ReportAddRequest), "group.requested op group_g"},
		"kicked":         {report(sdkconn.ReportBeKicked), "bot.removed op group_g"},
		"recycled":       {report(sdkconn.ReportGroupRecycle), "group.dissolved op group_g"},
		"read report":    {report(sdkconn.ReportReadReport), ""},
		"profile change": {elemMsg(group, &sdkconn.ProfileChangeElem{}), ""},
		"broken":         {&sdkconn.Event{Kind: sdkconn.EventNewMsg}, ""},
		"unknown":        {&sdkconn.Event{Kind: "x"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			seen := map[string]bool{}
			for _, ev := range Events(test.event, "bot") {
				got = append(got, fmt.Sprint(ev.Type, " ", ev.User, " ", ev.Conversation()))
				if _, ok := eventDocOf(ev.Type); !ok {
					t.Errorf("%s is in no table", ev.Type)
				}
				if seen[ev.Key] || !strings.HasPrefix(ev.Key, test.event.Key()) {
					t.Errorf("key %q of event %q", ev.Key, test.event.Key())
				}
				seen[ev.Key] = true
			}
			if got := strings.Join(got, ", "); got != test.want {
				t.Errorf("events %s, want %s", got, test.want)
			}
		})
	}
	for typ := sdkconn.ReportAddRequest; typ <= sdkconn.ReportInviteReqAdmin; typ++ {
		for _, ev := range Events(report(typ), "bot") {
			if d, ok := eventDocOf(ev.Type); !ok || d.kind != sdkconn.EventNewMsg {
				t.Errorf("report %d is %s, which is not in the table", typ, ev.Type)
			}
		}
	}
}

func TestEventViews(t *testing.T) {
	join := func(elem sdkconn.Elem, conv sdkconn.Conversation) *Event {
		return &Events(elemMsg(conv, elem), "bot")[0]
	}
	system := sdkconn.Conversation{Type: sdkconn.ConvSystem}
	life := Lifecycle("bot.started", epoch, "bot")
	tests := map[string]struct {
		event *Event
		on    string
		cond  string
	}{
		"joined":    {join(&sdkconn.GroupTipsElem{TipType: sdkconn.TipInvite, OpUser: "op", Users: []string{"a"}}, sdkconn.Group("g")), "member.joined", `event.type == "member.joined" && event.by == "op" && user.id == "a" && chat.id == "g" && chat.type == "group"`},
		"muted":     {join(&sdkconn.GroupTipsElem{TipType: sdkconn.TipMemberInfoChange, MemberChanges: []sdkconn.MemberChangeInfo{{Identifier: "a", ShutupTime: 60}}}, sdkconn.Group("g")), "member.muted", `event.muted_for == duration("1m")`},
		"changed":   {join(&sdkconn.GroupTipsElem{TipType: sdkconn.TipGroupInfoChange, GroupChanges: []sdkconn.GroupChangeInfo{{Flag: sdkconn.GroupChangeName, Value: "new"}}}, sdkconn.Group("g")), "group.changed", `event.changes[0].what == "name" && event.changes[0].value == "new"`},
		"requested": {join(&sdkconn.GroupReportElem{ReportType: sdkconn.ReportAddRequest, GroupID: "g", OpUser: "a", Msg: "please"}, system), "group.requested", `event.text == "please" && user.id == "a" && chat.id == "g" && chat.type == "group"`},
		"started":   {&life, "bot.started", `event.key == "1700000000.bot.started.n" && event.time == date("2023-11-14T22:13:20Z") && bot.id == "bot" && bot.name == "Bot" && "alice" in bot.admins`},
		"message":   {c2c("hi"), "message", `msg.sender == "mallory" && msg.seq == 7 && msg.id == "7301444403200000077" && msg.elems[0].kind == "text" && len(msg.elems) == 1 && !msg.is_self && msg.time == now() && !event.caught_up`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := load(t, fmt.Sprintf("rules: [{id: r, on: %s, if: %s, do: [log: x]}]", test.on, quoteYAML(test.cond)))
			if e := set.Explain(test.event, facts())[0]; !e.Fired {
				t.Errorf("did not fire: %s %s", e.Reason, e.Text)
			}
		})
	}
}

// What a message carries stands in for facts that are missing.
func TestCarriedFacts(t *testing.T) {
	set := load(t, `rules: [{id: r, stage: guard, on: message, if: 'user.name == "Card" && user.role == "admin"', do: [log: x]}]`)
	ev := said("x")
	ev.Source.Message.SenderProfile = &sdkconn.SenderProfile{NickName: "Nick"}
	if d := set.Match(ev, facts()); len(d.Fired) != 0 {
		t.Error("fired without a role")
	}
	ev.Source.Message.SenderMember = &sdkconn.GroupMemberInfo{NameCard: "Card", Role: sdkconn.RoleAdmin}
	if d := set.Match(ev, facts()); len(d.Fired) != 1 {
		t.Error("did not fire on what the message carries")
	}
	f := facts()
	f.UserRole = ptr("member")
	if d := set.Match(ev, f); len(d.Fired) != 0 {
		t.Error("facts do not win over what the message carries")
	}
}

func TestMatchFromManyGoroutines(t *testing.T) {
	set := load(t, `rules:
  - {id: g, stage: guard, on: message, match: {any_of: [甲, B]}, if: 'user.role != "owner" && len(match.words) > 0', do: [log: x]}
  - {id: m, on: message, match: {mode: regex, any_of: ['(?P<n>[0-9]+)']}, if: 'int(match.groups.n) > 5 && any(msg.elems, .kind == "text")', do: [reply: "${{ match.groups.n }}"]}`)
	done := make(chan error)
	for i := range 8 {
		go func() {
			var err error
			for j := range 200 {
				text := fmt.Sprintf("甲 %d", i*1000+j)
				f := facts()
				if j%2 == 0 {
					f.UserRole = ptr("member")
				}
				d := set.Match(c2c(text), f)
				want := i*1000+j > 5
				got := false
				for _, fired := range d.Fired {
					if fired.Rule.ID == "m" {
						got = true
						in, e := fired.Rule.Steps[0].Inputs(scope(c2c(text), f, &fired.Hit))
						if e != nil || in["text"] != fmt.Sprint(i*1000+j) {
							err = fmt.Errorf("inputs of %q: %v, %w", text, in, e)
						}
					} else if j%2 != 0 {
						err = fmt.Errorf("guard fired without a role")
					}
				}
				if got != want {
					err = fmt.Errorf("%q fired %v", text, ids(d))
				}
				set.Explain(c2c(text), f)
			}
			done <- err
		}()
	}
	for range 8 {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("stuck")
		}
	}
}
