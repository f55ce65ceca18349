package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// Locator is a message's identity inside one conversation. Time, Seq, Rand and IsSelf must all be those of the
// message, or nothing is found; the other fields are told in events and ignored in a look-up.
type Locator struct {
	ConvID    string   `json:"message_locator_conv_id,omitzero"`
	ConvType  ConvType `json:"message_locator_conv_type,omitzero"`
	IsRevoked bool     `json:"message_locator_is_revoked"`
	IsSelf    bool     `json:"message_locator_is_self"`
	Rand      uint64   `json:"message_locator_rand"`
	Seq       uint64   `json:"message_locator_seq"`
	Time      uint64   `json:"message_locator_time"` // seconds
	UniqueID  uint64   `json:"message_locator_unique_id,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// Locator returns the message's identity.
func (m *Message) Locator() Locator {
	return Locator{
		ConvID: m.ConvID, ConvType: m.ConvType, IsRevoked: m.Status == StatusRevoked, IsSelf: m.IsFromSelf,
		Rand: m.Rand, Seq: m.Seq, Time: m.Time(), UniqueID: m.UniqueID,
	}
}

// Message returns a message that holds the locator's identity and nothing else, for calls that need no more.
func (l Locator) Message() *Message {
	return &Message{
		ConvID: l.ConvID, ConvType: l.ConvType, IsFromSelf: l.IsSelf,
		Rand: l.Rand, Seq: l.Seq, ServerTime: l.Time, UniqueID: l.UniqueID,
	}
}

// Revocation is what a revoke event tells: the message and who took it back (since 7.4).
type Revocation struct {
	Locator

	RevokeReason    string `json:"message_revoke_reason,omitzero"`
	RevokerFaceURL  string `json:"message_revoker_face_url,omitzero"`
	RevokerNickName string `json:"message_revoker_nick_name,omitzero"`
	RevokerUserID   string `json:"message_revoker_user_id,omitzero"`
}
