package schedule

import (
	"container/heap"
	"time"
)

// Queue holds one time for each of many names, the earliest first. Setting, moving and removing one costs the logarithm of
// how many there are. The zero Queue is empty. It is used by one goroutine at a time.
type Queue struct{ heap entries }

type queued struct {
	name string
	at   time.Time
	i    int // its place in the heap
}

type entries struct {
	list   []*queued
	byName map[string]*queued
}

// Set sets or moves a name's time.
func (q *Queue) Set(name string, at time.Time) {
	if e := q.heap.byName[name]; e != nil {
		e.at = at
		heap.Fix(&q.heap, e.i)
		return
	}
	if q.heap.byName == nil {
		q.heap.byName = make(map[string]*queued)
	}
	heap.Push(&q.heap, &queued{name: name, at: at})
}

// Remove takes a name out; one that is not there is no error.
func (q *Queue) Remove(name string) {
	if e := q.heap.byName[name]; e != nil {
		heap.Remove(&q.heap, e.i)
	}
}

// First is the name with the earliest time, of equal ones the first by its letters; ok is false when there is none.
func (q *Queue) First() (name string, at time.Time, ok bool) {
	if len(q.heap.list) == 0 {
		return "", at, false
	}
	e := q.heap.list[0]
	return e.name, e.at, true
}

// Len is how many names there are.
func (q *Queue) Len() int { return len(q.heap.list) }

func (h *entries) Len() int { return len(h.list) }
func (h *entries) Less(i, j int) bool {
	if c := h.list[i].at.Compare(h.list[j].at); c != 0 {
		return c < 0
	}
	return h.list[i].name < h.list[j].name
}

func (h *entries) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].i, h.list[j].i = i, j
}

func (h *entries) Push(x any) {
	e := x.(*queued)
	e.i = len(h.list)
	h.list = append(h.list, e)
	h.byName[e.name] = e
}

func (h *entries) Pop() any {
	last := len(h.list) - 1
	e := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	delete(h.byName, e.name)
	return e
}
