package local

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/sdkconn"
)

func (w *modelWalk) create(t *rapid.T) {
	if len(w.rooms) >= 6 {
		return
	}
	r := newModelRoom()
	r.name = fmt.Sprint("g", len(w.rooms))
	kind := sdkconn.GroupWork
	if r.open = len(w.rooms)%2 == 0; r.open {
		kind = sdkconn.GroupMeeting
	}
	me := modelUser(t, "owner")
	var others []string
	var infos []sdkconn.GroupMemberInfo
	for _, name := range modelUsers {
		if name != me && rapid.Bool().Draw(t, name) {
			others = append(others, name)
			infos = append(infos, sdkconn.GroupMemberInfo{Identifier: name})
		}
	}
	_, err := w.conns[me].GroupCreate(w.ctx, sdkconn.GroupCreateParam{GroupID: r.name, GroupName: r.name, GroupType: kind, Members: infos})
	refused(t, "making a group", err, 0)
	r.enter(w.now(), sdkconn.RoleOwner, me)
	r.enter(w.now(), sdkconn.RoleNormal, others...)
	w.rooms = append(w.rooms, r)
	w.touched = r
}

// tip adds a tip to the log; its rand is the service's.
func (w *modelWalk) tip(t *rapid.T, r *modelRoom, kind sdkconn.TipType, by string, users ...string) {
	m := &modelMsg{from: sdkconn.SystemSender, text: tipText(kind, by, users), key: key{time: w.now(), seq: uint64(len(r.log) + 1)}}
	if members := r.members(); len(members) > 0 {
		list := w.history(t, members[0], r, sdkconn.GetMsgListParam{Count: 1000})
		i := slices.IndexFunc(list, func(x *sdkconn.Message) bool { return x.Seq == m.seq && x.Sender == m.from })
		if i < 0 {
			t.Fatalf("%s does not see the %s", members[0], m.text)
		}
		m.rand = list[i].Rand
	}
	r.post(m)
}

func (w *modelWalk) join(t *rapid.T) {
	me, r := w.pickGroup(t)
	err := w.conns[me].GroupJoin(w.ctx, r.name, "")
	switch {
	case !r.open:
		refused(t, "joining by oneself", err, sdkconn.CodeGroupJoinPrivateGroupDeny)
	case r.views[me].in():
		refused(t, "joining twice", err, sdkconn.CodeGroupAlreadyMember)
	default:
		refused(t, "joining", err, 0)
		r.enter(w.now(), sdkconn.RoleNormal, me)
		w.tip(t, r, sdkconn.TipInvite, me, me)
	}
}

func (w *modelWalk) quit(t *rapid.T) {
	me, r := w.pickGroup(t)
	err := w.conns[me].GroupQuit(w.ctx, r.name)
	owner := r.views[me].role == sdkconn.RoleOwner
	switch {
	case !r.views[me].in():
		refused(t, "leaving as no member", err, sdkconn.CodeGroupPermissionDeny)
	case owner && r.open:
		refused(t, "the owner leaves", err, sdkconn.CodeGroupSuperNotAllowQuit)
	default:
		refused(t, "leaving", err, 0)
		r.leave(me)
		if rest := r.members(); owner && len(rest) > 0 {
			r.views[rest[0]].role = sdkconn.RoleOwner
		}
		w.tip(t, r, sdkconn.TipQuit, me, me)
	}
}

func modelSome(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.SampledFrom(modelUsers), 1, 3).Draw(t, "whom")
}

func (w *modelWalk) invite(t *rapid.T) {
	me, r := w.pickGroup(t)
	users := modelSome(t)
	got, err := w.conns[me].GroupInviteMember(w.ctx, r.name, users)
	if !r.views[me].in() {
		refused(t, "inviting as no member", err, sdkconn.CodeGroupPermissionDeny)
		return
	}
	refused(t, "inviting", err, 0)
	var fresh []string
	var want []sdkconn.GroupMemberResult
	for _, name := range users {
		result := uint32(sdkconn.MemberResultSuccess)
		if r.views[name].in() || slices.Contains(fresh, name) {
			result = sdkconn.MemberResultAlready
		} else {
			fresh = append(fresh, name)
		}
		want = append(want, sdkconn.GroupMemberResult{User: name, Result: result})
	}
	if !slices.Equal(got, want) {
		t.Fatalf("inviting: %v, want %v", got, want)
	}
	if len(fresh) > 0 {
		r.enter(w.now(), sdkconn.RoleNormal, fresh...)
		w.tip(t, r, sdkconn.TipInvite, me, fresh...)
	}
}

func (w *modelWalk) remove(t *rapid.T) {
	me, r := w.pickGroup(t)
	users := modelSome(t)
	got, err := w.conns[me].GroupDeleteMember(w.ctx, r.name, users, "")
	role := r.views[me].role
	if role < sdkconn.RoleAdmin {
		refused(t, "removing", err, sdkconn.CodeGroupPermissionDeny)
		return
	}
	refused(t, "removing", err, 0)
	var out []string
	var want []sdkconn.GroupMemberResult
	for _, name := range users {
		result := uint32(sdkconn.MemberResultError)
		if r.views[name].in() && r.views[name].role < role && !slices.Contains(out, name) {
			result = sdkconn.MemberResultSuccess
			out = append(out, name)
		}
		want = append(want, sdkconn.GroupMemberResult{User: name, Result: result})
	}
	if !slices.Equal(got, want) {
		t.Fatalf("removing: %v, want %v", got, want)
	}
	for _, name := range out {
		r.leave(name)
	}
	if len(out) > 0 {
		w.tip(t, r, sdkconn.TipKick, me, out...)
	}
}

func (w *modelWalk) role(t *rapid.T) {
	me, r := w.pickGroup(t)
	whom := modelUser(t, "whom")
	role := rapid.SampledFrom([]sdkconn.MemberRole{sdkconn.RoleNormal, sdkconn.RoleAdmin}).Draw(t, "role")
	err := w.conns[me].GroupModifyMemberInfo(w.ctx, sdkconn.GroupMemberModifyParam{GroupID: r.name, User: whom, Role: &role})
	by, v := r.views[me], r.views[whom]
	switch {
	case !by.in():
		refused(t, "a role by no member", err, sdkconn.CodeGroupPermissionDeny)
	case !v.in():
		refused(t, "a role of no member", err, sdkconn.CodeSvrGroupInvalidParameters)
	case by.role != sdkconn.RoleOwner || me == whom:
		refused(t, "a role", err, sdkconn.CodeGroupPermissionDeny)
	default:
		refused(t, "a role", err, 0)
		if v.role == role {
			return
		}
		v.role = role
		kind := sdkconn.TipSetAdmin
		if role == sdkconn.RoleNormal {
			kind = sdkconn.TipCancelAdmin
		}
		w.tip(t, r, kind, me, whom)
	}
}

func (w *modelWalk) mute(t *rapid.T) {
	me, r := w.pickGroup(t)
	whom := modelUser(t, "whom")
	seconds := rapid.SampledFrom([]uint32{0, 1, 60, 1000}).Draw(t, "seconds")
	err := w.conns[me].GroupModifyMemberInfo(w.ctx, sdkconn.GroupMemberModifyParam{GroupID: r.name, User: whom, ShutupTime: &seconds})
	by, v := r.views[me], r.views[whom]
	switch {
	case !by.in():
		refused(t, "a mute by no member", err, sdkconn.CodeGroupPermissionDeny)
	case !v.in():
		refused(t, "a mute of no member", err, sdkconn.CodeSvrGroupInvalidParameters)
	case by.role < sdkconn.RoleAdmin || by.role <= v.role:
		refused(t, "a mute", err, sdkconn.CodeGroupPermissionDeny)
	default:
		refused(t, "a mute", err, 0)
		if v.muted = 0; seconds > 0 {
			v.muted = w.now() + uint64(seconds)
		}
		w.tip(t, r, sdkconn.TipMemberInfoChange, me, whom)
		if seconds > 0 && rapid.Bool().Draw(t, "almost over") {
			w.clock.Advance(time.Duration(seconds-rapid.Uint32Range(0, 1).Draw(t, "before")) * time.Second)
			w.sendTo(t, whom, r)
		}
	}
}

func (w *modelWalk) compareMembers(t *rapid.T, me string, r *modelRoom) {
	list, err := w.conns[me].GroupGetMemberInfoList(w.ctx, r.name)
	if !r.views[me].in() {
		refused(t, "the members asked by none", err, sdkconn.CodeGroupPermissionDeny)
		return
	}
	refused(t, "the members", err, 0)
	var got, want []string
	for _, m := range list {
		got = append(got, fmt.Sprint(m.Identifier, m.Role, m.ShutupTime, m.JoinTime))
	}
	for _, name := range r.members() {
		v, muted := r.views[name], uint64(0)
		if v.muted > w.now() {
			muted = v.muted
		}
		want = append(want, fmt.Sprint(name, v.role, muted, v.joined))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: members %v, want %v", r.name, got, want)
	}
}
