package bot

import (
	"slices"
	"sync"
)

// locks is one lock for each name that somebody holds or waits for. The zero value is ready.
type locks struct {
	mu    sync.Mutex
	names map[string]*namedLock
}

type namedLock struct {
	sync.Mutex
	users int // who hold it or wait for it
}

// lock takes the locks of all names, in one order for everybody, and returns what gives them back. Who holds some must
// not ask for more.
func (l *locks) lock(names ...string) (unlock func()) {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	held := make([]*namedLock, len(names))
	for i, name := range names {
		held[i] = l.enter(name)
		held[i].Lock()
	}
	return func() {
		for i, name := range names {
			held[i].Unlock()
			l.leave(name)
		}
	}
}

func (l *locks) enter(name string) *namedLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = make(map[string]*namedLock)
	}
	n := l.names[name]
	if n == nil {
		n = new(namedLock)
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
