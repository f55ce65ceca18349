package sdkconn

import "context"

// GroupAddOption says who comes into a group, by asking or by invitation, TIMGroupAddOption.
type GroupAddOption uint32

// The options.
const (
	AddForbid GroupAddOption = 0 // nobody
	AddAuth   GroupAddOption = 1 // whom an administrator approves
	AddAny    GroupAddOption = 2 // everybody, at once
)

// GroupModifyParam changes a group: the fields whose pointers are not nil. NewOwner must be alone.
type GroupModifyParam struct {
	GroupID       string
	GroupName     *string
	Introduction  *string
	Notification  *string
	FaceURL       *string
	AddOption     *GroupAddOption // who may join
	ApproveOption *GroupAddOption // whom members may invite
	MaxMemberNum  *uint32
	ShutupAll     *bool   // only the owner and administrators may write
	NewOwner      *string // a member, to whom the group passes
}

// GroupEditor is the ability to change a group.
type GroupEditor interface {
	// GroupModifyGroupInfo changes what a group is called, says of itself and allows, or to whom it belongs. All members
	// are told by a tip. TIMGroupModifyGroupInfo.
	//
	// Errors: CodeGroupPermissionDeny for a caller who may not, CodeGroupInvalidName and its kin for a text that is too
	// long, CodeSvrGroupInvalidParameters for what the group's type does not have, for a new owner who is no member, and
	// for one that is not alone.
	GroupModifyGroupInfo(ctx context.Context, param GroupModifyParam) error
}
