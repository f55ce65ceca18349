package bot_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

const who = `
  - id: who
    on: message.group
    do: [{reply: "${{ user.role ?? 'nobody' }} in ${{ chat.name ?? '?' }} (${{ chat.group_type ?? '?' }})"}]
`

// wantReads checks how often the group "g" was asked about.
func wantReads(t *testing.T, w *wire, info, members int) {
	t.Helper()
	if i, m := w.count("info"), w.count("members"); i != info || m != members {
		t.Errorf("the group was read %d times, its members %d times; want %d and %d", i, m, info, members)
	}
}

func TestAGroupIsReadOnceAndChangedByTips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		b := h.start(h.set(who))
		group := sdkconn.Group("g")
		alice := h.people["alice"]
		act := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		role := func(user string, role sdkconn.MemberRole) {
			t.Helper()
			act(alice.(sdkconn.Groups).GroupModifyMemberInfo(t.Context(), sdkconn.GroupMemberModifyParam{GroupID: "g", User: user, Role: &role}))
		}
		said := 0
		want := func(who, answer string) {
			t.Helper()
			said++
			h.say(who, group, fmt.Sprint(said))
			b.idle()
			heard := h.heard("alice", group)
			if len(heard) != said || heard[said-1] != answer {
				t.Errorf("%s was answered %q, want %q", who, heard[len(heard)-1], answer)
			}
		}
		want("bob", "member in 好物群 (Public)")
		want("alice", "owner in 好物群 (Public)")
		role("bob", sdkconn.RoleAdmin)
		want("bob", "admin in 好物群 (Public)")
		role("bob", sdkconn.RoleNormal)
		want("bob", "member in 好物群 (Public)")
		title := "新群"
		act(alice.(sdkconn.GroupEditor).GroupModifyGroupInfo(t.Context(), sdkconn.GroupModifyParam{GroupID: "g", GroupName: &title}))
		want("bob", "member in 新群 (Public)")
		h.people["carol"] = h.login("carol")
		_, err := alice.(sdkconn.Groups).GroupInviteMember(t.Context(), "g", []string{"carol"})
		act(err)
		carol := h.people["carol"].(sdkconn.GroupPendencies)
		asked, err := carol.GroupGetPendencyList(t.Context(), sdkconn.GroupPendencyOption{MaxLimited: 1})
		act(err)
		act(carol.GroupHandlePendency(t.Context(), sdkconn.HandlePendencyParam{IsAccept: true, Pendency: &asked.Pendencies[0]}))
		want("carol", "member in 新群 (Public)")
		_, err = alice.(sdkconn.Groups).GroupDeleteMember(t.Context(), "g", []string{"carol"}, "")
		act(err)
		owner := "bob"
		act(alice.(sdkconn.GroupEditor).GroupModifyGroupInfo(t.Context(), sdkconn.GroupModifyParam{GroupID: "g", NewOwner: &owner}))
		want("bob", "owner in 新群 (Public)")
		want("alice", "member in 新群 (Public)")
		for range 100 {
			want("bob", "owner in 新群 (Public)")
		}
		if n := w.count("joined"); n != 1 {
			t.Errorf("the groups were listed %d times, want once at the start", n)
		}
		if w.count("info") > 1 || w.count("members") != 1 {
			t.Errorf("the group was read %d times, its members %d times, over %d messages", w.count("info"), w.count("members"), said)
		}
	})
}

func TestGroupsAreReadWhenTheBotComesOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		b := h.start(h.set(who))
		b.idle()
		time.Sleep(time.Second)
		synctest.Wait()
		wantReads(t, w, 0, 1) // the list of groups has their names
		h.say("bob", sdkconn.Group("g"), "1")
		b.idle()
		wantReads(t, w, 0, 1)
		if err := w.lose(time.Now().Unix()); err != nil {
			t.Fatal(err)
		}
		if err := w.back(time.Now().Unix()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantReads(t, w, 0, 2) // tips may have been missed
	})
}

func TestNoRuleAsksNothingIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		b := h.start(h.set(echo))
		h.say("bob", sdkconn.Group("g"), "1")
		b.idle()
		time.Sleep(time.Minute)
		synctest.Wait()
		wantReads(t, w, 0, 0)
		if n := w.count("joined") + w.count("profile"); n != 0 {
			t.Errorf("%d calls for facts that no rule reads", n)
		}
	})
}

func TestAnEventWaitsTwoSecondsForFacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		w.fails(func(ctx context.Context, call, _ string) error {
			if call != "info" && call != "members" && call != "joined" {
				return nil
			}
			time.Sleep(10 * time.Second) // whatever becomes of who asked
			return nil
		})
		b := h.start(h.set(who))
		b.idle()
		began := time.Now()
		h.say("bob", sdkconn.Group("g"), "1")
		b.idle()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the event waited %s", took)
		}
		h.wantHeard("alice", sdkconn.Group("g"), "nobody in ? (?)")
		time.Sleep(10 * time.Second)
		h.say("bob", sdkconn.Group("g"), "2")
		b.idle()
		h.wantHeard("alice", sdkconn.Group("g"), "nobody in ? (?)", "member in 好物群 (Public)")
		if n := w.count("members"); n != 1 {
			t.Errorf("the members were asked for %d times: the late answer is an answer", n)
		}
	})
}

func TestAGroupThatCannotBeReadIsNotAskedForOnceAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		w.fails(func(_ context.Context, call, _ string) error {
			if call == "info" || call == "members" || call == "joined" {
				return errors.New("no")
			}
			return nil
		})
		b := h.start(h.set(who))
		b.idle()
		for i := range 50 {
			h.say("bob", sdkconn.Group("g"), fmt.Sprint(i))
		}
		b.idle()
		wantReads(t, w, 1, 1)
		w.fails(nil)
		time.Sleep(2 * time.Minute)
		h.say("bob", sdkconn.Group("g"), "again")
		b.idle()
		wantReads(t, w, 2, 2)
		if heard := h.heard("alice", sdkconn.Group("g")); heard[len(heard)-1] != "member in 好物群 (Public)" {
			t.Errorf("after the failure: %q", heard[len(heard)-1])
		}
	})
}

func TestANameIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		w.fails(func(_ context.Context, call, _ string) error {
			if call == "profile" {
				return errors.New("no")
			}
			return nil
		})
		seq := uint64(1)
		b := h.start(h.set(`
  - id: name
    on: [message.revoked, message.edited]
    do: [{probe.repeat: "${{ user.name ?? 'nobody' }}"}]
`))
		takeBack := func(n int, answer string) (want []string) { // of messages that the bot never saw
			t.Helper()
			for range n {
				seq++
				err := w.tell(sdkconn.Event{Kind: sdkconn.EventMsgRevoke, At: seq, Revoked: &sdkconn.Revocation{
					Locator: sdkconn.Locator{ConvID: "alice", ConvType: sdkconn.ConvC2C, Time: seq, Seq: seq},
				}})
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, answer)
			}
			b.idle()
			return want
		}
		want := takeBack(20, "nobody")
		if got := w.count("profile"); got != 1 {
			t.Errorf("after a failure a user was asked for %d times", got)
		}
		w.fails(nil)
		time.Sleep(2 * time.Minute)
		want = append(want, takeBack(20, "alice")...)
		if got := w.count("profile"); got != 2 {
			t.Errorf("a user was asked for %d times", got)
		}
		name := "爱丽丝"
		err := h.people["alice"].(sdkconn.ProfileEditor).ProfileModifySelfUserProfile(t.Context(), sdkconn.ProfileItems{NickName: &name})
		if err != nil {
			t.Fatal(err)
		}
		h.say("alice", sdkconn.C2C(botUser), "hi")
		b.idle()
		want = append(want, takeBack(1, "爱丽丝")...)
		if got := w.count("profile"); got != 2 {
			t.Errorf("a user whose new name a message told was asked for %d times", got)
		}
		h.wantCalls(want...)
	})
}
