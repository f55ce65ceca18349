package actions

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// about runs an action for an event of somebody's.
func (w *world) about(a Action, msg *sdkconn.Message, in args) error {
	c := newCall(w.t, w.bot)
	c.Clock, c.Event, c.Conversation, c.User = w.clock, nil, sdkconn.Conversation{}, ""
	if msg != nil {
		c.Event = &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: msg.ServerTime, Message: msg}
		c.Conversation, c.User = msg.Conversation(), msg.Sender
	}
	_, err := a.Run(w.t.Context(), c, in)
	return err
}

func (w *world) mayWrite() bool {
	w.t.Helper()
	_, err := w.alice.SendNewMsg(w.t.Context(), w.group, &sdkconn.Message{Elems: sdkconn.Elems{text("?")}})
	if err != nil && !errors.Is(err, sdkconn.CodeGroupShutupDeny) {
		w.t.Fatal(err)
	}
	return err == nil
}

func TestLocalMuteAndRemove(t *testing.T) {
	w := newWorld(t)
	ad := w.says(w.group, text("加微信"))
	for range 2 { // the second time is no failure
		w.must(w.about(Mute, ad, args{"for": time.Hour}))
	}
	if w.mayWrite() {
		t.Error("alice is not muted")
	}
	w.clock.Advance(time.Hour)
	if !w.mayWrite() {
		t.Error("alice is muted for longer than an hour")
	}
	w.must(w.about(Mute, nil, args{"for": "2h", "user": "alice", "in_group": "shop"}))
	for range 2 {
		w.must(w.about(Unmute, ad, nil))
	}
	if !w.mayWrite() {
		t.Error("alice is muted still")
	}
	for range 2 {
		w.must(w.about(RemoveMember, ad, args{"reason": "ads"}))
	}
	members, err := w.bot.GroupGetMemberInfoList(t.Context(), "shop")
	w.must(err)
	if len(members) != 1 {
		t.Errorf("%d members are left, want the bot alone", len(members))
	}
	if err := w.about(Mute, ad, args{"for": "1h"}); !errors.Is(err, sdkconn.CodeSvrGroupInvalidParameters) ||
		!strings.Contains(err.Error(), "is a member of the group") {
		t.Errorf("mute one who is gone: %v", err)
	}
}

func TestMemberMistakes(t *testing.T) {
	w := newWorld(t)
	msg, direct := w.says(w.group, text("x")), w.says(sdkconn.C2C("concierge"), text("x"))
	for name, tt := range map[string]struct {
		a     Action
		about *sdkconn.Message
		in    args
		want  string
	}{
		"no group":    {Mute, direct, args{"for": "1h"}, "in_group: is missing: this event is in no group"},
		"empty group": {Unmute, msg, args{"in_group": ""}, "in_group: is empty"},
		"nobody":      {RemoveMember, nil, args{"in_group": "shop"}, "user: is missing"},
		"itself":      {RemoveMember, msg, args{"user": "concierge"}, "user: is the bot itself"},
		"too short":   {Mute, msg, args{"for": "0s"}, "for: is 0s: want 1s to 365d"},
		"too long":    {Mute, msg, args{"for": "366d"}, "for: is 8784h0m0s: want 1s to 365d"},
	} {
		t.Run(name, func(t *testing.T) {
			var input *InputError
			if err := w.about(tt.a, tt.about, tt.in); !errors.As(err, &input) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	// In a group of somebody else's the bot is a plain member.
	_, err := w.alice.GroupCreate(t.Context(), sdkconn.GroupCreateParam{
		GroupID: "home", GroupName: "Home", GroupType: sdkconn.GroupPublic,
		Members: []sdkconn.GroupMemberInfo{{Identifier: "concierge"}, {Identifier: "carol"}},
	})
	w.must(err)
	for _, a := range []Action{Mute, RemoveMember} {
		in := args{"in_group": "home", "user": "carol"}
		if a == Mute {
			in["for"] = "1h"
		}
		if err := w.about(a, nil, in); !errors.Is(err, sdkconn.CodeGroupPermissionDeny) || !strings.Contains(err.Error(), "its owner or an administrator") {
			t.Errorf("%s by a plain member: %v", a.Spec().Name, err)
		}
	}
	role := sdkconn.RoleAdmin
	w.must(w.alice.GroupModifyMemberInfo(t.Context(), sdkconn.GroupMemberModifyParam{GroupID: "home", User: "concierge", Role: &role}))
	if err := w.about(RemoveMember, nil, args{"in_group": "home", "user": "alice"}); !errors.Is(err, sdkconn.CodeGroupPermissionDeny) {
		t.Errorf("remove the owner: %v", err)
	}
	var input *InputError
	c := newCall(t, new(recorder))
	if _, err := Mute.Run(t.Context(), c, args{"for": "1h", "user": "a", "in_group": "g"}); !errors.As(err, &input) {
		t.Errorf("a connection without groups: %v", err)
	}
}
