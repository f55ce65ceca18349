package local

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// BenchmarkSendDeliver measures from the call of SendNewMsg to the recipient's handler. Beside senders=1 stands insert, one
// row and its commit in bare SQLite, and beside senders=64 insert64, one row where 64 share a commit, both with the file
// made as durable. The budget of both is twice insert.
func BenchmarkSendDeliver(b *testing.B) {
	b.Run("insert", func(b *testing.B) { benchmarkInsert(b, 1) })
	b.Run("senders=1", func(b *testing.B) { benchmarkSendDeliver(b, 1) })
	b.Run("insert64", func(b *testing.B) { benchmarkInsert(b, 64) })
	b.Run("senders=64", func(b *testing.B) { benchmarkSendDeliver(b, 64) })
}

// benchmarkInsert inserts rows into a plain table, so many with each commit.
func benchmarkInsert(b *testing.B, rows int) {
	d := bareDB(b, filepath.Join(b.TempDir(), "bare.db"))
	if err := d.conn.Exec(`PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)`); err != nil {
		b.Fatal(err)
	}
	exec := func(sql string, args ...any) {
		if err := d.exec(sql, args...); err != nil {
			b.Fatal(err)
		}
	}
	body := `{"e":[{"elem_type":0,"text_elem_content":"hello"}]}`
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += rows {
		exec(`BEGIN IMMEDIATE`)
		for range min(rows, b.N-n) {
			exec(`INSERT INTO t (body) VALUES (?)`, body)
		}
		exec(`COMMIT`)
	}
}

// bareDB is a bare SQLite file in WAL mode that the benchmark closes.
func bareDB(b *testing.B, path string) *db {
	b.Helper()
	d, err := openDB(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.close(); err != nil {
			b.Error(err)
		}
	})
	if err := d.conn.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		b.Fatal(err)
	}
	return d
}

func benchmarkSendDeliver(b *testing.B, senders int) {
	chat := tempChat(b)
	bot := login(b, chat, "bot")
	var waiting sync.Map // text -> channel
	ctx, cancel := context.WithCancel(b.Context())
	subscribed := make(chan error, 1)
	go func() {
		subscribed <- bot.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			for _, ev := range events {
				if ev.Kind == sdkconn.EventNewMsg {
					if done, ok := waiting.LoadAndDelete(ev.Message.Text()); ok {
						close(done.(chan struct{}))
					}
				}
			}
			return nil
		})
	}()
	defer func() {
		cancel()
		if err := <-subscribed; err != nil {
			b.Error(err)
		}
	}()
	one := func(c *Conn, text string) error {
		done := make(chan struct{})
		waiting.Store(text, done)
		_, err := c.SendNewMsg(ctx, sdkconn.C2C("bot"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}})
		if err != nil {
			return err
		}
		<-done
		return nil
	}
	conns := make([]*Conn, senders)
	for i := range conns {
		conns[i] = login(b, chat, fmt.Sprintf("user%d", i))
		if err := one(conns[i], fmt.Sprint("first", i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i, c := range conns {
		n := b.N / senders
		if i < b.N%senders {
			n++
		}
		all.Go(func() {
			for j := range n {
				if err := one(c, fmt.Sprint(i, "/", j)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
}

// BenchmarkOpen opens and closes a chat file with a login: a new one, one that has been used, and one in memory. Beside each
// stands its bare row, the same with SQLite alone: open, WAL, one table made where the file is new and one row read where
// it is not, close.
func BenchmarkOpen(b *testing.B) {
	chat := func(b *testing.B, path string) {
		chat, err := Open(b.Context(), path, Config{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := chat.Login(b.Context(), "alice"); err != nil {
			b.Fatal(err)
		}
		if err := chat.Close(); err != nil {
			b.Fatal(err)
		}
	}
	bare := func(b *testing.B, path string) {
		if path == Memory {
			path = ":memory:"
		}
		d, err := openDB(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := d.conn.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
			CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, body TEXT)`); err != nil {
			b.Fatal(err)
		}
		if _, err := d.integer(`SELECT id FROM t LIMIT 1`); err != nil {
			b.Fatal(err)
		}
		if err := d.close(); err != nil {
			b.Fatal(err)
		}
	}
	ways := []struct {
		name  string
		cycle func(*testing.B, string)
	}{{"", chat}, {"-bare", bare}}
	for _, way := range ways {
		b.Run("new"+way.name, func(b *testing.B) {
			dir := b.TempDir()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				way.cycle(b, filepath.Join(dir, fmt.Sprint(i)))
			}
		})
	}
	for _, way := range ways {
		b.Run("used"+way.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "chat.db")
			way.cycle(b, path)
			b.ReportAllocs()
			for b.Loop() {
				way.cycle(b, path)
			}
		})
	}
	for _, way := range ways {
		b.Run("memory"+way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				way.cycle(b, Memory)
			}
		})
	}
}
