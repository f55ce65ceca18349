package actions

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// Bounds of an import: how many messages go into one call, so that a deadline is noticed between calls, and how large a
// file may be, in bytes.
const (
	importChunk   = 500
	importMaxFile = 64 << 20
)

type importIn struct {
	Messages []importMsg        `arg:"messages" doc:"The messages, as a person writes them."`
	Copies   []*sdkconn.Message `arg:"copies" doc:"Messages as another step found them."`
	File     *string            `arg:"file" doc:"A file with the SDK's messages, relative to the bot's file: a JSON array, or JSON lines."`
	in       `arg:",squash"`
}

type importMsg struct {
	From       string `arg:"from,required" doc:"Who wrote it."`
	At         any    `arg:"at,required" doc:"When: a time, for instance 2026-10-10T09:00:00+08:00, or Unix seconds."`
	content    `arg:",squash"`
	CustomData string  `arg:"custom_data" doc:"Data of the app's own that is kept with the message (cloud custom data)."`
	Seq        *uint64 `arg:"seq" doc:"Its number in the group."`
}

type importOut struct {
	Count int `arg:"count,value" doc:"How many messages were handed over; those that were there already changed nothing."`
}

// Import writes messages into the local history.
var Import = New(Spec{
	Name: "import",
	Doc: "Writes messages with their own senders and times into a conversation's local history. Nothing is sent. " +
		"A message that is there already changes nothing, so the same list can be imported again.",
	Example: `import:
  in_user: alice
  messages:
    - {from: alice, at: "2026-10-10T09:00:00+08:00", text: 您好}
    - {from: concierge, at: "2026-10-10T09:00:05+08:00", text: 您好，请讲}`,
	OneOf:             [][]string{{"messages", "copies", "file"}},
	AtMostOne:         [][]string{inNames},
	NeedsConversation: true,
	Targets:           inNames,
	Settle:            SettleRepeat, // the identity of each message is the same the second time
}, func(ctx context.Context, call *Call, args importIn) (importOut, error) {
	conv, err := args.conversation(call)
	if err != nil {
		return importOut{}, err
	}
	var msgs []*sdkconn.Message
	switch {
	case args.File != nil:
		msgs, err = importFile(call, *args.File)
	case args.Messages != nil:
		msgs, err = handwritten(call, args.Messages)
	default:
		msgs, err = args.Copies, checkImport("copies", args.Copies)
	}
	if err != nil {
		return importOut{}, err
	}
	msgs = withoutEffects(msgs)
	var out importOut
	for chunk := range slices.Chunk(msgs, importChunk) {
		if err := ctx.Err(); err != nil {
			return out, fmt.Errorf("%d of %d messages imported: %w", out.Count, len(msgs), err)
		}
		if err := call.Conn.ImportMsgList(ctx, conv, chunk); err != nil {
			return out, explain(fmt.Sprintf("import to %s, after %d of %d messages", conv, out.Count, len(msgs)), err)
		}
		out.Count += len(chunk)
	}
	return out, nil
})

// handwritten makes the SDK's messages. Their random numbers come from their content, so that the same list makes the
// same messages.
func handwritten(call *Call, list []importMsg) ([]*sdkconn.Message, error) {
	var msgs []*sdkconn.Message
	type identity struct{ time, rand uint64 }
	seen := make(map[identity]bool, len(list))
	for i, m := range list {
		path := fmt.Sprintf("messages[%d].", i)
		at, err := moment(path+"at", m.At, nil)
		if err != nil {
			return nil, err
		}
		secs, err := unix(path+"at", at)
		if err != nil {
			return nil, err
		}
		if m.From == "" {
			return nil, inputErrorf(path+"from", "is empty: want a user id")
		}
		if (m.Text == nil) == (m.Elements == nil) {
			return nil, inputErrorf(path+"text", "give text or elements, and only one of them")
		}
		elems, err := m.elems(call, path)
		if err != nil {
			return nil, err
		}
		msg := &sdkconn.Message{
			Sender: m.From, IsFromSelf: m.From == call.Conn.Self(), ClientTime: secs, ServerTime: secs, Elems: elems,
			CloudCustom: m.CustomData,
		}
		if m.Seq != nil {
			msg.Seq = *m.Seq
		}
		data, err := sdkconn.Marshal(msg)
		if err != nil {
			return nil, &InputError{Input: fmt.Sprintf("messages[%d]", i), Text: "cannot be written as JSON", Err: err}
		}
		h := fnv.New32a()
		h.Write(data)
		id := identity{secs, uint64(h.Sum32())}
		for seen[id] { // the same words twice in one second are two messages
			id.rand = (id.rand + 1) & 0xffffffff
		}
		seen[id] = true
		msg.Rand = id.rand
		msgs = append(msgs, msg)
	}
	if len(msgs) == 0 {
		return nil, inputErrorf("messages", "is empty: give at least one message")
	}
	return msgs, nil
}

// importFile reads messages from a file of the bot's folder.
func importFile(call *Call, name string) ([]*sdkconn.Message, error) {
	f, err := call.openFile("file", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, importMaxFile+1))
	if err != nil {
		return nil, &InputError{Input: "file", Text: "cannot be read", Err: err}
	}
	if len(data) > importMaxFile {
		return nil, inputErrorf("file", "%q is larger than %d MB: split it", name, importMaxFile>>20)
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	var msgs []*sdkconn.Message
	if bytes.HasPrefix(data, []byte("[")) {
		if err := sdkconn.Unmarshal(data, &msgs); err != nil {
			return nil, &InputError{Input: "file", Text: fmt.Sprintf("%q is no list of the SDK's messages", name), Err: err}
		}
	} else {
		line := 0
		for text := range bytes.Lines(data) {
			line++
			if text = bytes.TrimSpace(text); len(text) == 0 {
				continue
			}
			msg, err := sdkconn.UnmarshalMessage(text)
			if err != nil {
				return nil, &InputError{Input: "file", Text: fmt.Sprintf("line %d of %q", line, name), Err: err}
			}
			msgs = append(msgs, msg)
		}
	}
	return msgs, checkImport("file", msgs)
}

// checkImport refuses what the service would refuse, and says which message it is.
func checkImport(input string, msgs []*sdkconn.Message) error {
	if len(msgs) == 0 {
		return inputErrorf(input, "is empty: give at least one message")
	}
	for i, m := range msgs {
		if m == nil || len(m.Elems) == 0 {
			return inputErrorf(input, "message %d has no content", i+1)
		}
	}
	return nil
}
