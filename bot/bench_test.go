package bot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// incoming is what the SDK hands over for one C2C text.
const incoming = `{"message_client_time":1700000000,"message_conv_id":"alice","message_conv_type":1,` +
	`"message_elem_array":[{"elem_type":0,"text_elem_content":"%s"}],"message_is_from_self":false,"message_is_read":false,` +
	`"message_msg_id":"144115200000000001-1700000000-77","message_rand":77,"message_sender":"alice","message_seq":31,` +
	`"message_server_time":1700000000,"message_status":2,"message_unique_id":7301444403200000077}`

func benchRules(b *testing.B, n int) *rules.Set {
	b.Helper()
	var file strings.Builder
	file.WriteString("version: 1\nbot: {connection: \"local:x?user=concierge\"}\nrules:\n")
	for i := range n {
		fmt.Fprintf(&file, "  - {id: r%d, on: message, match: {any_of: [关键词%d号]}, do: [{reply: \"answer %d\"}]}\n", i, i, i)
	}
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(file.String())}}, "bot.yaml",
		rules.Options{Catalog: bot.Catalog(actions.NewRegistry(actions.Builtin()...))})
	if err != nil {
		b.Fatal(err)
	}
	set.Bot.Pace = unbounded
	return set
}

// sink takes what is sent, as an SDK would: as JSON.
type sink struct {
	sdkconn.Conn // no other call is made
	bytes        int
}

func (s *sink) Self() string { return "concierge" }

func (s *sink) SendNewMsg(_ context.Context, _ sdkconn.Conversation, m *sdkconn.Message) (*sdkconn.Message, error) {
	data, err := sdkconn.Marshal(m)
	s.bytes += len(data)
	return m, err
}

// BenchmarkEvent is one message's way without queue and journal: JSON in, match, action out. One message in ten hits a
// rule. "decode" is the JSON alone, "reference" the same with encoding/json into a struct of the members that are there, in
// the same run.
func BenchmarkEvent(b *testing.B) {
	miss := fmt.Appendf(nil, incoming, "今天天气怎么样，what about lunch at the usual place?")
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sdkconn.UnmarshalMessage(miss); err != nil {
				b.Fatal(err)
			}
		}
	})
	reference := func() {
		var m struct {
			ClientTime uint64 `json:"message_client_time"`
			ConvID     string `json:"message_conv_id"`
			ConvType   int    `json:"message_conv_type"`
			Elems      []struct {
				Type int    `json:"elem_type"`
				Text string `json:"text_elem_content"`
			} `json:"message_elem_array"`
			IsFromSelf bool   `json:"message_is_from_self"`
			IsRead     bool   `json:"message_is_read"`
			MsgID      string `json:"message_msg_id"`
			Rand       uint64 `json:"message_rand"`
			Sender     string `json:"message_sender"`
			Seq        uint64 `json:"message_seq"`
			ServerTime uint64 `json:"message_server_time"`
			Status     int    `json:"message_status"`
			UniqueID   uint64 `json:"message_unique_id"`
		}
		if err := json.Unmarshal(miss, &m); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("reference", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			reference()
		}
	})
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			set := benchRules(b, n)
			out := new(sink)
			reply := func() actions.Action {
				for _, a := range actions.Builtin() {
					if a.Spec().Name == "reply" {
						return a
					}
				}
				return nil
			}()
			call := &actions.Call{Conn: out, Clock: clockwork.NewRealClock(), EffectID: "e"}
			hits := make([][]byte, 100)
			for i := range hits {
				hits[i] = fmt.Appendf(nil, incoming, fmt.Sprintf("请问关键词%d号在哪里？", i*n/100))
			}
			facts := &rules.Facts{Now: time.Unix(1700000000, 0)}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				data := miss
				if i%10 == 0 {
					data = hits[i/10%len(hits)]
				}
				m, err := sdkconn.UnmarshalMessage(data)
				if err != nil {
					b.Fatal(err)
				}
				events := rules.Events(&sdkconn.Event{Kind: sdkconn.EventNewMsg, At: m.ServerTime, Message: m}, "concierge")
				d := set.Match(&events[0], facts)
				if (i%10 == 0) != (len(d.Fired) == 1) {
					b.Fatalf("message %d: %d rules fired", i, len(d.Fired))
				}
				for _, f := range d.Fired {
					inputs, err := f.Rule.Steps[0].Inputs(&rules.Scope{Event: &events[0], Facts: facts, Hit: &f.Hit})
					if err != nil {
						b.Fatal(err)
					}
					call.Event, call.Conversation = events[0].Source, m.Conversation()
					if _, err := reply.Run(b.Context(), call, inputs); err != nil {
						b.Fatal(err)
					}
				}
			}
			if out.bytes == 0 {
				b.Fatal("nothing was sent")
			}
		})
	}
}

// BenchmarkBot is the whole runtime on a journal in memory: a connection that hands over batches of 100 messages from 50
// people, of which one in ten is answered.
func BenchmarkBot(b *testing.B) {
	set := benchRules(b, 10)
	batch := 100
	conn := &feed{sink: sink{}, batches: make(chan []sdkconn.Event), taken: make(chan struct{})}
	run, err := bot.New(conn, set)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- run.Run(ctx) }()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		events := make([]sdkconn.Event, batch)
		for i := range events {
			text := "今天天气怎么样"
			if n%10 == 0 {
				text = "关键词3号"
			}
			n++
			events[i] = sdkconn.Event{Kind: sdkconn.EventNewMsg, At: uint64(n), Message: &sdkconn.Message{
				ConvID: fmt.Sprint("u", n%50), ConvType: sdkconn.ConvC2C, Sender: fmt.Sprint("u", n%50), ServerTime: uint64(n),
				Rand: uint64(n), Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}, Status: sdkconn.StatusSendSucc,
			}}
		}
		conn.batches <- events
		<-conn.taken
	}
	if err := run.Idle(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// feed is a connection that hands over what the benchmark makes.
type feed struct {
	sink
	batches chan []sdkconn.Event
	taken   chan struct{}
}

func (f *feed) SendNewMsg(_ context.Context, _ sdkconn.Conversation, m *sdkconn.Message) (*sdkconn.Message, error) {
	return m, nil
}

func (f *feed) Subscribe(ctx context.Context, h sdkconn.Handler) error {
	for {
		select {
		case events := <-f.batches:
			if err := h(ctx, events); err != nil {
				return err
			}
			f.taken <- struct{}{}
		case <-ctx.Done():
			return nil
		}
	}
}

// BenchmarkLimit is the runtime on a journal in memory with messages that all match one rule: without a limit, with one
// that lets through one in ten for each user, and with one that makes nobody wait. It tells how many commits an event costs.
func BenchmarkLimit(b *testing.B) {
	for name, limit := range map[string]string{
		"none": "", "drop": "limit: {per: user, rate: 1/1h}, ", "open": "limit: {per: '${{ msg.id }}', rate: 1/1h}, ",
	} {
		b.Run(name, func(b *testing.B) {
			file := "version: 1\nbot: {connection: \"local:x?user=concierge\"}\nrules:\n" +
				"  - {id: r, on: message, " + limit + "do: [{reply: x}]}\n"
			set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(file)}}, "bot.yaml",
				rules.Options{Catalog: bot.Catalog(actions.NewRegistry(actions.Builtin()...))})
			if err != nil {
				b.Fatal(err)
			}
			conn := &feed{sink: sink{}, batches: make(chan []sdkconn.Event), taken: make(chan struct{})}
			j := &crashing{Journal: journal.NewMemory(0)}
			j.left.Store(1 << 60)
			run, err := bot.New(conn, set, bot.WithJournal(j))
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan error, 1)
			go func() { done <- run.Run(ctx) }()
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				events := make([]sdkconn.Event, 100)
				for i := range events {
					n++
					user := fmt.Sprint("u", n/10%1000)
					events[i] = sdkconn.Event{Kind: sdkconn.EventNewMsg, At: uint64(n), Message: &sdkconn.Message{
						ConvID: user, ConvType: sdkconn.ConvC2C, Sender: user, ServerTime: uint64(n), Rand: uint64(n),
						Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "x"}}, Status: sdkconn.StatusSendSucc,
					}}
				}
				conn.batches <- events
				<-conn.taken
			}
			if err := run.Idle(ctx); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
			b.ReportMetric(float64(j.commits.Load())/float64(n), "commits/event")
			cancel()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
