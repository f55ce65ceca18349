package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

// tellNumbers has the script's library tell messages with the numbers from..to-1 as texts.
func tellNumbers(s *script, from, to int) {
	for i := from; i < to; i++ {
		s.put(signal{event: newMsg, json: fmt.Appendf(nil, `[{"message_conv_id":"bob","message_conv_type":1,"message_sender":"bob",`+
			`"message_server_time":%d,"message_seq":%d,"message_rand":%d,"message_status":2,"strange_key":7,`+
			`"message_elem_array":[{"elem_type":0,"text_elem_content":"%d\n你好"}]}]`, noon.Unix()+1, i, i, i)})
	}
}

// held is what waits in memory, and whether some waits in the file.
func held(c *Conn) (int, bool) {
	c.inbox.mu.Lock()
	defer c.inbox.mu.Unlock()
	return len(c.inbox.events), !c.inbox.over.empty()
}

// TestHandlerThatBlocks has far more events come than memory is for: they wait in a file, in their order and whole.
func TestHandlerThatBlocks(t *testing.T) {
	s := newScript()
	conn := mustOpenScript(t, clockwork.NewFakeClockAt(noon), s)
	conn.inbox.max = 10
	ctx, cancel := context.WithCancel(t.Context())
	begun, release := make(chan struct{}), make(chan struct{})
	var got []*sdkconn.Message
	done := make(chan error, 1)
	go func() {
		done <- conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			if got == nil {
				close(begun)
				<-release
			}
			for _, e := range events {
				if got = append(got, e.Message); len(got) == 2000 {
					cancel()
				}
			}
			return nil
		})
	}()
	tellNumbers(s, 0, 1)
	<-begun
	tellNumbers(s, 1, 1000)
	// A call's answer comes behind the events: all of them have been taken from the library then.
	if err := conn.Revoke(t.Context(), bob, text("x")); err != nil {
		t.Fatal(err)
	}
	if n, file := held(conn); n > 10 || !file {
		t.Errorf("%d events are in memory, some in a file: %v", n, file)
	}
	close(release)
	tellNumbers(s, 1000, 2000) // while the file is read
	if err := <-done; err != nil {
		t.Error(err)
	}
	for i, m := range got {
		if m.Text() != fmt.Sprintf("%d\n你好", i) || m.Seq != uint64(i) || m.Unknown == nil {
			t.Fatalf("message %d is %+v", i, m)
		}
	}
	if left, err := filepath.Glob(filepath.Join(conn.o.data, "overflow-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestNoRoomAnywhere has the library wait for the handler when there is no disk to write to, and Close end that.
func TestNoRoomAnywhere(t *testing.T) {
	s := newScript()
	conn := mustOpenScript(t, clockwork.NewFakeClockAt(noon), s)
	conn.inbox.max = 10
	conn.inbox.over.dir = filepath.Join(conn.o.data, "none")
	tellNumbers(s, 0, 100)
	got := take(t, conn, 100)
	for i, e := range got {
		if e.Message.Seq != uint64(i) {
			t.Fatalf("event %d is %+v", i, e.Message)
		}
	}
	tellNumbers(s, 100, 200)
	for n := 0; n < 10; n, _ = held(conn) {
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestBrokenOverflow: what cannot be read back is no silent loss.
func TestBrokenOverflow(t *testing.T) {
	o := overflow{dir: t.TempDir()}
	for range 2 {
		if err := o.add(&sdkconn.Event{Kind: sdkconn.EventNewMsg, Desc: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := o.take(1); err != nil || len(got) != 1 || got[0].Desc != "x" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := o.file.Truncate(o.write - 1); err != nil {
		t.Fatal(err)
	}
	if got, err := o.take(1); err == nil {
		t.Errorf("a file that is cut off gives %+v", got)
	}
	if err := o.file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := o.add(new(sdkconn.Event)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a file that is closed: %v", err)
	}
}

// TestFullQueue: a library that nobody listens to ends, and its memory is free.
func TestFullQueue(t *testing.T) {
	q := newQueue()
	q.max = 100
	q.put(signal{json: make([]byte, 90)})
	if got := q.take(); len(got) != 1 {
		t.Errorf("taken were %d", len(got))
	}
	q.put(signal{json: make([]byte, 90)}) // what was taken does not count
	q.put(signal{json: make([]byte, 90)})
	q.put(signal{json: make([]byte, 1)})
	if got := q.take(); got != nil || !errors.Is(q.reason(), errQueueFull) {
		t.Errorf("taken were %d; %v", len(got), q.reason())
	}
}
