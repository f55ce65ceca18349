package face

// length is how much waits to be told.
func (t *thread) length() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.queue)
}
