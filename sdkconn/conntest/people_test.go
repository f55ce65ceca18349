package conntest

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// peopleHooks are the hooks of what connections do about groups and people beyond sdkconn.Groups.
type peopleHooks struct {
	pendencies func(c *local.Conn, ctx context.Context, o sdkconn.GroupPendencyOption) (sdkconn.GroupPendencyResult, error)
	handle     func(c *local.Conn, ctx context.Context, p sdkconn.HandlePendencyParam) error
	profile    func(c *local.Conn, ctx context.Context, items sdkconn.ProfileItems) error
	pin        func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, pinned bool) error
	unlist     func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation) error
	total      func(c *local.Conn, ctx context.Context) (uint64, error)
	c2cOpt     func(c *local.Conn, ctx context.Context, users []string, opt sdkconn.ReceiveOpt) error
	groupOpt   func(c *local.Conn, ctx context.Context, group string, opt sdkconn.ReceiveOpt) error
	outcast    func(c *local.Conn, ctx context.Context, users []string) error
	befriend   func(c *local.Conn, ctx context.Context, user string, friend sdkconn.FriendType) error
	unfriend   func(c *local.Conn, ctx context.Context, user string, friend sdkconn.FriendType) error
	editGroup  func(c *local.Conn, ctx context.Context, p sdkconn.GroupModifyParam) error
	uploads    func(c *local.Conn, f progress)
}

func (c *mutant) GroupGetPendencyList(ctx context.Context, o sdkconn.GroupPendencyOption) (sdkconn.GroupPendencyResult, error) {
	if c.m.pendencies != nil {
		return c.m.pendencies(c.Conn, ctx, o)
	}
	return c.Conn.GroupGetPendencyList(ctx, o)
}

func (c *mutant) GroupHandlePendency(ctx context.Context, p sdkconn.HandlePendencyParam) error {
	if c.m.handle != nil {
		return c.m.handle(c.Conn, ctx, p)
	}
	return c.Conn.GroupHandlePendency(ctx, p)
}

func (c *mutant) GroupModifyGroupInfo(ctx context.Context, p sdkconn.GroupModifyParam) error {
	if c.m.editGroup != nil {
		return c.m.editGroup(c.Conn, ctx, p)
	}
	return c.Conn.GroupModifyGroupInfo(ctx, p)
}

func (c *mutant) ProfileModifySelfUserProfile(ctx context.Context, items sdkconn.ProfileItems) error {
	if c.m.profile != nil {
		return c.m.profile(c.Conn, ctx, items)
	}
	return c.Conn.ProfileModifySelfUserProfile(ctx, items)
}

func (c *mutant) ConvPinConversation(ctx context.Context, conv sdkconn.Conversation, pinned bool) error {
	if c.m.pin != nil {
		return c.m.pin(c.Conn, ctx, conv, pinned)
	}
	return c.Conn.ConvPinConversation(ctx, conv, pinned)
}

func (c *mutant) ConvDelete(ctx context.Context, conv sdkconn.Conversation) error {
	if c.m.unlist != nil {
		return c.m.unlist(c.Conn, ctx, conv)
	}
	return c.Conn.ConvDelete(ctx, conv)
}

func (c *mutant) ConvGetTotalUnreadMessageCount(ctx context.Context) (uint64, error) {
	if c.m.total != nil {
		return c.m.total(c.Conn, ctx)
	}
	return c.Conn.ConvGetTotalUnreadMessageCount(ctx)
}

func (c *mutant) MsgSetC2CReceiveMessageOpt(ctx context.Context, users []string, opt sdkconn.ReceiveOpt) error {
	if c.m.c2cOpt != nil {
		return c.m.c2cOpt(c.Conn, ctx, users, opt)
	}
	return c.Conn.MsgSetC2CReceiveMessageOpt(ctx, users, opt)
}

func (c *mutant) MsgSetGroupReceiveMessageOpt(ctx context.Context, group string, opt sdkconn.ReceiveOpt) error {
	if c.m.groupOpt != nil {
		return c.m.groupOpt(c.Conn, ctx, group, opt)
	}
	return c.Conn.MsgSetGroupReceiveMessageOpt(ctx, group, opt)
}

func (c *mutant) FriendshipAddToBlackList(ctx context.Context, users []string) error {
	if c.m.outcast != nil {
		return c.m.outcast(c.Conn, ctx, users)
	}
	return c.Conn.FriendshipAddToBlackList(ctx, users)
}

func (c *mutant) FriendshipAddFriend(ctx context.Context, user string, friend sdkconn.FriendType) error {
	if c.m.befriend != nil {
		return c.m.befriend(c.Conn, ctx, user, friend)
	}
	return c.Conn.FriendshipAddFriend(ctx, user, friend)
}

func (c *mutant) FriendshipDeleteFriend(ctx context.Context, user string, friend sdkconn.FriendType) error {
	if c.m.unfriend != nil {
		return c.m.unfriend(c.Conn, ctx, user, friend)
	}
	return c.Conn.FriendshipDeleteFriend(ctx, user, friend)
}

type progress = func(m *sdkconn.Message, elem int, current, total uint64)

func (c *mutant) SetMsgElemUploadProgressCallback(f progress) {
	if c.m.uploads != nil {
		c.m.uploads(c.Conn, f)
		return
	}
	c.Conn.SetMsgElemUploadProgressCallback(f)
}

// uploading has the progress of uploads told through f.
func uploading(f func(f progress, m *sdkconn.Message, elem int, current, total uint64)) mutation {
	return mutation{fails: []string{"upload/progress is told for each element"}, peopleHooks: peopleHooks{uploads: func(c *local.Conn, told progress) {
		c.SetMsgElemUploadProgressCallback(func(m *sdkconn.Message, elem int, current, total uint64) {
			if told != nil {
				f(told, m, elem, current, total)
			}
		})
	}}}
}

func requested(f func(o *sdkconn.GroupPendencyOption, r *sdkconn.GroupPendencyResult), fails ...string) mutation {
	return mutation{fails: fails, peopleHooks: peopleHooks{pendencies: func(c *local.Conn, ctx ctxt, o sdkconn.GroupPendencyOption) (sdkconn.GroupPendencyResult, error) {
		r, err := c.GroupGetPendencyList(ctx, o)
		f(&o, &r)
		return r, err
	}}}
}

func handling(f func(c *local.Conn, ctx ctxt, p sdkconn.HandlePendencyParam) error, fails ...string) mutation {
	return mutation{fails: fails, peopleHooks: peopleHooks{handle: f}}
}

func editingGroup(f func(c *local.Conn, ctx ctxt, p sdkconn.GroupModifyParam) error, fails ...string) mutation {
	return mutation{fails: fails, peopleHooks: peopleHooks{editGroup: f}}
}

// noticeOf reports whether an event is a notice of that type.
func noticeOf(types ...sdkconn.ReportType) func(event) bool {
	return func(e event) bool {
		if e.Kind != sdkconn.EventNewMsg || len(e.Message.Elems) == 0 {
			return false
		}
		n, ok := e.Message.Elems[0].(*sdkconn.GroupReportElem)
		for _, t := range types {
			if ok && n.ReportType == t {
				return true
			}
		}
		return false
	}
}

func peopleMutations() map[string]mutation {
	return map[string]mutation{
		"what an applicant says is lost": {fails: []string{"join request/the administrators of a Public group are asked", "join request/refused, and asked again"},
			join: func(c *local.Conn, ctx ctxt, group, _ string) error { return c.GroupJoin(ctx, group, "") }},
		"a closed group is silent": {fails: []string{"join request/a group may ask nobody, or let nobody in"}, join: func(c *local.Conn, ctx ctxt, group, hello string) error {
			return forgive(c.GroupJoin(ctx, group, hello), sdkconn.CodeGroupPermissionDeny)
		}},
		"administrators are not told":   without(noticeOf(sdkconn.ReportAddRequest), "join request/the administrators of a Public group are asked"),
		"the answer is not told":        without(noticeOf(sdkconn.ReportAddAccept, sdkconn.ReportAddRefuse), "join request/the administrators of a Public group are asked", "join request/refused, and asked again"),
		"invitations are not told":      without(noticeOf(sdkconn.ReportInviteReq), "join request/who is invited answers where he is asked"),
		"answered invitations are lost": without(noticeOf(sdkconn.ReportInviteAccept, sdkconn.ReportInviteRefuse), "join request/who is invited answers where he is asked"),
		"approvals are not asked for":   without(noticeOf(sdkconn.ReportInviteReqAdmin), "join request/a member's invitation is approved"),
		"oldest requests first": requested(func(_ *sdkconn.GroupPendencyOption, r *sdkconn.GroupPendencyResult) {
			r.Pendencies = reversed(r.Pendencies)
		}, "join request/pages and what is read"),
		"there is one page of requests": requested(func(_ *sdkconn.GroupPendencyOption, r *sdkconn.GroupPendencyResult) {
			r.NextStartTime = 0
		}, "join request/pages and what is read"),
		"nothing is unread": requested(func(_ *sdkconn.GroupPendencyOption, r *sdkconn.GroupPendencyResult) {
			r.UnreadNum = 0
		}, "join request/pages and what is read"),
		"answered requests stay open": requested(func(_ *sdkconn.GroupPendencyOption, r *sdkconn.GroupPendencyResult) {
			for i := range r.Pendencies {
				r.Pendencies[i].Handled = sdkconn.PendencyOpen
			}
		}, "join request/the administrators of a Public group are asked"),
		"everybody answered himself": requested(func(_ *sdkconn.GroupPendencyOption, r *sdkconn.GroupPendencyResult) {
			for i := range r.Pendencies {
				r.Pendencies[i].Handled = min(r.Pendencies[i].Handled*2, sdkconn.PendencyBySelf)
			}
		}, "join request/the administrators of a Public group are asked"),
		"a refusal lets in": handling(func(c *local.Conn, ctx ctxt, p sdkconn.HandlePendencyParam) error {
			p.IsAccept = true
			return c.GroupHandlePendency(ctx, p)
		}, "join request/refused, and asked again", "join request/who is invited answers where he is asked"),
		"an approval does nothing": handling(func(*local.Conn, ctxt, sdkconn.HandlePendencyParam) error { return nil },
			"join request/who is let in is told by a tip", "join request/a member's invitation is approved", "join request/what cannot be answered"),
		"answers twice are fine": handling(func(c *local.Conn, ctx ctxt, p sdkconn.HandlePendencyParam) error {
			return forgive(c.GroupHandlePendency(ctx, p), sdkconn.CodeGroupReqAlreadyHandled)
		}, "join request/the administrators of a Public group are asked"),
		"anybody answers": handling(func(c *local.Conn, ctx ctxt, p sdkconn.HandlePendencyParam) error {
			return forgive(c.GroupHandlePendency(ctx, p), sdkconn.CodeGroupPermissionDeny)
		}, "join request/the administrators of a Public group are asked", "join request/who is invited answers where he is asked"),

		"black lists do nothing": {fails: []string{"relation/who is on the black list cannot write", "relation/the black list"},
			peopleHooks: peopleHooks{outcast: func(*local.Conn, ctxt, []string) error { return nil }}},
		"black lists are sorted": {fails: []string{"relation/the black list"}, peopleHooks: peopleHooks{outcast: func(c *local.Conn, ctx ctxt, users []string) error {
			return c.FriendshipAddToBlackList(ctx, slices.Sorted(slices.Values(users)))
		}}},
		"black lists reach into groups": {fails: []string{"relation/group: the black list is for one-to-one messages"},
			send: func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
				if conv.Type == sdkconn.ConvGroup && c.Self() == "bob" {
					return nil, &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeSvrMsgInPeerBlacklist}
				}
				return c.SendNewMsg(ctx, conv, m)
			}},
		"friends are always friends of each other": {fails: []string{"relation/friends on one side or both"},
			peopleHooks: peopleHooks{unfriend: func(c *local.Conn, ctx ctxt, user string, _ sdkconn.FriendType) error {
				return c.FriendshipDeleteFriend(ctx, user, sdkconn.FriendBoth)
			}}},
		"friends are on one side": {fails: []string{"relation/friends on one side or both"},
			peopleHooks: peopleHooks{befriend: func(c *local.Conn, ctx ctxt, user string, _ sdkconn.FriendType) error {
				return c.FriendshipAddFriend(ctx, user, sdkconn.FriendSingle)
			}}},

		"every version is the original": tell(newMessages(pictured(func(i *sdkconn.ImageElem) {
			i.ThumbID, i.ThumbURL, i.ThumbSize, i.ThumbWidth, i.ThumbHeight = i.OrigID, i.OrigURL, i.OrigSize, i.OrigWidth, i.OrigHeight
		})), "picture/a large version and a thumbnail"),
		"thumbnails lie about their size": tell(newMessages(pictured(func(i *sdkconn.ImageElem) {
			i.ThumbWidth, i.ThumbHeight = i.ThumbHeight, i.ThumbWidth
		})), "picture/a large version and a thumbnail"),
		"the large version is the thumbnail": tell(newMessages(pictured(func(i *sdkconn.ImageElem) {
			i.LargeID, i.LargeURL, i.LargeSize, i.LargeWidth, i.LargeHeight = i.ThumbID, i.ThumbURL, i.ThumbSize, i.ThumbWidth, i.ThumbHeight
		})), "picture/a large version and a thumbnail"),
		"forwarding loses the thumbnail": {fails: []string{"picture/forwarded, with its versions"}, send: func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
			c2 := *m
			pictured(func(i *sdkconn.ImageElem) {
				if i.OrigPath == "" {
					i.ThumbID, i.ThumbURL = "", ""
				}
			})(&c2)
			return c.SendNewMsg(ctx, conv, &c2)
		}},

		"any folder will do": {fails: []string{"download/a folder that is given is not left"}, download: func(c *local.Conn, ctx ctxt, p sdkconn.DownloadElemParam, path string, progress func(a, b uint64)) error {
			if p.Dir != "" && !filepath.IsAbs(path) {
				path, p.Dir = filepath.Join(p.Dir, path), ""
			}
			return c.DownloadElemToPath(ctx, p, path, progress)
		}},

		"uploads are silent": uploading(func(progress, *sdkconn.Message, int, uint64, uint64) {}),
		"uploads never end": uploading(func(f progress, m *sdkconn.Message, elem int, current, total uint64) {
			f(m, elem, min(current, total-1), total)
		}),
		"elements are counted from one": uploading(func(f progress, m *sdkconn.Message, elem int, current, total uint64) {
			f(m, elem+1, current, total)
		}),

		"nothing is pinned": {fails: []string{"conversation list/pinned ones are first"}, peopleHooks: peopleHooks{pin: func(*local.Conn, ctxt, conv, bool) error { return nil }}},
		"pinned stays pinned": {fails: []string{"conversation list/pinned ones are first"}, peopleHooks: peopleHooks{pin: func(c *local.Conn, ctx ctxt, conv conv, _ bool) error {
			return c.ConvPinConversation(ctx, conv, true)
		}}},
		"a deleted conversation is cleared only": {fails: []string{"conversation list/a deleted one comes back with its next message", "conversation list/group: deleted by one"},
			peopleHooks: peopleHooks{unlist: func(c *local.Conn, ctx ctxt, conv conv) error { return c.Delete(ctx, conv, nil) }}},
		"a deleted conversation is read": {fails: []string{"conversation list/a deleted one comes back with its next message"},
			peopleHooks: peopleHooks{unlist: func(c *local.Conn, ctx ctxt, conv conv) error {
				if err := c.ReportReaded(ctx, conv, nil); err != nil {
					return err
				}
				return c.ConvDelete(ctx, conv)
			}}},
		"deleting a group's conversation leaves it": {fails: []string{"conversation list/group: deleted by one"},
			peopleHooks: peopleHooks{unlist: func(c *local.Conn, ctx ctxt, conv conv) error {
				if err := c.ConvDelete(ctx, conv); err != nil || conv.Type != sdkconn.ConvGroup {
					return err
				}
				return c.GroupQuit(ctx, conv.ID)
			}}},
		"silent ones are counted": {fails: []string{"conversation list/all unread messages"}, peopleHooks: peopleHooks{total: func(c *local.Conn, ctx ctxt) (uint64, error) {
			var n uint64
			all, err := c.ConvGetConvList(ctx)
			for _, info := range all {
				n += info.UnreadNum
			}
			return n, err
		}}},
		"receive options do nothing": {fails: []string{"receive options/what is not received is not told", "receive options/group: by one member", "receive options/what came while away and is not received"},
			peopleHooks: peopleHooks{
				c2cOpt:   func(*local.Conn, ctxt, []string, sdkconn.ReceiveOpt) error { return nil },
				groupOpt: func(*local.Conn, ctxt, string, sdkconn.ReceiveOpt) error { return nil },
			}},
		"every receive option is deaf": {fails: []string{"receive options/what is not received is not told"},
			peopleHooks: peopleHooks{c2cOpt: func(c *local.Conn, ctx ctxt, users []string, opt sdkconn.ReceiveOpt) error {
				return c.MsgSetC2CReceiveMessageOpt(ctx, users, min(opt, sdkconn.ReceiveNot))
			}}},
		"any number of users": {fails: []string{"receive options/whom it cannot be set for"},
			peopleHooks: peopleHooks{c2cOpt: func(c *local.Conn, ctx ctxt, users []string, opt sdkconn.ReceiveOpt) error {
				return forgive(c.MsgSetC2CReceiveMessageOpt(ctx, users, opt), sdkconn.CodeInvalidParameters)
			}}},

		"profiles do not change": {fails: []string{"profile/"}, peopleHooks: peopleHooks{profile: func(*local.Conn, ctxt, sdkconn.ProfileItems) error {
			return nil
		}}},
		"what is not set is emptied": {fails: []string{"profile/what was set is there, the rest stays"}, peopleHooks: peopleHooks{profile: func(c *local.Conn, ctx ctxt, items sdkconn.ProfileItems) error {
			if items.FaceURL == nil {
				items.FaceURL = new(string)
			}
			return c.ProfileModifySelfUserProfile(ctx, items)
		}}},
		"messages have no faces": tell(newMessages(func(m msg) {
			if m.SenderProfile != nil {
				m.SenderProfile.FaceURL = ""
			}
			if m.SenderMember != nil {
				m.SenderMember.FaceURL = ""
			}
		}), "profile/messages sent later carry it", "profile/group: members show it, beside their cards"),

		"groups do not change": editingGroup(func(*local.Conn, ctxt, sdkconn.GroupModifyParam) error { return nil },
			"group info/changes are kept and told", "group info/all muted", "group info/passing the group on", "group info/full"),
		"anybody may change a group": editingGroup(func(c *local.Conn, ctx ctxt, p sdkconn.GroupModifyParam) error {
			return forgive(c.GroupModifyGroupInfo(ctx, p), sdkconn.CodeGroupPermissionDeny)
		}, "group info/who may change what", "group info/passing the group on"),
		"long texts are cut": editingGroup(func(c *local.Conn, ctx ctxt, p sdkconn.GroupModifyParam) error {
			if p.GroupName != nil {
				name := (*p.GroupName)[:min(30, len(*p.GroupName))]
				p.GroupName = &name
			}
			return c.GroupModifyGroupInfo(ctx, p)
		}, "group info/texts that are too long"),
		"half of a refused change is made": editingGroup(func(c *local.Conn, ctx ctxt, p sdkconn.GroupModifyParam) error {
			err := c.GroupModifyGroupInfo(ctx, p)
			if p.GroupName != nil && sdkconn.CodeOf(err) == sdkconn.CodeGroupInvalidIntroduction {
				_ = c.GroupModifyGroupInfo(ctx, sdkconn.GroupModifyParam{GroupID: p.GroupID, GroupName: p.GroupName})
			}
			return err
		}, "group info/texts that are too long"),
	}
}

// pictured changes the pictures in a message, which it copies before.
func pictured(f func(*sdkconn.ImageElem)) func(msg) {
	return func(m msg) {
		m.Elems = slices.Clone(m.Elems)
		for i, e := range m.Elems {
			if image, ok := e.(*sdkconn.ImageElem); ok {
				c := *image
				f(&c)
				m.Elems[i] = &c
			}
		}
	}
}
