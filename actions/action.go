package actions

import (
	"context"
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

// Action is one thing that a step can do.
type Action interface {
	// Spec describes the action. It always returns the same.
	Spec() Spec

	// Run does it. args holds the inputs by name, with the types that the Spec declares; it is not changed. Run blocks
	// until the effect is known to have happened or failed, or ctx ends; an effect that ended with ctx is unknown
	// (sdkconn.EffectUnknown). The Result of a failed Run holds what was learned all the same, or nothing.
	//
	// Errors wrap the connection's, so that sdkconn.CodeOf and errors.Is work; an *InputError says that the inputs are
	// wrong and that trying again cannot help. An error with a method ErrorCode() string says what rules see as error.code.
	Run(ctx context.Context, call *Call, args map[string]any) (Result, error)
}

// Call is where an action runs: for whom, on what, and what it may touch. It is read only.
type Call struct {
	// Conn is the bot's connection. What is sent goes through Out instead.
	Conn sdkconn.Conn

	// Out takes the messages that are sent, at the pace that the service allows; nil sends through Conn at once.
	Out Outgoing

	// Event is what the rule fired on; nil for a rule that no event of the connection started.
	Event *sdkconn.Event

	// EventKey names the event that started the rule, also one that no connection told of.
	EventKey string

	// Conversation is the event's; the zero value for none.
	Conversation sdkconn.Conversation

	// User is whom the event is about; empty for nobody.
	User string

	// EffectID names this effect for good: the same step of the same run has the same id when it is tried again.
	EffectID string

	// Unsettled is when the first attempt of this effect began whose outcome is not known; zero for none. An action that
	// settles by asking then looks whether it happened before it does it again.
	Unsettled time.Time

	// Answers returns what the bot sent because of the message that the event is about, the oldest first. Nil where that is
	// not noted.
	Answers func(ctx context.Context) ([]*sdkconn.Message, error)

	// HTTP says which web servers may be asked.
	HTTP HTTPPolicy

	// Archive keeps records; nil where there is none.
	Archive Archive

	// Clock is where the time comes from.
	Clock clockwork.Clock

	// Log takes what people should see. It has the rule and the step set already.
	Log *slog.Logger

	// Dir is the folder of the bot's file. Files are read from there and below only.
	Dir string

	// DataDir is the folder that the bot may write to, there and below only.
	DataDir string

	// Rule and Step are the rule's id and the step's, or its path when it has none.
	Rule, Step string
}

// Outgoing takes the messages that actions send. The methods are those of sdkconn.Conn, with their errors. They block
// until there is room under the service's limits, which does not count against the step's time; or, as long as nothing
// of the step has left, they put the step off with ErrLater.
type Outgoing interface {
	SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error)
	BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error)
}

// Archive keeps the records that archive steps write.
type Archive interface {
	// Put writes a record; one with the same effect id is written once, one with the same key takes the other's place.
	Put(ctx context.Context, r ArchiveRecord) error
}

// ArchiveRecord is one record of an archive.
type ArchiveRecord struct {
	Archive   string    // which one: lower_snake_case
	Key       string    // "" for one without: it is never replaced
	Effect    string    // Call.EffectID
	At        time.Time // when it was written
	Expire    time.Time // when it may go; zero: never
	Event     string    // the key of the event that it is about; may be empty
	Rule      string
	Tombstone bool           // what the key named was taken back: the record stays, without its content
	Record    map[string]any // plain values
}

// message is the message that the call's event is about, or nil.
func (c *Call) message() *sdkconn.Message {
	switch {
	case c.Event == nil:
		return nil
	case c.Event.Message != nil:
		return c.Event.Message
	case c.Event.Revoked != nil:
		return c.Event.Revoked.Message()
	}
	return nil
}

// Result is what an action leaves behind for the steps after it.
type Result struct {
	// Out is the action's output: a value of the type Spec.Output, or nil.
	Out any

	// Text is the output in words, for instance the text that was sent; empty for none.
	Text string

	// Value is the output as one value, for instance a count; nil for none.
	Value any
}

// Settle says what becomes of an effect whose outcome is not known, because the program died or the deadline passed
// before the answer came.
type Settle string

// The ways to settle.
const (
	// SettleRepeat does it again: doing it twice is the same as doing it once.
	SettleRepeat Settle = "repeat"

	// SettleAsk asks the service whether it happened, by the effect's id, and does it again only when it did not.
	SettleAsk Settle = "ask"

	// SettleReport does nothing: the step ends with the error code "interrupted", and the rule or a person decides.
	SettleReport Settle = "report"
)
