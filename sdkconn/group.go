package sdkconn

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
)

// GroupType is the kind of a group, TIMGroupType. Work is the field's name for what the C API calls Private, Meeting
// for ChatRoom.
type GroupType uint32

// The group types.
const (
	GroupPublic     GroupType = 0 // a join request needs approval
	GroupWork       GroupType = 1 // join by invitation only
	GroupMeeting    GroupType = 2 // free join, history of before joining visible
	GroupBChatRoom  GroupType = 3
	GroupAVChatRoom GroupType = 4 // free join, no history
	GroupCommunity  GroupType = 5 // free join, topics
)

// String returns the field's name: "Public", "Work", "Meeting", "BChatRoom", "AVChatRoom", "Community"; "" for others.
func (t GroupType) String() string {
	names := [...]string{"Public", "Work", "Meeting", "BChatRoom", "AVChatRoom", "Community"}
	if int(t) < len(names) {
		return names[t]
	}
	return ""
}

// MemberRole is what a member may do, TIMGroupMemberRole.
type MemberRole uint32

// The roles, with the numbers of 8.0.
const (
	RoleNone   MemberRole = 0
	RoleNormal MemberRole = 200
	RoleAdmin  MemberRole = 300
	RoleOwner  MemberRole = 400
)

// String returns the role's name in the rule language: "member", "admin", "owner"; "" for none.
func (r MemberRole) String() string {
	switch r {
	case RoleNormal:
		return "member"
	case RoleAdmin:
		return "admin"
	case RoleOwner:
		return "owner"
	}
	return ""
}

// GroupMemberInfo is one member of a group.
type GroupMemberInfo struct {
	Custom       jsontext.Value `json:"group_member_info_custom_info,omitzero"`
	FaceURL      string         `json:"group_member_info_face_url"`
	FriendRemark string         `json:"group_member_info_friend_remark"`
	GroupID      string         `json:"group_member_info_group_id"`
	Identifier   string         `json:"group_member_info_identifier"`
	IsOnline     bool           `json:"group_member_info_is_online"`
	JoinTime     uint64         `json:"group_member_info_join_time"` // seconds
	Role         MemberRole     `json:"group_member_info_member_role"`
	RecvOpt      uint32         `json:"group_member_info_msg_flag"` // TIMReceiveMessageOpt
	MsgSeq       uint64         `json:"group_member_info_msg_seq"`
	NameCard     string         `json:"group_member_info_name_card"`
	NickName     string         `json:"group_member_info_nick_name"`
	ShutupTime   uint64         `json:"group_member_info_shutup_time"` // seconds

	Unknown jsontext.Value `json:",embed"`
}

// GroupInfo is what a group's own page shows.
type GroupInfo struct {
	GroupID       string         `json:"group_detail_info_group_id"`
	GroupType     GroupType      `json:"group_detail_info_group_type"`
	GroupName     string         `json:"group_detail_info_group_name"`
	Owner         string         `json:"group_detail_info_owner_identifier"`
	CreateTime    uint64         `json:"group_detail_info_create_time"` // seconds
	MemberNum     uint32         `json:"group_detail_info_member_num"`
	MaxMemberNum  uint32         `json:"group_detail_info_max_member_num,omitzero"` // 0: no limit
	LatestSeq     uint64         `json:"group_detail_info_latest_seq"`
	ShutupAll     bool           `json:"group_detail_info_is_shutup_all"`
	Introduction  string         `json:"group_detail_info_introduction,omitzero"`
	Notification  string         `json:"group_detail_info_notification,omitzero"`
	FaceURL       string         `json:"group_detail_info_face_url"`
	AddOption     GroupAddOption `json:"group_detail_info_add_option,omitzero"`
	ApproveOption GroupAddOption `json:"group_detail_info_approve_option,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// GroupCreateParam describes a group to be made.
type GroupCreateParam struct {
	GroupID   string            `json:"create_group_param_group_id,omitzero"` // empty: the service makes one
	GroupName string            `json:"create_group_param_group_name"`
	GroupType GroupType         `json:"create_group_param_group_type"`
	Members   []GroupMemberInfo `json:"create_group_param_group_member_array,omitempty"` // at most 20; Identifier and Role

	Introduction  string          `json:"create_group_param_introduction,omitzero"`
	Notification  string          `json:"create_group_param_notification,omitzero"`
	FaceURL       string          `json:"create_group_param_face_url,omitzero"`
	AddOption     *GroupAddOption `json:"create_group_param_add_option,omitzero"`     // nil: the type's own
	ApproveOption *GroupAddOption `json:"create_group_param_approve_option,omitzero"` // nil: the type's own
	MaxMemberNum  uint32          `json:"create_group_param_max_member_num,omitzero"` // 0: the type's own

	Unknown jsontext.Value `json:",embed"`
}

// The results of GroupMemberResult, HandleGroupMemberResult.
const (
	MemberResultError   = 0
	MemberResultSuccess = 1
	MemberResultAlready = 2
	MemberResultPending = 3
)

// GroupMemberResult is what became of one user in an invitation or removal.
type GroupMemberResult struct {
	User   string
	Result uint32
}

// GroupMemberModifyParam changes one member: the fields whose pointers are not nil.
type GroupMemberModifyParam struct {
	GroupID    string
	User       string
	Role       *MemberRole
	ShutupTime *uint32 // mute from now, in seconds; 0 ends it
	NameCard   *string
}

// Groups is the ability to make and run groups. Errors carry the group codes: CodeGroupNotFound,
// CodeGroupPermissionDeny, CodeGroupAlreadyMember and so on.
type Groups interface {
	// GroupCreate makes a group owned by the caller and returns its id. TIMGroupCreate.
	GroupCreate(ctx context.Context, param GroupCreateParam) (string, error)
	// GroupDelete dissolves a group; its owner only. TIMGroupDelete.
	GroupDelete(ctx context.Context, group string) error
	// GroupJoin enters a group, or asks to be let in where an administrator has to approve: then it returns nil too, and
	// the answer comes as a notice (ReportAddAccept, ReportAddRefuse). hello is what the administrators read.
	// TIMGroupJoin.
	GroupJoin(ctx context.Context, group, hello string) error
	// GroupQuit leaves a group. TIMGroupQuit.
	GroupQuit(ctx context.Context, group string) error
	// GroupInviteMember brings users in, at most 20, or asks for it where the user or an administrator has to agree
	// (MemberResultPending). TIMGroupInviteMember.
	GroupInviteMember(ctx context.Context, group string, users []string) ([]GroupMemberResult, error)
	// GroupDeleteMember removes users, with a reason that they are told. TIMGroupDeleteMember.
	GroupDeleteMember(ctx context.Context, group string, users []string, reason string) ([]GroupMemberResult, error)
	// GroupModifyMemberInfo changes a member's role, mute or name card. TIMGroupModifyMemberInfo.
	GroupModifyMemberInfo(ctx context.Context, param GroupMemberModifyParam) error
	// GroupGetMemberInfoList returns all members, owner first, then in the order of joining.
	// TIMGroupGetMemberInfoList.
	GroupGetMemberInfoList(ctx context.Context, group string) ([]GroupMemberInfo, error)
	// GroupGetGroupInfoList returns the groups that exist, in the order asked. TIMGroupGetGroupInfoList.
	GroupGetGroupInfoList(ctx context.Context, groups []string) ([]GroupInfo, error)
	// GroupGetJoinedGroupList returns the groups that the caller is in. TIMGroupGetJoinedGroupList.
	GroupGetJoinedGroupList(ctx context.Context) ([]GroupInfo, error)
}
