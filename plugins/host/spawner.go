package host

import "runtime"

// spawner starts processes from one thread that lives as long as it does: on Linux a child is killed when the thread that
// started it ends, and a goroutine's thread may end at any time.
type spawner struct {
	work chan func()
	done chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for f := range s.work {
			f()
		}
	}()
	return s
}

// do runs f on the thread.
func (s *spawner) do(f func()) {
	ran := make(chan struct{})
	s.work <- func() {
		defer close(ran)
		f()
	}
	<-ran
}

// close ends the thread, and with it every child that is left.
func (s *spawner) close() {
	close(s.work)
	<-s.done
}
