package bot

import (
	"context"
	"sync"
)

// busy counts what is queued, stepping or uncommitted.
type busy struct {
	mu    sync.Mutex
	n     int
	total uint64        // how often enter was called
	zero  chan struct{} // closed when n is 0 again; nil while it is
}

func (b *busy) enter() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n == 0 {
		b.zero = make(chan struct{})
	}
	b.n++
	b.total++
}

func (b *busy) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n--; b.n == 0 {
		close(b.zero)
		b.zero = nil
	}
}

// wait blocks until nothing is counted, and returns how much ever was.
func (b *busy) wait(ctx context.Context) (uint64, error) {
	for {
		b.mu.Lock()
		zero, total := b.zero, b.total
		b.mu.Unlock()
		if zero == nil {
			return total, nil
		}
		select {
		case <-zero:
		case <-ctx.Done():
			return total, ctx.Err()
		}
	}
}
