package schedule_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/timbot-go/timbot/bot/schedule"
)

func TestQueueIsInOrder(t *testing.T) {
	var q schedule.Queue
	r := rand.New(rand.NewPCG(1, 2))
	want := map[string]int{}
	for range 5000 {
		name := fmt.Sprint(r.IntN(500))
		if r.IntN(3) == 0 {
			q.Remove(name)
			delete(want, name)
		} else {
			at := r.IntN(1000)
			q.Set(name, time.Unix(int64(at), 0))
			want[name] = at
		}
	}
	if q.Len() != len(want) {
		t.Fatalf("it holds %d, want %d", q.Len(), len(want))
	}
	var order []string
	for name := range want {
		order = append(order, name)
	}
	slices.SortFunc(order, func(a, b string) int {
		if d := want[a] - want[b]; d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	for _, next := range order {
		name, at, ok := q.First()
		if !ok || name != next || at.Unix() != int64(want[next]) {
			t.Fatalf("first is %s at %d, want %s at %d", name, at.Unix(), next, want[next])
		}
		q.Remove(name)
	}
	if _, _, ok := q.First(); ok {
		t.Error("it is not empty")
	}
}

// many is how many schedules the benchmarks hold.
const many = 100_000

// BenchmarkQueue is what a schedule costs beside 100,000 others: to add and remove one, and to fire one and find its next
// slot. "robfig" is the library's own runner with as many entries, adding and removing while it runs.
func BenchmarkQueue(b *testing.B) {
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	full := func() *schedule.Queue {
		q := new(schedule.Queue)
		for i := range many {
			q.Set(fmt.Sprintf("rule%d", i), base.Add(time.Duration(i*7919%many)*time.Second))
		}
		return q
	}
	s := &schedule.Schedule{Cron: parse(b, "0 9 * * *"), Zone: load(b, "Asia/Shanghai")}
	b.Run("fill", func(b *testing.B) {
		for b.Loop() {
			full()
		}
	})
	b.Run("add and remove", func(b *testing.B) {
		q := full()
		for b.Loop() {
			q.Set("another", base.Add(50_000*time.Second))
			q.Remove("another")
		}
	})
	b.Run("fire", func(b *testing.B) {
		q := full()
		for b.Loop() {
			name, at, _ := q.First()
			next, _ := s.Next(at)
			q.Set(name, next)
		}
	})
	b.Run("next", func(b *testing.B) {
		at := base
		for b.Loop() {
			at, _ = s.Next(at)
		}
	})
	b.Run("robfig/next", func(b *testing.B) {
		parsed, err := cron.ParseStandard("CRON_TZ=Asia/Shanghai 0 9 * * *")
		if err != nil {
			b.Fatal(err)
		}
		at := base
		for b.Loop() {
			at = parsed.Next(at)
		}
	})
	for _, part := range []string{"add", "remove"} {
		b.Run("robfig/"+part, func(b *testing.B) {
			runner := cron.New()
			parsed, err := cron.ParseStandard("0 9 1 1 *")
			if err != nil {
				b.Fatal(err)
			}
			for range many {
				runner.Schedule(parsed, cron.FuncJob(func() {}))
			}
			runner.Start()
			defer runner.Stop()
			runner.Remove(runner.Schedule(parsed, cron.FuncJob(func() {}))) // it is up
			for b.Loop() {
				if part == "add" {
					runner.Schedule(parsed, cron.FuncJob(func() {}))
				} else {
					runner.Remove(1)
				}
			}
		})
	}
}
