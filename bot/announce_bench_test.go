package bot_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// taker is a connection that takes every message at once.
type taker struct {
	sdkconn.Conn
	n atomic.Int64
}

func (s *taker) Self() string { return botUser }

func (s *taker) RepeatWindow(sdkconn.Conversation) time.Duration { return -1 }

func (s *taker) BatchSend(_ context.Context, users []string, _ *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	out := make([]sdkconn.BatchSendResult, len(users))
	for i, user := range users {
		n := uint64(s.n.Add(1))
		out[i] = sdkconn.BatchSendResult{User: user, Msg: &sdkconn.Message{MsgID: fmt.Sprint(n), ServerTime: n, Seq: n, Rand: n}}
	}
	return out, nil
}

// BenchmarkAnnounce sends to lists of targets, from the file to the last result in the ledger. The most memory in use on the
// way must not depend on how many there are. The long lists are for who sets TIMBOT_BENCH_LONG.
func BenchmarkAnnounce(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n > 10_000 && os.Getenv("TIMBOT_BENCH_LONG") == "" {
				n = 20_000 // so that every benchmark can be run at every change
			}
			for b.Loop() {
				announceTo(b, n)
			}
		})
	}
}

func announceTo(b *testing.B, n int) {
	dir := b.TempDir()
	list := filepath.Join(dir, "l.csv")
	f, err := os.Create(list)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "user,name")
	for i := range n {
		fmt.Fprintf(w, "user%09d,Name %d\n", i*7919%1_000_000_007, i)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	f.Close()
	j, err := sqlite.Open(b.Context(), filepath.Join(dir, "journal.db"), sqlite.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	x, err := bot.New(&taker{}, emptySet(b), bot.WithJournal(j), bot.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	looked := time.Now()
	began := looked
	if _, err := x.Announce(b.Context(), bot.AnnounceOrder{
		Key: "k", Files: []bot.AnnounceTargets{{Path: list, Kind: sdkconn.ConvC2C}}, Message: textMessage("hi"),
	}); err != nil {
		b.Fatal(err)
	}
	a, err := x.RunAnnouncement(b.Context(), "k", func(bot.Announcement) {
		if time.Since(looked) > 100*time.Millisecond {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak, looked = max(peak, now.HeapAlloc), time.Now()
		}
	})
	if err != nil || a.Sent != n {
		b.Fatalf("%d of %d sent, %v", a.Sent, n, err)
	}
	b.ReportMetric(float64(peak)/(1<<20), "MiB-live")
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "targets/s")
}

func emptySet(b *testing.B) *rules.Set {
	b.Helper()
	text := "version: 1\nbot: {connection: \"local:x?user=" + botUser + "\"}\nrules: [{id: r, on: bot.started, do: [{log: x}]}]\n"
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(text)}}, "bot.yaml",
		rules.Options{Catalog: bot.Catalog(actions.NewRegistry(actions.Builtin()...))})
	if err != nil {
		b.Fatal(err)
	}
	set.Bot.Pace = unbounded
	return set
}
