//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// seat is a person at a terminal with a command in it.
type seat struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File
	tmp string

	mu      sync.Mutex
	changed chan struct{} // closed and made anew with every change
	written []byte        // everything so far
	reader  sync.WaitGroup
}

func sit(t *testing.T, state string, args ...string) *seat {
	t.Helper()
	s := &seat{t: t, tmp: t.TempDir(), cmd: exec.Command("timbot", args...), changed: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "TERM=xterm", "XDG_STATE_HOME="+state, "TMPDIR="+s.tmp)
	tty, err := pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 20, Cols: 60})
	if err != nil {
		t.Fatal(err)
	}
	s.tty = tty
	s.reader.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			s.mu.Lock()
			s.written = append(s.written, buf[:n]...)
			close(s.changed)
			s.changed = make(chan struct{})
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.reader.Wait()
		tty.Close()
	})
	return s
}

func (s *seat) press(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
}

// sees waits until the screen's last rows are these. A # stands for any digit.
func (s *seat) sees(rows ...string) {
	s.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		d, changed := newDisplay(60, 20), s.changed
		d.Write(s.written)
		s.mu.Unlock()
		got := d.rows()
		for i := range got {
			got[i] = strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return '#'
				}
				return r
			}, got[i])
		}
		last := got[max(0, len(got)-len(rows)):]
		if strings.Join(last, "\n") == strings.Join(rows, "\n") && len(d.odd) == 0 {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			s.mu.Lock()
			written := s.written
			s.mu.Unlock()
			s.t.Fatalf("the screen shows\n%s\n%q\nwant at its end\n%s\nwritten %q", strings.Join(got, "\n"), d.odd, strings.Join(rows, "\n"), written)
		}
	}
}

// leaves waits for the end of the command and returns its exit code.
func (s *seat) leaves() int {
	s.t.Helper()
	err := s.cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

func TestTerminal(t *testing.T) {
	hello, state := filepath.Join(examples, "hello"), t.TempDir()
	s := sit(t, state, "chat", hello)
	s.sees("alice → concierge>")
	s.press("你好")
	s.sees("alice → concierge> 你好")
	s.press("\r")
	s.sees("##:##:## alice: 你好", "##:##:## concierge: 你好，alice！有什么可以帮您？", "alice → concierge>")

	// Editing in the middle of wide characters; a character is taken away whole.
	s.press("早，上好\x1b[D\x1b[D\x7f\x7f")
	s.sees("alice → concierge> 上好")
	s.press("早\r")
	s.sees("##:##:## alice: 早上好", "##:##:## concierge: 你好，alice！有什么可以帮您？", "alice → concierge>")

	// What was written before comes back with the arrow.
	s.press("draft\x1b[A\x1b[A")
	s.sees("alice → concierge> 你好")
	s.press("\x1b[B\x1b[B")
	s.sees("alice → concierge> draft")

	// A command, completed; somebody else, in a group.
	s.press("\x15/mem\t\r")
	s.sees("alice → concierge> /members", "/members: you are in no group: /in GROUP enters one", "alice → concierge>")
	s.press("/in lobby\r")
	s.sees("alice → concierge> /in lobby", "##:##:## * [lobby] alice made the group, with concierge as a", "dministrator", "alice → [lobby]>")

	// Several lines that are pasted are one message.
	s.press("\x1b[200~一\n二\x1b[201~")
	s.sees("alice → [lobby]> 一", "二")
	s.press("\r")
	s.sees("##:##:## [lobby] alice: 一", "  二", "alice → [lobby]>")

	// Ctrl-C takes the line away, and does not leave at once.
	s.press("oops\x03")
	s.sees("alice → [lobby]> oops^C", "alice → [lobby]>")
	s.press("\x03")
	s.sees("Ctrl-C once more, Ctrl-D or /exit leaves.", "alice → [lobby]>")
	s.press("x\x15\x04")
	if code := s.leaves(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// The next chat knows the lines of this one.
	s = sit(t, state, "chat", hello)
	s.sees("alice → concierge>")
	s.press("\x1b[A")
	s.sees("alice → concierge> 一", "二")
	s.press("\x1b[A\x1b[A\x1b[A")
	s.sees("alice → concierge> 早上好")
	s.press("\x15\x03\x03")
	if code := s.leaves(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// TestTerminalShowsLastWords leaves at once after a message: the answer is shown all the same.
func TestTerminalShowsLastWords(t *testing.T) {
	s := sit(t, t.TempDir(), "chat", filepath.Join(examples, "hello"))
	s.sees("alice → concierge>")
	s.press("你好\r\x04")
	if code := s.leaves(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.sees("##:##:## alice: 你好", "##:##:## concierge: 你好，alice！有什么可以帮您？")
}

// TestTerminalOfAKilledChat sees that a signal leaves the terminal as it was.
func TestTerminalOfAKilledChat(t *testing.T) {
	s := sit(t, t.TempDir(), "chat", filepath.Join(examples, "hello"))
	s.sees("alice → concierge>")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.leaves(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	s.sees("alice talks to concierge. /help lists the commands, Ctrl-D l", "eaves.")
}

// TestTerminalThatGoesAway closes the window: what was temporary is removed all the same.
func TestTerminalThatGoesAway(t *testing.T) {
	s := sit(t, t.TempDir(), "chat", filepath.Join(examples, "hello"))
	s.sees("alice → concierge>")
	for range 2 { // the terminal tells it, and the shell once more
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if code := s.leaves(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	if left, err := os.ReadDir(s.tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestInterruptedScript sends SIGINT to a chat that waits for its next line.
func TestInterruptedScript(t *testing.T) {
	cmd := exec.Command("timbot", "chat", filepath.Join(examples, "hello"))
	tmp := t.TempDir()
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if _, err := io.WriteString(in, "你好\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, out)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != codeInterrupted {
		t.Errorf("exit code %d", code)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
