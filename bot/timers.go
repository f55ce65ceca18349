package bot

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
)

const (
	// beat is how long at most the bot sleeps while a timer is set. Timers are due by the time of day; that may be changed
	// while the bot sleeps, and the machine may sleep too.
	beat = time.Minute

	// maxDrift is how far the time of day may be from what a beat should have brought, before that is told.
	maxDrift = time.Minute
)

// timers is the journal's timers in the order in which they are due. A timer that was moved or removed stays in the heap
// until its old time comes, and is passed over then, or until those are the most of the heap.
type timers struct {
	jumped func(by time.Duration) // is told when the time of day jumps while a timer is set; nil: it never does

	mu      sync.Mutex
	heap    timerHeap
	set     map[string]journal.Timer
	found   map[string]bool // those that the journal held at the start
	changed chan struct{}   // room for one: the first in the heap is a new one
	firing  bool            // run hands over what was due
	calm    chan struct{}   // closed when run has handed over what was due; nil while nobody waits for it
}

func newTimers(jumped func(by time.Duration)) *timers {
	return &timers{jumped: jumped, set: make(map[string]journal.Timer), changed: make(chan struct{}, 1)}
}

// add sets or moves timers.
func (t *timers) add(ts ...journal.Timer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range ts {
		t.set[x.ID] = x
		heap.Push(&t.heap, x)
		t.compact()
		if t.heap[0].ID == x.ID {
			t.nudge()
		}
	}
}

// nudge makes run look again.
func (t *timers) nudge() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// remove takes timers out; an unknown one is no error.
func (t *timers) remove(ids ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		delete(t.set, id)
	}
	t.compact()
}

// compact takes what was moved or removed out of the heap when it is the most of it.
func (t *timers) compact() {
	if len(t.heap) <= 2*len(t.set)+64 {
		return
	}
	t.heap = t.heap[:0:0]
	for _, x := range t.set {
		t.heap = append(t.heap, x)
	}
	heap.Init(&t.heap)
}

// len is how many timers are set.
func (t *timers) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.set)
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

// has reports whether a timer is set.
func (t *timers) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.set[id]
	return ok
}

// due takes the timers whose time has come, and says when the next one's comes. The caller hands them over, then calls
// handedOver.
func (t *timers) due(clock clockwork.Clock) (ready []journal.Timer, next journal.Timer, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.firing = true
	now := clock.Now()
	for {
		if next, more = t.first(); !more || next.Due.After(now) {
			return ready, next, more
		}
		heap.Pop(&t.heap)
		delete(t.set, next.ID)
		ready = append(ready, next)
	}
}

// first is the timer that is due first. The caller holds mu.
func (t *timers) first() (first journal.Timer, ok bool) {
	for len(t.heap) > 0 {
		first = t.heap[0]
		if current, ok := t.set[first.ID]; ok && current.Due.Equal(first.Due) {
			return first, true
		}
		heap.Pop(&t.heap)
	}
	return journal.Timer{}, false
}

// next is when the first timer is due; ok is false when none is set.
func (t *timers) next() (due time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, ok := t.first()
	return first.Due, ok
}

func (t *timers) handedOver() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.firing = false
	if t.calm != nil {
		close(t.calm)
		t.calm = nil
	}
}

// wait blocks until no timer is due that was not handed over.
func (t *timers) wait(ctx context.Context, clock clockwork.Clock) error {
	for {
		t.mu.Lock()
		first, ok := t.first()
		if !t.firing && (!ok || first.Due.After(clock.Now())) {
			t.mu.Unlock()
			return nil
		}
		if t.calm == nil {
			t.calm = make(chan struct{})
		}
		calm := t.calm
		t.mu.Unlock()
		t.nudge() // its alarm may be set by a time that a virtual clock has left meanwhile
		select {
		case <-calm:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// run calls fire with each timer that comes due, until ctx ends. It sleeps for good while none is set.
func (t *timers) run(ctx context.Context, clock clockwork.Clock, fire func(journal.Timer)) {
	var pulse clockwork.Timer // the beat
	var began time.Time       // of it, as the clock on the wall
	defer func() {
		if pulse != nil {
			pulse.Stop()
		}
	}()
	for {
		ready, next, more := t.due(clock)
		for _, x := range ready {
			fire(x)
		}
		t.handedOver()
		var alarm clockwork.Timer
		var rings, beats <-chan time.Time
		if more {
			rest := next.Due.Sub(clock.Now())
			if t.jumped != nil {
				if pulse == nil {
					pulse, began = clock.NewTimer(beat), clock.Now().Round(0)
				}
				beats = pulse.Chan()
			}
			if rest < beat || beats == nil {
				alarm = clock.NewTimer(rest)
				rings = alarm.Chan()
			}
		} else if pulse != nil {
			pulse.Stop()
			pulse = nil
		}
		select {
		case <-rings:
		case now := <-beats:
			if by := now.Round(0).Sub(began) - beat; by > maxDrift || by < -maxDrift {
				t.jumped(by)
			}
			pulse = nil
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
