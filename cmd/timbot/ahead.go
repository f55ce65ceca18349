package main

// ahead reads on a goroutine of its own, one read for each ask, so that whoever waits for it can wait for something else
// as well. Its goroutine ends with close, unless it is in a read: a read of a terminal or a pipe cannot be broken off, and
// such a one ends with the process.
type ahead[T any] struct {
	want chan struct{}
	got  chan result[T]
}

type result[T any] struct {
	value T
	err   error
}

func newAhead[T any](read func() (T, error)) *ahead[T] {
	a := &ahead[T]{want: make(chan struct{}, 1), got: make(chan result[T], 1)}
	go func() {
		for range a.want {
			value, err := read()
			a.got <- result[T]{value, err}
		}
	}()
	return a
}

// ask begins a read; what comes of it arrives at got. There is one read at a time.
func (a *ahead[T]) ask() { a.want <- struct{}{} }

func (a *ahead[T]) close() { close(a.want) }
