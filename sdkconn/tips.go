package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// TipType says what a group tip tells, TIMGroupTipType.
type TipType uint32

// The tip types.
const (
	TipNone                 TipType = 0
	TipInvite               TipType = 1 // any join, by invitation or not
	TipQuit                 TipType = 2
	TipKick                 TipType = 3
	TipSetAdmin             TipType = 4
	TipCancelAdmin          TipType = 5
	TipGroupInfoChange      TipType = 6
	TipMemberInfoChange     TipType = 7
	TipMemberMarkChange     TipType = 8
	TipTopicInfoChange      TipType = 9
	TipPinnedMessageAdded   TipType = 10
	TipPinnedMessageDeleted TipType = 11
)

// JoinType says how a member came in, TIMGroupJoinType.
type JoinType uint32

// The join types.
const (
	JoinNone   JoinType = 0
	JoinApply  JoinType = 1
	JoinInvite JoinType = 2
)

// GroupChangeFlag says which part of a group changed, TIMGroupTipGroupChangeFlag.
type GroupChangeFlag uint32

// The group change flags.
const (
	GroupChangeUnknown      GroupChangeFlag = 0
	GroupChangeName         GroupChangeFlag = 1
	GroupChangeIntroduction GroupChangeFlag = 2
	GroupChangeNotification GroupChangeFlag = 3
	GroupChangeFaceURL      GroupChangeFlag = 4
	GroupChangeOwner        GroupChangeFlag = 5
	GroupChangeCustom       GroupChangeFlag = 6
	GroupChangeAttribute    GroupChangeFlag = 7
	GroupChangeShutupAll    GroupChangeFlag = 8
	GroupChangeAddOpt       GroupChangeFlag = 11
	GroupChangeApproveOpt   GroupChangeFlag = 12
)

// GroupTipsElem tells all members what happened in a group. The service sends it as a message of SystemSender.
type GroupTipsElem struct {
	ChangedMembers []GroupMemberInfo  `json:"group_tips_elem_changed_group_memberinfo_array,omitempty"`
	ChangedUsers   []UserProfile      `json:"group_tips_elem_changed_user_info_array,omitempty"`
	GroupChanges   []GroupChangeInfo  `json:"group_tips_elem_group_change_info_array,omitempty"`
	GroupID        string             `json:"group_tips_elem_group_id"`
	JoinType       JoinType           `json:"group_tips_elem_join_type"`
	MemberChanges  []MemberChangeInfo `json:"group_tips_elem_member_change_info_array,omitempty"`
	MemberMarks    []MemberMarkChange `json:"group_tips_elem_member_mark_info_array,omitempty"`
	MemberNum      uint32             `json:"group_tips_elem_member_num"` // members now; tips 1, 2, 3
	OpMember       *GroupMemberInfo   `json:"group_tips_elem_op_group_memberinfo,omitzero"`
	OpUser         string             `json:"group_tips_elem_op_user"`
	OpUserInfo     *UserProfile       `json:"group_tips_elem_op_user_info,omitzero"`
	Platform       string             `json:"group_tips_elem_platform"`
	TipType        TipType            `json:"group_tips_elem_tip_type"`
	Users          []string           `json:"group_tips_elem_user_array,omitempty"` // whom it is about

	Unknown jsontext.Value `json:",embed"`
}

// GroupChangeInfo is one changed part of a group.
type GroupChangeInfo struct {
	BoolValue   bool            `json:"group_tips_group_change_info_bool_value"`
	Flag        GroupChangeFlag `json:"group_tips_group_change_info_flag"`
	IntValue    int32           `json:"group_tips_group_change_info_int_value"`
	Key         string          `json:"group_tips_group_change_info_key"`
	Uint64Value uint64          `json:"group_tips_group_change_info_uint64_value"`
	Value       string          `json:"group_tips_group_change_info_value"`

	Unknown jsontext.Value `json:",embed"`
}

// MemberChangeInfo is one member's changed mute.
type MemberChangeInfo struct {
	Identifier string `json:"group_tips_member_change_info_identifier"`
	ShutupTime uint32 `json:"group_tips_member_change_info_shutupTime"` // seconds from now; 0 ends it

	Unknown jsontext.Value `json:",embed"`
}

// MemberMarkChange is a mark that members got or lost.
type MemberMarkChange struct {
	EnableMark bool     `json:"group_tips_member_mark_change_info_enableMark"`
	MarkType   uint32   `json:"group_tips_member_mark_change_info_markType"`
	Users      []string `json:"group_tips_member_mark_change_info_userIDList"`

	Unknown jsontext.Value `json:",embed"`
}

// ReportType says what a group notice tells, TIMGroupReportType.
type ReportType uint32

// The report types.
const (
	ReportNone            ReportType = 0
	ReportAddRequest      ReportType = 1 // to admins: somebody asks to join
	ReportAddAccept       ReportType = 2
	ReportAddRefuse       ReportType = 3
	ReportBeKicked        ReportType = 4
	ReportDelete          ReportType = 5 // the group was dissolved
	ReportCreate          ReportType = 6
	ReportInvite          ReportType = 7 // pulled in without being asked
	ReportQuit            ReportType = 8
	ReportGrantAdmin      ReportType = 9
	ReportCancelAdmin     ReportType = 10
	ReportGroupRecycle    ReportType = 11
	ReportInviteReq       ReportType = 12
	ReportInviteAccept    ReportType = 13
	ReportInviteRefuse    ReportType = 14
	ReportReadReport      ReportType = 15
	ReportUserDefine      ReportType = 16
	ReportShutUpMember    ReportType = 17
	ReportTopicCreate     ReportType = 18
	ReportTopicDelete     ReportType = 19
	ReportGroupMsgRead    ReportType = 20
	ReportGroupMsgRecvOpt ReportType = 21
	ReportBanned          ReportType = 22
	ReportUnbanned        ReportType = 23
	ReportInviteReqAdmin  ReportType = 24
)

// GroupReportElem is a notice about a group to one user. The service sends it in a ConvSystem conversation.
type GroupReportElem struct {
	RecvOpt    uint32           `json:"group_report_elem_group_message_receive_option"` // report 21
	GroupID    string           `json:"group_report_elem_group_id"`
	GroupName  string           `json:"group_report_elem_group_name,omitzero"`
	Msg        string           `json:"group_report_elem_msg"`
	OpMember   *GroupMemberInfo `json:"group_report_elem_op_group_memberinfo,omitzero"`
	OpUser     string           `json:"group_report_elem_op_user"`
	OpUserInfo *UserProfile     `json:"group_report_elem_op_user_info,omitzero"`
	Platform   string           `json:"group_report_elem_platform"`
	ReportType ReportType       `json:"group_report_elem_report_type"`
	ShutUpTime uint32           `json:"group_report_elem_shut_up_time"` // seconds; report 17
	UserData   string           `json:"group_report_elem_user_data"`

	Unknown jsontext.Value `json:",embed"`
}
