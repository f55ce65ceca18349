package telemetry

import "sync"

// other is the label of everything beyond a bound.
const other = "other"

// bounded lets the first names through, and calls the rest "other".
type bounded struct {
	limit int

	mu    sync.RWMutex
	names map[string]struct{}
}

func newBounded(limit int) *bounded { return &bounded{limit: limit, names: make(map[string]struct{})} }

// label is the name, or "other" when there are enough names already.
func (b *bounded) label(name string) string {
	b.mu.RLock()
	_, known := b.names[name]
	full := len(b.names) >= b.limit
	b.mu.RUnlock()
	if known {
		return name
	}
	if full {
		return other
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.names) >= b.limit {
		if _, known := b.names[name]; !known {
			return other
		}
	}
	b.names[name] = struct{}{}
	return name
}
