package sdkconn

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
)

// PendencyType says who asked whom, TIMGroupPendencyType.
type PendencyType uint32

// The pendency types.
const (
	PendencyJoin        PendencyType = 0 // a user asks the administrators to be let in
	PendencyInvited     PendencyType = 1 // a member asks a user to come in
	PendencyInviteAdmin PendencyType = 2 // a member asks the administrators to let a user in
)

// PendencyHandled says whether and by whom a request was answered, TIMGroupPendencyHandle.
type PendencyHandled uint32

// The states.
const (
	PendencyOpen    PendencyHandled = 0
	PendencyByOther PendencyHandled = 1
	PendencyBySelf  PendencyHandled = 2
)

// The answers, TIMGroupPendencyHandleResult.
const (
	PendencyRefused  = 0
	PendencyAccepted = 1
)

// GroupPendency is a request to let somebody into a group, as one who may answer it sees it.
type GroupPendency struct {
	AddTime         uint64          `json:"group_pendency_add_time"` // milliseconds
	ApplyInviteMsg  string          `json:"group_pendency_apply_invite_msg"`
	ApprovalMsg     string          `json:"group_pendency_approval_msg"` // what the answer said
	Authentication  string          `json:"group_pendency_authentication"`
	FromUserDefined string          `json:"group_pendency_form_user_defined_data"` // the SDK's spelling
	From            string          `json:"group_pendency_form_identifier"`        // who asks: the applicant, or who invites
	FromFaceURL     string          `json:"group_pendency_from_face_url"`
	FromNickName    string          `json:"group_pendency_from_nick_name"`
	GroupID         string          `json:"group_pendency_group_id"`
	HandleResult    uint32          `json:"group_pendency_handle_result"`
	Handled         PendencyHandled `json:"group_pendency_handled"`
	Key             string          `json:"group_pendency_key"`
	Type            PendencyType    `json:"group_pendency_pendency_type"`
	Self            string          `json:"group_pendency_self_identifier"`
	To              string          `json:"group_pendency_to_identifier"` // who is invited; empty for PendencyJoin
	ToUserDefined   string          `json:"group_pendency_to_user_defined_data"`

	Unknown jsontext.Value `json:",embed"`
}

// GroupPendencyOption asks for a page of requests.
type GroupPendencyOption struct {
	MaxLimited uint32 `json:"group_pendency_option_max_limited"` // how many at most
	StartTime  uint64 `json:"group_pendency_option_start_time"`  // 0, or NextStartTime of the page before
}

// GroupPendencyResult is a page of requests, the newest first.
type GroupPendencyResult struct {
	NextStartTime uint64          `json:"group_pendency_result_next_start_time"` // 0: there are no more
	Pendencies    []GroupPendency `json:"group_pendency_result_pendency_array"`
	ReadTimeSeq   uint64          `json:"group_pendency_result_read_time_seq"` // up to here they were reported as read
	UnreadNum     uint32          `json:"group_pendency_result_unread_num"`
}

// HandlePendencyParam answers a request.
type HandlePendencyParam struct {
	HandleMsg string         `json:"group_handle_pendency_param_handle_msg"` // the asker reads it
	IsAccept  bool           `json:"group_handle_pendency_param_is_accept"`
	Pendency  *GroupPendency `json:"group_handle_pendency_param_pendency"` // as it was listed
}

// GroupPendencies is the ability to see and answer requests to let somebody into a group.
type GroupPendencies interface {
	// GroupGetPendencyList returns the requests that the caller may answer, or could have, the newest first.
	// TIMGroupGetPendencyList.
	GroupGetPendencyList(ctx context.Context, option GroupPendencyOption) (GroupPendencyResult, error)

	// GroupHandlePendency answers a request. Who asked is told by a notice, the group by a tip when somebody came in.
	// TIMGroupHandlePendency.
	//
	// Errors: CodeJSON without a pendency, CodeGroupReqAlreadyHandled, CodeGroupPermissionDeny for a caller who is not
	// asked, CodeGroupInvalidReq for a request that is not there, CodeGroupFullMemberCount.
	GroupHandlePendency(ctx context.Context, param HandlePendencyParam) error

	// GroupReportPendencyReaded marks the requests up to a time in milliseconds as read. TIMGroupReportPendencyReaded.
	GroupReportPendencyReaded(ctx context.Context, timeStamp uint64) error
}
