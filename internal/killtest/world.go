package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

const botUser = "bot"

var (
	people  = []string{"alice", "bob", "carol", "dave"} // write for themselves and in the hall
	talkers = []string{"erin", "frank"}                 // have dialogues
	hall    = sdkconn.Group("hall")
)

// world is the chat, the users in it and what they wrote.
type world struct {
	chat  *local.Chat
	conns map[string]*local.Conn
	subs  sync.WaitGroup
	ctx   context.Context // ends with the world
	end   context.CancelFunc

	mu     sync.Mutex
	said   map[string]int      // what the users said, by text
	heard  map[string]int      // what the bot said to somebody, by text; of the hall as alice sees it
	waits  map[string][]func() // to be told when a text is heard
	want   []want
	events atomic.Int64
	errs   []error
}

// want is an answer that must be there exactly once.
type want struct {
	user string // who looks
	conv sdkconn.Conversation
	text string // the whole text; with inside, a part between semicolons of a longer one
	kind string
}

func newWorld(ctx context.Context, dir string) (*world, error) {
	chat, err := local.Open(ctx, filepath.Join(dir, "chat.db"), local.Config{})
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	w := &world{
		chat: chat, conns: make(map[string]*local.Conn), ctx: ctx, end: end, said: make(map[string]int), heard: make(map[string]int), waits: make(map[string][]func()),
	}
	if err := chat.AddUser(ctx, botUser, "Bot"); err != nil {
		return nil, errors.Join(err, w.close())
	}
	for _, user := range slices.Concat(people, talkers) {
		conn, err := chat.Login(ctx, user)
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		w.conns[user] = conn
		w.subs.Go(func() {
			if err := conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
				w.hear(user, events)
				return nil
			}); err != nil {
				w.failed(fmt.Errorf("%s: %w", user, err))
			}
		})
	}
	param := sdkconn.GroupCreateParam{GroupID: hall.ID, GroupName: "hall", GroupType: sdkconn.GroupPublic}
	for _, user := range slices.Concat(people[1:], []string{botUser}) {
		param.Members = append(param.Members, sdkconn.GroupMemberInfo{Identifier: user})
	}
	if _, err := w.conns[people[0]].GroupCreate(ctx, param); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) close() error {
	w.end()
	w.subs.Wait()
	w.mu.Lock()
	errs := w.errs
	w.mu.Unlock()
	return errors.Join(errors.Join(errs...), w.chat.Close())
}

func (w *world) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// hear notes what the bot says while it happens.
func (w *world) hear(user string, events []sdkconn.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range events {
		m := events[i].Message
		if events[i].Kind != sdkconn.EventNewMsg || m == nil || m.Sender != botUser {
			continue
		}
		for _, text := range parts(m.Text()) {
			key := hearing(user, m.Conversation(), text)
			w.heard[key]++
			for _, tell := range w.waits[key] {
				tell()
			}
			delete(w.waits, key)
		}
	}
}

func hearing(user string, conv sdkconn.Conversation, text string) string {
	return user + " " + conv.String() + " " + text
}

// parts are the answers in a text of the bot's: a batch answers several messages at once.
func parts(text string) []string {
	all, ok := strings.CutPrefix(text, "gathered ")
	if !ok {
		return []string{text}
	}
	out := strings.Split(all, ";")
	for i := range out {
		out[i] = "gathered " + out[i]
	}
	return out
}

// expect notes an answer that must come.
func (w *world) expect(kind, user string, conv sdkconn.Conversation, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.want = append(w.want, want{user, conv, text, kind})
}

// await blocks until an answer is heard; it reports whether it was.
func (w *world) await(ctx context.Context, user string, conv sdkconn.Conversation, text string) bool {
	key := hearing(user, conv, text)
	heard := make(chan struct{})
	w.mu.Lock()
	if w.heard[key] > 0 {
		w.mu.Unlock()
		return true
	}
	w.waits[key] = append(w.waits[key], func() { close(heard) })
	w.mu.Unlock()
	select {
	case <-heard:
		return true
	case <-ctx.Done():
		return false
	}
}

// say sends a text.
func (w *world) say(user string, conv sdkconn.Conversation, text string) {
	_, err := w.conns[user].SendNewMsg(context.Background(), conv, &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}},
	})
	if err != nil {
		w.failed(fmt.Errorf("%s says %q: %w", user, text, err))
		return
	}
	w.events.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said[text]++
}

// sent is how many messages the users sent.
func (w *world) sent() int64 { return w.events.Load() }

// settle waits until all that must come has come, and says so when something is late.
func (w *world) settle(ctx context.Context, patience time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w.mu.Lock()
	all := w.want
	w.mu.Unlock()
	late := 0
	for _, x := range all {
		if !w.await(ctx, x.user, x.conv, x.text) {
			late++
		}
	}
	if late > 0 {
		return fmt.Sprintf("%d answers had not come after %s", late, patience)
	}
	wait(ctx, 500*time.Millisecond) // for one too many
	return ""
}
