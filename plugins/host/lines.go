package host

import (
	"bufio"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Bounds of what a plugin writes.
const (
	maxLine       = 8 << 10 // bytes; the rest of a line is dropped
	linesASecond  = 200     // further ones are dropped
	bytesASecond  = 4 << 20 // further ones are not read before the second is over
	maxKept       = 500     // lines that are kept for people
	maxKeptBytes  = 256 << 10
	maxFirstLine  = 64 << 10
	maxLastWords  = 40 // lines in which the reason of a crash is looked for
	maxReasonText = 500
)

// Line is something that a plugin said.
type Line struct {
	At    time.Time `json:"at"`
	Level string    `json:"level"` // debug, info, warn, error; stderr and stdout for what it wrote
	Text  string    `json:"text"`
	PID   int       `json:"pid"`
}

// kept is the last that a plugin said.
type kept struct {
	mu    sync.Mutex
	lines []Line
	bytes int
}

func (k *kept) add(l Line) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, l)
	k.bytes += len(l.Text)
	for len(k.lines) > maxKept || k.bytes > maxKeptBytes {
		k.bytes -= len(k.lines[0].Text)
		k.lines = k.lines[1:]
	}
}

// last returns the last n lines.
func (k *kept) last(n int) []Line {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Line(nil), k.lines[max(0, len(k.lines)-n):]...)
}

// reason is what of a process's lines tells best why it ended; empty when it said nothing.
func (k *kept) reason(pid int) string {
	reason := ""
	for _, l := range k.last(maxLastWords) {
		if l.PID != pid || l.Level != "stderr" || strings.TrimSpace(l.Text) == "" {
			continue
		}
		if strings.HasPrefix(l.Text, "panic: ") || strings.HasPrefix(l.Text, "fatal error: ") {
			reason = l.Text
			break
		}
		if !strings.HasPrefix(reason, "panic: ") {
			reason = strings.TrimSpace(l.Text)
		}
	}
	if len(reason) > maxReasonText {
		reason = strings.ToValidUTF8(reason[:maxReasonText], "") + "…"
	}
	return reason
}

// meter lets through so many lines and bytes a second.
type meter struct {
	clock clockwork.Clock
	stop  <-chan struct{}

	since time.Time
	lines int
	bytes int
	lost  int
}

// take counts a line and reports whether it is to be kept, and how many were lost in the second before it. When too much came it
// waits for the next second.
func (m *meter) take(n int) (ok bool, lost int) {
	now := m.clock.Now()
	if passed := now.Sub(m.since); passed >= time.Second || passed < 0 {
		m.since, m.lines, m.bytes = now, 0, 0
		lost, m.lost = m.lost, 0
	}
	m.lines++
	m.bytes += n
	ok = m.lines <= linesASecond
	if !ok {
		m.lost++
	}
	if m.bytes > bytesASecond {
		select {
		case <-m.clock.After(m.since.Add(time.Second).Sub(now)):
		case <-m.stop:
		}
	}
	return ok, lost
}

// pump reads lines until r ends. A line that is too long is cut.
func pump(r *bufio.Reader, m *meter, say func(text string, lost int)) {
	for {
		line, n, err := readLine(r, maxLine)
		if n > 0 {
			if ok, lost := m.take(n); ok {
				say(line, lost)
			}
		}
		if err != nil {
			if m.lost > 0 {
				say("", m.lost)
			}
			return
		}
	}
}

// readLine reads a line of n bytes and returns its beginning, without its end.
func readLine(r *bufio.Reader, most int) (line string, n int, err error) {
	var b []byte
	for {
		part, err := r.ReadSlice('\n')
		n += len(part)
		b = append(b, part[:min(len(part), most-len(b))]...)
		if err == bufio.ErrBufferFull {
			continue
		}
		return strings.ToValidUTF8(strings.TrimRight(string(b), "\r\n"), "\uFFFD"), n, err
	}
}
