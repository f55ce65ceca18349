package main

import (
	"strconv"
	"strings"

	"github.com/rivo/uniseg"
)

// display is a terminal as the tests see it: what is written to it becomes rows of characters.
type display struct {
	width, height int
	cells         [][]string // one string a column; "" is the right half of a wide character
	row, col      int
	wrap          bool // the last column was written, the next character begins a row
	scrolled      []string
	odd           []string // what it does not understand
}

func newDisplay(width, height int) *display {
	d := &display{width: width, height: height}
	for range height {
		d.cells = append(d.cells, blank(width))
	}
	return d
}

func blank(width int) []string {
	row := make([]string, width)
	for i := range row {
		row[i] = " "
	}
	return row
}

func (d *display) Write(p []byte) (int, error) {
	for rest, state := string(p), -1; rest != ""; {
		if rest[0] == 0x1b {
			rest, state = d.escape(rest), -1
			continue
		}
		var c string
		var w int
		c, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		switch c {
		case "\r\n":
			d.col, d.wrap = 0, false
			d.down()
		case "\r":
			d.col, d.wrap = 0, false
		case "\n":
			d.down()
		default:
			d.put(c, w)
		}
	}
	return len(p), nil
}

func (d *display) put(c string, w int) {
	if w == 0 {
		d.odd = append(d.odd, strconv.Quote(c))
		return
	}
	if d.wrap || d.col+w > d.width {
		d.col, d.wrap = 0, false
		d.down()
	}
	d.cells[d.row][d.col] = c
	for i := 1; i < w; i++ {
		d.cells[d.row][d.col+i] = ""
	}
	if d.col += w; d.col >= d.width {
		d.col, d.wrap = d.width-1, true
	}
}

func (d *display) down() {
	if d.row++; d.row < d.height {
		return
	}
	d.scrolled = append(d.scrolled, text(d.cells[0]))
	d.cells = append(d.cells[1:], blank(d.width))
	d.row = d.height - 1
}

func (d *display) escape(s string) string {
	if len(s) < 3 {
		d.odd = append(d.odd, strconv.Quote(s))
		return ""
	}
	end := strings.IndexFunc(s[2:], func(r rune) bool { return r >= 0x40 && r <= 0x7e })
	if s[1] != '[' || end < 0 {
		d.odd = append(d.odd, strconv.Quote(s))
		return ""
	}
	arg, final, rest := s[2:2+end], s[2+end], s[3+end:]
	n, _ := strconv.Atoi(arg)
	switch {
	case final == 'm', arg == "?2004" && (final == 'h' || final == 'l'):
	case final == 'A':
		d.row, d.wrap = max(0, d.row-n), false
	case final == 'C':
		d.col, d.wrap = min(d.width-1, d.col+n), false
	case final == 'K' && arg == "":
		copy(d.cells[d.row][d.col:], blank(d.width-d.col))
	case final == 'J' && arg == "":
		copy(d.cells[d.row][d.col:], blank(d.width-d.col))
		for i := d.row + 1; i < d.height; i++ {
			d.cells[i] = blank(d.width)
		}
	case final == 'J' && arg == "2":
		for i := range d.cells {
			d.cells[i] = blank(d.width)
		}
	case final == 'H' && arg == "":
		d.row, d.col, d.wrap = 0, 0, false
	default:
		d.odd = append(d.odd, strconv.Quote(s[:3+end]))
	}
	return rest
}

func text(row []string) string { return strings.TrimRight(strings.Join(row, ""), " ") }

// rows is everything that was written, with what has scrolled away, without empty rows at the end.
func (d *display) rows() []string {
	rows := append([]string(nil), d.scrolled...)
	for _, row := range d.cells {
		rows = append(rows, text(row))
	}
	for len(rows) > 0 && rows[len(rows)-1] == "" {
		rows = rows[:len(rows)-1]
	}
	return rows
}
