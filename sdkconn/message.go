package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// SystemSender is the sender of group tips and notices.
const SystemSender = "@TIM#SYSTEM"

// MentionAll in Message.GroupAtUsers mentions everyone in the group.
const MentionAll = "__kImSDK_MessageAtALL__"

// MaxMsgBytes bounds the sum of the byte lengths of all text in a message's elements (12 KB).
const MaxMsgBytes = 12 << 10

// Message is the SDK's message object. The fields are in the order of their JSON keys, which is the order the SDK
// writes. R marks what only the service fills in, W what a sender may set; a field without a mark is both. Setting an
// R field on a message to be sent has no effect.
//
// A message to be sent needs Elems only: &Message{Elems: Elems{&TextElem{Text: "hi"}}}.
type Message struct {
	ClientTime              uint64             `json:"message_client_time"`      // R: seconds; stamped when sent
	CloudCustom             string             `json:"message_cloud_custom_str"` // travels with the message
	ConvID                  string             `json:"message_conv_id"`          // R: peer or group; the call's argument wins
	ConvType                ConvType           `json:"message_conv_type"`        // R
	CustomInt               uint32             `json:"message_custom_int"`       // kept on this device only
	ModerationConfigID      string             `json:"message_custom_moderation_configuration_id"`
	CustomStr               string             `json:"message_custom_str"` // kept on this device only
	Elems                   Elems              `json:"message_elem_array"`
	ExcludedFromModeration  bool               `json:"message_excluded_from_content_moderation"`
	ExcludedFromLastMessage bool               `json:"message_excluded_from_last_message"`    // does not become the last message
	GroupAtUsers            []string           `json:"message_group_at_user_array,omitempty"` // user ids, or MentionAll
	ReceiptReadCount        int32              `json:"message_group_receipt_read_count"`      // R
	ReceiptUnreadCount      int32              `json:"message_group_receipt_unread_count"`    // R: -1 is unknown
	HasRiskContent          bool               `json:"message_has_risk_content"`              // R
	HasSentReceipt          bool               `json:"message_has_sent_receipt"`              // R
	IsBroadcast             bool               `json:"message_is_broadcast_message"`          // R
	ExcludedFromUnread      bool               `json:"message_is_excluded_from_unread_count"`
	IsForward               bool               `json:"message_is_forward_message,omitzero"` // W
	IsFromSelf              bool               `json:"message_is_from_self"`                // R
	IsOnlineMsg             bool               `json:"message_is_online_msg"`               // to those online now; stored nowhere
	IsPeerRead              bool               `json:"message_is_peer_read"`                // R
	IsRead                  bool               `json:"message_is_read"`                     // R
	MsgID                   string             `json:"message_msg_id"`                      // R: SENDER-CLIENTTIME-RAND
	NeedReadReceipt         bool               `json:"message_need_read_receipt"`
	OfflinePush             *OfflinePushConfig `json:"message_offline_push_config,omitzero"`
	PinnerFaceURL           string             `json:"message_pinner_face_url"` // R, as the other Pinner fields
	PinnerFriendRemark      string             `json:"message_pinner_friend_remark"`
	PinnerNameCard          string             `json:"message_pinner_name_card"`
	PinnerNickName          string             `json:"message_pinner_nick_name"`
	PinnerUserID            string             `json:"message_pinner_user_id"`
	Platform                Platform           `json:"message_platform"`                          // R
	Priority                Priority           `json:"message_priority"`                          // groups only
	Rand                    uint64             `json:"message_rand"`                              // R: a 32-bit value
	ReceiptPeerRead         bool               `json:"message_receipt_peer_read"`                 // R
	RevokeReason            string             `json:"message_revoke_reason"`                     // R, with Revoker when StatusRevoked
	RevokerFaceURL          string             `json:"message_revoker_face_url"`                  // R
	RevokerNickName         string             `json:"message_revoker_nick_name"`                 // R
	RevokerUserID           string             `json:"message_revoker_user_id"`                   // R
	RiskType                uint32             `json:"message_risk_type_identified"`              // R
	Sender                  string             `json:"message_sender"`                            // R
	SenderMember            *GroupMemberInfo   `json:"message_sender_group_member_info,omitzero"` // R: groups only
	SenderProfile           *SenderProfile     `json:"message_sender_profile,omitzero"`           // R
	Seq                     uint64             `json:"message_seq"`                               // R: in a group 1, 2, 3, ...
	ServerTime              uint64             `json:"message_server_time"`                       // R: seconds; 0 while unsent
	Status                  Status             `json:"message_status,omitzero"`                   // R
	SupportExtension        bool               `json:"message_support_message_extension"`
	TargetMembers           []string           `json:"message_target_group_member_array,omitempty"` // only these get it
	UniqueID                uint64             `json:"message_unique_id"`                           // R
	Version                 uint64             `json:"message_version"`                             // R

	// Unknown holds the members that this package has no field for, as one JSON object, or nothing.
	Unknown jsontext.Value `json:",embed"`
}

// Conversation is where the message is, as its owner sees it.
func (m *Message) Conversation() Conversation { return Conversation{ID: m.ConvID, Type: m.ConvType} }

// Time is the time in the message's identity, in seconds: the server's once sent, the client's before.
func (m *Message) Time() uint64 {
	if m.ServerTime != 0 {
		return m.ServerTime
	}
	return m.ClientTime
}

// Text joins the text of all text elements with nothing between.
func (m *Message) Text() string {
	var text string
	for _, e := range m.Elems {
		if t, ok := e.(*TextElem); ok {
			if text == "" {
				text = t.Text
			} else {
				text += t.Text
			}
		}
	}
	return text
}

// Mentions reports whether the message mentions the user or everyone.
func (m *Message) Mentions(user string) bool {
	for _, u := range m.GroupAtUsers {
		if u == user || u == MentionAll {
			return true
		}
	}
	return false
}

// Priority orders the messages of a group when the service must drop some, TIMMsgPriority. The zero value is
// PriorityNormal; the Go values differ from the wire's for that reason.
type Priority uint32

// The priorities.
const (
	PriorityNormal Priority = 0 // 1 on the wire
	PriorityHigh   Priority = 1 // 0 on the wire
	PriorityLow    Priority = 2
	PriorityLowest Priority = 3 // the service's tips
)

// Status is the state of a stored message, TIMMsgStatus.
type Status uint32

// The states. The zero value is that of a message that was never sent or stored.
const (
	StatusSending       Status = 1
	StatusSendSucc      Status = 2
	StatusSendFail      Status = 3
	StatusDeleted       Status = 4
	StatusLocalImported Status = 5
	StatusRevoked       Status = 6
	StatusCancel        Status = 7
)

// Platform is what the sender runs on, TIMPlatform.
type Platform uint32

// The platforms.
const (
	PlatformOther     Platform = 0
	PlatformWindows   Platform = 1
	PlatformAndroid   Platform = 2
	PlatformIOS       Platform = 3
	PlatformMac       Platform = 4
	PlatformSimulator Platform = 5
)
