package bot

import (
	"context"
	"slices"
	"sync"
)

// lock is a mutex that is waited for no longer than ctx lasts: it may be held while the journal is asked.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) lock(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l lock) unlock() { <-l }

// locks is one lock for each name that somebody holds or waits for. The zero value is ready.
type locks struct {
	mu    sync.Mutex
	names map[string]*namedLock
}

type namedLock struct {
	lock
	users int // who hold it or wait for it
}

// lock takes the locks of all names, in one order for everybody, and returns what gives them back. Who holds some must
// not ask for more.
func (l *locks) lock(ctx context.Context, names ...string) (unlock func(), err error) {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	held := make([]*namedLock, 0, len(names))
	unlock = func() {
		for i, n := range held {
			n.unlock()
			l.leave(names[i])
		}
	}
	for _, name := range names {
		n := l.enter(name)
		if err := n.lock.lock(ctx); err != nil {
			l.leave(name)
			unlock()
			return nil, err
		}
		held = append(held, n)
	}
	return unlock, nil
}

func (l *locks) enter(name string) *namedLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = make(map[string]*namedLock)
	}
	n := l.names[name]
	if n == nil {
		n = &namedLock{lock: newLock()}
		l.names[name] = n
	}
	n.users++
	return n
}

func (l *locks) leave(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.names[name]
	if n.users--; n.users == 0 {
		delete(l.names, name)
	}
}
