package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Image is a chat in memory as it stood once, to begin from again and again: that takes a small part of the time in which the
// same is made anew. All methods may be called from many goroutines at once.
type Image struct {
	mu     sync.Mutex
	d      *db
	taken  bool
	closed bool
}

// ErrImageTaken is returned by Open while a chat that began from the image is open.
var ErrImageTaken = errors.New("another chat of this image is open")

// Freeze closes a chat in memory and keeps what it holds as an image, which the caller closes.
func (c *Chat) Freeze() (*Image, error) {
	if c.e.path != "" || c.e.image != nil {
		return nil, errors.New("freeze: only a chat in memory that began empty can be frozen")
	}
	i := &Image{d: c.e.w}
	c.e.image = i
	if err := c.Close(); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	// What chats of the image write stays inside this savepoint, and goes with it.
	if err := i.d.exec(`SAVEPOINT image`); err != nil {
		return nil, errors.Join(fmt.Errorf("freeze: %w", err), i.Close())
	}
	i.d.inside = true
	return i, nil
}

// Open returns a chat that holds what the image does; what it changes is forgotten when it is closed. One chat of an image
// is open at a time. Errors: ErrImageTaken.
func (i *Image) Open(ctx context.Context, config Config) (*Chat, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed:
		return nil, errors.New("open image: it is closed")
	case i.taken:
		return nil, fmt.Errorf("open image: %w", ErrImageTaken)
	}
	e := newEngine("", config.withDefaults())
	e.slots, e.w, e.image = make(chan struct{}, 1), i.d, i
	if err := e.begin(); err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	i.taken = true
	return &Chat{e: e, conns: make(map[*Conn]struct{})}, nil
}

// giveBack takes back what the chat has changed.
func (i *Image) giveBack() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.taken {
		return nil
	}
	i.taken = false
	return i.d.exec(`ROLLBACK TO image`)
}

// Close forgets the image, after its chat has been closed. A second Close does nothing.
func (i *Image) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil
	}
	if i.taken {
		return fmt.Errorf("close image: %w", ErrImageTaken)
	}
	i.closed = true
	return i.d.close()
}
