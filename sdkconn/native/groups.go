package native

import (
	"context"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// infoPage bounds the groups that one call asks about.
const infoPage = 50

// checkGroup refuses an empty group id, as the library does with conversations.
func checkGroup(op, group string) error {
	if group == "" {
		return fail(op, sdkconn.CodeParam, "no group id")
	}
	return nil
}

// ask calls a function with one JSON argument, and reads its answer into result unless that is nil.
func (c *Conn) ask(ctx context.Context, op string, param, result any) error {
	text, err := marshal(op, param)
	if err != nil {
		return err
	}
	data, err := c.do(ctx, op, "TIM"+op, text)
	if err != nil || result == nil || len(data) == 0 {
		return err
	}
	return read(op, data, result)
}

// GroupCreate implements [sdkconn.Groups].
func (c *Conn) GroupCreate(ctx context.Context, param sdkconn.GroupCreateParam) (string, error) {
	var made struct {
		ID string `json:"create_group_result_groupid"`
	}
	if err := c.ask(ctx, "GroupCreate", param, &made); err != nil {
		return "", err
	}
	return made.ID, nil
}

// GroupDelete implements [sdkconn.Groups].
func (c *Conn) GroupDelete(ctx context.Context, group string) error {
	if err := checkGroup("GroupDelete", group); err != nil {
		return err
	}
	_, err := c.do(ctx, "GroupDelete", "TIMGroupDelete", group)
	return err
}

// GroupJoin implements [sdkconn.Groups].
func (c *Conn) GroupJoin(ctx context.Context, group, hello string) error {
	if err := checkGroup("GroupJoin", group); err != nil {
		return err
	}
	_, err := c.do(ctx, "GroupJoin", "TIMGroupJoin", group, hello)
	return err
}

// GroupQuit implements [sdkconn.Groups].
func (c *Conn) GroupQuit(ctx context.Context, group string) error {
	if err := checkGroup("GroupQuit", group); err != nil {
		return err
	}
	_, err := c.do(ctx, "GroupQuit", "TIMGroupQuit", group)
	return err
}

// GroupInviteMember implements [sdkconn.Groups].
func (c *Conn) GroupInviteMember(ctx context.Context, group string, users []string) ([]sdkconn.GroupMemberResult, error) {
	var results []struct {
		User   string `json:"group_invite_member_result_identifier"`
		Result uint32 `json:"group_invite_member_result_result"`
	}
	err := c.ask(ctx, "GroupInviteMember", struct {
		Group string   `json:"group_invite_member_param_group_id"`
		Users []string `json:"group_invite_member_param_identifier_array"`
	}{group, users}, &results)
	var out []sdkconn.GroupMemberResult
	for _, r := range results {
		out = append(out, sdkconn.GroupMemberResult(r))
	}
	return out, err
}

// GroupDeleteMember implements [sdkconn.Groups].
func (c *Conn) GroupDeleteMember(ctx context.Context, group string, users []string, reason string) ([]sdkconn.GroupMemberResult, error) {
	var results []struct {
		User   string `json:"group_delete_member_result_identifier"`
		Result uint32 `json:"group_delete_member_result_result"`
	}
	err := c.ask(ctx, "GroupDeleteMember", struct {
		Group  string   `json:"group_delete_member_param_group_id"`
		Users  []string `json:"group_delete_member_param_identifier_array"`
		Reason string   `json:"group_delete_member_param_user_data"`
	}{group, users, reason}, &results)
	var out []sdkconn.GroupMemberResult
	for _, r := range results {
		out = append(out, sdkconn.GroupMemberResult(r))
	}
	return out, err
}

// The flags of TIMGroupMemberModifyInfoFlag.
const (
	memberRole   = 2
	memberShutup = 4
	memberCard   = 8
)

// GroupModifyMemberInfo implements [sdkconn.Groups].
func (c *Conn) GroupModifyMemberInfo(ctx context.Context, param sdkconn.GroupMemberModifyParam) error {
	flags := uint32(0)
	for _, f := range []struct {
		flag  uint32
		given bool
	}{{memberRole, param.Role != nil}, {memberShutup, param.ShutupTime != nil}, {memberCard, param.NameCard != nil}} {
		if f.given {
			flags |= f.flag
		}
	}
	return c.ask(ctx, "GroupModifyMemberInfo", struct {
		Group      string              `json:"group_modify_member_info_group_id"`
		User       string              `json:"group_modify_member_info_identifier"`
		Flags      uint32              `json:"group_modify_member_info_modify_flag"`
		Role       *sdkconn.MemberRole `json:"group_modify_member_info_member_role,omitzero"`
		ShutupTime *uint32             `json:"group_modify_member_info_shutup_time,omitzero"`
		NameCard   *string             `json:"group_modify_member_info_name_card,omitzero"`
	}{param.GroupID, param.User, flags, param.Role, param.ShutupTime, param.NameCard}, nil)
}

// memberPage is a page of members, in the spellings of today and of before 7.5.
type memberPage struct {
	Next       uint64                    `json:"group_get_member_info_list_result_next_seq"`
	Members    []sdkconn.GroupMemberInfo `json:"group_get_member_info_list_result_info_array"`
	OldNext    uint64                    `json:"group_get_memeber_info_list_result_next_seq"`
	OldMembers []sdkconn.GroupMemberInfo `json:"group_get_memeber_info_list_result_info_array"`
}

// GroupGetMemberInfoList implements [sdkconn.Groups].
func (c *Conn) GroupGetMemberInfoList(ctx context.Context, group string) ([]sdkconn.GroupMemberInfo, error) {
	const op = "GroupGetMemberInfoList"
	if err := checkGroup(op, group); err != nil {
		return nil, err
	}
	var all []sdkconn.GroupMemberInfo
	for next := uint64(0); ; {
		var page memberPage
		err := c.ask(ctx, op, struct {
			Group string `json:"group_get_members_info_list_param_group_id"`
			Next  uint64 `json:"group_get_members_info_list_param_next_seq"`
		}{group, next}, &page)
		if err != nil {
			return nil, err
		}
		all = append(append(all, page.Members...), page.OldMembers...)
		if next = max(page.Next, page.OldNext); next == 0 || len(page.Members)+len(page.OldMembers) == 0 {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b sdkconn.GroupMemberInfo) int {
		switch aOwns, bOwns := a.Role == sdkconn.RoleOwner, b.Role == sdkconn.RoleOwner; {
		case aOwns && !bOwns:
			return -1
		case bOwns && !aOwns:
			return 1
		case a.JoinTime < b.JoinTime:
			return -1
		case a.JoinTime > b.JoinTime:
			return 1
		}
		return 0
	})
	return all, nil
}

// GroupGetGroupInfoList implements [sdkconn.Groups].
func (c *Conn) GroupGetGroupInfoList(ctx context.Context, groups []string) ([]sdkconn.GroupInfo, error) {
	var found []sdkconn.GroupInfo
	for ids := range slices.Chunk(groups, infoPage) {
		var results []struct {
			Code sdkconn.Code      `json:"get_groups_info_result_code"`
			Info sdkconn.GroupInfo `json:"get_groups_info_result_info"`
		}
		if err := c.ask(ctx, "GroupGetGroupInfoList", ids, &results); err != nil {
			return nil, err
		}
		for _, id := range ids {
			for _, r := range results {
				if r.Code == 0 && r.Info.GroupID == id {
					found = append(found, r.Info)
					break
				}
			}
		}
	}
	return found, nil
}

// GroupGetJoinedGroupList implements [sdkconn.Groups]. The SDK lists a part of what there is to know of each, so the groups
// are asked for then.
func (c *Conn) GroupGetJoinedGroupList(ctx context.Context) ([]sdkconn.GroupInfo, error) {
	const op = "GroupGetJoinedGroupList"
	data, err := c.do(ctx, op, "TIMGroupGetJoinedGroupList")
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var joined []struct {
		ID string `json:"group_base_info_group_id"`
	}
	if err := read(op, data, &joined); err != nil {
		return nil, err
	}
	var ids []string
	for _, g := range joined {
		ids = append(ids, g.ID)
	}
	return c.GroupGetGroupInfoList(ctx, ids)
}

// The flags of TIMGroupModifyInfoFlag.
const (
	groupName         = 0x1
	groupNotification = 0x2
	groupIntroduction = 0x4
	groupFaceURL      = 0x8
	groupAddOption    = 0x10
	groupMaxMembers   = 0x20
	groupShutupAll    = 0x100
	groupApprove      = 0x1000
	groupOwner        = -0x80000000 // the C API's enum is signed
)

// GroupModifyGroupInfo implements [sdkconn.GroupEditor].
func (c *Conn) GroupModifyGroupInfo(ctx context.Context, param sdkconn.GroupModifyParam) error {
	const op = "GroupModifyGroupInfo"
	flags := int64(0)
	for _, f := range []struct {
		flag  int64
		given bool
	}{
		{groupName, param.GroupName != nil}, {groupNotification, param.Notification != nil},
		{groupIntroduction, param.Introduction != nil}, {groupFaceURL, param.FaceURL != nil},
		{groupAddOption, param.AddOption != nil}, {groupMaxMembers, param.MaxMemberNum != nil},
		{groupShutupAll, param.ShutupAll != nil}, {groupApprove, param.ApproveOption != nil},
	} {
		if f.given {
			flags |= f.flag
		}
	}
	if param.NewOwner != nil {
		if flags != 0 {
			return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "a new owner must be the only change")
		}
		flags = groupOwner
	}
	return c.ask(ctx, op, struct {
		Group         string                  `json:"group_modify_info_param_group_id"`
		Flags         int64                   `json:"group_modify_info_param_modify_flag"`
		Name          *string                 `json:"group_modify_info_param_group_name,omitzero"`
		Notification  *string                 `json:"group_modify_info_param_notification,omitzero"`
		Introduction  *string                 `json:"group_modify_info_param_introduction,omitzero"`
		FaceURL       *string                 `json:"group_modify_info_param_face_url,omitzero"`
		AddOption     *sdkconn.GroupAddOption `json:"group_modify_info_param_add_option,omitzero"`
		ApproveOption *sdkconn.GroupAddOption `json:"group_modify_info_param_approve_option,omitzero"`
		MaxMemberNum  *uint32                 `json:"group_modify_info_param_max_member_num,omitzero"`
		ShutupAll     *bool                   `json:"group_modify_info_param_is_shutup_all,omitzero"`
		Owner         *string                 `json:"group_modify_info_param_owner,omitzero"`
	}{param.GroupID, flags, param.GroupName, param.Notification, param.Introduction, param.FaceURL, param.AddOption,
		param.ApproveOption, param.MaxMemberNum, param.ShutupAll, param.NewOwner}, nil)
}

// GroupGetPendencyList implements [sdkconn.GroupPendencies].
func (c *Conn) GroupGetPendencyList(ctx context.Context, option sdkconn.GroupPendencyOption) (sdkconn.GroupPendencyResult, error) {
	var page sdkconn.GroupPendencyResult
	err := c.ask(ctx, "GroupGetPendencyList", option, &page)
	return page, err
}

// GroupHandlePendency implements [sdkconn.GroupPendencies].
func (c *Conn) GroupHandlePendency(ctx context.Context, param sdkconn.HandlePendencyParam) error {
	if param.Pendency == nil {
		return fail("GroupHandlePendency", sdkconn.CodeJSON, "no pendency")
	}
	return c.ask(ctx, "GroupHandlePendency", param, nil)
}

// GroupReportPendencyReaded implements [sdkconn.GroupPendencies].
func (c *Conn) GroupReportPendencyReaded(ctx context.Context, timeStamp uint64) error {
	_, err := c.do(ctx, "GroupReportPendencyReaded", "TIMGroupReportPendencyReaded", timeStamp)
	return err
}
