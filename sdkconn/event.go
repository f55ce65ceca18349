package sdkconn

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// EventKind says which of the SDK's callbacks an event came from.
type EventKind string

// The kinds, and the callbacks behind them.
const (
	EventNewMsg         EventKind = "new_msg"          // TIMRecvNewMsgCallback; tips and notices arrive so too
	EventMsgUpdate      EventKind = "msg_update"       // TIMMsgUpdateCallback
	EventMsgRevoke      EventKind = "msg_revoke"       // TIMMsgRevokeCallback
	EventReadedReceipt  EventKind = "readed_receipt"   // TIMMsgReadedReceiptCallback
	EventConv           EventKind = "conv"             // TIMConvEventCallback, without the start and end of a sync
	EventNetworkStatus  EventKind = "network_status"   // TIMNetworkStatusListenerCallback
	EventKickedOffline  EventKind = "kicked_offline"   // TIMKickedOfflineCallback
	EventUserSigExpired EventKind = "user_sig_expired" // TIMUserSigExpiredCallback
)

// ConvChange says what happened to a conversation, TIMConvEvent.
type ConvChange int32

// The conversation changes.
const (
	ConvAdded   ConvChange = 0
	ConvDeleted ConvChange = 1
	ConvUpdated ConvChange = 2
)

// NetworkStatus is the state of the connection to the service, TIMNetworkStatus.
type NetworkStatus int32

// The network states.
const (
	NetworkConnected     NetworkStatus = 0
	NetworkDisconnected  NetworkStatus = 1
	NetworkConnecting    NetworkStatus = 2
	NetworkConnectFailed NetworkStatus = 3
)

// Event is one thing that the service told. Kind says which of the fields are set. An event survives a round trip
// through JSON.
type Event struct {
	Kind EventKind `json:"kind"`

	// At is when the service says it happened, or when the connection learned of it, in Unix seconds.
	At uint64 `json:"at"`

	Message *Message        `json:"message,omitzero"` // new_msg, msg_update
	Revoked *Revocation     `json:"revoked,omitzero"` // msg_revoke
	Receipt *MessageReceipt `json:"receipt,omitzero"` // readed_receipt

	Conv       *ConvInfo  `json:"conv,omitzero"` // conv
	ConvChange ConvChange `json:"conv_change,omitzero"`

	Network NetworkStatus `json:"network,omitzero"` // network_status
	Code    Code          `json:"code,omitzero"`    // network_status
	Desc    string        `json:"desc,omitzero"`

	// CaughtUp marks an event that was read back from the history after a time without a connection.
	CaughtUp bool `json:"caught_up,omitzero"`
}

// Conversation is where the event belongs; the zero value for one that belongs to no conversation.
func (e *Event) Conversation() Conversation {
	switch {
	case e.Message != nil:
		return e.Message.Conversation()
	case e.Revoked != nil:
		return Conversation{ID: e.Revoked.ConvID, Type: e.Revoked.ConvType}
	case e.Receipt != nil:
		return Conversation{ID: e.Receipt.ConvID, Type: e.Receipt.ConvType}
	case e.Conv != nil:
		return e.Conv.Conversation()
	}
	return Conversation{}
}

// Key names the event for good: the same event told twice, or read back from the history, has the same key, and two
// events never share one. Keys begin with the event's time in ten digits, so that an index over them grows at its end.
func (e *Event) Key() string {
	switch {
	case e.Kind == EventNewMsg && e.Message != nil:
		return string(append(appendMessageKey(make([]byte, 0, keyRoom), e.Message), ".m"...))
	case e.Kind == EventMsgUpdate && e.Message != nil:
		if v := e.Message.Version; v != 0 { // an edit may bring back what an earlier one said
			return fmt.Sprintf("%s.e.%d.%s", messageKey(e.Message), v, contentHash(e.Message))
		}
		return messageKey(e.Message) + ".e." + contentHash(e.Message)
	case e.Kind == EventMsgRevoke && e.Revoked != nil:
		return messageKey(e.Revoked.Message()) + ".r"
	case e.Kind == EventReadedReceipt && e.Receipt != nil:
		r := e.Receipt
		return fmt.Sprintf("%010d.%d.%s.%s.x", r.TimeStamp, len(r.MsgID), Conversation{r.ConvID, r.ConvType}, r.MsgID)
	case e.Kind == EventConv && e.Conv != nil:
		var last string
		if e.Conv.LastMsg != nil {
			last = messageKey(e.Conv.LastMsg)
			if v := e.Conv.LastMsg.Version; v != 0 {
				last += fmt.Sprintf(".%d", v)
			}
		}
		return fmt.Sprintf("%010d.%d.%d.%d.%s.%s.c", e.At, e.ConvChange, e.Conv.UnreadNum, len(last), e.Conv.Conversation(), last)
	}
	return fmt.Sprintf("%010d.%s.%d.%d.n", e.At, e.Kind, e.Network, e.Code)
}

// keyRoom is enough for most keys, in bytes.
const keyRoom = 96

func messageKey(m *Message) string { return string(appendMessageKey(make([]byte, 0, keyRoom), m)) }

func appendMessageKey(key []byte, m *Message) []byte {
	for t, unit := m.Time(), uint64(1e9); unit > 1 && t < unit; unit /= 10 {
		key = append(key, '0')
	}
	key = strconv.AppendUint(key, m.Time(), 10)
	key = append(key, '.')
	key = strconv.AppendUint(key, m.Seq, 10)
	key = append(key, '.')
	key = strconv.AppendUint(key, m.Rand, 10)
	key = append(key, '.')
	key = append(key, m.ConvType.String()...)
	key = append(key, '_')
	key = append(key, m.ConvID...)
	if m.IsFromSelf {
		return append(key, ".1"...)
	}
	return append(key, ".0"...)
}

func contentHash(m *Message) string {
	data, err := Marshal(struct {
		Elems  Elems
		Custom string
	}{m.Elems, m.CloudCustom})
	if err != nil { // only elements that cannot be written, which never came from a connection
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
