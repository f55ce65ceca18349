package bot_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// shaky is a connection on which sends go wrong as the test says.
type shaky struct {
	sdkconn.Conn
	sdkconn.Groups
	sdkconn.Idler

	mu     sync.Mutex
	before func(conv sdkconn.Conversation, n int) error // of the nth send, from 1; an error is the answer
	after  func(ctx context.Context, n int) error       // when it was sent; an error is the answer
	knows  bool                                         // it tells repeated sends, as the embedded chat does
	n      int
	times  []time.Time // of the sends that were let through
	tried  []string    // conversation and text of each call
}

func newShaky(c sdkconn.Conn) *shaky {
	l := c.(*local.Conn)
	return &shaky{Conn: l, Groups: l, Idler: l}
}

func (s *shaky) begin(conv sdkconn.Conversation, text string, size int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.tried = append(s.tried, conv.ID+" "+text)
	if s.before != nil {
		if err := s.before(conv, s.n); err != nil {
			return s.n, err
		}
	}
	for range size {
		s.times = append(s.times, time.Now())
	}
	return s.n, nil
}

// forgetting makes a message one that the embedded chat never saw, unless the connection is to know it.
func (s *shaky) forgetting(msg *sdkconn.Message, n int) *sdkconn.Message {
	id, rest := sdkconn.SplitEffect(msg.CloudCustom)
	if s.knows || id == "" {
		return msg
	}
	other := *msg
	other.CloudCustom = sdkconn.WithEffect(rest, fmt.Sprintf("%s+%d", id, n))
	return &other
}

// GetMsgList undoes what forgetting did.
func (s *shaky) GetMsgList(ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	msgs, err := s.Conn.GetMsgList(ctx, conv, p)
	for _, m := range msgs {
		id, rest := sdkconn.SplitEffect(m.CloudCustom)
		id, _, _ = strings.Cut(id, "+")
		m.CloudCustom = sdkconn.WithEffect(rest, id)
	}
	return msgs, err
}

func (s *shaky) end(ctx context.Context, n int) error {
	if s.after == nil {
		return nil
	}
	return s.after(ctx, n)
}

func (s *shaky) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	n, err := s.begin(conv, msg.Text(), 1)
	if err != nil {
		return nil, err
	}
	sent, err := s.Conn.SendNewMsg(ctx, conv, s.forgetting(msg, n))
	if e := s.end(ctx, n); e != nil {
		return nil, e
	}
	return sent, err
}

func (s *shaky) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	n, err := s.begin(sdkconn.C2C(strings.Join(users, "+")), msg.Text(), len(users))
	if err != nil {
		return nil, err
	}
	results, err := s.Conn.BatchSend(ctx, users, s.forgetting(msg, n))
	if e := s.end(ctx, n); e != nil {
		return nil, e
	}
	return results, err
}

func (s *shaky) calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tried)
}

// most is how many were let through in any window of this length.
func (s *shaky) most(window time.Duration) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := 0
	for i, from := range s.times {
		n := 0
		for _, at := range s.times[i:] {
			if at.Sub(from) < window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// knowing is a shaky connection that knows repeated sends, as the embedded chat does.
type knowing struct {
	*shaky
	sdkconn.Repeater
}

// connections are a connection that can only be asked, and one that knows repeated sends.
func connections(c sdkconn.Conn) map[string]func() (sdkconn.Conn, *shaky) {
	return map[string]func() (sdkconn.Conn, *shaky){
		"by its history": func() (sdkconn.Conn, *shaky) { s := newShaky(c); return s, s },
		"by itself":      func() (sdkconn.Conn, *shaky) { s := newShaky(c); s.knows = true; return knowing{s, c.(*local.Conn)}, s },
	}
}

// settle lets the time pass in which a bot does what it put off.
func (r *running) settle(d time.Duration) {
	r.h.t.Helper()
	r.idle()
	time.Sleep(d)
	r.idle()
}

func refusal(code sdkconn.Code) error { return &sdkconn.Error{Op: "SendNewMsg", Code: code} }

// TestALostAnswerIsLookedFor: the message was sent, or not, and the answer says neither.
func TestALostAnswerIsLookedFor(t *testing.T) {
	for _, how := range []string{"by its history", "by itself"} {
		for name, test := range map[string]struct {
			before func(sdkconn.Conversation, int) error
			after  func(context.Context, int) error
			heard  []string
			code   string
		}{
			"sent, the answer lost": {
				after: func(_ context.Context, n int) error {
					if n == 1 {
						return errLost()
					}
					return nil
				}, heard: []string{"hi", "true "},
			},
			"not sent, the answer lost": {
				before: func(_ sdkconn.Conversation, n int) error {
					if n <= 2 {
						return errLost()
					}
					return nil
				}, heard: []string{"hi", "true "},
			},
			"sent, no answer in time": {
				after: func(ctx context.Context, n int) error {
					if n == 1 {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				}, heard: []string{"hi", "true "},
			},
			"never sent": {
				before: func(_ sdkconn.Conversation, n int) error {
					if n <= 4 {
						return errLost()
					}
					return nil
				}, heard: []string{"false 6012"},
			},
		} {
			t.Run(name+", known "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newHouse(t)
					conn, s := connections(h.self)[how]()
					h.self, s.before, s.after = conn, test.before, test.after
					b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: s, reply: hi, on_error: continue}
      - {if: "not steps.s.ok or len(steps.s.out.msg_id) > 0", reply: "${{ steps.s.ok }} ${{ steps.s.error?.code ?? '' }}"}
`))
					h.say("alice", sdkconn.C2C(botUser), "go")
					b.settle(time.Minute * 2)
					h.wantHeard("alice", sdkconn.C2C(botUser), test.heard...)
					if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 0 {
						t.Errorf("%d events are still open", len(pending))
					}
				})
			})
		}
	}
}

// TestWhatCannotBeAskedIsNotRepeated: nobody stores a message for those online.
func TestWhatCannotBeAskedIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		s := newShaky(h.self)
		h.self, s.after = s, func(_ context.Context, n int) error {
			if n == 1 {
				return errLost()
			}
			return nil
		}
		b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: s, reply: {text: now, online_only: true}, on_error: continue}
      - reply: "${{ steps.s.error.code }}"
`))
		h.say("alice", sdkconn.C2C(botUser), "go")
		b.settle(time.Minute)
		if got, want := s.calls(), []string{"alice now", "alice interrupted"}; !slices.Equal(got, want) {
			t.Errorf("sends %q, want %q", got, want)
		}
	})
}

// dying is a journal whose process dies at the nth commit: the commit is the last thing that happens, or the first that
// does not.
type dying struct {
	journal.Journal
	mu      sync.Mutex
	left    int
	written bool
	dead    chan struct{}
}

func (d *dying) Commit(ctx context.Context, c *journal.Change) error {
	d.mu.Lock()
	d.left--
	left := d.left
	d.mu.Unlock()
	if left > 0 || left == 0 && d.written {
		if err := d.Journal.Commit(ctx, c); err != nil {
			return err
		}
	}
	if left > 0 {
		return nil
	}
	if left == 0 {
		close(d.dead)
	}
	<-ctx.Done()
	return ctx.Err()
}

const everythingThatSends = `
  - id: r
    on: message.c2c
    do:
      - reply: one
      - {send: {to_group: g, text: two}}
      - announce: {to: {users: [alice, bob], groups: [g]}, text: three}
      - for_each: {in: "${{ [4, 5] }}", as: n, do: [{reply: "${{ n }}"}]}
`

// TestOneMessageEachWhateverDies cuts the bot off at every commit, before and after it, and cuts the connection off
// between a send and its answer, in each order: whoever is told something is told once.
func TestOneMessageEachWhateverDies(t *testing.T) {
	for how, answers := range map[string][]int{"by its history": {0, 1, 3, 4}, "by itself": {0, 3}} {
		for _, written := range []bool{false, true} {
			for _, lost := range answers { // the send that never gets its answer; 0 for none
				t.Run(fmt.Sprintf("known %s, commit written %v, answer %d lost", how, written, lost), func(t *testing.T) {
					for n := 1; ; n++ {
						more := false
						synctest.Test(t, func(t *testing.T) { more = dieAt(t, how, n, written, lost) })
						if !more || t.Failed() {
							break
						}
					}
				})
			}
		}
	}
}

// dieAt reports whether there was an nth commit to die at.
func dieAt(t *testing.T, how string, n int, written bool, lost int) bool {
	h := newHouse(t)
	conn, s := connections(h.self)[how]()
	h.self, s.after = conn, func(ctx context.Context, i int) error {
		if i == lost {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	set := h.set(everythingThatSends)
	d := &dying{Journal: h.journal, left: n, written: written, dead: make(chan struct{})}
	h.say("alice", sdkconn.C2C(botUser), "go")
	b := h.start(set, bot.WithJournal(d), bot.WithGrace(0))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if b.Idle(t.Context()) == nil { // else it died
			time.Sleep(3 * time.Minute) // what is put off
			_ = b.Idle(t.Context())
		}
	}()
	died := false
	select {
	case <-d.dead:
		died = true
	case <-done:
	}
	if err := b.stop(); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("Run = %v", err)
	}
	<-done
	if died {
		b = h.start(set)
		b.settle(3 * time.Minute)
	}
	h.wantHeard("alice", sdkconn.C2C(botUser), "one", "three", "4", "5")
	h.wantHeard("bob", sdkconn.C2C(botUser), "three")
	h.wantHeard("alice", sdkconn.Group("g"), "two", "three")
	if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 0 {
		t.Errorf("%d events are still open", len(pending))
	}
	if t.Failed() {
		t.Logf("died at commit %d", n)
	}
	return died
}

// TestSendsToAGroupKeepTheirOrder: 300 messages to one group from one conversation, with many workers, while the service
// now and then has had enough. At the group's own pace most wait in place, at a slow one by timers.
func TestSendsToAGroupKeepTheirOrder(t *testing.T) {
	for name, pace := range map[string]struct {
		rate  rules.Rate
		least int
	}{"the group's pace": {rules.Rate{}, 20}, "a slow one": {rules.Rate{Times: 3, Per: time.Second}, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				s := newShaky(h.self)
				h.self, s.before = s, func(_ sdkconn.Conversation, n int) error {
					if n%70 == 0 || n%71 == 0 {
						return errBusy()
					}
					return nil
				}
				set := h.set(toGroup)
				set.Bot.Pace = rules.Pace{Chat: pace.rate}
				b := h.start(set)
				var want []string
				for i := range 300 {
					want = append(want, fmt.Sprint(i))
					h.say("alice", sdkconn.C2C(botUser), want[i])
				}
				b.settle(5 * time.Minute)
				h.wantHeard("alice", sdkconn.Group("g"), want...)
				if n := s.most(time.Second); n > cmp.Or(pace.rate.Times, 40) || n < pace.least {
					t.Errorf("%d messages in one second", n)
				}
				stats := b.PaceStats()
				if stats.Sent != 300 || stats.Refused == 0 || stats.Waited < 5*time.Second || stats.Waiting != 0 {
					t.Errorf("stats %+v", stats)
				}
				if len(s.calls()) != 300+int(stats.Refused) {
					t.Errorf("%d calls, want one for each message and each refusal (%d)", len(s.calls()), stats.Refused)
				}
			})
		})
	}
}

// toGroup sends on what it hears.
const toGroup = "  - {id: r, on: message.c2c, do: [{send: {to_group: g, text: \"${{ msg.text }}\"}}]}\n"

// TestRunsOfManyConversationsKeepTheirOrder: with one worker it is known in which order the rules decided.
func TestRunsOfManyConversationsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.set(`
  - id: r
    on: message.c2c
    do:
      - probe.ask: "${{ msg.text }}"
      - send: {to_group: g, text: "${{ msg.text }}"}
`)
		set.Bot.Pace = rules.Pace{}
		b := h.start(set, bot.WithWorkers(1))
		for i := range 60 {
			h.say("alice", sdkconn.C2C(botUser), fmt.Sprint("a", i))
			h.say("bob", sdkconn.C2C(botUser), fmt.Sprint("b", i))
		}
		b.settle(time.Minute)
		if decided := h.probe.seen(); len(decided) != 120 {
			t.Errorf("%d runs", len(decided))
		}
		h.wantHeard("alice", sdkconn.Group("g"), h.probe.seen()...)
	})
}

// TestARefusalHoldsTheLineBack: the others wait behind, in order, and do not hammer on; other conversations go on.
func TestARefusalHoldsTheLineBack(t *testing.T) {
	for name, test := range map[string]struct {
		code  sdkconn.Code
		other bool // whether others are held back too
	}{"of the group": {10023, false}, "of the connection": {60011, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				s := newShaky(h.self)
				refused := 0
				h.self, s.before = s, func(conv sdkconn.Conversation, _ int) error {
					if refused++; refused <= 3 && conv.Type == sdkconn.ConvGroup {
						return refusal(test.code)
					}
					refused--
					return nil
				}
				b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - if: msg.text startsWith "g"
        do: [{send: {to_group: g, text: "${{ msg.text }}"}}]
      - if: not (msg.text startsWith "g")
        do: [{reply: "${{ msg.text }}"}]
`))
				start := time.Now()
				h.say("alice", sdkconn.C2C(botUser), "g1")
				b.idle()
				for _, text := range []string{"g2", "g3"} {
					h.say("bob", sdkconn.C2C(botUser), text)
				}
				h.say("alice", sdkconn.C2C(botUser), "reply")
				b.idle()
				if got := s.calls(); test.other == slices.Contains(got, "alice reply") {
					t.Errorf("at once: %q", got)
				}
				b.settle(time.Minute)
				h.wantHeard("alice", sdkconn.Group("g"), "g1", "g2", "g3")
				h.wantHeard("alice", sdkconn.C2C(botUser), "reply")
				if got := s.calls(); len(got) != 3+4 {
					t.Errorf("calls %q, want three refused and four sent", got)
				}
				first := s.times[len(s.times)-3]
				if took := first.Sub(start); test.code == 10023 && (took < 7*time.Second || took > 9*time.Second) {
					t.Errorf("the first left after %s, want 1+2+4 s with jitter", took)
				}
			})
		})
	}
}

// TestRefusalsAreNoFailures: ten of them are borne, or as many as the step says.
func TestRefusalsAreNoFailures(t *testing.T) {
	for name, test := range map[string]struct {
		step  string
		calls int
	}{
		"without a retry":     {`reply: hi`, 11},
		"with a retry":        {`reply: hi, retry: {times: 2, backoff: 1s}`, 3},
		"with none on demand": {`reply: hi, retry: {times: 0}`, 1},
		"in an announcement":  {`announce: {to: {users: [alice], groups: [g]}, text: hi}`, 11 + 11}, // each of them
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				s := newShaky(h.self)
				h.self, s.before = s, func(sdkconn.Conversation, int) error { return errBusy() }
				b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: s, ` + test.step + `, on_error: continue}
      - probe.ask: "${{ steps.s.error.code }}"
`))
				start := time.Now()
				h.say("alice", sdkconn.C2C(botUser), "go")
				b.settle(time.Hour)
				h.wantCalls("10023")
				if got := s.calls(); len(got) != test.calls {
					t.Errorf("%d calls, want %d: %q", len(got), test.calls, got)
				}
				if took := time.Since(start); took > 90*time.Minute {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestAnnouncementsKeepThePace: each target of a batch counts, and what waits for one of them comes first.
func TestAnnouncementsKeepThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var users []string
		for i := range 1200 {
			users = append(users, fmt.Sprint("u", i))
			h.people[users[i]] = h.login(users[i])
		}
		s := newShaky(h.self)
		h.self = s
		set := h.set(`
  - id: r
    on: message.c2c
    do:
      - for_each: {in: "${{ 1..60 }}", as: n, do: [{send: {to_user: bob, text: "${{ n }}"}}]}
      - announce: {to: {users: ["` + strings.Join(users, `", "`) + `", bob], groups: [g]}, text: news}
`)
		set.Bot.Pace = rules.Pace{}
		b := h.start(set)
		start := time.Now()
		h.say("alice", sdkconn.C2C(botUser), "go")
		b.settle(5 * time.Minute)
		want := []string{}
		for n := range 60 {
			want = append(want, fmt.Sprint(n+1))
		}
		h.wantHeard("bob", sdkconn.C2C(botUser), append(want, "news")...)
		h.wantHeard("u1199", sdkconn.C2C(botUser), "news")
		h.wantHeard("alice", sdkconn.Group("g"), "news")
		last := s.times[len(s.times)-1]
		if took := last.Sub(start); took < 12*time.Second || took > 20*time.Second {
			t.Errorf("1262 messages took %s, want about 76 a second", took)
		}
	})
}

// TestAnAnnouncementStandsInLineToo: behind what waits for the same user.
func TestAnAnnouncementStandsInLineToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.set(`
  - {id: a, on: message.c2c, if: user.id == "alice", do: [{send: {to_user: bob, text: "${{ msg.text }}"}}]}
  - {id: b, on: message.group, do: [{announce: {to: {users: [alice, bob]}, text: news}}]}
`)
		set.Bot.Pace.Chat = rules.Rate{Times: 2, Per: time.Second}
		b := h.start(set)
		for _, text := range []string{"1", "2", "3", "4"} {
			h.say("alice", sdkconn.C2C(botUser), text)
		}
		b.idle()
		h.say("alice", sdkconn.Group("g"), "go")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "news")
		time.Sleep(time.Minute)
		b.idle()
		h.wantHeard("bob", sdkconn.C2C(botUser), "1", "2", "3", "4", "news")
	})
}

// TestAFullLineHoldsTheConnectionBack: what waits is bounded, and nothing is dropped.
func TestAFullLineHoldsTheConnectionBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		s := newShaky(h.self)
		h.self = s
		set := h.set(toGroup)
		set.Bot.Pace.Chat = rules.Rate{Times: 2, Per: time.Second}
		b := h.start(set, bot.WithQueue(10))
		const n = 1500
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint(i))
			h.say("alice", sdkconn.C2C(botUser), want[i])
		}
		synctest.Wait()
		if waiting := b.PaceStats().Waiting; waiting < 900 || waiting > 1100 {
			t.Errorf("%d messages wait, want about a thousand", waiting)
		}
		b.settle(15 * time.Minute)
		h.wantHeard("alice", sdkconn.Group("g"), want...)
	})
}

// TestAStepThatWaitsForItsTurnGoesOnAfterARestart, once.
func TestAStepThatWaitsForItsTurnGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.set(toGroup)
		set.Bot.Pace.Chat = rules.Rate{Times: 2, Per: time.Second}
		b := h.start(set)
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprint(i))
			h.say("alice", sdkconn.C2C(botUser), want[i])
		}
		b.idle()
		time.Sleep(time.Second)
		b.idle()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		if n := len(h.heard("alice", sdkconn.Group("g"))); n < 2 || n > 4 {
			t.Errorf("%d were sent before the stop", n)
		}
		b = h.start(set)
		b.settle(time.Minute)
		h.wantHeard("alice", sdkconn.Group("g"), want...)
	})
}

// TestWaitingForATurnIsNotTheStepsTime: the deadline is for the service's answer.
func TestWaitingForATurnIsNotTheStepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		s := newShaky(h.self)
		h.self, s.before = s, func(conv sdkconn.Conversation, n int) error {
			if conv.Type == sdkconn.ConvGroup && n < 6 {
				return errBusy()
			}
			return nil
		}
		b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: s, announce: {to: {users: [alice], groups: [g]}, text: news}, timeout: 2s, on_error: continue}
      - probe.ask: "${{ steps.s.ok }} ${{ steps.s.value }}"
`))
		h.say("alice", sdkconn.C2C(botUser), "go")
		b.settle(5 * time.Minute)
		h.wantCalls("true 2")
		if strings.Contains(h.log.String(), "will try again") {
			t.Errorf("the step ran out of time:\n%s", h.log)
		}
		h.wantHeard("alice", sdkconn.Group("g"), "news")
		h.wantHeard("alice", sdkconn.C2C(botUser), "news")
	})
}

var _ actions.Outgoing = (*shaky)(nil)
