package main

import "github.com/rivo/uniseg"

// layout is a prompt and a line broken into rows of a terminal.
type layout struct {
	rows     []string
	widths   []int // columns that each row takes
	row, col int   // where the cursor is
}

// arrange breaks prompt+text into rows of at most width columns; the cursor is before the byte at of the text. A wide
// character never lies across the edge.
func arrange(prompt, text string, at, width int) layout {
	width = max(width, 2)
	var l layout
	row, col := "", 0
	next := func() {
		l.rows, l.widths = append(l.rows, row), append(l.widths, col)
		row, col = "", 0
	}
	line, cursor := prompt+text, len(prompt)+at
	for pos, rest, state := 0, line, -1; rest != ""; {
		var c string
		var w int
		c, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if col+w > width {
			next()
		}
		if pos <= cursor && cursor < pos+len(c) {
			l.row, l.col = len(l.rows), min(col, width-1) // before the end of a line that fills its row
		}
		pos += len(c)
		if c == "\n" {
			next()
			continue
		}
		row, col = row+c, col+w
	}
	if cursor >= len(line) {
		if col >= width {
			next()
		}
		l.row, l.col = len(l.rows), col
	}
	next()
	return l
}

// window leaves only as many rows as fit, with the cursor's among them.
func (l layout) window(height int) layout {
	height = max(height, 1)
	if len(l.rows) <= height {
		return l
	}
	from := max(0, l.row-height+1)
	l.rows, l.widths, l.row = l.rows[from:from+height], l.widths[from:from+height], l.row-from
	return l
}
