// Package sdkconn is the vocabulary of the Tencent Cloud Chat (TIM) SDK in Go: connections, conversations,
// messages and their elements, locators, events and errors.
//
// The names are those of the SDK's C API without the prefix, so that a person who knows TIMMsgSendNewMsg finds
// Conn.SendNewMsg at once. A Message is the JSON object of the C API, in both directions: 64-bit ids survive, keys
// and element types that this package does not know survive a round trip, the old spellings of renamed keys are
// read, and raw UTF-8 is written. Unmarshal takes what the SDK takes: a member of the wrong JSON type is as good as
// absent and never costs the message.
//
// # Connections
//
// Conn is what every connection can do. What only some can do is a further small interface that a caller asks for:
//
//	if groups, ok := conn.(sdkconn.Groups); ok {
//		members, err := groups.GroupGetMemberInfoList(ctx, "@TGS#1")
//	}
//
// A driver registers itself under a URL scheme, like a database/sql driver; a program imports it and calls Open:
//
//	import _ "github.com/timbot-go/timbot/sdkconn/local"
//
//	conn, err := sdkconn.Open(ctx, "local:./chat.db?user=concierge", sdkconn.Config{})
//
// # Errors
//
// A failed call returns an *Error that keeps TIM's code and text. Compare with a Code:
//
//	if errors.Is(err, sdkconn.CodeRevokeTimeLimit) { ... }
//
// Retryable says whether trying again can help, and EffectUnknown whether the call may have taken effect although it
// failed.
package sdkconn
