package face

import (
	"context"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// GroupCreate makes a group and answers its id.
func (s *SDK) GroupCreate(param string, reply Reply) sdkconn.Code {
	var p sdkconn.GroupCreateParam
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		id, err := c.GroupCreate(ctx, p)
		return struct {
			ID string `json:"create_group_result_groupid"`
		}{id}, err
	})
}

// aboutGroup is a call with a group's id.
func (s *SDK) aboutGroup(group string, reply Reply, do func(context.Context, *local.Conn) error) sdkconn.Code {
	if group == "" {
		return sdkconn.CodeParam
	}
	return s.act(reply, do)
}

// GroupDelete dissolves a group.
func (s *SDK) GroupDelete(group string, reply Reply) sdkconn.Code {
	return s.aboutGroup(group, reply, func(ctx context.Context, c *local.Conn) error { return c.GroupDelete(ctx, group) })
}

// GroupJoin enters a group, or asks for it.
func (s *SDK) GroupJoin(group, hello string, reply Reply) sdkconn.Code {
	return s.aboutGroup(group, reply, func(ctx context.Context, c *local.Conn) error { return c.GroupJoin(ctx, group, hello) })
}

// GroupQuit leaves a group.
func (s *SDK) GroupQuit(group string, reply Reply) sdkconn.Code {
	return s.aboutGroup(group, reply, func(ctx context.Context, c *local.Conn) error { return c.GroupQuit(ctx, group) })
}

// groupBase is a group as the list of one's own groups has it.
type groupBase struct {
	FaceURL   string            `json:"group_base_info_face_url"`
	ID        string            `json:"group_base_info_group_id"`
	Name      string            `json:"group_base_info_group_name"`
	Type      sdkconn.GroupType `json:"group_base_info_group_type"`
	ShutupAll bool              `json:"group_base_info_is_shutup_all"`
	LatestSeq uint64            `json:"group_base_info_latest_seq"`
	MsgFlag   uint32            `json:"group_base_info_msg_flag"`
	Self      groupSelf         `json:"group_base_info_self_info"`
}

type groupSelf struct {
	JoinTime uint64             `json:"group_self_info_join_time"`
	MsgFlag  uint32             `json:"group_self_info_msg_flag"`
	Role     sdkconn.MemberRole `json:"group_self_info_role"`
}

// GroupGetJoinedGroupList answers the groups that the user is in.
func (s *SDK) GroupGetJoinedGroupList(reply Reply) sdkconn.Code {
	return fetch(s, reply, notLoggedIn, "[]", func(ctx context.Context, c *local.Conn) (any, error) {
		groups, err := c.GroupGetJoinedGroupList(ctx)
		list := make([]groupBase, len(groups))
		for i, g := range groups {
			list[i] = groupBase{
				FaceURL: g.FaceURL, ID: g.GroupID, Name: g.GroupName, Type: g.GroupType, ShutupAll: g.ShutupAll, LatestSeq: g.LatestSeq,
			}
			members, err := c.GroupGetMemberInfoList(ctx, g.GroupID)
			if err != nil {
				continue // left, or dissolved, meanwhile
			}
			for _, m := range members {
				if m.Identifier == c.Self() {
					list[i].MsgFlag, list[i].Self = m.RecvOpt, groupSelf{m.JoinTime, m.RecvOpt, m.Role}
				}
			}
		}
		return list, err
	})
}

// groupInfoResult is what is known of one group.
type groupInfoResult struct {
	Code sdkconn.Code      `json:"get_groups_info_result_code"`
	Desc string            `json:"get_groups_info_result_desc"`
	Info sdkconn.GroupInfo `json:"get_groups_info_result_info"`
}

// GroupGetGroupInfoList answers what groups say of themselves.
func (s *SDK) GroupGetGroupInfoList(groups string, reply Reply) sdkconn.Code {
	ids, code := names(groups)
	if code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "[]", func(ctx context.Context, c *local.Conn) (any, error) {
		infos, err := c.GroupGetGroupInfoList(ctx, ids)
		results := make([]groupInfoResult, len(ids))
		for i, id := range ids {
			n := slices.IndexFunc(infos, func(g sdkconn.GroupInfo) bool { return g.GroupID == id })
			if n < 0 {
				results[i] = groupInfoResult{sdkconn.CodeGroupNotFound, sdkconn.CodeGroupNotFound.Text(), sdkconn.GroupInfo{GroupID: id}}
				continue
			}
			results[i].Info = infos[n]
		}
		return results, err
	})
}

// The flags of GroupModifyGroupInfo that the embedded chat knows.
const (
	flagName         = 0x1
	flagNotification = 0x2
	flagIntroduction = 0x4
	flagFaceURL      = 0x8
	flagAddOption    = 0x10
	flagMaxMember    = 0x20
	flagShutupAll    = 0x100
	flagApprove      = 0x1000
	flagOwner        = 0x80000000
)

// GroupModifyGroupInfo changes what the flags name.
func (s *SDK) GroupModifyGroupInfo(param string, reply Reply) sdkconn.Code {
	var p struct {
		Group         string                 `json:"group_modify_info_param_group_id"`
		Flags         int64                  `json:"group_modify_info_param_modify_flag"` // the owner's is negative, too
		Name          string                 `json:"group_modify_info_param_group_name"`
		Notification  string                 `json:"group_modify_info_param_notification"`
		Introduction  string                 `json:"group_modify_info_param_introduction"`
		FaceURL       string                 `json:"group_modify_info_param_face_url"`
		AddOption     sdkconn.GroupAddOption `json:"group_modify_info_param_add_option"`
		ApproveOption sdkconn.GroupAddOption `json:"group_modify_info_param_approve_option"`
		MaxMemberNum  uint32                 `json:"group_modify_info_param_max_member_num"`
		ShutupAll     bool                   `json:"group_modify_info_param_is_shutup_all"`
		Owner         string                 `json:"group_modify_info_param_owner"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	change, left := sdkconn.GroupModifyParam{GroupID: p.Group}, uint32(p.Flags)
	given(&left, flagName, &change.GroupName, &p.Name)
	given(&left, flagNotification, &change.Notification, &p.Notification)
	given(&left, flagIntroduction, &change.Introduction, &p.Introduction)
	given(&left, flagFaceURL, &change.FaceURL, &p.FaceURL)
	given(&left, flagAddOption, &change.AddOption, &p.AddOption)
	given(&left, flagMaxMember, &change.MaxMemberNum, &p.MaxMemberNum)
	given(&left, flagShutupAll, &change.ShutupAll, &p.ShutupAll)
	given(&left, flagApprove, &change.ApproveOption, &p.ApproveOption)
	given(&left, flagOwner, &change.NewOwner, &p.Owner)
	if left != 0 {
		return s.Unsupported(reply)
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.GroupModifyGroupInfo(ctx, change) })
}

// given sets a field when its flag is there, and takes the flag away.
func given[T any](flags *uint32, flag uint32, field **T, value *T) {
	if *flags&flag != 0 {
		*field = value
		*flags &^= flag
	}
}

// The flags of GroupModifyMemberInfo that the embedded chat knows.
const (
	flagRole     = 0x2
	flagShutup   = 0x4
	flagNameCard = 0x8
)

// GroupModifyMemberInfo changes of a member what the flags name.
func (s *SDK) GroupModifyMemberInfo(param string, reply Reply) sdkconn.Code {
	var p struct {
		Group      string             `json:"group_modify_member_info_group_id"`
		User       string             `json:"group_modify_member_info_identifier"`
		Flags      uint32             `json:"group_modify_member_info_modify_flag"`
		Role       sdkconn.MemberRole `json:"group_modify_member_info_member_role"`
		ShutupTime uint32             `json:"group_modify_member_info_shutup_time"`
		NameCard   string             `json:"group_modify_member_info_name_card"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	change, left := sdkconn.GroupMemberModifyParam{GroupID: p.Group, User: p.User}, p.Flags
	given(&left, flagRole, &change.Role, &p.Role)
	given(&left, flagShutup, &change.ShutupTime, &p.ShutupTime)
	given(&left, flagNameCard, &change.NameCard, &p.NameCard)
	if left != 0 {
		return s.Unsupported(reply)
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.GroupModifyMemberInfo(ctx, change) })
}

// GroupGetMemberInfoList answers a group's members, all on one page.
func (s *SDK) GroupGetMemberInfoList(param string, reply Reply) sdkconn.Code {
	var p struct {
		Group  string   `json:"group_get_members_info_list_param_group_id"`
		Users  []string `json:"group_get_members_info_list_param_identifier_array"`
		Option struct {
			Roles uint32 `json:"group_member_get_info_option_role_flag"` // bits, TIMGroupMemberRoleFlag; 0 is all
		} `json:"group_get_members_info_list_param_option"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	bits := map[sdkconn.MemberRole]uint32{sdkconn.RoleOwner: 1, sdkconn.RoleAdmin: 2, sdkconn.RoleNormal: 4}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		members, err := c.GroupGetMemberInfoList(ctx, p.Group)
		members = slices.DeleteFunc(members, func(m sdkconn.GroupMemberInfo) bool {
			return len(p.Users) > 0 && !slices.Contains(p.Users, m.Identifier) || p.Option.Roles != 0 && p.Option.Roles&bits[m.Role] == 0
		})
		return struct {
			Members []sdkconn.GroupMemberInfo `json:"group_get_member_info_list_result_info_array"`
			Next    uint64                    `json:"group_get_member_info_list_result_next_seq"`
		}{append([]sdkconn.GroupMemberInfo{}, members...), 0}, err
	})
}

// GroupInviteMember brings users into a group. The answer has a result for each.
func (s *SDK) GroupInviteMember(param string, reply Reply) sdkconn.Code {
	var p struct {
		Group string   `json:"group_invite_member_param_group_id"`
		Users []string `json:"group_invite_member_param_identifier_array"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	type result struct {
		User   string `json:"group_invite_member_result_identifier"`
		Result uint32 `json:"group_invite_member_result_result"`
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		done, err := c.GroupInviteMember(ctx, p.Group, p.Users)
		list := make([]result, len(done))
		for i, r := range done {
			list[i] = result{r.User, r.Result}
		}
		return list, err
	})
}

// GroupDeleteMember removes users from a group. The answer has a result for each.
func (s *SDK) GroupDeleteMember(param string, reply Reply) sdkconn.Code {
	var p struct {
		Group    string   `json:"group_delete_member_param_group_id"`
		Users    []string `json:"group_delete_member_param_identifier_array"`
		Reason   string   `json:"group_delete_member_param_user_data"`
		Duration uint32   `json:"group_delete_member_param_duration"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	if p.Duration != 0 { // nobody can be kept out
		return s.Unsupported(reply)
	}
	type result struct {
		User   string `json:"group_delete_member_result_identifier"`
		Result uint32 `json:"group_delete_member_result_result"`
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		done, err := c.GroupDeleteMember(ctx, p.Group, p.Users, p.Reason)
		list := make([]result, len(done))
		for i, r := range done {
			list[i] = result{r.User, r.Result}
		}
		return list, err
	})
}

// GroupGetPendencyList answers requests to let somebody into a group.
func (s *SDK) GroupGetPendencyList(param string, reply Reply) sdkconn.Code {
	var option sdkconn.GroupPendencyOption
	if code := object(param, &option, mayBeEmpty); code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		return c.GroupGetPendencyList(ctx, option)
	})
}

// GroupHandlePendency answers such a request.
func (s *SDK) GroupHandlePendency(param string, reply Reply) sdkconn.Code {
	var p sdkconn.HandlePendencyParam
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	if p.Pendency == nil {
		return sdkconn.CodeJSON
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.GroupHandlePendency(ctx, p) })
}

// GroupReportPendencyReaded marks such requests as read.
func (s *SDK) GroupReportPendencyReaded(time uint64, reply Reply) sdkconn.Code {
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.GroupReportPendencyReaded(ctx, time) })
}
