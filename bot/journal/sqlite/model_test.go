package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/journal/journaltest"
)

// TestModel does the same with a file and with a journal in memory, opening the file again now and then: both must always
// say the same.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		path := filepath.Join(dir, "journal.db")
		file, err := Open(t.Context(), path, Config{})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { file.Close() }()
		hurry := func() { // the disk is others' test
			if err := file.w.conn.Exec(`PRAGMA synchronous = OFF`); err != nil {
				rt.Fatal(err)
			}
		}
		hurry()
		model := journal.NewMemory(0)
		ctx := t.Context()
		now := 0 // seconds since the epoch; events come nearly in order
		at := func(s int) time.Time { return journaltest.Epoch.Add(time.Duration(s) * time.Second) }
		var keys []string
		key := func() string {
			if len(keys) == 0 {
				return "nothing"
			}
			return rapid.SampledFrom(keys).Draw(rt, "key")
		}
		same := func(what string, got, want any, err, werr error) {
			rt.Helper()
			if err != nil || werr != nil {
				rt.Fatalf("%s: %v; in memory %v", what, err, werr)
			}
			if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w && !reflect.DeepEqual(got, want) {
				rt.Fatalf("%s:\n     %s\nwant %s", what, g, w)
			}
		}
		data := func(what string) []byte { return fmt.Append(nil, what, rapid.IntRange(0, 99).Draw(rt, "data")) }
		runID := rapid.SampledFrom([]string{"r1", "r2", "r3", "r4"})
		hash := rapid.SampledFrom([]string{"", "a", "b", "c"})
		change := func() *journal.Change {
			c := &journal.Change{Lazy: rapid.Bool().Draw(rt, "lazy")}
			some := func(what string) int { return max(0, rapid.IntRange(-2, 2).Draw(rt, what)) }
			text := func(h string) string {
				if h != "" {
					c.RuleSets = append(c.RuleSets, journal.RuleSet{Hash: h, Data: []byte("text of " + h)})
				}
				return h
			}
			if len(keys) > 0 {
				for range some("runs") {
					c.Runs = append(c.Runs, journal.Run{
						ID: runID.Draw(rt, "run"), Event: keys[len(keys)-1-rapid.IntRange(0, min(2, len(keys)-1)).Draw(rt, "of")],
						Order: rapid.IntRange(0, 2).Draw(rt, "order"), RuleSet: text(hash.Draw(rt, "set")), Data: data("run"),
					})
				}
			}
			for range some("steps") {
				c.Steps = append(c.Steps, journal.Step{Run: runID.Draw(rt, "run"), Key: rapid.SampledFrom([]string{"x", "y", ""}).Draw(rt, "step"), Data: data("step")})
			}
			for range some("state") {
				w := journal.StateWrite{Scope: rapid.SampledFrom([]string{"s", "t"}).Draw(rt, "scope"), Key: fmt.Sprint(rapid.IntRange(0, 5).Draw(rt, "key"))}
				if rapid.Bool().Draw(rt, "set") {
					w.Value = data("value")
				}
				if rapid.Bool().Draw(rt, "expires") {
					w.Expire = at(now + rapid.IntRange(-5, 20).Draw(rt, "expire"))
				}
				c.State = append(c.State, w)
			}
			for range some("counts") {
				w := journal.CountWrite{Key: rapid.SampledFrom([]string{"k", "l"}).Draw(rt, "counter"), At: at(now), Since: at(now - 20), Expire: at(now + 20)}
				w.Before, _ = model.Count(ctx, w.Key, w.Since, w.At)
				w.Before += rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(rt, "wrong")
				c.Counts = append(c.Counts, w)
			}
			for range some("stops") {
				c.StopTimers = append(c.StopTimers, rapid.SampledFrom([]string{"t1", "t2", "r1"}).Draw(rt, "timer"))
			}
			for range some("timers") {
				c.SetTimers = append(c.SetTimers, journal.Timer{
					ID: rapid.SampledFrom([]string{"t1", "t2", "r1"}).Draw(rt, "timer"), Run: runID.Draw(rt, "run"), Due: at(rapid.IntRange(0, 50).Draw(rt, "due")),
				})
			}
			for range some("traces") {
				c.Traces = append(c.Traces, journal.Trace{Event: key(), RuleSet: text(hash.Draw(rt, "set")), Data: data("trace")})
			}
			for range some("ends") {
				c.EndRuns = append(c.EndRuns, runID.Draw(rt, "run"))
			}
			for range some("done") {
				c.Done = append(c.Done, key())
			}
			return c
		}
		look := func() {
			stored, err := file.Pending(ctx, 0, 1000)
			wanted, werr := model.Pending(ctx, 0, 1000)
			same("pending", stored, wanted, err, werr)
			q := journal.Query{Limit: rapid.IntRange(0, 20).Draw(rt, "limit"), Before: uint64(max(0, rapid.IntRange(-20, 40).Draw(rt, "before")))}
			if rapid.Bool().Draw(rt, "by conversation") {
				q.Conversation = "c1"
			}
			if rapid.Bool().Draw(rt, "by key") {
				q.KeyFrom, q.KeyTo = key(), key()
			}
			recs, err := file.Records(ctx, q)
			wrecs, werr := model.Records(ctx, q)
			same("records", recs, wrecs, err, werr)
			for _, r := range recs {
				if r.Trace.RuleSet == "" {
					continue
				}
				if s, err := file.RuleSet(ctx, r.Trace.RuleSet); err != nil || string(s.Data) != "text of "+r.Trace.RuleSet {
					rt.Fatalf("the rule set of a trace: %q, %v", s.Data, err)
				}
			}
			for _, id := range []string{"r1", "r2", "r3", "r4"} {
				run, ok, err := file.Run(ctx, id)
				wrun, wok, werr := model.Run(ctx, id)
				same("run "+id, fmt.Sprint(run, ok), fmt.Sprint(wrun, wok), err, werr)
				steps, err := file.Steps(ctx, id)
				wsteps, werr := model.Steps(ctx, id)
				same("steps of "+id, steps, wsteps, err, werr)
				runs, err := file.Runs(ctx, run.Event)
				wruns, werr := model.Runs(ctx, run.Event)
				if _, known, _ := model.Event(ctx, run.Event); known {
					same("runs of "+run.Event, runs, wruns, err, werr)
				}
			}
			for _, h := range []string{"a", "b", "c"} {
				_, err := file.RuleSet(ctx, h)
				_, werr := model.RuleSet(ctx, h)
				if (err == nil) != (werr == nil) {
					rt.Fatalf("rule set %s: %v; in memory %v", h, err, werr)
				}
			}
			timers, err := file.Timers(ctx)
			wtimers, werr := model.Timers(ctx)
			same("timers", timers, wtimers, err, werr)
			for _, scope := range []string{"s", "t"} {
				state, err := file.StateRange(ctx, scope, "", 100)
				wstate, werr := model.StateRange(ctx, scope, "", 100)
				same("state", state, wstate, err, werr)
			}
			for _, k := range []string{"k", "l"} {
				n, err := file.Count(ctx, k, at(now-20), at(now))
				wn, werr := model.Count(ctx, k, at(now-20), at(now))
				same("count", n, wn, err, werr)
			}
			positions, err := file.Positions(ctx)
			wpositions, werr := model.Positions(ctx)
			same("positions", positions, wpositions, err, werr)
			s, err := file.Stats(ctx)
			ws, werr := model.Stats(ctx)
			s.Bytes = ws.Bytes
			same("stats", s, ws, err, werr)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(*rapid.T) {
				var events []journal.Event
				for range rapid.IntRange(1, 4).Draw(rt, "events") {
					now += rapid.IntRange(0, 3).Draw(rt, "later")
					e := journal.Event{
						Key: fmt.Sprintf("%05d.%d", now, rapid.IntRange(0, 3).Draw(rt, "nth")), At: at(now), Data: data("event"),
						Conversation: rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(rt, "conversation"), Seq: uint64(rapid.IntRange(0, 9).Draw(rt, "seq")),
					}
					keys = append(keys, e.Key)
					events = append(events, e)
				}
				fresh, err := file.Append(ctx, events)
				want, werr := model.Append(ctx, events)
				same("fresh", fresh, want, err, werr)
			},
			"commit": func(*rapid.T) {
				c := change()
				werr := model.Commit(ctx, c)
				if err := file.Commit(ctx, c); !errors.Is(err, werr) {
					rt.Fatalf("commit: %v; in memory %v", err, werr)
				}
			},
			"trim": func(*rapid.T) {
				r := journal.Retention{Now: at(now - rapid.IntRange(0, 30).Draw(rt, "now"))}
				if rapid.Bool().Draw(rt, "traces") {
					r.Traces = at(now - rapid.IntRange(0, 30).Draw(rt, "traces"))
				}
				if rapid.Bool().Draw(rt, "events") {
					r.Events = at(now - rapid.IntRange(0, 30).Draw(rt, "events"))
				}
				done, err := file.Trim(ctx, r)
				want, werr := model.Trim(ctx, r)
				done.Marks, want.Marks = 0, 0 // some went before
				same("trimmed", done, want, err, werr)
			},
			"reopen": func(*rapid.T) {
				if problems, err := file.Check(ctx); err != nil || len(problems) > 0 {
					rt.Fatalf("check: %q, %v", problems, err)
				}
				if err := file.Close(); err != nil {
					rt.Fatal(err)
				}
				if file, err = Open(ctx, path, Config{}); err != nil {
					rt.Fatal(err)
				}
				hurry()
			},
			"": func(*rapid.T) { look() },
		})
	})
}
