package wire

import (
	"context"
	"sync"
)

// Calls is the host's end of the stream Calls: it makes calls of a plugin, many at once. OpenCalls makes one. Its methods may be
// called by many goroutines.
type Calls struct {
	stream Plugin_CallsClient

	sending sync.Mutex // the stream takes one at a time

	mu    sync.Mutex
	open  map[uint64]chan *CallReply // by the request's id; nil when the stream is over
	ended error                      // why it is
}

// OpenCalls opens the stream. It lasts until ctx ends, or the plugin ends it. Receive must be called, or no call is answered.
func OpenCalls(ctx context.Context, client PluginClient) (*Calls, error) {
	stream, err := client.Calls(ctx)
	if err != nil {
		return nil, err
	}
	return &Calls{stream: stream, open: make(map[uint64]chan *CallReply)}, nil
}

// Call makes a call, whose id is no other's, and blocks until it is answered or the stream is over. The error is then that of
// the stream.
func (c *Calls) Call(req *CallRequest) (*CallReply, error) {
	answer := make(chan *CallReply, 1)
	c.mu.Lock()
	if c.open == nil {
		c.mu.Unlock()
		return nil, c.ended
	}
	c.open[req.GetId()] = answer
	c.mu.Unlock()
	c.sending.Lock()
	_ = c.stream.Send(req) // an error ends the stream, and Receive says which one
	c.sending.Unlock()
	reply, ok := <-answer
	if !ok {
		return nil, c.ended
	}
	return reply, nil
}

// Receive hands the replies to their calls until the stream is over, and returns why it is; io.EOF when the plugin ended it. stray, if
// it is not nil, is told of each reply to a call that was not made, or was answered already.
func (c *Calls) Receive(stray func(*CallReply)) error {
	for {
		reply, err := c.stream.Recv()
		c.mu.Lock()
		if err != nil {
			c.ended = err
			for _, answer := range c.open {
				close(answer)
			}
			c.open = nil
			c.mu.Unlock()
			return err
		}
		answer := c.open[reply.GetId()]
		delete(c.open, reply.GetId())
		c.mu.Unlock()
		if answer != nil {
			answer <- reply
		} else if stray != nil {
			stray(reply)
		}
	}
}
