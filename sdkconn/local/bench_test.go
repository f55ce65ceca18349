package local

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// BenchmarkSendDeliver measures from the call of SendNewMsg to the recipient's handler, and beside it what one insert
// with its commit costs in bare SQLite. The budget is twice that.
func BenchmarkSendDeliver(b *testing.B) {
	b.Run("insert", func(b *testing.B) {
		d, err := openDB(filepath.Join(b.TempDir(), "bare.db"))
		if err != nil {
			b.Fatal(err)
		}
		defer d.close()
		if err := d.conn.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
			CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)`); err != nil {
			b.Fatal(err)
		}
		body := `{"e":[{"elem_type":0,"text_elem_content":"hello"}]}`
		for b.Loop() {
			if err := d.exec(`INSERT INTO t (body) VALUES (?)`, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, senders := range []int{1, 64} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) { benchmarkSendDeliver(b, senders) })
	}
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

// BenchmarkHistoryPage reads pages of 20 from conversations of 100,000 messages: the newest ones, and some far back.
func BenchmarkHistoryPage(b *testing.B) {
	chat := tempChat(b)
	alice, bob := login(b, chat, "alice"), login(b, chat, "bob")
	if _, err := alice.GroupCreate(b.Context(), sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "g", GroupType: sdkconn.GroupPublic, Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}},
	}); err != nil {
		b.Fatal(err)
	}
	d, err := alice.draft(b.Context(), "", text("a message of some words, as people write them"))
	if err != nil {
		b.Fatal(err)
	}
	for _, conv := range []sdkconn.Conversation{sdkconn.C2C("bob"), sdkconn.Group("g")} {
		for range 100 {
			if err := alice.write(b.Context(), "", func(t *tx) error {
				for range 1000 {
					if _, err := t.send("", alice.user, conv, d); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
	for name, conv := range map[string]sdkconn.Conversation{"c2c": sdkconn.C2C("alice"), "group": sdkconn.Group("g")} {
		all, err := bob.GetMsgList(b.Context(), conv, sdkconn.GetMsgListParam{Count: 50_001})
		if err != nil {
			b.Fatal(err)
		}
		for place, last := range map[string]*sdkconn.Message{"newest": nil, "middle": all[50_000]} {
			b.Run(name+"/"+place, func(b *testing.B) {
				for b.Loop() {
					list, err := bob.GetMsgList(b.Context(), conv, sdkconn.GetMsgListParam{Count: 20, LastMsg: last})
					if err != nil || len(list) != 20 {
						b.Fatal(len(list), err)
					}
				}
			})
		}
	}
}

// BenchmarkOpen opens and closes a chat file with a login: a new one, and one that has been used.
func BenchmarkOpen(b *testing.B) {
	cycle := func(b *testing.B, path string) {
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
	b.Run("new", func(b *testing.B) {
		dir := b.TempDir()
		for i := 0; b.Loop(); i++ {
			cycle(b, filepath.Join(dir, fmt.Sprint(i)))
		}
	})
	b.Run("used", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "chat.db")
		cycle(b, path)
		for b.Loop() {
			cycle(b, path)
		}
	})
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			cycle(b, Memory)
		}
	})
}
