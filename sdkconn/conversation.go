package sdkconn

import (
	"fmt"
	"strings"
)

// ConvType is the kind of a conversation, TIMConvType.
type ConvType int32

// The conversation types. System is the type of group notices (GroupReportElem) only; no call accepts it.
const (
	ConvInvalid ConvType = 0
	ConvC2C     ConvType = 1
	ConvGroup   ConvType = 2
	ConvSystem  ConvType = 3
)

// String returns "c2c", "group", "system", or "invalid(N)".
func (t ConvType) String() string {
	switch t {
	case ConvC2C:
		return "c2c"
	case ConvGroup:
		return "group"
	case ConvSystem:
		return "system"
	}
	return fmt.Sprintf("invalid(%d)", int32(t))
}

// Conversation names a conversation as one user sees it: the peer's user id or the group's id, and which of the two.
// The zero value names none.
type Conversation struct {
	ID   string   `json:"id"`
	Type ConvType `json:"type"`
}

// C2C is the conversation with one user.
func C2C(user string) Conversation { return Conversation{ID: user, Type: ConvC2C} }

// Group is the conversation of a group.
func Group(id string) Conversation { return Conversation{ID: id, Type: ConvGroup} }

// Valid reports whether a call may name c.
func (c Conversation) Valid() bool {
	return c.ID != "" && (c.Type == ConvC2C || c.Type == ConvGroup)
}

// String returns the SDK's conversation id: "c2c_alice", "group_@TGS#1", "system_".
func (c Conversation) String() string { return c.Type.String() + "_" + c.ID }

// ParseConversation is the inverse of Conversation.String for C2C and group conversations.
func ParseConversation(s string) (Conversation, error) {
	kind, id, _ := strings.Cut(s, "_")
	c := Conversation{ID: id}
	switch kind {
	case "c2c":
		c.Type = ConvC2C
	case "group":
		c.Type = ConvGroup
	}
	if !c.Valid() {
		return Conversation{}, fmt.Errorf("conversation %q: want c2c_USER or group_ID", s)
	}
	return c, nil
}
