package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// GetMsgListParam asks for a page of a conversation's history. Deleted messages are left out; unsent, imported and
// revoked ones are not. The order is that of (time, seq, rand): newest first, or oldest first with IsForward.
type GetMsgListParam struct {
	// Count is the most messages to return, at least 1; the service recommends at most 20.
	Count uint32 `json:"msg_getmsglist_param_count"`

	// IsForward asks for newer messages, in ascending order, instead of older ones in descending order. Without a
	// position there is nothing newer than the newest, and the answer is empty.
	IsForward bool `json:"msg_getmsglist_param_is_forward"`

	// IsRamble also asks the server for roaming messages; otherwise the local store answers alone.
	IsRamble bool `json:"msg_getmsglist_param_is_ramble"`

	// LastMsg is the position, exclusive: the last message of the page before. In a C2C conversation it compares by
	// (time, seq, rand), in a group by seq. It wins over LastMsgSeq.
	LastMsg *Message `json:"msg_getmsglist_param_last_msg,omitzero"`

	// LastMsgSeq is the position by seq, inclusive; groups only.
	LastMsgSeq uint64 `json:"msg_getmsglist_param_last_msg_seq,omitzero"`

	// ElemTypes keeps messages with an element of one of these types; local queries only. Empty keeps all.
	ElemTypes []ElemType `json:"msg_getmsglist_param_message_type_array,omitempty"`

	// Seqs asks for exactly these messages of a group, newest first, and for nothing else.
	Seqs []uint64 `json:"msg_getmsglist_param_message_seq_array,omitempty"`

	// TimeBegin and TimePeriod, in seconds, limit the answer to begin-period..begin, or, with IsForward, to
	// begin..begin+period; both ends belong to it. Zero TimeBegin means no limit.
	TimeBegin  uint64 `json:"msg_getmsglist_param_time_begin,omitzero"`
	TimePeriod uint64 `json:"msg_getmsglist_param_time_period,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// DeleteParam is the JSON form of what Conn.Delete takes. A nil Msg is the whole conversation, as in the SDK of 2019.
type DeleteParam struct {
	IsRamble bool     `json:"msg_delete_param_is_ramble"`
	Msg      *Message `json:"msg_delete_param_msg,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}
