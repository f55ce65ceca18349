package face

import (
	"runtime"
	"sync"
)

// scope is how long something may be told. It is the thread's mutex that guards it.
type scope struct {
	ended bool
	stop  chan struct{} // closed at the end; made when somebody waits for it
}

// told is one thing to be told, and what became of it.
type told struct {
	scope *scope
	run   func()
	began bool
	done  chan struct{} // closed when it was told, or will never be; nil when nobody waits
}

// thread calls what it is given, one after another, on one thread of the operating system.
type thread struct {
	mu      sync.Mutex
	more    sync.Cond // there is something to tell, or an end
	less    sync.Cond // something was told
	queue   []*told
	now     *told // what is being told
	id      uint64
	number  func() uint64
	stopped bool
	gone    chan struct{}
}

func startThread(number func() uint64) *thread {
	t := &thread{number: number, gone: make(chan struct{})}
	t.more.L, t.less.L = &t.mu, &t.mu
	go t.run()
	return t
}

func (t *thread) run() {
	runtime.LockOSThread()
	defer close(t.gone)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.number != nil {
		t.id = t.number()
	}
	for {
		for len(t.queue) == 0 && !t.stopped {
			t.more.Wait()
		}
		if len(t.queue) == 0 {
			return
		}
		t.now, t.queue[0] = t.queue[0], nil
		if t.queue = t.queue[1:]; len(t.queue) == 0 {
			t.queue = nil
		}
		if !t.now.scope.ended {
			t.now.began = true
			run := t.now.run
			t.mu.Unlock()
			run()
			t.mu.Lock()
		}
		if t.now.done != nil {
			close(t.now.done)
		}
		t.now = nil
		t.less.Broadcast()
	}
}

// post has f called as long as the scope lasts.
func (t *thread) post(s *scope, f func()) { t.put(&told{scope: s, run: f}) }

func (t *thread) put(d *told) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		if d.done != nil {
			close(d.done)
		}
		return
	}
	t.queue = append(t.queue, d)
	t.more.Signal()
}

// wait blocks until the parts, which are of one scope, were told or the scope ended, and returns how many were at least begun.
func (t *thread) wait(parts []*told) (begun int) {
	last := parts[len(parts)-1]
	scope := last.scope
	t.mu.Lock()
	if scope.stop == nil {
		scope.stop = make(chan struct{})
		if scope.ended {
			close(scope.stop)
		}
	}
	stop := scope.stop
	t.mu.Unlock()
	select {
	case <-last.done:
	case <-stop:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for begun < len(parts) && parts[begun].began {
		begun++
	}
	return begun
}

// end ends a scope: nothing more of it is begun.
func (t *thread) end(s *scope) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !s.ended && s.stop != nil {
		close(s.stop)
	}
	s.ended = true
}

// quiet blocks until nothing of an ended scope is being told any more, except by the one who calls.
func (t *thread) quiet(s *scope) {
	if t.number == nil {
		return
	}
	self := t.number()
	t.mu.Lock()
	defer t.mu.Unlock()
	if self == t.id {
		return
	}
	for d := t.now; d != nil && d.scope == s && t.now == d; {
		t.less.Wait()
	}
}

// stop ends the thread after what is in its queue.
func (t *thread) stop() {
	t.mu.Lock()
	t.stopped = true
	t.more.Signal()
	t.mu.Unlock()
	<-t.gone
}
