package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// screen is a terminal whose last rows are a prompt with the line that is being written. Everything else is printed above
// it. Each change is one write, so that nothing flickers.
type screen struct {
	out  io.Writer
	size func() (width, height int)

	mu     sync.Mutex
	prompt string
	text   string
	at     int
	on     bool   // the prompt is on the screen
	drawn  layout // as it is on the screen
	width  int    // of the screen when it was drawn
}

// edit shows the prompt and a line.
func (s *screen) edit(prompt, text string, at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prompt, s.text, s.at = prompt, text, at
	var b strings.Builder
	s.draw(&b)
	s.flush(&b)
}

// print shows text above the prompt.
func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	on := s.on
	s.erase(&b)
	b.WriteString(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")
	if on {
		s.draw(&b)
	}
	s.flush(&b)
}

// hide takes the prompt away.
func (s *screen) hide() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	s.erase(&b)
	s.flush(&b)
}

// clear empties the screen and shows the prompt at its top.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString("\x1b[H\x1b[2J")
	s.on = false
	s.draw(&b)
	s.flush(&b)
}

// resized draws the prompt anew: the terminal has broken its rows at other places.
func (s *screen) resized() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return
	}
	var b strings.Builder
	s.draw(&b)
	s.flush(&b)
}

// Write implements io.Writer for a log: whole lines, above the prompt.
func (s *screen) Write(p []byte) (int, error) {
	s.print(clean(strings.TrimRight(string(p), "\n")))
	return len(p), nil
}

// home moves to the first row of what is drawn.
func (s *screen) home(b *strings.Builder) {
	up := s.drawn.row
	if width, _ := s.size(); width != s.width && width > 0 {
		up = s.drawn.col / width
		for _, w := range s.drawn.widths[:s.drawn.row] {
			up += max(1, (w+width-1)/width)
		}
	}
	if up > 0 {
		fmt.Fprintf(b, "\x1b[%dA", up)
	}
	b.WriteByte('\r')
}

// erase takes what is drawn away and leaves the cursor where it began.
func (s *screen) erase(b *strings.Builder) {
	if s.on {
		s.home(b)
		b.WriteString("\x1b[J")
	}
	s.on = false
}

func (s *screen) draw(b *strings.Builder) {
	width, height := s.size()
	l := arrange(s.prompt, s.text, s.at, width).window(height)
	if s.on {
		s.home(b)
		if len(s.drawn.rows) > len(l.rows) || width != s.width {
			b.WriteString("\x1b[J")
		}
	}
	for i, row := range l.rows {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("\x1b[K" + row) // cleared first: behind a full row it would take the last character
	}
	if up := len(l.rows) - 1 - l.row; up > 0 {
		fmt.Fprintf(b, "\x1b[%dA", up)
	}
	b.WriteByte('\r')
	if l.col > 0 {
		fmt.Fprintf(b, "\x1b[%dC", l.col)
	}
	s.on, s.drawn, s.width = true, l, width
}

// flush writes; a terminal that is gone is noticed when it is read.
func (s *screen) flush(b *strings.Builder) { _, _ = io.WriteString(s.out, b.String()) }
