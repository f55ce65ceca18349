//go:build !nonative

package native

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// BenchmarkCall is a call that does next to nothing on the other side: what its way costs.
func BenchmarkCall(b *testing.B) {
	for _, where := range []string{"go", "purego", "child"} {
		b.Run(where, func(b *testing.B) {
			conn := openBench(b, where)
			conv := sdkconn.Conversation{ID: "nobody", Type: sdkconn.ConvC2C}
			for b.Loop() {
				if _, err := conn.GetMsgList(b.Context(), conv, sdkconn.GetMsgListParam{Count: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLibrary is a call of a C function, and one that answers through a callback before it returns.
func BenchmarkLibrary(b *testing.B) {
	lib, err := load(dropIn)
	if err != nil {
		b.Fatal(err)
	}
	q := newQueue()
	lib.use(q)
	defer lib.use(nil)
	b.Run("function", func(b *testing.B) {
		for b.Loop() {
			lib.call(call{function: "TIMGetSDKVersion"})
			q.take()
		}
	})
	b.Run("callback", func(b *testing.B) {
		for b.Loop() {
			lib.call(call{id: 1, function: "TIMSetConfig", args: []any{"{}"}, callback: true})
			q.take()
		}
	})
}

// BenchmarkReceive is messages received, of one sender who sends them as fast as it goes.
func BenchmarkReceive(b *testing.B) {
	for _, where := range []string{"go", "purego", "child"} {
		b.Run(where, func(b *testing.B) {
			conn := openBench(b, where)
			alice := conn.chat
			got := 0
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			done := make(chan error, 1)
			b.ResetTimer()
			go func() {
				done <- conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
					for _, e := range events {
						if e.Kind == sdkconn.EventNewMsg {
							got++
						}
					}
					if got >= b.N {
						cancel()
					}
					return nil
				})
			}()
			work := make(chan int)
			var senders sync.WaitGroup
			for range 16 {
				senders.Go(func() {
					for i := range work {
						if _, err := alice.SendNewMsg(b.Context(), sdkconn.C2C("bot"), text(fmt.Sprint(i))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range b.N {
				work <- i
			}
			close(work)
			senders.Wait()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// BenchmarkOpen is a login and its end.
func BenchmarkOpen(b *testing.B) {
	for _, where := range []string{"purego", "child"} {
		b.Run(where, func(b *testing.B) {
			data := b.TempDir()
			for b.Loop() {
				conn, err := sdkconn.Open(b.Context(), benchAddress(b, where, data), sdkconn.Config{})
				if err != nil {
					b.Fatal(err)
				}
				if err := conn.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchConn is the bot's connection, beside alice's.
type benchConn struct {
	sdkconn.Conn
	chat sdkconn.Conn
}

func openBench(b *testing.B, where string) benchConn {
	data := b.TempDir()
	chat, err := local.Open(b.Context(), filepath.Join(data, "chat.db"), local.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = chat.Close() })
	alice, err := chat.Login(b.Context(), "alice")
	if err != nil {
		b.Fatal(err)
	}
	var bot sdkconn.Conn
	if where == "go" {
		bot, err = chat.Login(b.Context(), "bot")
	} else {
		bot, err = sdkconn.Open(b.Context(), benchAddress(b, where, data), sdkconn.Config{})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = bot.Close()
		_ = alice.Close()
	})
	return benchConn{bot, alice}
}

func benchAddress(b *testing.B, where, data string) string {
	if where == "purego" {
		return address(b, "bot", data, "isolate", "off")
	}
	return address(b, "bot", data)
}
