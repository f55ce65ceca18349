package sqlite

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// Each benchmark runs its reference, bare SQLite made as durable, beside the journal in the same loop, so that the disk's
// moods meet both. ratio is how fast the journal is beside it in rows a second, or with BenchmarkAlone how much longer it takes.

var growth = flag.Int("growth", 100_000, "how many events BenchmarkGrowth keeps")

// what a group message of TIM looks like in the journal, 420 bytes, and its trace when nothing fired.
const (
	benchData = `{"sdk":{"kind":"new_msg","message":{"message_msg_id":"144115198371610486-1791619200-%d","message_conv_type":2,` +
		`"message_conv_id":"@TGS#2J4SZEAEL","message_sender":"alice","message_server_time":1791619200,"message_seq":%d,` +
		`"message_rand":%d,"message_is_from_self":false,"message_elem_array":[{"elem_type":0,` +
		`"text_elem_content":"今天下午三点开会，请大家准时参加。See you there!"}]}},"at":1791619200}`
	benchTrace = `{"decided":[{"now":1791619200123,"facts":{"role":"member","name":"Alice"}}],"took":12}`
	benchHash  = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)

func benchEvent(n int) journal.Event {
	at := time.Unix(1791619200+int64(n/50), 0)
	return journal.Event{
		Key:          fmt.Sprintf("%010d.%d.%d.group_@TGS#2J4SZEAEL%d.0.m", at.Unix(), n, uint32(n*2654435761), n%1000),
		Conversation: fmt.Sprintf("group_@TGS#2J4SZEAEL%d", n%1000), Seq: uint64(n), At: at,
		Data: fmt.Appendf(nil, benchData, n, n, uint32(n*2654435761)),
	}
}

func benchEvents(from, n int) []journal.Event {
	out := make([]journal.Event, n)
	for i := range out {
		out[i] = benchEvent(from + i)
	}
	return out
}

var benchSets = []journal.RuleSet{{Hash: benchHash, Data: []byte(strings.Repeat("rules:\n", 5000))}}

// bare is SQLite with one table and nothing else.
type bare struct {
	b *testing.B
	d *db
}

func newBare(b *testing.B) *bare {
	d, err := openDB(filepath.Join(b.TempDir(), "bare.db"), "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.close(); err != nil {
			b.Error(err)
		}
	})
	if err := d.conn.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
		CREATE TABLE t (n INTEGER PRIMARY KEY, key TEXT, conversation TEXT, seq INTEGER, at INTEGER, data BLOB)`); err != nil {
		b.Fatal(err)
	}
	return &bare{b, d}
}

// insert commits the rows.
func (x *bare) insert(events []journal.Event) {
	if err := x.d.exec(`BEGIN IMMEDIATE`); err != nil {
		x.b.Fatal(err)
	}
	s, err := x.d.prepare(`INSERT INTO t (key, conversation, seq, at, data) VALUES (?, ?, ?, ?, ?)`)
	if err != nil {
		x.b.Fatal(err)
	}
	for i := range events {
		e := &events[i]
		if err := first(s.BindText(1, e.Key), s.BindText(2, e.Conversation), s.BindInt64(3, int64(e.Seq)),
			s.BindInt64(4, e.At.UnixNano()), s.BindBlob(5, e.Data), s.Exec()); err != nil {
			x.b.Fatal(err)
		}
	}
	if err := x.d.exec(`COMMIT`); err != nil {
		x.b.Fatal(err)
	}
}

// beside runs both in turns, n events of each a turn, and reports the ratio.
func beside(b *testing.B, n int, reference, ours func(events []journal.Event)) (perBare, perOurs time.Duration) {
	b.Helper()
	for i := 0; i < 20; i++ { // both warm
		events := benchEvents(i*n, n)
		reference(events)
		ours(events)
	}
	var tBare, tOurs time.Duration
	turns := 0
	for b.Loop() {
		events := benchEvents((20+turns)*n, n)
		t0 := time.Now()
		reference(events)
		t1 := time.Now()
		ours(events)
		t2 := time.Now()
		tBare, tOurs = tBare+t1.Sub(t0), tOurs+t2.Sub(t1)
		turns++
	}
	k := time.Duration(turns * n)
	b.ReportMetric(float64(tBare)/float64(k), "bare-ns/event")
	b.ReportMetric(float64(tOurs)/float64(k), "ns/event")
	return tBare / k, tOurs / k
}

func rate(b *testing.B, perBare, perOurs time.Duration) {
	b.ReportMetric(float64(perBare)/float64(perOurs), "ratio")
}

func benchOpen(b *testing.B) *Journal { return open(b, filepath.Join(b.TempDir(), "journal.db")) }

func appendAll(b *testing.B, j *Journal, events []journal.Event) {
	fresh, err := j.Append(b.Context(), events)
	if err != nil || !fresh[0] {
		b.Error(fresh, err)
	}
}

// BenchmarkAppend appends by hundreds.
func BenchmarkAppend(b *testing.B) {
	j, x := benchOpen(b), newBare(b)
	perBare, perOurs := beside(b, 100, x.insert, func(events []journal.Event) { appendAll(b, j, events) })
	rate(b, perBare, perOurs)
}

// quiet is what the bot does with events that fire nothing.
func quiet(b *testing.B, j *Journal, events []journal.Event) {
	appendAll(b, j, events)
	for i := range events {
		if err := j.Commit(b.Context(), &journal.Change{
			RuleSets: benchSets, Traces: []journal.Trace{{Event: events[i].Key, RuleSet: benchHash, Data: []byte(benchTrace)}},
			Done: []string{events[i].Key}, Lazy: true,
		}); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkQuiet handles events that fire nothing. The budget is 0.5.
func BenchmarkQuiet(b *testing.B) {
	j, x := benchOpen(b), newBare(b)
	perBare, perOurs := beside(b, 100, x.insert, func(events []journal.Event) { quiet(b, j, events) })
	rate(b, perBare, perOurs)
}

// replied is what the bot does with an event that gets one reply.
func replied(b *testing.B, j *Journal, e *journal.Event) {
	id := e.Key + "/0/hello"
	run := journal.Run{ID: id, Event: e.Key, RuleSet: benchHash, Data: []byte(`{"rule":"hello","hit":{"words":["hi"]},"frames":[{"at":0}]}`)}
	if err := j.Commit(b.Context(), &journal.Change{
		RuleSets: benchSets, Runs: []journal.Run{run},
		Steps: []journal.Step{{Run: id, Key: "do[0]", Data: []byte(`{"effect":"3f1c9a7e52d04b68","begun":1791619200123}`)}},
	}); err != nil {
		b.Error(err)
	}
	if err := j.Commit(b.Context(), &journal.Change{
		RuleSets: benchSets, Runs: []journal.Run{run},
		Steps:   []journal.Step{{Run: id, Key: "do[0]", Data: []byte(`{"effect":"3f1c9a7e52d04b68","out":{"msg":{"id":"144115198371610487"}}}`)}},
		Traces:  []journal.Trace{{Event: e.Key, RuleSet: benchHash, Data: []byte(benchTrace + benchTrace + benchTrace)}},
		EndRuns: []string{id}, Done: []string{e.Key},
	}); err != nil {
		b.Error(err)
	}
}

// BenchmarkReplied handles events that get one reply each, in as many conversations at a time as the bot has workers, while
// the next ones are appended by hundreds. The budget is 0.2.
func BenchmarkReplied(b *testing.B) {
	j, x := benchOpen(b), newBare(b)
	const rounds = 50
	var done atomic.Int64
	var tBare, tOurs time.Duration
	for i := 0; b.Loop(); i++ {
		var sets [rounds][]journal.Event
		for k := range sets {
			sets[k] = benchEvents((i*rounds+k)*100, 100)
		}
		t0 := time.Now()
		for _, events := range sets {
			x.insert(events)
		}
		t1 := time.Now()
		work := make(chan *journal.Event, 1000)
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for e := range work {
					replied(b, j, e)
					done.Add(1)
				}
			})
		}
		for _, events := range sets {
			appendAll(b, j, events)
			for k := range events {
				work <- &events[k]
			}
		}
		close(work)
		all.Wait()
		t2 := time.Now()
		tBare, tOurs = tBare+t1.Sub(t0), tOurs+t2.Sub(t1)
	}
	k := time.Duration(done.Load())
	b.ReportMetric(float64(tBare)/float64(k), "bare-ns/event")
	b.ReportMetric(float64(tOurs)/float64(k), "ns/event")
	rate(b, tBare, tOurs)
	b.ReportMetric(float64(done.Load())/float64(j.gen), "events/commit")
}

// BenchmarkAlone appends one event at a time. The budget is 1.3 times one bare commit.
func BenchmarkAlone(b *testing.B) {
	j, x := benchOpen(b), newBare(b)
	perBare, perOurs := beside(b, 1, x.insert, func(events []journal.Event) { appendAll(b, j, events) })
	b.ReportMetric(float64(perOurs)/float64(perBare), "ratio")
}

// BenchmarkGrowth keeps events that fire nothing and says how many bytes of disk one costs; -growth sets how many.
func BenchmarkGrowth(b *testing.B) {
	for b.Loop() {
		j := benchOpen(b)
		for i := 0; i < *growth; i += 100 {
			quiet(b, j, benchEvents(i, 100))
		}
		stats, err := j.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(stats.Bytes)/float64(stats.Events), "bytes/event")
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSteady is the same with Trim after every ten thousand, keeping the newest fifth by age.
func BenchmarkSteady(b *testing.B) {
	for b.Loop() {
		j := benchOpen(b)
		keep := *growth / 5
		for i := 0; i < *growth; i += 100 {
			quiet(b, j, benchEvents(i, 100))
			if i%10_000 != 0 || i < keep {
				continue
			}
			for more := true; more; {
				done, err := j.Trim(b.Context(), journal.Retention{Events: benchEvent(i - keep).At})
				if err != nil {
					b.Fatal(err)
				}
				more = done.More
			}
		}
		stats, err := j.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(stats.Bytes)/float64(stats.Events), "bytes/event")
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
