package actions

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// memberIn says who is meant in which group.
type memberIn struct {
	User    *string `arg:"user" doc:"The member; whom the event is about unless given."`
	InGroup *string `arg:"in_group" doc:"The group; the event's unless given."`
}

// of finds out whom the inputs mean.
func (m memberIn) of(call *Call) (groups sdkconn.Groups, group, user string, err error) {
	groups, ok := call.Conn.(sdkconn.Groups)
	if !ok {
		return nil, "", "", inputErrorf("in_group", "cannot be: this connection has no group calls")
	}
	conv := call.Conversation
	switch {
	case m.InGroup != nil && *m.InGroup == "":
		return nil, "", "", inputErrorf("in_group", "is empty: want a group's id")
	case m.InGroup != nil:
		conv = sdkconn.Group(*m.InGroup)
	case conv.Type != sdkconn.ConvGroup || conv.ID == "":
		return nil, "", "", inputErrorf("in_group", "is missing: this event is in no group, so give in_group")
	}
	user = call.User
	if m.User != nil {
		user = *m.User
	}
	switch user {
	case "":
		return nil, "", "", inputErrorf("user", "is missing: this event is about nobody, so give user")
	case call.Conn.Self():
		return nil, "", "", inputErrorf("user", "is the bot itself")
	}
	return groups, conv.ID, user, nil
}

const memberDoc = " The bot must be the group's owner, or an administrator and the member none."

type muteIn struct {
	For      time.Duration `arg:"for,required" doc:"How long, from now: 1s to 365d."`
	memberIn `arg:",squash"`
}

// Mute keeps a member of a group from writing.
var Mute = New(Spec{
	Name:       "mute",
	Doc:        "Keeps a member of a group from writing there for a time. A mute that is there already is replaced." + memberDoc,
	Example:    "mute: {for: 1h}",
	Scalar:     "for",
	ActsOnChat: true, NeedsConversation: true, Targets: []string{"in_group"},
	Settle: SettleRepeat, // the time begins anew
}, func(ctx context.Context, call *Call, args muteIn) (struct{}, error) {
	seconds := math.Ceil(args.For.Seconds())
	if seconds < 1 || args.For > 365*24*time.Hour {
		return struct{}{}, inputErrorf("for", "is %s: want 1s to 365d; unmute ends a mute", args.For)
	}
	return struct{}{}, args.shutUp(ctx, call, "mute", uint32(seconds))
})

// Unmute lets a member write again.
var Unmute = New(Spec{
	Name:       "unmute",
	Doc:        "Lets a muted member of a group write again. One who is not muted is no failure." + memberDoc,
	Example:    "unmute: {user: alice}",
	Scalar:     "user",
	ActsOnChat: true, NeedsConversation: true, Targets: []string{"in_group"},
	Settle: SettleRepeat, // who may write may write
}, func(ctx context.Context, call *Call, args memberIn) (struct{}, error) {
	return struct{}{}, args.shutUp(ctx, call, "unmute", 0)
})

func (m memberIn) shutUp(ctx context.Context, call *Call, what string, seconds uint32) error {
	groups, group, user, err := m.of(call)
	if err != nil {
		return err
	}
	err = groups.GroupModifyMemberInfo(ctx, sdkconn.GroupMemberModifyParam{GroupID: group, User: user, ShutupTime: &seconds})
	return explain(what+" "+user+" in "+group, err)
}

type removeMemberIn struct {
	Reason   string `arg:"reason" doc:"What the member is told."`
	memberIn `arg:",squash"`
}

// RemoveMember puts a member out of a group.
var RemoveMember = New(Spec{
	Name: "remove_member",
	Doc: "Puts a member out of a group. One who is not in the group is no failure. Groups of type AVChatRoom do not " +
		"allow it." + memberDoc,
	Example:    "remove_member: {reason: 多次发布广告}",
	ActsOnChat: true, NeedsConversation: true, Targets: []string{"in_group"},
	Settle: SettleRepeat, // who is out is out
}, func(ctx context.Context, call *Call, args removeMemberIn) (struct{}, error) {
	groups, group, user, err := args.of(call)
	if err != nil {
		return struct{}{}, err
	}
	tried := "remove " + user + " from " + group
	results, err := groups.GroupDeleteMember(ctx, group, []string{user}, args.Reason)
	if err != nil {
		return struct{}{}, explain(tried, err)
	}
	done := slices.ContainsFunc(results, func(r sdkconn.GroupMemberResult) bool {
		return r.User == user && (r.Result == sdkconn.MemberResultSuccess || r.Result == sdkconn.MemberResultAlready)
	})
	if done {
		return struct{}{}, nil
	}
	// The service does not say why: who is not there any more needs no removal.
	members, err := groups.GroupGetMemberInfoList(ctx, group)
	if err != nil {
		return struct{}{}, explain(tried, err)
	}
	if !slices.ContainsFunc(members, func(m sdkconn.GroupMemberInfo) bool { return m.Identifier == user }) {
		return struct{}{}, nil
	}
	return struct{}{}, explain(tried, &sdkconn.Error{
		Op: "GroupDeleteMember", Code: sdkconn.CodeGroupPermissionDeny, Desc: "the member was not removed",
		Err: errors.New("an owner, or an administrator beside the bot, is removed by nobody but the owner"),
	})
})
