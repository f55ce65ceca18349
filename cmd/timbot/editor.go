package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// editor is one line being written: its text, and where in it the next character goes. A paste may have several lines.
type editor struct {
	text string
	at   int // in bytes, between characters as people see them

	cut   string   // what was cut last
	past  []string // lines written before, oldest first
	shown int      // which of past is shown; len(past) for the line that is being written
	draft string   // that line, while another one is shown
}

// take returns the text and begins anew.
func (e *editor) take() string {
	text := e.text
	e.text, e.at, e.draft = "", 0, ""
	if strings.TrimSpace(text) != "" && (len(e.past) == 0 || e.past[len(e.past)-1] != text) {
		e.past = append(e.past, text)
	}
	e.shown = len(e.past)
	return text
}

// press changes the line as a key says, and reports whether the key does anything.
func (e *editor) press(k key) bool {
	switch k.name {
	case keyText, keyPaste:
		e.insert(k.text)
	case keyBackspace:
		e.remove(e.left(), e.at, false)
	case keyDelete:
		e.remove(e.at, e.right(), false)
	case keyLeft:
		e.at = e.left()
	case keyRight:
		e.at = e.right()
	case keyWordLeft:
		e.at = e.wordLeft()
	case keyWordRight:
		e.at = e.wordRight()
	case keyHome:
		e.at = 0
	case keyEnd:
		e.at = len(e.text)
	case keyCutStart:
		e.remove(0, e.at, true)
	case keyCutEnd:
		e.remove(e.at, len(e.text), true)
	case keyCutWord:
		e.remove(e.wordLeft(), e.at, true)
	case keyCutNext:
		e.remove(e.at, e.wordRight(), true)
	case keyYank:
		e.insert(e.cut)
	case keyUp:
		e.recall(e.shown - 1)
	case keyDown:
		e.recall(e.shown + 1)
	default:
		return false
	}
	return true
}

func (e *editor) insert(s string) {
	e.text = e.text[:e.at] + s + e.text[e.at:]
	e.at += len(s)
}

func (e *editor) remove(from, to int, keep bool) {
	if from == to {
		return
	}
	if keep {
		e.cut = e.text[from:to]
	}
	e.text, e.at = e.text[:from]+e.text[to:], from
}

// recall shows a line of the past, or the line that is being written.
func (e *editor) recall(i int) {
	if i < 0 || i > len(e.past) {
		return
	}
	if e.shown == len(e.past) {
		e.draft = e.text
	}
	e.shown = i
	if i == len(e.past) {
		e.text = e.draft
	} else {
		e.text = e.past[i]
	}
	e.at = len(e.text)
}

// left and right are the places one character away: several code points may be one.
func (e *editor) left() int {
	from := 0
	for at, rest, state := 0, e.text, -1; at < e.at && rest != ""; {
		from = at
		var c string
		c, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		at += len(c)
	}
	return from
}

func (e *editor) right() int {
	c, _, _, _ := uniseg.FirstGraphemeClusterInString(e.text[e.at:], -1)
	return e.at + len(c)
}

func (e *editor) wordLeft() int {
	word := strings.TrimRightFunc(e.text[:e.at], unicode.IsSpace)
	space := strings.LastIndexFunc(word, unicode.IsSpace)
	if space < 0 {
		return 0
	}
	_, size := utf8.DecodeRuneInString(word[space:]) // a full-width space has three bytes
	return space + size
}

func (e *editor) wordRight() int {
	rest := strings.TrimLeftFunc(e.text[e.at:], unicode.IsSpace)
	if i := strings.IndexFunc(rest, unicode.IsSpace); i >= 0 {
		rest = rest[i:]
	} else {
		rest = ""
	}
	return len(e.text) - len(rest)
}
