package journaltest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

func trace(n int, set, data string) journal.Trace {
	return journal.Trace{Event: event(n).Key, RuleSet: set, Data: []byte(data)}
}

// record returns the record of an event; ok is false when there is none.
func record(t *testing.T, j journal.Journal, n int) (r journal.Record, ok bool) {
	t.Helper()
	key := event(n).Key
	found := must(j.Records(t.Context(), journal.Query{KeyFrom: key, KeyTo: key + "\x00"}))
	if len(found) > 1 {
		t.Errorf("%d records of one key", len(found))
	}
	if len(found) == 0 {
		return r, false
	}
	return found[0], true
}

// trimAll trims until nothing is left to do, and adds up what went.
func trimAll(t *testing.T, j journal.Journal, r journal.Retention) (all journal.Trimmed) {
	t.Helper()
	for range 10_000 {
		done, err := j.Trim(t.Context(), r)
		if err != nil {
			t.Fatalf("Trim: %v", err)
		}
		all.Events += done.Events
		all.Traces += done.Traces
		all.State += done.State
		all.Marks += done.Marks
		if !done.More {
			return all
		}
	}
	t.Fatal("Trim never ends")
	return all
}

func doneReadable(t *testing.T, j journal.Journal) {
	add(t, j, event(1))
	commit(t, j, &journal.Change{Done: []string{event(1).Key}})
	e, ok, err := j.Event(t.Context(), event(1).Key)
	if err != nil || !ok || string(e.Data) != "event 1" || !e.At.Equal(event(1).At) || e.Conversation != "group_g" || e.Seq != 1 {
		t.Errorf("a done event: %+v, %v, %v", e, ok, err)
	}
	commit(t, j, &journal.Change{Done: []string{event(1).Key}})
	if got := must(j.Stats(t.Context())); got.Pending != 0 || got.Events != 1 {
		t.Errorf("an event done twice: %+v", got)
	}
}

func records(t *testing.T, j journal.Journal) {
	const n = 250
	for i := 1; i <= n; i++ {
		e := event(i)
		if i%10 == 0 {
			e.Conversation = "c2c_alice"
		}
		add(t, j, e)
		if i%2 == 0 {
			commit(t, j, &journal.Change{Traces: []journal.Trace{trace(i, "", fmt.Sprint("trace ", i))}, Done: []string{e.Key}, Lazy: i%4 == 0})
		}
	}
	ask := func(q journal.Query) (got []int) {
		t.Helper()
		found, err := j.Records(t.Context(), q)
		if err != nil {
			t.Fatalf("Records: %v", err)
		}
		for _, r := range found {
			i := int(r.Seq)
			got = append(got, i)
			if r.Key != event(i).Key || r.N != uint64(i) || string(r.Data) != string(event(i).Data) || !r.At.Equal(event(i).At) {
				t.Errorf("record %d: %+v", i, r.Stored)
			}
			want := journal.Trace{}
			if i%2 == 0 {
				want = trace(i, "", fmt.Sprint("trace ", i))
			}
			if r.Done != (i%2 == 0) || r.Trace.Event != want.Event || string(r.Trace.Data) != string(want.Data) {
				t.Errorf("record %d: done %v, trace %+v", i, r.Done, r.Trace)
			}
		}
		return got
	}
	span := func(from, to, step int) (want []int) {
		for i := from; i >= to; i -= step {
			want = append(want, i)
		}
		return want
	}
	for _, c := range []struct {
		q    journal.Query
		want []int
	}{
		{journal.Query{}, span(n, n-99, 1)},
		{journal.Query{Limit: 7}, span(n, n-6, 1)},
		{journal.Query{Before: 100, Limit: 1000}, span(99, 1, 1)},
		{journal.Query{Before: 1}, nil},
		{journal.Query{Conversation: "c2c_alice"}, span(n, 10, 10)},
		{journal.Query{Conversation: "c2c_alice", Before: 100, Limit: 3}, span(90, 70, 10)},
		{journal.Query{Conversation: "nobody"}, nil},
		{journal.Query{KeyFrom: event(20).Key, KeyTo: event(30).Key}, span(29, 20, 1)},
		{journal.Query{KeyFrom: event(20).Key, KeyTo: event(30).Key, Conversation: "c2c_alice"}, span(20, 20, 1)},
		{journal.Query{KeyFrom: event(240).Key}, span(n, 240, 1)},
		{journal.Query{KeyTo: event(5).Key, Before: 4}, span(3, 1, 1)},
	} {
		if got := ask(c.q); !slices.Equal(got, c.want) {
			t.Errorf("%+v: records %v, want %v", c.q, got, c.want)
		}
	}
}

func traces(t *testing.T, j journal.Journal) {
	want := func(n int, done bool, data string) {
		t.Helper()
		r, ok := record(t, j, n)
		if !ok || r.Done != done || string(r.Trace.Data) != data || (r.Trace.Event != "") != (data != "") {
			t.Errorf("event %d: %v, done %v, trace %+v; want done %v, trace %q", n, ok, r.Done, r.Trace, done, data)
		}
	}
	add(t, j, event(1), event(2), event(3), event(4))
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(1, "", "waits")}})
	want(1, false, "waits")
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(1, "", "waits again")}})
	want(1, false, "waits again")
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(1, "", "ended")}, Done: []string{event(1).Key}})
	want(1, true, "ended")
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(2, "", "first"), trace(2, "", "second")}, Done: []string{event(2).Key}})
	want(2, true, "second")
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(2, "", "told later")}})
	want(2, true, "told later")
	commit(t, j, &journal.Change{Done: []string{event(3).Key}})
	want(3, true, "")
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(3, "", "told later")}})
	want(3, true, "told later")
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(99, "", "of nothing")}})
	want(4, false, "")
}

func tracedRuleSets(t *testing.T, j journal.Journal) {
	set := func(hash string) []journal.RuleSet {
		return []journal.RuleSet{{Hash: hash, Data: []byte("text of " + hash)}}
	}
	want := func(hash string, there bool) {
		t.Helper()
		s, err := j.RuleSet(t.Context(), hash)
		if there && (err != nil || string(s.Data) != "text of "+hash) || !there && !errors.Is(err, journal.ErrUnknownRuleSet) {
			t.Errorf("rule set %s: %q, %v; want it %v", hash, s.Data, err, there)
		}
	}
	add(t, j, event(1), event(2), event(3))
	commit(t, j, &journal.Change{RuleSets: set("a"), Runs: []journal.Run{{ID: "r", Event: event(1).Key, RuleSet: "a"}}})
	commit(t, j, &journal.Change{RuleSets: set("a"), Traces: []journal.Trace{trace(1, "a", "t")}, EndRuns: []string{"r"}, Done: []string{event(1).Key}})
	want("a", true) // the trace is left
	commit(t, j, &journal.Change{RuleSets: set("b"), Traces: []journal.Trace{trace(2, "b", "t")}})
	want("b", true)
	commit(t, j, &journal.Change{RuleSets: set("c"), Traces: []journal.Trace{trace(2, "c", "t")}})
	want("b", false)
	want("c", true)
	commit(t, j, &journal.Change{RuleSets: set("c"), Traces: []journal.Trace{trace(1, "c", "told later")}})
	want("a", false)
	commit(t, j, &journal.Change{
		RuleSets: set("d"), Runs: []journal.Run{{ID: "short", Event: event(3).Key, RuleSet: "d"}}, EndRuns: []string{"short"},
	})
	want("d", false) // named for a moment only
	trimAll(t, j, journal.Retention{Traces: event(2).At})
	want("c", true) // of event 2, which is not done
	commit(t, j, &journal.Change{Done: []string{event(2).Key}})
	trimAll(t, j, journal.Retention{Traces: event(3).At})
	want("c", false)
}

func lateText(t *testing.T, j journal.Journal) {
	add(t, j, event(1))
	commit(t, j, &journal.Change{Runs: []journal.Run{{ID: "r", Event: event(1).Key, RuleSet: "h"}}})
	if _, err := j.RuleSet(t.Context(), "h"); !errors.Is(err, journal.ErrUnknownRuleSet) {
		t.Errorf("a rule set without a text: %v", err)
	}
	if r, ok, err := j.Run(t.Context(), "r"); err != nil || !ok || r.RuleSet != "h" {
		t.Errorf("its run: %+v, %v, %v", r, ok, err)
	}
	commit(t, j, &journal.Change{RuleSets: []journal.RuleSet{{Hash: "h", Data: []byte("text")}}})
	if s := must(j.RuleSet(t.Context(), "h")); string(s.Data) != "text" {
		t.Errorf("its text, which came late: %q", s.Data)
	}
	commit(t, j, &journal.Change{EndRuns: []string{"r"}})
	if _, err := j.RuleSet(t.Context(), "h"); !errors.Is(err, journal.ErrUnknownRuleSet) {
		t.Errorf("after its only run: %v", err)
	}
}

func changedRun(t *testing.T, j journal.Journal) {
	add(t, j, event(1), event(2))
	set := func(hash string) []journal.RuleSet { return []journal.RuleSet{{Hash: hash, Data: []byte(hash)}} }
	commit(t, j, &journal.Change{
		RuleSets: set("a"), Runs: []journal.Run{{ID: "r", Event: event(1).Key, RuleSet: "a"}},
		Steps: []journal.Step{{Run: "r", Key: "do[0]", Data: []byte("x")}},
	})
	commit(t, j, &journal.Change{RuleSets: set("b"), Runs: []journal.Run{{ID: "r", Event: event(2).Key, Order: 3, RuleSet: "b", Data: []byte("d")}}})
	r, ok, err := j.Run(t.Context(), "r")
	if err != nil || !ok || r.Event != event(2).Key || r.Order != 3 || r.RuleSet != "b" || string(r.Data) != "d" {
		t.Errorf("run %+v, %v, %v", r, ok, err)
	}
	if got := must(j.Runs(t.Context(), event(1).Key)); len(got) != 0 {
		t.Errorf("runs of its former event: %v", got)
	}
	if got := must(j.Runs(t.Context(), event(2).Key)); len(got) != 1 {
		t.Errorf("runs of its event: %v", got)
	}
	if got := must(j.Steps(t.Context(), "r")); string(got["do[0]"]) != "x" {
		t.Errorf("its steps: %q", got)
	}
	if _, err := j.RuleSet(t.Context(), "a"); !errors.Is(err, journal.ErrUnknownRuleSet) {
		t.Errorf("its former rule set: %v", err)
	}
}

func stateRange(t *testing.T, j journal.Journal) {
	late := Epoch.Add(time.Hour)
	c := &journal.Change{State: []journal.StateWrite{{Scope: "t", Key: "k", Value: []byte("x")}}}
	for i := range 25 {
		w := journal.StateWrite{Scope: "s", Key: fmt.Sprintf("%02d", 24-i), Value: []byte{byte(i)}}
		if i == 4 {
			w.Expire = late
		}
		c.State = append(c.State, w)
	}
	c.State = append(c.State, journal.StateWrite{Scope: "s", Key: "24", Value: []byte{}}) // empty, not removed
	commit(t, j, c)
	var got []string
	for after := ""; ; {
		page := must(j.StateRange(t.Context(), "s", after, 10))
		if len(page) == 0 {
			break
		}
		if len(page) > 10 {
			t.Fatalf("a page of %d", len(page))
		}
		for _, e := range page {
			got = append(got, e.Key)
			if (e.Key == "20") != e.Expire.Equal(late) || e.Key != "20" && !e.Expire.IsZero() {
				t.Errorf("%s expires %v", e.Key, e.Expire)
			}
			if e.Key == "07" && string(e.Value) != "\x11" || e.Key == "24" && len(e.Value) != 0 {
				t.Errorf("%s is %q", e.Key, e.Value)
			}
		}
		after = page[len(page)-1].Key
	}
	if len(got) != 25 || !slices.IsSorted(got) {
		t.Errorf("keys %q", got)
	}
	if got := must(j.StateRange(t.Context(), "nothing", "", 10)); len(got) != 0 {
		t.Errorf("an unknown scope: %v", got)
	}
}

func futureMarks(t *testing.T, j journal.Journal) {
	commit(t, j, &journal.Change{Counts: []journal.CountWrite{mark(10*time.Minute, 0, time.Hour)}})
	if n := must(j.Count(t.Context(), "k", Epoch.Add(-time.Hour), Epoch)); n != 0 {
		t.Errorf("%d marks up to now, want none: it is in the future", n)
	}
	// The clock was put back: the mark of the future is not counted, and does not conflict.
	commit(t, j, &journal.Change{Counts: []journal.CountWrite{mark(0, 0, time.Hour)}})
	if n := must(j.Count(t.Context(), "k", Epoch.Add(-time.Hour), Epoch)); n != 1 {
		t.Errorf("%d marks up to now, want 1 (the edge is inside)", n)
	}
	if n := must(j.Count(t.Context(), "k", Epoch.Add(-time.Hour), Epoch.Add(10*time.Minute))); n != 2 {
		t.Errorf("%d marks later, want 2", n)
	}
}

func trimEvents(t *testing.T, j journal.Journal) {
	for i := 1; i <= 40; i++ {
		add(t, j, event(i))
		if i%4 != 0 {
			commit(t, j, &journal.Change{Traces: []journal.Trace{trace(i, "", "t")}, Done: []string{event(i).Key}})
		}
	}
	old := event(7) // came late
	old.Key += ".late"
	add(t, j, old)
	commit(t, j, &journal.Change{Done: []string{old.Key}})
	if done := trimAll(t, j, journal.Retention{}); done != (journal.Trimmed{}) {
		t.Errorf("an empty retention forgot %+v", done)
	}
	done := trimAll(t, j, journal.Retention{Events: event(21).At})
	if done.Events != 16 || done.Traces != 15 {
		t.Errorf("trimmed %+v, want 16 events with 15 traces", done)
	}
	var want []uint64
	for i := uint64(40); i > 0; i-- {
		if i > 20 || i%4 == 0 {
			want = append(want, i)
		}
	}
	var got []uint64
	for _, r := range must(j.Records(t.Context(), journal.Query{})) {
		got = append(got, r.N)
		if r.Done != (r.N%4 != 0) || (r.Trace.Event != "") != r.Done {
			t.Errorf("event %d: done %v, trace %+v", r.N, r.Done, r.Trace)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
	if s := must(j.Stats(t.Context())); s.Events != 25 || s.Pending != 10 {
		t.Errorf("stats %+v, want 25 events, 10 pending", s)
	}
	if got := pending(t, j, 0, 100); len(got) != 10 || got[0].N != 4 {
		t.Errorf("%d pending, want 10 from number 4", len(got))
	}
	// A key that was forgotten is new again; numbers are not given twice.
	if fresh := add(t, j, event(1), event(4), event(22), event(41)); !slices.Equal(fresh, []bool{true, false, false, true}) {
		t.Errorf("fresh %v", fresh)
	}
	if got := must(j.Records(t.Context(), journal.Query{Limit: 2})); len(got) != 2 || got[0].N != 43 || got[1].N != 42 || got[1].Key != event(1).Key {
		t.Errorf("the newest records: %+v", got)
	}
}

func trimTraces(t *testing.T, j journal.Journal) {
	for i := 1; i <= 30; i++ {
		add(t, j, event(i))
		c := &journal.Change{Traces: []journal.Trace{trace(i, "", "t")}, Done: []string{event(i).Key}}
		if i == 5 {
			c.Done = nil
		}
		commit(t, j, c)
		if i == 6 {
			commit(t, j, &journal.Change{Traces: []journal.Trace{trace(6, "", "another")}})
		}
	}
	if done := trimAll(t, j, journal.Retention{Traces: event(11).At}); done.Traces != 9 || done.Events != 0 {
		t.Errorf("trimmed %+v, want 9 traces", done)
	}
	for i := 1; i <= 30; i++ {
		r, ok := record(t, j, i)
		if !ok || r.Done != (i != 5) || (r.Trace.Event != "") != (i == 5 || i > 10) {
			t.Errorf("event %d: %v, done %v, trace %+v", i, ok, r.Done, r.Trace)
		}
	}
}

func trimExpired(t *testing.T, j journal.Journal) {
	early, late := Epoch.Add(time.Minute), Epoch.Add(time.Hour)
	commit(t, j, &journal.Change{
		State: []journal.StateWrite{
			{Scope: "s", Key: "stays", Value: []byte("1")}, {Scope: "s", Key: "goes", Value: []byte("2"), Expire: early},
			{Scope: "s", Key: "later", Value: []byte("3"), Expire: late}, {Scope: "s", Key: "renewed", Value: []byte("4"), Expire: early},
		},
		Counts: []journal.CountWrite{mark(0, 0, time.Second), mark(0, 1, 2*time.Hour)},
	})
	commit(t, j, &journal.Change{State: []journal.StateWrite{{Scope: "s", Key: "renewed", Value: []byte("5")}}})
	if done := trimAll(t, j, journal.Retention{Now: early}); done.State != 0 || done.Marks != 1 {
		t.Errorf("at the moment itself: %+v, want the mark of one second only", done)
	}
	if done := trimAll(t, j, journal.Retention{Now: early.Add(1)}); done.State != 1 || done.Marks != 0 {
		t.Errorf("after it: %+v", done)
	}
	if got := slices.Sorted(maps.Keys(must(j.State(t.Context(), "s")))); !slices.Equal(got, []string{"later", "renewed", "stays"}) {
		t.Errorf("state %q", got)
	}
	if n := must(j.Count(t.Context(), "k", Epoch.Add(-time.Hour), late)); n != 1 {
		t.Errorf("%d marks, want 1", n)
	}
}

// trimSize holds for journals of any size, also for one that knows no size: what may not go is there.
func trimSize(t *testing.T, j journal.Journal) {
	const n = 60
	for i := 1; i <= n; i++ {
		e := event(i)
		e.Data = make([]byte, 4096)
		add(t, j, e)
		if i%5 != 0 {
			commit(t, j, &journal.Change{Traces: []journal.Trace{trace(i, "", "t")}, Done: []string{e.Key}})
		}
	}
	commit(t, j, &journal.Change{Runs: []journal.Run{{ID: "r", Event: event(5).Key, Data: []byte("run")}}})
	trimAll(t, j, journal.Retention{Bytes: 1, Keys: event(31).At})
	if got := pending(t, j, 0, n); len(got) != n/5 || len(got[0].Data) != 4096 {
		t.Errorf("%d pending, want %d whole", len(got), n/5)
	}
	wantRun(t, j, "r", "run")
	for _, r := range must(j.Records(t.Context(), journal.Query{Limit: n})) {
		if len(r.Data) != 4096 || r.Done != (r.Seq%5 != 0) {
			t.Errorf("a record that is not whole: %d, %d bytes, done %v", r.N, len(r.Data), r.Done)
		}
	}
	for i := 1; i <= n; i++ {
		if i > 30 || i%5 == 0 {
			if fresh := add(t, j, event(i)); fresh[0] {
				t.Errorf("event %d was forgotten", i)
			}
		}
	}
	commit(t, j, &journal.Change{Traces: []journal.Trace{trace(5, "", "ended")}, EndRuns: []string{"r"}, Done: []string{event(5).Key}})
	if r, ok := record(t, j, 5); !ok || !r.Done || string(r.Trace.Data) != "ended" {
		t.Errorf("an event that was finished later: %v, %+v", ok, r.Trace)
	}
}

func trimEnds(t *testing.T, j journal.Journal) {
	const n = 5000
	var events []journal.Event
	done := &journal.Change{}
	for i := 1; i <= n; i++ {
		events = append(events, event(i))
		done.Done = append(done.Done, event(i).Key)
		done.State = append(done.State, journal.StateWrite{Scope: "s", Key: fmt.Sprint(i), Value: []byte("v"), Expire: Epoch})
	}
	add(t, j, events...)
	commit(t, j, done)
	got := trimAll(t, j, journal.Retention{Now: Epoch.Add(1), Events: event(n).At.Add(1)})
	if got.Events != n || got.State != n {
		t.Errorf("trimmed %+v, want %d of each", got, n)
	}
	if s := must(j.Stats(t.Context())); s.Events != 0 || s.Pending != 0 {
		t.Errorf("stats %+v", s)
	}
	if got := must(j.Records(t.Context(), journal.Query{})); len(got) != 0 {
		t.Errorf("%d records are left", len(got))
	}
}

func stats(t *testing.T, j journal.Journal) {
	add(t, j, event(1), event(2), event(3))
	commit(t, j, &journal.Change{
		Runs:      []journal.Run{{ID: "r", Event: event(1).Key}, {ID: "s", Event: event(1).Key}},
		SetTimers: []journal.Timer{{ID: "t", Due: Epoch, Run: "r"}, {ID: "t", Due: Epoch.Add(1), Run: "s"}, {ID: "u", Due: Epoch, Run: "s"}},
		Done:      []string{event(3).Key},
	})
	got := must(j.Stats(t.Context()))
	if got.Events != 3 || got.Pending != 2 || got.Runs != 2 || got.Timers != 2 || got.Bytes <= 0 {
		t.Errorf("stats %+v", got)
	}
	commit(t, j, &journal.Change{EndRuns: []string{"s"}, Done: []string{event(1).Key}, Lazy: true})
	if got := must(j.Stats(t.Context())); got.Pending != 1 || got.Runs != 1 || got.Timers != 0 {
		t.Errorf("stats after a lazy change: %+v", got)
	}
}

func lazy(t *testing.T, j journal.Journal) {
	const n = 3000 // more than a journal may hold back
	var events []journal.Event
	for i := 1; i <= n; i++ {
		events = append(events, event(i))
	}
	add(t, j, events...)
	put := func(i int) *journal.Change {
		return &journal.Change{
			State: []journal.StateWrite{{Scope: "s", Key: "last", Value: fmt.Append(nil, i)}},
			Runs:  []journal.Run{{ID: fmt.Sprint("r", i), Event: event(i).Key, Data: fmt.Append(nil, i)}},
			Lazy:  i%7 != 0,
		}
	}
	for i := 1; i <= n; i++ {
		commit(t, j, put(i))
		if i == 10 {
			wantRun(t, j, "r10", "10")
			if got := must(j.State(t.Context(), "s")); string(got["last"]) != "10" {
				t.Errorf("state %q after the tenth lazy change", got["last"])
			}
			if got := must(j.Runs(t.Context(), event(9).Key)); len(got) != 1 {
				t.Errorf("runs of the ninth: %v", got)
			}
		}
	}
	if got := must(j.State(t.Context(), "s")); string(got["last"]) != fmt.Sprint(n) {
		t.Errorf("state %q, want the last one's", got["last"])
	}
	data := []byte("before")
	commit(t, j, &journal.Change{State: []journal.StateWrite{{Scope: "s", Key: "copied", Value: data}}, Lazy: true})
	copy(data, "after!")
	commit(t, j, &journal.Change{Counts: []journal.CountWrite{mark(0, 0, time.Hour)}, Lazy: true})
	if err := j.Commit(t.Context(), &journal.Change{Counts: []journal.CountWrite{mark(0, 0, time.Hour)}, Lazy: true}); !errors.Is(err, journal.ErrConflict) {
		t.Errorf("a lazy change with a stale count: %v, want ErrConflict", err)
	}
	if got := must(j.State(t.Context(), "s")); string(got["copied"]) != "before" {
		t.Errorf("%q: the caller's later change of a lazy write shows", got["copied"])
	}
	for i := 1; i <= n; i++ {
		commit(t, j, &journal.Change{EndRuns: []string{fmt.Sprint("r", i)}, Done: []string{event(i).Key}, Lazy: true})
	}
	if got := pending(t, j, 0, n); len(got) != 0 {
		t.Errorf("%d pending", len(got))
	}
	if got := must(j.Stats(t.Context())); got.Runs != 0 {
		t.Errorf("stats %+v", got)
	}
}

func emptyData(t *testing.T, j journal.Journal) {
	e := event(1)
	e.Data, e.At, e.Conversation = nil, time.Time{}, ""
	add(t, j, e)
	commit(t, j, &journal.Change{Traces: []journal.Trace{{Event: e.Key}}, Done: []string{e.Key}})
	if got, ok, err := j.Event(t.Context(), e.Key); err != nil || !ok || len(got.Data) != 0 || !got.At.IsZero() {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if r, ok := record(t, j, 1); !ok || !r.Done || r.Trace.Event != e.Key {
		t.Errorf("record %v, done %v, trace %+v", ok, r.Done, r.Trace)
	}
}
