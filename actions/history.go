package actions

import (
	"context"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// Bounds of a page of history.
const (
	historyCount    = 20 // unless given: what the service recommends
	historyMaxCount = 1000
)

type historyIn struct {
	Count     *uint32          `arg:"count" doc:"The most messages, 1 to 1000; 20 unless given, which is also what the service recommends."`
	Before    *sdkconn.Message `arg:"before" doc:"Only messages older than this one."`
	After     *sdkconn.Message `arg:"after" doc:"Only messages newer than this one, oldest first."`
	FromSeq   *uint64          `arg:"from_seq" doc:"Begin with the message of this number; groups only."`
	Direction string           `arg:"direction" enum:"older,newer" doc:"Which way to go from the position: older (newest first, the default) or newer (oldest first)."`
	Seqs      []uint64         `arg:"seqs" doc:"Exactly the messages of these numbers, newest first; groups only."`
	Since     any              `arg:"since" doc:"Only messages from this time on: a time, Unix seconds, or a duration such as 24h for that long ago."`
	Until     any              `arg:"until" doc:"Only messages up to this time, given like since."`
	Types     []string         `arg:"types" enum:"text,image,sound,custom,file,tips,face,location,notice,video,merge" doc:"Only messages with an element of one of these types; not together with roaming."`
	Roaming   bool             `arg:"roaming" doc:"Ask the server too, not the local history alone."`
	in        `arg:",squash"`
}

type historyOut struct {
	Messages []*sdkconn.Message `arg:"messages" doc:"The messages found. Deleted ones are left out, revoked ones are not."`
	Count    int                `arg:"count,value" doc:"How many there are."`
}

// History reads messages of a conversation.
var History = New(Spec{
	Name: "history",
	Doc: "Reads a page of a conversation's history: the newest messages, those older or newer than a message or a " +
		"number, or those of a time.",
	Example: `history: {before: "${{ msg }}", count: 10}`,
	AtMostOne: [][]string{
		inNames, {"before", "after", "from_seq", "seqs"}, {"before", "direction"}, {"after", "direction"},
		{"seqs", "direction"}, {"seqs", "since"}, {"seqs", "until"}, {"types", "roaming"},
	},
	NeedsConversation: true,
	Targets:           append([]string{"before", "after"}, inNames...),
	Settle:            SettleRepeat, // it only reads
}, func(ctx context.Context, call *Call, args historyIn) (historyOut, error) {
	conv, err := args.conversation(call, args.Before, args.After)
	if err != nil {
		return historyOut{}, err
	}
	param, err := args.param(call, conv)
	if err != nil {
		return historyOut{}, err
	}
	msgs, err := call.Conn.GetMsgList(ctx, conv, param)
	if err != nil {
		return historyOut{}, explain("history of "+conv.String(), err)
	}
	return historyOut{Messages: msgs, Count: len(msgs)}, nil
})

func (h historyIn) param(call *Call, conv sdkconn.Conversation) (sdkconn.GetMsgListParam, error) {
	p := sdkconn.GetMsgListParam{
		Count: historyCount, IsForward: h.After != nil || h.Direction == "newer", IsRamble: h.Roaming, Seqs: h.Seqs,
		LastMsg: h.Before,
	}
	if h.After != nil {
		p.LastMsg = h.After
	}
	if h.Count != nil {
		if *h.Count < 1 || *h.Count > historyMaxCount {
			return p, inputErrorf("count", "is %d: want 1 to %d", *h.Count, historyMaxCount)
		}
		p.Count = *h.Count
	}
	if conv.Type != sdkconn.ConvGroup {
		if h.FromSeq != nil {
			return p, inputErrorf("from_seq", "is for groups only: use before or after")
		}
		if h.Seqs != nil {
			return p, inputErrorf("seqs", "is for groups only: use find")
		}
	}
	if h.FromSeq != nil {
		if *h.FromSeq == 0 {
			return p, inputErrorf("from_seq", "is 0: the messages of a group are numbered from 1")
		}
		p.LastMsgSeq = *h.FromSeq
	}
	for _, name := range h.Types {
		p.ElemTypes = append(p.ElemTypes, elemTypes[name])
	}
	return p, h.period(call, &p)
}

// period sets the limits of time. The SDK counts them from the near end: from the earlier one when it goes forward, from
// the later one when it goes back.
func (h historyIn) period(call *Call, p *sdkconn.GetMsgListParam) error {
	if h.Since == nil && h.Until == nil {
		return nil
	}
	since, until := time.Unix(1, 0), call.Clock.Now()
	var err error
	if h.Since != nil {
		if since, err = moment("since", h.Since, call.Clock.Now); err != nil {
			return err
		}
	}
	if h.Until != nil {
		if until, err = moment("until", h.Until, call.Clock.Now); err != nil {
			return err
		}
	}
	begin, err := unix("since", since)
	if err != nil {
		return err
	}
	end, err := unix("until", until)
	if err != nil {
		return err
	}
	if end < begin {
		return inputErrorf("until", "is before since")
	}
	p.TimeBegin, p.TimePeriod = end, end-begin
	if p.IsForward {
		p.TimeBegin = begin
	}
	return nil
}

// elemTypes are the types by the names of the rule language.
var elemTypes = func() map[string]sdkconn.ElemType {
	m := make(map[string]sdkconn.ElemType)
	for t := sdkconn.ElemText; t <= sdkconn.ElemMerge; t++ {
		m[t.String()] = t
	}
	return m
}()
