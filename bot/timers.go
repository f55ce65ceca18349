package bot

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
)

// timers is the journal's timers in the order in which they are due. A timer that was moved or stopped stays in the
// heap until its old time comes, and is passed over then.
type timers struct {
	mu      sync.Mutex
	heap    timerHeap
	set     map[string]journal.Timer
	found   map[string]bool // those that the journal held at the start
	changed chan struct{}   // room for one: the first in the heap is a new one
}

func newTimers() *timers {
	return &timers{set: make(map[string]journal.Timer), changed: make(chan struct{}, 1)}
}

// add sets or moves timers.
func (t *timers) add(ts ...journal.Timer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range ts {
		t.set[x.ID] = x
		heap.Push(&t.heap, x)
		if t.heap[0].ID == x.ID {
			select {
			case t.changed <- struct{}{}:
			default:
			}
		}
	}
}

// find adds the timers that the journal held at the start.
func (t *timers) find(ts ...journal.Timer) {
	t.mu.Lock()
	t.found = make(map[string]bool, len(ts))
	for _, x := range ts {
		t.found[x.ID] = true
	}
	t.mu.Unlock()
	t.add(ts...)
}

// wakes reports whether a run of the time before the start has a timer that wakes it, or has woken it already.
func (t *timers) wakes(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.set[id]
	return ok || t.found[id]
}

// forget stops a timer whose run is woken by hand.
func (t *timers) forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.set, id)
}

// due takes the timers whose time has come, and says when the next one's comes.
func (t *timers) due(clock clockwork.Clock) (ready []journal.Timer, next journal.Timer, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := clock.Now()
	for len(t.heap) > 0 {
		first := t.heap[0]
		if current, ok := t.set[first.ID]; !ok || !current.Due.Equal(first.Due) {
			heap.Pop(&t.heap)
			continue
		}
		if first.Due.After(now) {
			return ready, first, true
		}
		heap.Pop(&t.heap)
		delete(t.set, first.ID)
		ready = append(ready, first)
	}
	return ready, journal.Timer{}, false
}

// run calls fire with each timer that comes due, until ctx ends.
func (t *timers) run(ctx context.Context, clock clockwork.Clock, fire func(journal.Timer)) {
	for {
		ready, next, more := t.due(clock)
		for _, x := range ready {
			fire(x)
		}
		var alarm clockwork.Timer
		var rings <-chan time.Time
		if more {
			alarm = clock.NewTimer(next.Due.Sub(clock.Now()))
			rings = alarm.Chan()
		}
		select {
		case <-rings:
		case <-t.changed:
		case <-ctx.Done():
		}
		if alarm != nil {
			alarm.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// timerHeap orders timers by (Due, ID), so that a virtual clock gives one order only.
type timerHeap []journal.Timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if c := h[i].Due.Compare(h[j].Due); c != 0 {
		return c < 0
	}
	return h[i].ID < h[j].ID
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(journal.Timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
