// Package journaltest is the conformance suite that every journal passes.
package journaltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// Epoch is the moment that the suite's times count from.
var Epoch = time.Date(2026, 10, 10, 8, 0, 0, 0, time.UTC)

// Run drives the journals that open makes, each fresh and empty, through everything that the interface promises.
func Run(t *testing.T, open func(t *testing.T) journal.Journal) {
	for name, test := range map[string]func(*testing.T, journal.Journal){
		"an event is stored once":                           appendOnce,
		"a done event stays known":                          doneStaysKnown,
		"pending events come in order, page by page":        pendingPages,
		"what goes in and out is copied":                    copies,
		"positions move forward only":                       positions,
		"runs keep their order and data":                    runs,
		"steps belong to their run and go with it":          steps,
		"timers move, stop and go with their run":           timers,
		"state is set and removed by scope":                 state,
		"a counter counts a window":                         counts,
		"a stale count is a conflict and changes nothing":   countConflict,
		"a rule set stays while a run names it":             ruleSets,
		"concurrent counts never share a number":            concurrentCounts,
		"concurrent appends store each event once":          concurrentAppends,
		"a cancelled call says so":                          cancelled,
		"a closed journal refuses":                          closed,
		"changes of nothing and of unknown things are fine": unknown,
		"a done event can still be read":                    doneReadable,
		"records come newest first":                         records,
		"an event has one trace":                            traces,
		"a rule set stays while a trace names it":           tracedRuleSets,
		"a rule set may be named before its text comes":     lateText,
		"a run may change all but its id":                   changedRun,
		"state comes in ranges":                             stateRange,
		"marks of the future do not count":                  futureMarks,
		"trim forgets done events by age":                   trimEvents,
		"trim forgets traces by age":                        trimTraces,
		"trim forgets what expired":                         trimExpired,
		"trim by size keeps what is open and the keys":      trimSize,
		"trim ends":                             trimEnds,
		"stats count":                           stats,
		"lazy changes are seen, in their order": lazy,
		"an event may have no data":             emptyData,
		"an announcement has each name once":    targetsOnce,
		"targets keep what became of them":      targetStates,
		"announcements come newest first":       announcements,
		"concurrent targets are added once":     concurrentTargets,
	} {
		t.Run(name, func(t *testing.T) {
			j := open(t)
			defer func() {
				if err := j.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			test(t, j)
		})
	}
}

// Reopen checks what must still be there after reopen closed a journal and opened it again; for journals that outlive
// their process.
func Reopen(t *testing.T, j journal.Journal, reopen func(journal.Journal) journal.Journal) {
	add(t, j, event(1), event(2))
	commit(t, j, &journal.Change{
		RuleSets:  []journal.RuleSet{{Hash: "h", Data: []byte("rules")}},
		Runs:      []journal.Run{{ID: "r", Event: event(1).Key, RuleSet: "h", Data: []byte("data")}},
		Steps:     []journal.Step{{Run: "r", Key: "do[0]", Data: []byte("begun")}},
		State:     []journal.StateWrite{{Scope: "user/alice", Key: "lang", Value: []byte(`"zh"`)}},
		Counts:    []journal.CountWrite{{Key: "k", At: Epoch, Since: Epoch.Add(-time.Hour), Expire: Epoch.Add(time.Hour)}},
		SetTimers: []journal.Timer{{ID: "t", Due: Epoch.Add(time.Minute), Run: "r"}},
	})
	commit(t, j, &journal.Change{
		RuleSets: []journal.RuleSet{{Hash: "old", Data: []byte("older rules")}},
		Traces:   []journal.Trace{{Event: event(2).Key, RuleSet: "old", Data: []byte("nothing")}},
		Done:     []string{event(2).Key}, Lazy: true,
	})
	j = reopen(j) // also what was lazy is there after it
	defer j.Close()
	found := must(j.Records(t.Context(), journal.Query{}))
	if len(found) != 2 || found[0].Key != event(2).Key || !found[0].Done || string(found[0].Trace.Data) != "nothing" ||
		found[0].Trace.RuleSet != "old" || found[1].Done || found[1].Trace.Event != "" {
		t.Errorf("records after a reopen: %+v", found)
	}
	if s := must(j.RuleSet(t.Context(), "old")); string(s.Data) != "older rules" {
		t.Errorf("the trace's rule set after a reopen: %q", s.Data)
	}
	if p, ok, err := j.Position(t.Context(), "group_g"); err != nil || !ok || p.Seq != 2 || !p.At.Equal(event(2).At) {
		t.Errorf("position after a reopen: %v, %v, %v", p, ok, err)
	}
	if got := must(j.Stats(t.Context())); got.Events != 2 || got.Pending != 1 || got.Runs != 1 || got.Timers != 1 {
		t.Errorf("stats after a reopen: %+v", got)
	}
	if fresh := add(t, j, event(1), event(2), event(3)); !slices.Equal(fresh, []bool{false, false, true}) {
		t.Errorf("after a reopen, fresh = %v", fresh)
	}
	if got := keys(pending(t, j, 0, 10)); !slices.Equal(got, []string{event(1).Key, event(3).Key}) {
		t.Errorf("pending after a reopen: %q", got)
	}
	wantRun(t, j, "r", "data")
	if s := must(j.Steps(t.Context(), "r")); string(s["do[0]"]) != "begun" {
		t.Errorf("steps after a reopen: %q", s)
	}
	if s := must(j.State(t.Context(), "user/alice")); string(s["lang"]) != `"zh"` {
		t.Errorf("state after a reopen: %q", s)
	}
	if n := must(j.Count(t.Context(), "k", Epoch.Add(-time.Hour), Epoch.Add(24*time.Hour))); n != 1 {
		t.Errorf("count after a reopen: %d", n)
	}
	if ts := must(j.Timers(t.Context())); len(ts) != 1 || ts[0].ID != "t" || !ts[0].Due.Equal(Epoch.Add(time.Minute)) {
		t.Errorf("timers after a reopen: %v", ts)
	}
	if s := must(j.RuleSet(t.Context(), "h")); string(s.Data) != "rules" {
		t.Errorf("rule set after a reopen: %q", s.Data)
	}
	if got := must(j.Runs(t.Context(), event(1).Key)); len(got) != 1 || got[0].ID != "r" {
		t.Errorf("the event's runs after a reopen: %v", got)
	}
	if got := pending(t, j, 2, 10); len(got) != 1 || got[0].N != 3 {
		t.Errorf("the first new event after a reopen: %v, want number 3", got)
	}
	commit(t, j, &journal.Change{EndRuns: []string{"r"}, Done: []string{event(1).Key, event(3).Key}})
	if ts := must(j.Timers(t.Context())); len(ts) != 0 {
		t.Errorf("timers of a run that ended after a reopen: %v", ts)
	}
	if _, err := j.RuleSet(t.Context(), "h"); !errors.Is(err, journal.ErrUnknownRuleSet) {
		t.Errorf("rule set of a run that ended after a reopen: %v", err)
	}
}

func event(n int) journal.Event {
	at := Epoch.Add(time.Duration(n) * time.Second)
	return journal.Event{
		Key: fmt.Sprintf("%010d.%d", at.Unix(), n), Conversation: "group_g", Seq: uint64(n), At: at,
		Data: fmt.Appendf(nil, "event %d", n),
	}
}

func add(t *testing.T, j journal.Journal, events ...journal.Event) []bool {
	t.Helper()
	fresh, err := j.Append(t.Context(), events)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return fresh
}

func commit(t *testing.T, j journal.Journal, c *journal.Change) {
	t.Helper()
	if err := j.Commit(t.Context(), c); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func pending(t *testing.T, j journal.Journal, after uint64, limit int) []journal.Stored {
	t.Helper()
	events, err := j.Pending(t.Context(), after, limit)
	if err != nil {
		t.Fatalf("Pending: %v", err)
	}
	return events
}

// must takes what a look-up returned; the suite's own contexts never end in mid-call.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func keys(events []journal.Stored) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Key)
	}
	return out
}

func wantRun(t *testing.T, j journal.Journal, id, data string) {
	t.Helper()
	r, ok, err := j.Run(t.Context(), id)
	if err != nil || !ok || string(r.Data) != data {
		t.Errorf("run %s: %q, %v, %v; want data %q", id, r.Data, ok, err, data)
	}
}

func appendOnce(t *testing.T, j journal.Journal) {
	if fresh := add(t, j, event(1), event(2), event(1)); !slices.Equal(fresh, []bool{true, true, false}) {
		t.Errorf("fresh = %v", fresh)
	}
	if fresh := add(t, j, event(2), event(3)); !slices.Equal(fresh, []bool{false, true}) {
		t.Errorf("fresh = %v", fresh)
	}
	got := pending(t, j, 0, 10)
	if want := []string{event(1).Key, event(2).Key, event(3).Key}; !slices.Equal(keys(got), want) {
		t.Errorf("pending %q, want %q", keys(got), want)
	}
	if len(got) == 3 && string(got[2].Data) != "event 3" {
		t.Errorf("data %q", got[2].Data)
	}
}

func doneStaysKnown(t *testing.T, j journal.Journal) {
	add(t, j, event(1), event(2))
	commit(t, j, &journal.Change{Done: []string{event(1).Key}, Lazy: true})
	if fresh := add(t, j, event(1)); fresh[0] {
		t.Error("a done event was stored again")
	}
	if got := keys(pending(t, j, 0, 10)); !slices.Equal(got, []string{event(2).Key}) {
		t.Errorf("pending %q", got)
	}
	commit(t, j, &journal.Change{Done: []string{event(1).Key}})
	if _, ok, err := j.Event(t.Context(), event(2).Key); !ok || err != nil {
		t.Errorf("Event of a pending one: %v, %v", ok, err)
	}
	if _, ok, err := j.Event(t.Context(), "nothing"); ok || err != nil {
		t.Errorf("Event of an unknown key: %v, %v", ok, err)
	}
}

func pendingPages(t *testing.T, j journal.Journal) {
	const n = 500
	for i := 1; i <= n; i++ {
		add(t, j, event(i))
	}
	for i := 1; i <= n; i += 2 {
		commit(t, j, &journal.Change{Done: []string{event(i).Key}, Lazy: true})
	}
	var got []string
	var after uint64
	for {
		page := pending(t, j, after, 7)
		if len(page) == 0 {
			break
		}
		if len(page) > 7 {
			t.Fatalf("a page of %d", len(page))
		}
		got = append(got, keys(page)...)
		after = page[len(page)-1].N
	}
	var want []string
	for i := 2; i <= n; i += 2 {
		want = append(want, event(i).Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("paged %d events, want %d in order", len(got), len(want))
	}
}

func copies(t *testing.T, j journal.Journal) {
	e := event(1)
	add(t, j, e)
	e.Data[0] = 'X'
	got, _, err := j.Event(t.Context(), e.Key)
	if err != nil || string(got.Data) != "event 1" {
		t.Errorf("event %q, %v: the caller's later change shows", got.Data, err)
	}
	got.Data[0] = 'Y'
	if again, _, _ := j.Event(t.Context(), e.Key); string(again.Data) != "event 1" {
		t.Errorf("event %q: a reader's change shows", again.Data)
	}
	data := []byte("run")
	commit(t, j, &journal.Change{Runs: []journal.Run{{ID: "r", Event: e.Key, Data: data}}})
	data[0] = 'X'
	wantRun(t, j, "r", "run")
}

func positions(t *testing.T, j journal.Journal) {
	if _, ok, err := j.Position(t.Context(), "group_g"); ok || err != nil {
		t.Errorf("position of an unknown conversation: %v, %v", ok, err)
	}
	add(t, j, event(5), event(3))
	other := event(9)
	other.Key, other.Conversation = other.Key+"x", "c2c_alice"
	none := event(10)
	none.Conversation = ""
	add(t, j, other, none)
	p, ok, err := j.Position(t.Context(), "group_g")
	if err != nil || !ok || p.Seq != 5 || !p.At.Equal(event(5).At) {
		t.Errorf("position %v, %v, %v; want seq 5", p, ok, err)
	}
	all := must(j.Positions(t.Context()))
	if len(all) != 2 || all[0].Conversation != "c2c_alice" || all[1].Conversation != "group_g" {
		t.Errorf("positions %v", all)
	}
}

func runs(t *testing.T, j journal.Journal) {
	e := event(1)
	add(t, j, e)
	commit(t, j, &journal.Change{Runs: []journal.Run{
		{ID: "b", Event: e.Key, Order: 2, Data: []byte("b1")},
		{ID: "a", Event: e.Key, Order: 1, RuleSet: "h", Data: []byte("a1")},
	}})
	commit(t, j, &journal.Change{Runs: []journal.Run{{ID: "b", Event: e.Key, Order: 2, Data: []byte("b2")}}})
	got := must(j.Runs(t.Context(), e.Key))
	if len(got) != 2 || got[0].ID != "a" || got[1].ID != "b" || string(got[1].Data) != "b2" || got[0].RuleSet != "h" {
		t.Errorf("runs %v", got)
	}
	commit(t, j, &journal.Change{EndRuns: []string{"a"}})
	if got := must(j.Runs(t.Context(), e.Key)); len(got) != 1 || got[0].ID != "b" {
		t.Errorf("runs after an end %v", got)
	}
	if _, ok, err := j.Run(t.Context(), "a"); ok || err != nil {
		t.Errorf("an ended run: %v, %v", ok, err)
	}
	if got := must(j.Runs(t.Context(), "nothing")); len(got) != 0 {
		t.Errorf("runs of an unknown event %v", got)
	}
}

func steps(t *testing.T, j journal.Journal) {
	e := event(1)
	add(t, j, e)
	commit(t, j, &journal.Change{
		Runs:  []journal.Run{{ID: "r", Event: e.Key}, {ID: "s", Event: e.Key}},
		Steps: []journal.Step{{Run: "r", Key: "do[0]", Data: []byte("begun")}, {Run: "s", Key: "do[0]", Data: []byte("other")}},
	})
	commit(t, j, &journal.Change{Steps: []journal.Step{{Run: "r", Key: "do[0]", Data: []byte("done")}, {Run: "r", Key: "do[1]", Data: []byte("begun")}}})
	want := map[string][]byte{"do[0]": []byte("done"), "do[1]": []byte("begun")}
	if got := must(j.Steps(t.Context(), "r")); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("steps %q, want %q", got, want)
	}
	commit(t, j, &journal.Change{EndRuns: []string{"r"}, Done: nil})
	if got := must(j.Steps(t.Context(), "r")); len(got) != 0 {
		t.Errorf("steps of an ended run %q", got)
	}
	if got := must(j.Steps(t.Context(), "s")); len(got) != 1 {
		t.Errorf("steps of the other run %q", got)
	}
}

func timers(t *testing.T, j journal.Journal) {
	e := event(1)
	add(t, j, e)
	commit(t, j, &journal.Change{
		Runs: []journal.Run{{ID: "r", Event: e.Key}, {ID: "s", Event: e.Key}},
		SetTimers: []journal.Timer{
			{ID: "late", Due: Epoch.Add(time.Hour), Run: "r"}, {ID: "b", Due: Epoch.Add(time.Minute), Run: "r"},
			{ID: "a", Due: Epoch.Add(time.Minute), Run: "s"}, {ID: "early", Due: Epoch, Run: "s"},
		},
	})
	ids := func() (out []string) {
		for _, x := range must(j.Timers(t.Context())) {
			out = append(out, x.ID)
		}
		return out
	}
	if got := ids(); !slices.Equal(got, []string{"early", "a", "b", "late"}) {
		t.Errorf("timers %q", got)
	}
	commit(t, j, &journal.Change{StopTimers: []string{"early", "b"}, SetTimers: []journal.Timer{{ID: "late", Due: Epoch.Add(time.Second), Run: "r"}}})
	if got := ids(); !slices.Equal(got, []string{"late", "a"}) {
		t.Errorf("timers %q", got)
	}
	commit(t, j, &journal.Change{EndRuns: []string{"r"}})
	if got := ids(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("timers after an end %q", got)
	}
	commit(t, j, &journal.Change{ // it moves to a run that is over at once
		Runs: []journal.Run{{ID: "short", Event: e.Key}}, SetTimers: []journal.Timer{{ID: "a", Due: Epoch, Run: "short"}},
		EndRuns: []string{"short"},
	})
	if got := ids(); len(got) != 0 {
		t.Errorf("timers of a run that is over %q", got)
	}
}

func state(t *testing.T, j journal.Journal) {
	commit(t, j, &journal.Change{State: []journal.StateWrite{
		{Scope: "user/alice", Key: "lang", Value: []byte("1")}, {Scope: "user/bob", Key: "lang", Value: []byte("2")},
		{Scope: "user/alice", Key: "n", Value: []byte("3")}, {Scope: "user/alice", Key: "lang", Value: []byte("4")},
	}})
	want := map[string][]byte{"lang": []byte("4"), "n": []byte("3")}
	if got := must(j.State(t.Context(), "user/alice")); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("state %q", got)
	}
	commit(t, j, &journal.Change{State: []journal.StateWrite{{Scope: "user/alice", Key: "n"}, {Scope: "user/bob", Key: "lang"}}})
	if got := must(j.State(t.Context(), "user/alice")); len(got) != 1 {
		t.Errorf("state after a removal %q", got)
	}
	if got := must(j.State(t.Context(), "user/bob")); len(got) != 0 {
		t.Errorf("state of an emptied scope %q", got)
	}
}

func mark(at time.Duration, before int, window time.Duration) journal.CountWrite {
	return journal.CountWrite{
		Key: "k", At: Epoch.Add(at), Before: before, Since: Epoch.Add(at - window), Expire: Epoch.Add(at + window),
	}
}

func counts(t *testing.T, j journal.Journal) {
	for i := range 5 {
		commit(t, j, &journal.Change{Counts: []journal.CountWrite{mark(time.Duration(i)*time.Minute, min(i, 3), 3*time.Minute+time.Second)}})
		if i == 3 {
			break // the window of the next one has lost the first
		}
	}
	if n := must(j.Count(t.Context(), "k", Epoch.Add(-time.Hour), Epoch.Add(24*time.Hour))); n != 4 {
		t.Errorf("all marks: %d, want 4", n)
	}
	if n := must(j.Count(t.Context(), "k", Epoch.Add(time.Minute), Epoch.Add(24*time.Hour))); n != 2 {
		t.Errorf("after minute 1: %d, want 2 (the edge is outside)", n)
	}
	if n := must(j.Count(t.Context(), "other", Epoch, Epoch.Add(24*time.Hour))); n != 0 {
		t.Errorf("another counter: %d", n)
	}
	commit(t, j, &journal.Change{Counts: []journal.CountWrite{mark(4*time.Minute, 3, 3*time.Minute+time.Second), mark(4*time.Minute, 4, 3*time.Minute+time.Second)}})
	if n := must(j.Count(t.Context(), "k", Epoch, Epoch.Add(24*time.Hour))); n != 5 {
		t.Errorf("two marks in one change: %d, want 5", n)
	}
}

func countConflict(t *testing.T, j journal.Journal) {
	commit(t, j, &journal.Change{Counts: []journal.CountWrite{mark(0, 0, time.Hour)}})
	err := j.Commit(t.Context(), &journal.Change{
		State:  []journal.StateWrite{{Scope: "s", Key: "k", Value: []byte("1")}},
		Counts: []journal.CountWrite{mark(time.Minute, 0, time.Hour)},
	})
	if !errors.Is(err, journal.ErrConflict) {
		t.Errorf("Commit = %v, want ErrConflict", err)
	}
	if got := must(j.State(t.Context(), "s")); len(got) != 0 {
		t.Errorf("half of a conflicting change was applied: %q", got)
	}
	if n := must(j.Count(t.Context(), "k", Epoch.Add(-time.Hour), Epoch.Add(24*time.Hour))); n != 1 {
		t.Errorf("count %d, want 1", n)
	}
}

func ruleSets(t *testing.T, j journal.Journal) {
	add(t, j, event(1))
	set := []journal.RuleSet{{Hash: "h", Data: []byte("text")}}
	commit(t, j, &journal.Change{RuleSets: set, Runs: []journal.Run{{ID: "a", Event: event(1).Key, RuleSet: "h"}}})
	commit(t, j, &journal.Change{RuleSets: set, Runs: []journal.Run{{ID: "b", Event: event(1).Key, RuleSet: "h"}}})
	commit(t, j, &journal.Change{Runs: []journal.Run{{ID: "b", Event: event(1).Key, RuleSet: "h", Data: []byte("on")}}})
	commit(t, j, &journal.Change{EndRuns: []string{"a"}})
	if s := must(j.RuleSet(t.Context(), "h")); string(s.Data) != "text" || s.Hash != "h" {
		t.Errorf("rule set %v", s)
	}
	commit(t, j, &journal.Change{EndRuns: []string{"b"}})
	if _, err := j.RuleSet(t.Context(), "h"); !errors.Is(err, journal.ErrUnknownRuleSet) {
		t.Errorf("RuleSet after the last run = %v, want ErrUnknownRuleSet", err)
	}
}

func concurrentCounts(t *testing.T, j journal.Journal) {
	const writers, each = 8, 20
	seen := make(chan int, writers*each)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				for {
					n, err := j.Count(t.Context(), "k", Epoch.Add(-time.Hour), Epoch.Add(24*time.Hour))
					if err != nil {
						t.Errorf("Count: %v", err)
						return
					}
					err = j.Commit(t.Context(), &journal.Change{Counts: []journal.CountWrite{mark(0, n, time.Hour)}})
					if err == nil {
						seen <- n
						break
					}
					if !errors.Is(err, journal.ErrConflict) {
						t.Errorf("Commit: %v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	close(seen)
	got := make(map[int]bool)
	for n := range seen {
		if got[n] {
			t.Errorf("two writers were number %d", n)
		}
		got[n] = true
	}
	if len(got) != writers*each {
		t.Errorf("%d marks, want %d", len(got), writers*each)
	}
}

func concurrentAppends(t *testing.T, j journal.Journal) {
	var mu sync.Mutex
	won := make(map[int]int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				fresh, err := j.Append(t.Context(), []journal.Event{event(i)})
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				if fresh[0] {
					mu.Lock()
					won[i]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i := range 50 {
		if won[i] != 1 {
			t.Errorf("event %d was new %d times", i, won[i])
		}
	}
	if got := pending(t, j, 0, 1000); len(got) != 50 {
		t.Errorf("%d pending, want 50", len(got))
	}
}

func cancelled(t *testing.T, j journal.Journal) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ctx, []journal.Event{event(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v, want context.Canceled", err)
	}
	if err := j.Commit(ctx, &journal.Change{Done: []string{"x"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit = %v, want context.Canceled", err)
	}
}

func closed(t *testing.T, j journal.Journal) {
	add(t, j, event(1))
	for range 2 {
		if err := j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := j.Append(t.Context(), []journal.Event{event(2)}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Append = %v, want ErrClosed", err)
	}
	if err := j.Commit(t.Context(), &journal.Change{}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Commit = %v, want ErrClosed", err)
	}
	if _, err := j.Pending(t.Context(), 0, 1); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Pending = %v, want ErrClosed", err)
	}
	if _, err := j.Timers(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Timers = %v, want ErrClosed", err)
	}
	if _, err := j.Records(t.Context(), journal.Query{}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Records = %v, want ErrClosed", err)
	}
	if _, err := j.Positions(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Positions = %v, want ErrClosed", err)
	}
	if _, err := j.Trim(t.Context(), journal.Retention{}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Trim = %v, want ErrClosed", err)
	}
	if _, err := j.Stats(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Stats = %v, want ErrClosed", err)
	}
}

func unknown(t *testing.T, j journal.Journal) {
	commit(t, j, &journal.Change{})
	commit(t, j, &journal.Change{
		Steps: []journal.Step{{Run: "nobody", Key: "do[0]"}}, StopTimers: []string{"nothing"},
		SetTimers: []journal.Timer{{ID: "t", Due: Epoch, Run: "nobody"}}, EndRuns: []string{"nobody"}, Done: []string{"never"},
	})
	if ts := must(j.Timers(t.Context())); len(ts) != 0 {
		t.Errorf("a timer of no run was set: %v", ts)
	}
	if s := must(j.Steps(t.Context(), "nobody")); len(s) != 0 {
		t.Errorf("a step of no run was recorded: %v", s)
	}
	if fresh := add(t, j); len(fresh) != 0 {
		t.Errorf("an append of nothing: %v", fresh)
	}
}
