package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// MessageReceipt says that a peer has read: everything up to TimeStamp in a C2C conversation, or one message (MsgID).
type MessageReceipt struct {
	ConvID      string   `json:"msg_receipt_conv_id"`
	ConvType    ConvType `json:"msg_receipt_conv_type"`
	IsPeerRead  bool     `json:"msg_receipt_is_peer_read,omitzero"`
	MsgID       string   `json:"msg_receipt_msg_id,omitzero"`
	ReadCount   uint32   `json:"msg_receipt_read_count,omitzero"`
	TimeStamp   uint64   `json:"msg_receipt_time_stamp"` // seconds
	UnreadCount uint32   `json:"msg_receipt_unread_count,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}
