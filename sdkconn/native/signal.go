package native

import "sync"

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

// queue takes signals from the library's thread, which must never wait.
type queue struct {
	mu      sync.Mutex
	signals []signal
	ended   bool
	more    chan struct{}
}

func newQueue() *queue { return &queue{more: make(chan struct{}, 1)} }

func (q *queue) put(s signal) {
	q.mu.Lock()
	q.signals = append(q.signals, s)
	q.mu.Unlock()
	q.wake()
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
		q.signals = nil
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
