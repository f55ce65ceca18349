package bot_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
	"github.com/timbot-go/timbot/sdkconn"
)

// BenchmarkReply is the time from delivery to reply on a durable journal. In every conversation one message is under way
// at a time: the next one comes when the one before is answered. "memory" is the same without a disk, and "commit" one bare
// SQLite commit, both in the same run: p50-commits is the p50 of the latency in such commits, commits/reply what a reply
// costs in them. Two commits go before a reply: the event, and that the reply is about to leave. The third, what came of
// it, is not waited for by whoever wrote.
func BenchmarkReply(b *testing.B) {
	set := benchRules(b, 10)
	commit := 0.0 // us
	b.Run("commit", func(b *testing.B) { commit = bareCommits(b) })
	for _, kind := range []struct {
		name string
		open func(*testing.B) journal.Journal
	}{
		{"sqlite", func(b *testing.B) journal.Journal {
			j, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "journal.db"), sqlite.Config{})
			if err != nil {
				b.Fatal(err)
			}
			return j
		}},
		{"memory", func(*testing.B) journal.Journal { return journal.NewMemory(0) }},
	} {
		for _, conversations := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/conversations=%d", kind.name, conversations), func(b *testing.B) {
				j := kind.open(b)
				conn := newPingPong(conversations, b.N)
				run, err := bot.New(conn, set, bot.WithJournal(j))
				if err != nil {
					b.Fatal(err)
				}
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan error, 1)
				b.ResetTimer()
				go func() { done <- run.Run(ctx) }()
				select {
				case <-conn.answered:
				case err := <-done:
					b.Fatal("the bot ended: ", err)
				}
				b.StopTimer()
				cancel()
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(conn.quantile(0.5), "p50-us")
				b.ReportMetric(conn.quantile(0.99), "p99-us")
				if commit > 0 {
					b.ReportMetric(conn.quantile(0.5)/commit, "p50-commits")
					b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/commit, "commits/reply")
				}
			})
		}
	}
}

// bareCommits inserts one row a commit, as durable as the journal's, and returns the p50 in microseconds.
func bareCommits(b *testing.B) float64 {
	db, err := sqlite3.Open(filepath.Join(b.TempDir(), "bare.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (data BLOB)`); err != nil {
		b.Fatal(err)
	}
	insert, _, err := db.Prepare(`INSERT INTO t VALUES (?)`)
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := errors.Join(insert.BindBlob(1, make([]byte, 500)), insert.Exec()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p50 := float64(took[len(took)/2].Nanoseconds()) / 1000
	b.ReportMetric(p50, "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "p99-us")
	return p50
}

// pingPong is a connection on which the next message of a conversation comes when the one before was answered.
type pingPong struct {
	sink
	answered chan struct{} // closed with the last answer

	mu      sync.Mutex
	more    chan struct{} // room for one: next is not empty
	next    []int         // the conversations whose turn it is
	left    int           // messages that were not delivered yet
	open    int           // answers that are waited for
	seq     int
	since   map[string]time.Time
	latency []time.Duration
}

func newPingPong(conversations, messages int) *pingPong {
	p := &pingPong{
		answered: make(chan struct{}), more: make(chan struct{}, 1), left: messages, open: messages,
		since: make(map[string]time.Time),
	}
	for i := range conversations {
		p.next = append(p.next, i)
	}
	p.more <- struct{}{}
	return p
}

func (p *pingPong) Subscribe(ctx context.Context, h sdkconn.Handler) error {
	for {
		select {
		case <-p.more:
		case <-ctx.Done():
			return nil
		}
		if events := p.deliver(); len(events) > 0 {
			if err := h(ctx, events); err != nil {
				return err
			}
		}
	}
}

func (p *pingPong) deliver() []sdkconn.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	var events []sdkconn.Event
	now := time.Now()
	for _, i := range p.next[:min(len(p.next), p.left)] {
		p.seq++
		user := fmt.Sprint("u", i)
		p.since[user] = now
		events = append(events, sdkconn.Event{Kind: sdkconn.EventNewMsg, At: uint64(now.Unix()), Message: &sdkconn.Message{
			ConvID: user, ConvType: sdkconn.ConvC2C, Sender: user, ServerTime: uint64(now.Unix()), Rand: uint64(p.seq),
			Seq: uint64(p.seq), Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "请问关键词3号在哪里？"}}, Status: sdkconn.StatusSendSucc,
		}})
	}
	p.left -= len(events)
	p.next = p.next[:0]
	return events
}

func (p *pingPong) SendNewMsg(_ context.Context, conv sdkconn.Conversation, m *sdkconn.Message) (*sdkconn.Message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = append(p.latency, time.Since(p.since[conv.ID]))
	var i int
	fmt.Sscanf(conv.ID, "u%d", &i)
	p.next = append(p.next, i)
	select {
	case p.more <- struct{}{}:
	default:
	}
	if p.open--; p.open == 0 {
		close(p.answered)
	}
	return m, nil
}

// quantile is in microseconds.
func (p *pingPong) quantile(q float64) float64 {
	slices.Sort(p.latency)
	return float64(p.latency[int(q*float64(len(p.latency)-1))].Nanoseconds()) / 1000
}
