package native

import (
	"errors"
	"sync"
)

// event says which of the library's callbacks a signal came through.
type event int32

// The callbacks that are registered. The numbers are the wire's.
const (
	newMsg event = iota + 1
	msgUpdate
	msgRevoke
	readedReceipt
	uploadProgress // numbers: element, bytes so far, bytes in all
	convEvent      // numbers: TIMConvEvent
	networkStatus  // numbers: TIMNetworkStatus
	kickedOffline
	userSigExpired
)

// signal is an answer or an event, as the library gave it.
type signal struct {
	id       uint64 // of the call; 0 for an event
	returned bool   // code is what the function returned, and no callback comes
	code     int32
	desc     string
	json     []byte
	event    event // when id is 0
	numbers  []uint64
}

// call is one call of a function of the library.
type call struct {
	id       uint64
	function string
	args     []any // string or uint64
	callback bool  // a TIMCommCallback and its user data follow args
}

// engine is where the library runs: in this process or in a child of it.
type engine interface {
	// start has the library called. What comes of it are signals, some maybe before start returns.
	start(c call) error
	// next blocks until there are signals, which come in the library's order, or the engine has ended, and then says why.
	next() ([]signal, error)
	// about is what was loaded.
	about() loaded
	// close ends the engine, and with it next.
	close()
}

// loaded describes a library that was opened.
type loaded struct {
	version string
	missing []string // functions that it does not have
	pid     int      // the process that it runs in
}

// maxQueued bounds, in bytes, what waits between the library and the connection, which takes it at once unless it cannot write
// to its disk, or its process does not run.
const maxQueued = 64 << 20

var errQueueFull = errors.New("what the SDK told was not taken for too long; it is read back from the history")

// queue takes signals from the library's thread, which must never wait. One that is full has ended, and its process with it:
// what was lost is then known.
type queue struct {
	max int // maxQueued

	mu      sync.Mutex
	signals []signal
	size    int
	ended   bool
	full    bool
	more    chan struct{}
}

func newQueue() *queue { return &queue{max: maxQueued, more: make(chan struct{}, 1)} }

func (q *queue) put(s signal) {
	q.mu.Lock()
	q.size += len(s.json) + len(s.desc)
	if q.size > q.max {
		q.signals, q.ended, q.full = nil, true, true
	}
	if !q.full {
		q.signals = append(q.signals, s)
	}
	q.mu.Unlock()
	q.wake()
}

// reason is why take has nothing any more.
func (q *queue) reason() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full {
		return errQueueFull
	}
	return errEngineClosed
}

func (q *queue) wake() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// take blocks until there are signals; after end, none is the answer.
func (q *queue) take() []signal {
	for {
		q.mu.Lock()
		signals, ended := q.signals, q.ended
		q.signals, q.size = nil, 0
		q.mu.Unlock()
		if len(signals) > 0 || ended {
			return signals
		}
		<-q.more
	}
}

func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.wake()
}
