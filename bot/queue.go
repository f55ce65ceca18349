package bot

import (
	"context"
	"slices"
	"sync"

	"github.com/timbot-go/timbot/bot/journal"
)

// item is one piece of work in a conversation's queue: an event, or a run whose timer is due.
type item struct {
	event   journal.Stored
	resumed bool   // the event was in the journal when the bot started: it may have runs already
	wake    string // a run's id; then event is empty
}

// queues holds one queue for each conversation with something to do. One conversation is in one worker's hands at a
// time; those that wait are taken in the order in which they became ready.
type queues struct {
	slots chan struct{} // one for each waiting event

	mu     sync.Mutex
	more   sync.Cond
	convs  map[string]*conversationQueue
	ready  []*conversationQueue
	closed bool
}

type conversationQueue struct {
	name  string
	items []item
}

func newQueues(limit int) *queues {
	q := &queues{slots: make(chan struct{}, limit), convs: make(map[string]*conversationQueue)}
	q.more.L = &q.mu
	return q
}

// len is how many conversations have something to do.
func (q *queues) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.convs)
}

// reserve waits for room for one more event.
func (q *queues) reserve(ctx context.Context) error {
	select {
	case q.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// full reports whether there is no room for one more event.
func (q *queues) full() bool { return len(q.slots) == cap(q.slots) }

// put adds work to a conversation; an event needs a reserved slot, which take gives back.
func (q *queues) put(conversation string, it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.conversation(conversation)
	c.items = append(c.items, it)
}

// waiting reports whether more waits in a conversation.
func (q *queues) waiting(conversation string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.convs[conversation]
	return c != nil && len(c.items) > 0
}

// putFirst adds a run that goes on before all that waits in its conversation.
func (q *queues) putFirst(conversation string, it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.conversation(conversation)
	c.items = slices.Insert(c.items, 0, it)
}

// conversation returns a conversation's queue, which is made when there is none.
func (q *queues) conversation(name string) *conversationQueue {
	c := q.convs[name]
	if c == nil {
		c = &conversationQueue{name: name}
		q.convs[name] = c
		q.ready = append(q.ready, c)
		q.more.Signal()
	}
	return c
}

// take waits for a conversation with work and returns its next item; ok is false when the queues are closed. The
// conversation is the caller's until it calls release.
func (q *queues) take() (c *conversationQueue, it item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ready) == 0 && !q.closed {
		q.more.Wait()
	}
	if q.closed {
		return nil, item{}, false
	}
	c = q.ready[0]
	q.ready[0] = nil
	q.ready = q.ready[1:]
	it = c.items[0]
	c.items[0] = item{}
	c.items = c.items[1:]
	if it.wake == "" {
		<-q.slots
	}
	return c, it, true
}

// release gives a conversation back: to the end of the line when it has more to do.
func (q *queues) release(c *conversationQueue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(c.items) == 0 {
		delete(q.convs, c.name)
		return
	}
	q.ready = append(q.ready, c)
	q.more.Signal()
}

// close makes every take return; what waits stays in the journal.
func (q *queues) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}
