package main

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// chatWith runs the chat command in this process.
func chatWith(ctx context.Context, out io.Writer, input string, args ...string) error {
	root := newRootCommand()
	root.SetIn(strings.NewReader(input))
	root.SetOut(out)
	root.SetErr(out)
	root.SetArgs(append([]string{"chat"}, args...))
	return root.ExecuteContext(ctx)
}

func TestChatLeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var out bytes.Buffer
	if err := chatWith(t.Context(), &out, "你好\n/as bob\n/in lobby\n/as alice\n/in lobby\nhi\n", filepath.Join(examples, "hello")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "concierge: 你好，alice") {
		t.Errorf("got %s", &out)
	}
}

// firstWrite notes when the first byte came.
type firstWrite struct{ at time.Time }

func (w *firstWrite) Write(p []byte) (int, error) {
	if w.at.IsZero() {
		w.at = time.Now()
	}
	return len(p), nil
}

// BenchmarkChatStart measures the time from the start of a chat to the bot's first answer: in this process, and in one of
// its own, where the test binary stands in for the command.
func BenchmarkChatStart(b *testing.B) {
	hello := filepath.Join(examples, "hello")
	report := func(b *testing.B, total time.Duration) {
		b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), "ms/answer")
	}
	b.Run("in-process", func(b *testing.B) {
		var total time.Duration
		for b.Loop() {
			var out firstWrite
			start := time.Now()
			if err := chatWith(b.Context(), &out, "你好\n", hello); err != nil || out.at.IsZero() {
				b.Fatal("no answer: ", err)
			}
			total += out.at.Sub(start)
		}
		report(b, total)
	})
	b.Run("process", func(b *testing.B) {
		var total time.Duration
		for b.Loop() {
			cmd := exec.Command("timbot", "chat", hello)
			cmd.Stdin = strings.NewReader("你好\n")
			out := new(firstWrite)
			cmd.Stdout = out
			start := time.Now()
			if err := cmd.Run(); err != nil || out.at.IsZero() {
				b.Fatal("no answer: ", err)
			}
			total += out.at.Sub(start)
		}
		report(b, total)
	})
}
