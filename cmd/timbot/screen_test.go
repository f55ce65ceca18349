package main

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rowsOf breaks text as a terminal does.
func rowsOf(text string, width int) []string {
	var rows []string
	for _, line := range strings.Split(text, "\n") {
		rows = append(rows, arrange("", line, 0, width).rows...)
	}
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return rows
}

// TestScreenShowsWhatIsThere types, moves and prints at random, and compares what a terminal shows with what it should.
func TestScreenShowsWhatIsThere(t *testing.T) {
	words := rapid.SampledFrom([]string{"a", "你", "，", "！", "😀", "👨‍👩‍👧", "é", "한", "x y", "→", "one two three", "一二三四五六七八九十"})
	names := rapid.SampledFrom([]keyName{
		keyBackspace, keyDelete, keyLeft, keyRight, keyHome, keyEnd, keyUp, keyDown, keyCutEnd, keyCutStart, keyCutWord, keyCutNext,
		keyYank, keyWordLeft, keyWordRight,
	})
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(8, 40).Draw(t, "width")
		d := newDisplay(width, 12)
		s := &screen{out: d, size: func() (int, int) { return d.width, d.height }}
		e := &editor{past: []string{"昨天说的话", "old"}, shown: 2}
		prompt := rapid.SampledFrom([]string{"> ", "alice → 群> "}).Draw(t, "prompt")
		var want []string
		s.edit(prompt, e.text, e.at)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				line := words.Draw(t, "printed") + words.Draw(t, "printed")
				s.print(line)
				want = append(want, rowsOf(line, width)...)
			case 1, 2, 3:
				e.press(key{name: names.Draw(t, "key")})
			case 4:
				e.press(key{name: keyPaste, text: words.Draw(t, "pasted") + "\n" + words.Draw(t, "pasted")})
			default:
				e.press(key{text: words.Draw(t, "typed")})
			}
			s.edit(prompt, e.text, e.at)
			l := arrange(prompt, e.text, e.at, width)
			if len(l.rows) > d.height {
				continue // more than the screen holds: TestScreenOfALongLine
			}
			rows := slices.Clone(want)
			for _, row := range l.rows {
				rows = append(rows, strings.TrimRight(row, " "))
			}
			for len(rows) > 0 && rows[len(rows)-1] == "" {
				rows = rows[:len(rows)-1]
			}
			if got := d.rows(); !slices.Equal(got, rows) {
				t.Fatalf("shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(rows, "\n"))
			}
			if row := d.row + len(d.scrolled) - len(want); row != l.row || d.col != l.col {
				t.Fatalf("cursor at row %d column %d, want %d and %d", row, d.col, l.row, l.col)
			}
			if len(d.odd) > 0 {
				t.Fatalf("wrote %s", d.odd)
			}
		}
	})
}

func TestScreenOfALongLine(t *testing.T) {
	d := newDisplay(10, 4)
	s := &screen{out: d, size: func() (int, int) { return d.width, d.height }}
	e := &editor{}
	for range 60 {
		e.press(key{text: "长"})
		s.edit("> ", e.text, e.at)
	}
	if got, want := strings.Join(d.rows(), "|"), "长长长长长|长长长长长|长长长长长|长"; got != want {
		t.Errorf("the end shows %s, want %s", got, want)
	}
	e.press(key{name: keyHome})
	s.edit("> ", e.text, e.at)
	if got, want := strings.Join(d.rows(), "|"), "> 长长长长|长长长长长|长长长长长|长长长长长"; got != want {
		t.Errorf("the start shows %s, want %s", got, want)
	}
	s.print("hi")
	if got, want := strings.Join(d.rows(), "|"), "hi|> 长长长长|长长长长长|长长长长长|长长长长长"; got != want {
		t.Errorf("after a print it shows %s, want %s", got, want)
	}
	if d.row != 0 || d.col != 2 {
		t.Errorf("cursor at %d, %d", d.row, d.col)
	}
}

func TestScreenWrites(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"an escape sequence is seen":       {"\x1b[2Jgone", "␛[2Jgone"},
		"a line feed begins a row":         {"a\nb", "a|b"},
		"a direction mark cannot turn":     {"a\u202eb", "a\ufffdb"},
		"a carriage return cannot hide":    {"abc\rx", "abc␍x"},
		"the last line feed is the log's":  {"a\n", "a"},
		"a C1 control character is nobody": {"a\u009bb", "a\ufffdb"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDisplay(40, 5)
			s := &screen{out: d, size: func() (int, int) { return d.width, d.height }}
			if n, err := s.Write([]byte(test.text)); n != len(test.text) || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			if got := strings.Join(d.rows(), "|"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestScreenAfterAResize(t *testing.T) {
	d := newDisplay(20, 6)
	s := &screen{out: d, size: func() (int, int) { return d.width, d.height }}
	s.print("before")
	s.edit("> ", "一二三四五六七八九十", 30)
	// The terminal breaks the row of 20 columns into two, and the prompt's last row into one.
	wide := newDisplay(12, 6)
	wide.Write([]byte("before\r\n> 一二三四五六七八九\r\n十"))
	*d = *wide
	s.resized()
	if got, want := strings.Join(d.rows(), "|"), "before|> 一二三四五|六七八九十"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
