package sdkconn

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An effect's id travels with a message in its cloud custom string, as {"timbot":{"e":ID},"d":USER'S}: so a send whose
// outcome is not known can be repeated, or looked for in the history, and nobody gets the message twice.

// effectEnvelope is the cloud custom string of a message with an effect's id.
type effectEnvelope struct {
	Timbot jsontext.Value `json:"timbot"` // effectMark, maybe with more one day
	Custom string         `json:"d,omitzero"`
}

type effectMark struct {
	ID string `json:"e"`
}

// WithEffect returns a cloud custom string that carries the effect's id beside what custom says; an id that custom
// carries already is replaced. An empty id only takes the old one out.
func WithEffect(custom, id string) string {
	_, custom = SplitEffect(custom)
	if id == "" {
		return custom
	}
	if custom == "" { // as nearly all are; the same bytes, with less work
		out := append(make([]byte, 0, len(id)+len(`{"timbot":{"e":""}}`)), `{"timbot":{"e":`...)
		if out, ok := appendText(out, id); ok {
			return byteString(append(out, "}}"...))
		}
	}
	mark, err := Marshal(effectMark{id})
	if err != nil {
		return custom // never: strings can be written
	}
	data, err := Marshal(effectEnvelope{mark, custom})
	if err != nil {
		return custom // never
	}
	return string(data)
}

// SplitEffect takes a cloud custom string apart into the effect's id and what the sender's user said. A string without an
// id is all the user's, also one that only resembles an envelope.
func SplitEffect(custom string) (id, rest string) {
	if !strings.Contains(custom, `"timbot"`) {
		return "", custom
	}
	var e effectEnvelope
	var mark effectMark
	err := json.Unmarshal([]byte(custom), &e, jsontext.AllowInvalidUTF8(true), json.RejectUnknownMembers(true))
	if err != nil || json.Unmarshal(e.Timbot, &mark, jsontext.AllowInvalidUTF8(true)) != nil || mark.ID == "" {
		return "", custom
	}
	return mark.ID, e.Custom
}

// Repeater is a connection that itself knows a send that it saw before, by the effect's id in the cloud custom string: a
// second send of the same effect to the same conversation is answered with the first one's message.
type Repeater interface {
	// RepeatWindow is for how long after the first send that holds in conv; 0 where it does not hold, negative where it
	// holds for good. It never holds for a message that only those online get (Message.IsOnlineMsg).
	RepeatWindow(conv Conversation) time.Duration
}
