package sdkconn

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
)

// ConvInfo is one entry of a user's list of conversations.
type ConvInfo struct {
	ActiveTime       uint64         `json:"conv_active_time"`
	C2CReadTimestamp uint64         `json:"conv_c2c_read_timestamp,omitzero"`
	GroupReadSeq     uint64         `json:"conv_group_read_sequence,omitzero"`
	GroupType        GroupType      `json:"conv_group_type,omitzero"`
	ID               string         `json:"conv_id"`
	HasLastMsg       bool           `json:"conv_is_has_lastmsg"`
	IsPinned         bool           `json:"conv_is_pinned,omitzero"`
	LastMsg          *Message       `json:"conv_last_msg,omitzero"`
	RecvOpt          uint32         `json:"conv_recv_opt,omitzero"` // a ReceiveOpt
	ShowName         string         `json:"conv_show_name,omitzero"`
	Type             ConvType       `json:"conv_type"`
	UnreadNum        uint64         `json:"conv_unread_num"`
	Unknown          jsontext.Value `json:",embed"`
}

// Conversation is the conversation that the entry is about.
func (c *ConvInfo) Conversation() Conversation { return Conversation{ID: c.ID, Type: c.Type} }

// Conversations is the ability to list a user's conversations.
type Conversations interface {
	// ConvGetConvList returns all conversations, pinned ones first, the latest active first among each. TIMConvGetConvList.
	ConvGetConvList(ctx context.Context) ([]ConvInfo, error)
}

// MessageFinder is the ability to look messages up by their ids.
type MessageFinder interface {
	// MsgFindMessages returns the messages with these ids in any conversation, in the order asked; unknown ids are
	// skipped, an empty list is CodeInvalidParameters. TIMMsgFindMessages.
	MsgFindMessages(ctx context.Context, msgIDs []string) ([]*Message, error)
}
