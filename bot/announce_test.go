package bot_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// listed writes a file of targets.
func (h *house) listed(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func textMessage(text string) *sdkconn.Message {
	return &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}}
}

// crowd logs users in, and returns their ids.
func (h *house) crowd(n int) (users []string) {
	for i := range n {
		users = append(users, fmt.Sprintf("u%03d", i))
		h.people[users[i]] = h.login(users[i])
	}
	return users
}

// wantEach checks that each of the users has heard these texts, once each.
func (h *house) wantEach(users []string, texts ...string) {
	h.t.Helper()
	for _, user := range users {
		h.wantHeard(user, sdkconn.C2C(botUser), texts...)
	}
}

// wantStands checks how an announcement stands.
func (r *running) wantStands(key, want string) bot.Announcement {
	r.h.t.Helper()
	a, err := r.Inspector().Announcement(r.h.t.Context(), key)
	if err != nil {
		r.h.t.Fatalf("%s: %v\n%s", key, err, r.h.log)
	}
	got := fmt.Sprintf("%s: %d targets, %d queued, %d held, %d sent, %d failed, %d skipped, %d revoked, %d kept", a.State, a.Total,
		a.Queued, a.Held, a.Sent, a.Failed, a.Skipped, a.Revoked, a.Kept)
	if got != want {
		r.h.t.Errorf("%s stands at %q, want %q\n%s", key, got, want, r.h.log)
	}
	return a
}

func (r *running) mustAnnounce(o bot.AnnounceOrder) {
	r.h.t.Helper()
	if _, err := r.Announce(r.h.t.Context(), o); err != nil {
		r.h.t.Fatal(err)
	}
}

// steered does what a person asks for and answers the error.
func (r *running) steered(key string, verb bot.AnnounceVerb) error {
	_, err := r.Inspector().SteerAnnouncement(r.h.t.Context(), key, verb)
	return err
}

// news is a rule that announces under a key that the message names.
const newsRule = `
  - id: news
    on: message.c2c
    match: {mode: prefix, any_of: ["news "]}
    do:
      - id: job
        announce: {key: "${{ msg.text }}", to: {users: [alice, bob, alice], groups: [g]}, text: hi}
        on_error: continue
      - probe.repeat: "${{ steps.job.ok }} ${{ steps.job.out.state }} ${{ steps.job.out.total }} ${{ steps.job.value }} ${{ steps.job.out.failed }} ${{ steps.job.out.skipped }} ${{ len(steps.job.out.results) }}"
`

func TestAStepsKeyReachesNobodyTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(newsRule))
		for _, text := range []string{"news a", "news a", "news b"} {
			h.say("alice", sdkconn.C2C(botUser), text)
			b.settle(time.Minute)
		}
		h.wantCalls("true done 3 3 0 1 3", "true done 3 0 0 4 0", "true done 3 3 0 1 3")
		h.wantHeard("alice", sdkconn.C2C(botUser), "hi", "hi")
		h.wantHeard("bob", sdkconn.C2C(botUser), "hi", "hi")
		h.wantHeard("bob", group, "hi", "hi")
		b.wantStands("news a", "done: 3 targets, 0 queued, 0 held, 3 sent, 0 failed, 5 skipped, 0 revoked, 0 kept")
		h.wantNothingOpen()
	})
}

func TestAnAnnouncementSurvivesEveryCrash(t *testing.T) {
	everyCrash(t, newsRule, func(h *house) {
		h.say("alice", sdkconn.C2C(botUser), "news a")
		synctest.Wait()
		h.say("bob", sdkconn.C2C(botUser), "news a")
	}, func(t *testing.T, h *house) {
		h.wantHeard("alice", sdkconn.C2C(botUser), "hi")
		h.wantHeard("bob", sdkconn.C2C(botUser), "hi")
		h.wantHeard("alice", group, "hi")
		calls := slices.Compact(slices.Sorted(slices.Values(h.probe.seen()))) // repeat: once or twice
		if want := []string{"true done 3 0 0 4 0", "true done 3 3 0 1 3"}; !slices.Equal(calls, want) {
			t.Errorf("calls %q, want %q", calls, want)
		}
	})
}

// unwritten is a journal whose process dies right before the write after the n-th: what was done for that one is not written.
type unwritten struct {
	journal.Journal
	left    atomic.Int64
	targets bool // the first targets are among what is not written, whatever is left
}

func (d *unwritten) Commit(ctx context.Context, c *journal.Change) error {
	if d.left.Add(-1) < 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	return d.Journal.Commit(ctx, c)
}

func (d *unwritten) AddTargets(ctx context.Context, a journal.Announcement, list []journal.Target) ([]uint64, error) {
	if d.targets {
		d.left.Store(0)
	}
	if d.left.Add(-1) < 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return d.Journal.AddTargets(ctx, a, list)
}

// TestAFileOfTargetsSurvivesEveryCrash, on a connection that must be asked: the chunk is a few targets, one user is unknown.
func TestAFileOfTargetsSurvivesEveryCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n := int64(1); ; n++ {
			h := newHouse(t)
			users := h.crowd(7)
			s := newShaky(h.self)
			h.self = s
			list := h.listed("l.csv", "user,name\n"+strings.Join(users, ",x\n")+",x\n\nghost,y\nu000,x\n")
			set := h.set(`  - {id: r, on: message.group, do: [reply: x]}`)
			set.Bot.Pace.Total = rules.Rate{Times: 3, Per: time.Second}
			c := &unwritten{Journal: h.journal}
			c.left.Store(n)
			b := h.start(set, bot.WithJournal(c), bot.WithGrace(0))
			order := bot.AnnounceOrder{
				Key: "k", ID: "order", Files: []bot.AnnounceTargets{{Path: list, Kind: sdkconn.ConvC2C}}, Message: textMessage("Hi ${{ row.name }}"), Rows: true,
			}
			if n%2 == 0 {
				order.Message, order.Rows = textMessage("Hi x"), false
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := b.Announce(ctx, order)
				done <- err
			}()
			time.Sleep(time.Minute)
			cancel()
			<-done
			if err := b.stop(); err != nil {
				t.Errorf("Run = %v", err)
			}
			crashed := c.left.Load() < 0
			b = h.start(set)
			b.idle()
			b.mustAnnounce(order)
			b.settle(10 * time.Minute)
			h.wantEach(users, "Hi x")
			b.wantStands("k", "done: 8 targets, 0 queued, 0 held, 7 sent, 1 failed, 1 skipped, 0 revoked, 0 kept")
			b.stop()
			if t.Failed() || !crashed {
				if n < 10 {
					t.Errorf("after crash %d", n)
				}
				return
			}
		}
	})
}

func TestPartsOfABatchFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		users := h.crowd(4)
		blocked := h.people["u001"].(sdkconn.BlackList)
		if err := blocked.FriendshipAddToBlackList(t.Context(), []string{botUser}); err != nil {
			t.Fatal(err)
		}
		b := h.start(h.set(`  - {id: r, on: message.group, do: [reply: x]}`))
		b.mustAnnounce(bot.AnnounceOrder{
			Key: "k", Users: append(users, "ghost", "u000"), Groups: []string{"g", "nowhere"}, Message: textMessage("hi"),
		})
		b.settle(time.Minute)
		b.wantStands("k", "done: 7 targets, 0 queued, 0 held, 4 sent, 3 failed, 1 skipped, 0 revoked, 0 kept")
		all, err := b.Inspector().AnnouncedTargets(t.Context(), "k", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range all {
			got = append(got, x.To+" "+x.State+" "+x.Code)
			if (x.State == "sent") != (x.Locator != nil && x.MsgID != "") || (x.State == "failed") != (x.Error != "") {
				t.Errorf("%+v", x)
			}
		}
		want := []string{"c2c_u000 sent ", "c2c_u001 failed 20007", "c2c_u002 sent ", "c2c_u003 sent ", "c2c_ghost failed 20003",
			"group_g sent ", "group_nowhere failed 10010"}
		if !slices.Equal(got, want) {
			t.Errorf("targets %q, want %q", got, want)
		}
		h.people["ghost"] = h.login("ghost")
		if err := b.steered("k", bot.AnnounceRetry); err != nil {
			t.Fatal(err)
		}
		b.settle(time.Minute)
		h.wantEach([]string{"u000", "u002", "u003", "ghost"}, "hi")
		b.wantStands("k", "done: 7 targets, 0 queued, 0 held, 5 sent, 2 failed, 1 skipped, 0 revoked, 0 kept")
	})
}

func TestTooManyInTheMiddleOfAnAnnouncement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		users := h.crowd(30)
		s := newShaky(h.self)
		h.self = s
		s.before = func(_ sdkconn.Conversation, n int) error {
			if n > 1 && n < 5 {
				return refusal(sdkconn.CodeSvrMsgBatchFreqLimit)
			}
			return nil
		}
		set := h.set(`  - {id: r, on: message.group, do: [reply: x]}`)
		b := h.start(set)
		start := time.Now()
		b.mustAnnounce(bot.AnnounceOrder{Key: "k", Users: users, Message: textMessage("hi"), Pace: "10/s"})
		b.settle(time.Minute)
		h.wantEach(users, "hi")
		a := b.wantStands("k", "done: 30 targets, 0 queued, 0 held, 30 sent, 0 failed, 0 skipped, 0 revoked, 0 kept")
		if took := a.Ended.Sub(start); took < 8*time.Second || took > 14*time.Second {
			t.Errorf("it took %s, want three seconds and 1+2+4 with jitter", took)
		}
	})
}

// TestAnAnswerThatDoesNotCome: who has the message is found out, and the others get it.
func TestAnAnswerThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		users := h.crowd(20)
		s := newShaky(h.self)
		h.self = s
		s.after = func(_ context.Context, n int) error {
			if n == 1 {
				return errLost()
			}
			return nil
		}
		b := h.start(h.set(`  - {id: r, on: message.group, do: [reply: x]}`))
		b.mustAnnounce(bot.AnnounceOrder{Key: "k", Users: append(users, "ghost"), Message: textMessage("hi")})
		b.settle(5 * time.Minute)
		h.wantEach(users, "hi")
		a := b.wantStands("k", "done: 21 targets, 0 queued, 0 held, 20 sent, 1 failed, 0 skipped, 0 revoked, 0 kept")
		if a.Reason != "" {
			t.Errorf("reason %q", a.Reason)
		}
	})
}

func TestQuietHoursHoldAndDoNotDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 00:00 UTC
		h := newHouse(t)
		h.crowd(4)
		b := h.start(h.set(`  - {id: r, on: message.group, do: [reply: x]}`), bot.WithLocation(time.UTC))
		list := h.listed("l.csv", "user,zone\nu000,Asia/Shanghai\nu001,UTC\nu002,America/New_York\nu003,Mars/Base\n")
		b.mustAnnounce(bot.AnnounceOrder{
			Key: "k", Files: []bot.AnnounceTargets{{Path: list, Kind: sdkconn.ConvC2C}}, Message: textMessage("hi"),
			Quiet: actions.Quiet{From: "22:00", To: "08:00", TZ: "zone"},
		})
		b.settle(time.Minute)
		h.wantEach([]string{"u000", "u002"}, "hi") // 08:00 and 19:00 there
		h.wantEach([]string{"u001"})
		a := b.wantStands("k", "running: 4 targets, 1 queued, 1 held, 2 sent, 1 failed, 0 skipped, 0 revoked, 0 kept")
		if want := time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC); !a.HeldUntil.Equal(want) {
			t.Errorf("held until %s, want %s", a.HeldUntil, want)
		}
		b.stop()
		time.Sleep(7 * time.Hour)
		b.again(h.set(`  - {id: r, on: message.group, do: [reply: x]}`), bot.WithLocation(time.UTC))
		b.idle()
		h.wantEach([]string{"u001"})
		b.settle(time.Hour)
		h.wantEach([]string{"u000", "u001", "u002"}, "hi")
		b.wantStands("k", "done: 4 targets, 0 queued, 0 held, 3 sent, 1 failed, 0 skipped, 0 revoked, 0 kept")
	})
}

func TestPauseResumeCancelAndRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		users := h.crowd(6)
		b := h.start(h.set(`  - {id: r, on: message.group, do: [reply: x]}`))
		b.mustAnnounce(bot.AnnounceOrder{Key: "k", Users: users, Message: textMessage("hi"), Pace: "1/10s"})
		b.settle(15 * time.Second)
		if err := b.steered("k", bot.AnnouncePause); err != nil {
			t.Fatal(err)
		}
		b.settle(time.Minute)
		b.wantStands("k", "paused: 6 targets, 4 queued, 0 held, 2 sent, 0 failed, 0 skipped, 0 revoked, 0 kept")
		if err := b.steered("k", bot.AnnounceRetry); !errors.Is(err, bot.ErrAnnouncement) {
			t.Errorf("retry of a paused one: %v", err)
		}
		b.stop()
		b.again(h.set(`  - {id: r, on: message.group, do: [reply: x]}`))
		b.settle(time.Minute)
		b.wantStands("k", "paused: 6 targets, 4 queued, 0 held, 2 sent, 0 failed, 0 skipped, 0 revoked, 0 kept")
		if err := b.steered("k", bot.AnnounceResume); err != nil {
			t.Fatal(err)
		}
		b.settle(15 * time.Second)
		if err := b.steered("k", bot.AnnounceCancel); err != nil {
			t.Fatal(err)
		}
		b.settle(time.Minute)
		b.wantStands("k", "cancelled: 6 targets, 0 queued, 0 held, 4 sent, 0 failed, 2 skipped, 0 revoked, 0 kept")
		if _, err := b.Announce(t.Context(), bot.AnnounceOrder{Key: "k", Users: users, Message: textMessage("hi")}); !errors.Is(err, bot.ErrAnnouncement) {
			t.Errorf("an order to one that was cancelled: %v", err)
		}
		if err := b.steered("k", bot.AnnounceRecall); err != nil {
			t.Fatal(err)
		}
		b.settle(time.Minute)
		// The first two are older than two minutes.
		b.wantStands("k", "recalled: 6 targets, 0 queued, 0 held, 2 sent, 0 failed, 2 skipped, 2 revoked, 2 kept")
		h.wantEach(users[:2], "hi")
		h.wantEach(users[2:4], "[hi]")
		h.wantEach(users[4:])
		if err := b.steered("nobody", bot.AnnouncePause); !errors.Is(err, bot.ErrNoAnnouncement) {
			t.Errorf("an unknown key: %v", err)
		}
	})
}

// TestPeopleAgreeToAnOrder, or do not; the bot stops in between.
func TestPeopleAgreeToAnOrder(t *testing.T) {
	for word, want := range map[string]string{
		"同意": "done: 2 targets, 0 queued, 0 held, 2 sent, 0 failed, 0 skipped, 0 revoked, 0 kept",
		"拒绝": "refused: 2 targets, 0 queued, 0 held, 0 sent, 0 failed, 2 skipped, 0 revoked, 0 kept",
		"":   "refused: 2 targets, 0 queued, 0 held, 0 sent, 0 failed, 2 skipped, 0 revoked, 0 kept",
	} {
		t.Run(word, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				set := h.set(`  - {id: r, on: bot.started, do: [log: x]}`)
				set.Bot.OpsGroup = "g"
				b := h.start(set)
				b.mustAnnounce(bot.AnnounceOrder{Key: "k", Users: []string{"alice", "bob"}, Message: textMessage("hi"), Approve: true})
				b.settle(time.Minute)
				b.wantStands("k", "waiting_approval: 2 targets, 2 queued, 0 held, 0 sent, 0 failed, 0 skipped, 0 revoked, 0 kept")
				if asked := h.heard("bob", group); len(asked) != 1 || !strings.Contains(asked[0], "#1 announce 待批准") ||
					!strings.Contains(asked[0], "targets: 2\n") || !strings.Contains(asked[0], "text: hi\n") {
					t.Errorf("asked %q", asked)
				}
				b.stop()
				b.again(set)
				b.idle()
				if word != "" {
					h.say("bob", group, word) // who is no admin
					h.say("alice", group, word)
				} else {
					time.Sleep(25 * time.Hour)
				}
				b.settle(time.Minute)
				b.wantStands("k", want)
				if open, err := b.Inspector().Approvals(t.Context()); err != nil || len(open) != 0 {
					t.Errorf("still open: %v, %v", open, err)
				}
			})
		})
	}
}

// TestADeadAnnouncementIsRetried: the run stands still as nobody got it, and goes on when somebody did.
func TestADeadAnnouncementIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(`
  - {id: r, on: message.c2c, do: [{id: job, announce: {to: {users: [ghost]}, text: hi}}, {probe.repeat: "${{ steps.job.out.sent }}"}]}
`))
		h.say("alice", sdkconn.C2C(botUser), "go")
		b.settle(time.Minute)
		dead, err := b.Inspector().DeadLetters(t.Context(), "", 10)
		if err != nil || len(dead) != 1 || dead[0].Code != "20003" {
			t.Fatalf("dead letters %+v, %v\n%s", dead, err, h.log)
		}
		h.people["ghost"] = h.login("ghost")
		if err := b.Inspector().RetryDead(t.Context(), dead[0].ID); err != nil {
			t.Fatal(err)
		}
		b.settle(time.Minute)
		h.wantEach([]string{"ghost"}, "hi")
		h.wantCalls("1")
		h.wantNothingOpen()
	})
}

func TestOrdersThatCannotBeFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(`  - {id: r, on: message.group, do: [reply: x]}`))
		list := h.listed("l.csv", "user,name\na,x\n")
		file := []bot.AnnounceTargets{{Path: list, Kind: sdkconn.ConvC2C}}
		for want, o := range map[string]bot.AnnounceOrder{
			"its key":           {Users: []string{"a"}, Message: textMessage("x")},
			"it has no targets": {Key: "k", Message: textMessage("x")},
			"it has no message": {Key: "k", Users: []string{"a"}},
			"no column \"nam\" (did you mean \"name\"?)": {Key: "k", Files: file, Message: textMessage("${{ row.nam }}"), Rows: true},
			"not all targets come from one":              {Key: "k", Users: []string{"a"}, Message: textMessage("${{ row.name }}"), Rows: true},
			"user is not known here":                     {Key: "k", Files: file, Message: textMessage("${{ user.name }}"), Rows: true},
			"quiet.tz":                                   {Key: "k", Users: []string{"a"}, Message: textMessage("x"), Quiet: actions.Quiet{From: "22:00", To: "08:00", TZ: "Mars"}},
			"the same time":                              {Key: "k", Users: []string{"a"}, Message: textMessage("x"), Quiet: actions.Quiet{From: "22:00", To: "22:00"}},
			"is no rate":                                 {Key: "k", Users: []string{"a"}, Message: textMessage("x"), Pace: "fast"},
			"bot.ops_group and bot.admins":               {Key: "k", Users: []string{"a"}, Message: textMessage("x"), Approve: true},
			"no such file":                               {Key: "k", Files: []bot.AnnounceTargets{{Path: list + ".none"}}, Message: textMessage("x")},
			"bytes, at most":                             {Key: "k", Users: []string{"a"}, Message: textMessage(strings.Repeat("x", 20_000))},
		} {
			if _, err := b.Announce(t.Context(), o); !errors.Is(err, bot.ErrAnnouncement) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
		if all, err := b.Inspector().Announcements(t.Context(), "", 10); err != nil || len(all) != 0 {
			t.Errorf("%d announcements, %v; want none", len(all), err)
		}
	})
}

// TestNobodyWaitsForAnOrderThatWasCutShort: a crash came between an order and its targets, and another run orders under the
// same key before the first one goes on; it also names a file, which is not read in its place.
func TestNobodyWaitsForAnOrderThatWasCutShort(t *testing.T) {
	refused := 0
	defer func() {
		if refused == 0 {
			t.Error("no crash cut an order short")
		}
	}()
	for n := int64(0); n < 20; n++ { // 0: between the order and its first targets, however many writes came before
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			users := h.crowd(3)
			dir := filepath.Dir(h.listed("l.csv", "user\nu002\n"))
			set := h.set(`
  - {id: r, on: message.c2c, do: [{announce: {key: k, to: {users: [u000, u001], file: l.csv}, text: hi}}, {probe.repeat: "${{ user.id }}"}]}
`)
			c := &unwritten{Journal: h.journal, targets: n == 0}
			c.left.Store(cmp.Or(n, math.MaxInt64))
			b := h.start(set, bot.WithJournal(c), bot.WithGrace(0), bot.WithDir(dir, dir))
			h.say("alice", sdkconn.C2C(botUser), "go")
			time.Sleep(time.Minute)
			b.stop()
			before, err := bot.New(h.self, set, bot.WithJournal(h.journal)) // which does not run: alice's order stays as it is
			if err != nil {
				t.Fatal(err)
			}
			if known, _ := before.Inspector().Announcements(t.Context(), "", 1); len(known) == 1 && known[0].Loading && known[0].Total == 0 {
				_, err := before.Announce(t.Context(), bot.AnnounceOrder{Key: "k", Users: []string{"u000"}, Message: textMessage("hi")})
				if !errors.Is(err, bot.ErrAnnouncement) || !strings.Contains(err.Error(), "try again in a moment") {
					t.Errorf("crash %d: an order behind one that was cut short: %v", n, err)
				}
				refused++
			}
			h.say("bob", sdkconn.C2C(botUser), "go")
			b = h.start(set, bot.WithDir(dir, dir))
			b.settle(10 * time.Minute)
			h.wantEach(users, "hi")
			if calls := slices.Compact(slices.Sorted(slices.Values(h.probe.seen()))); !slices.Equal(calls, []string{"alice", "bob"}) {
				t.Errorf("crash %d: %q have gone on, want both\n%s", n, calls, h.log)
			}
			b.wantStands("k", "done: 3 targets, 0 queued, 0 held, 3 sent, 0 failed, 3 skipped, 0 revoked, 0 kept")
			h.wantNothingOpen()
		})
	}
}
