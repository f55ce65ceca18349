package journaltest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/bot/journal"
)

func targetsNamed(names ...string) []journal.Target {
	out := make([]journal.Target, len(names))
	for i, name := range names {
		out[i] = journal.Target{Name: name, Data: []byte("data of " + name)}
	}
	return out
}

// said is a target in short.
func said(targets []journal.Target) (out []string) {
	for _, t := range targets {
		out = append(out, fmt.Sprintf("%d %s %d %s", t.N, t.Name, t.State, t.Data))
	}
	return out
}

func targetsOnce(t *testing.T, j journal.Journal) {
	ctx := t.Context()
	data := []byte("first")
	got := must(j.AddTargets(ctx, journal.Announcement{Key: "k", Data: data}, targetsNamed("a", "b", "a")))
	if !slices.Equal(got, []uint64{1, 2, 1}) {
		t.Errorf("numbers %v", got)
	}
	data[0] = 'X'
	got = must(j.AddTargets(ctx, journal.Announcement{Key: "k", Data: []byte("second")}, targetsNamed("b", "c", "")))
	if !slices.Equal(got, []uint64{2, 3, 4}) {
		t.Errorf("numbers the second time %v", got)
	}
	if got := must(j.AddTargets(ctx, journal.Announcement{Key: "other"}, targetsNamed("a"))); !slices.Equal(got, []uint64{1}) {
		t.Errorf("another announcement has names of its own: %v", got)
	}
	if got := must(j.AddTargets(ctx, journal.Announcement{Key: "k", Data: []byte("third")}, nil)); len(got) != 0 {
		t.Errorf("nothing added: %v", got)
	}
	a, ok, err := j.Announcement(ctx, "k")
	if err != nil || !ok || a.Key != "k" || a.N != 1 || a.Targets != 4 || string(a.Data) != "third" {
		t.Errorf("announcement %+v, %v, %v", a, ok, err)
	}
	if _, ok, err := j.Announcement(ctx, "nobody"); ok || err != nil {
		t.Errorf("an unknown key: %v, %v", ok, err)
	}
	want := []string{"1 a 0 data of a", "2 b 0 data of b", "3 c 0 data of c", "4  0 data of "}
	if got := said(must(j.Targets(ctx, journal.TargetQuery{Key: "k"}))); !slices.Equal(got, want) {
		t.Errorf("targets %q", got)
	}
	if got := said(must(j.Targets(ctx, journal.TargetQuery{Key: "nobody"}))); len(got) != 0 {
		t.Errorf("targets of an unknown key %q", got)
	}
}

func targetStates(t *testing.T, j journal.Journal) {
	ctx := t.Context()
	must(j.AddTargets(ctx, journal.Announcement{Key: "k"}, targetsNamed("a", "b", "c", "d", "e")))
	must(j.AddTargets(ctx, journal.Announcement{Key: "other"}, targetsNamed("x")))
	commit(t, j, &journal.Change{
		Announcements: []journal.Announcement{{Key: "k", Data: []byte("going on")}},
		Targets: []journal.TargetWrite{
			{Key: "k", N: 1, State: journal.TargetSent, Data: []byte("m1")},
			{Key: "k", N: 3, State: journal.TargetFailed, Data: []byte("20003")},
			{Key: "k", N: 9, State: journal.TargetSent}, {Key: "k", N: 0, State: journal.TargetSent},
			{Key: "nobody", N: 1, State: journal.TargetSent}, {Key: "other", N: 1, State: journal.TargetSkipped},
			{Key: "k", N: 1 << 40, State: journal.TargetSent},
		},
	})
	for _, c := range []struct {
		q    journal.TargetQuery
		want []string
	}{
		{journal.TargetQuery{}, []string{"1 a 1 m1", "2 b 0 data of b", "3 c 2 20003", "4 d 0 data of d", "5 e 0 data of e"}},
		{journal.TargetQuery{States: []journal.TargetState{journal.TargetQueued}}, []string{"2 b 0 data of b", "4 d 0 data of d", "5 e 0 data of e"}},
		{journal.TargetQuery{States: []journal.TargetState{journal.TargetQueued}, After: 2, Limit: 1}, []string{"4 d 0 data of d"}},
		{journal.TargetQuery{States: []journal.TargetState{journal.TargetSent, journal.TargetFailed}}, []string{"1 a 1 m1", "3 c 2 20003"}},
		{journal.TargetQuery{After: 1, UpTo: 3}, []string{"2 b 0 data of b", "3 c 2 20003"}},
		{journal.TargetQuery{After: 5}, nil}, {journal.TargetQuery{After: 1 << 50}, nil}, {journal.TargetQuery{After: 3, UpTo: 2}, nil},
	} {
		c.q.Key = "k"
		if got := said(must(j.Targets(ctx, c.q))); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.q, got, c.want)
		}
	}
	if got := said(must(j.Targets(ctx, journal.TargetQuery{Key: "other"}))); !slices.Equal(got, []string{"1 x 3 "}) {
		t.Errorf("the other one: %q", got)
	}
	if a, _, err := j.Announcement(ctx, "k"); err != nil || string(a.Data) != "going on" || a.Targets != 5 {
		t.Errorf("announcement %+v, %v", a, err)
	}
}

func announcements(t *testing.T, j journal.Journal) {
	ctx := t.Context()
	for _, key := range []string{"one", "two", "three"} {
		commit(t, j, &journal.Change{Announcements: []journal.Announcement{{Key: key, Data: []byte(key)}}, Lazy: true})
	}
	list := func(before uint64, limit int) (keys []string) {
		for _, a := range must(j.Announcements(ctx, before, limit)) {
			keys = append(keys, fmt.Sprintf("%d %s %s", a.N, a.Key, a.Data))
		}
		return keys
	}
	if got := list(0, 2); !slices.Equal(got, []string{"3 three three", "2 two two"}) {
		t.Errorf("the newest two: %q", got)
	}
	if got := list(2, 10); !slices.Equal(got, []string{"1 one one"}) {
		t.Errorf("those before: %q", got)
	}
	if got := list(1, 10); len(got) != 0 {
		t.Errorf("before the first: %q", got)
	}
}

func concurrentTargets(t *testing.T, j journal.Journal) {
	const writers, names = 8, 50
	var mu sync.Mutex
	numbers := make(map[string]uint64)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range names {
				name := fmt.Sprint("user", (i+w)%names)
				got, err := j.AddTargets(t.Context(), journal.Announcement{Key: "k"}, targetsNamed(name))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if n, ok := numbers[name]; ok && n != got[0] {
					t.Errorf("%s has the numbers %d and %d", name, n, got[0])
				}
				numbers[name] = got[0]
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if all := must(j.Targets(t.Context(), journal.TargetQuery{Key: "k", Limit: 1000})); len(all) != names || len(numbers) != names {
		t.Errorf("%d targets, %d numbered, want %d", len(all), len(numbers), names)
	}
}
