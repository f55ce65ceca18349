package main

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A key is what was pressed: text, or one of the names below with no text, or a paste.
type key struct {
	name keyName
	text string
}

type keyName string

const (
	keyText      keyName = "" // text that was typed
	keyPaste     keyName = "paste"
	keyEnter     keyName = "enter"
	keyTab       keyName = "tab"
	keyBackspace keyName = "backspace"
	keyDelete    keyName = "delete"
	keyLeft      keyName = "left"
	keyRight     keyName = "right"
	keyWordLeft  keyName = "word-left"
	keyWordRight keyName = "word-right"
	keyHome      keyName = "home"
	keyEnd       keyName = "end"
	keyUp        keyName = "up"
	keyDown      keyName = "down"
	keyCutEnd    keyName = "cut-end"
	keyCutStart  keyName = "cut-start"
	keyCutWord   keyName = "cut-word"
	keyCutNext   keyName = "cut-next-word"
	keyYank      keyName = "yank"
	keyClear     keyName = "clear"
	keyInterrupt keyName = "interrupt"
	keyLeave     keyName = "leave"
	keySuspend   keyName = "suspend"
)

var controls = map[byte]keyName{
	0x01: keyHome, 0x02: keyLeft, 0x03: keyInterrupt, 0x04: keyLeave, 0x05: keyEnd, 0x06: keyRight, 0x08: keyBackspace,
	0x09: keyTab, 0x0a: keyEnter, 0x0b: keyCutEnd, 0x0c: keyClear, 0x0d: keyEnter, 0x0e: keyDown, 0x10: keyUp,
	0x15: keyCutStart, 0x17: keyCutWord, 0x19: keyYank, 0x1a: keySuspend, 0x7f: keyBackspace,
}

// sequences are what follows ESC.
var sequences = map[string]keyName{
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "[H": keyHome, "[F": keyEnd,
	"OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft, "OH": keyHome, "OF": keyEnd,
	"[1~": keyHome, "[7~": keyHome, "[4~": keyEnd, "[8~": keyEnd, "[3~": keyDelete,
	"[1;5C": keyWordRight, "[1;5D": keyWordLeft, "[1;3C": keyWordRight, "[1;3D": keyWordLeft,
	"b": keyWordLeft, "f": keyWordRight, "d": keyCutNext, "\x7f": keyCutWord, "\x08": keyCutWord,
}

const (
	pasteBegin = "[200~"
	pasteEnd   = "\x1b[201~"

	maxPaste = 1 << 20 // bytes; a message holds far less
)

// keyReader makes keys of a terminal's bytes, which may come in any pieces.
type keyReader struct {
	rest    []byte
	pasting bool
}

// push returns the keys that are complete with data.
func (r *keyReader) push(data []byte) []key {
	r.rest = append(r.rest, data...)
	var keys []key
	for len(r.rest) > 0 {
		k, n := r.next()
		if n == 0 {
			break // more has to come
		}
		r.rest = r.rest[n:]
		switch last := len(keys) - 1; {
		case k.name == keyText && k.text == "":
		case k.name == keyText && last >= 0 && keys[last].name == keyText:
			keys[last].text += k.text
		default:
			keys = append(keys, k)
		}
	}
	return keys
}

// next returns the first key of what is there and how many bytes it took; no bytes when it is not complete. A key that
// means nothing is empty text.
func (r *keyReader) next() (key, int) {
	if r.pasting {
		return r.paste()
	}
	c := r.rest[0]
	switch {
	case c == 0x1b:
		return r.escape()
	case c < 0x20 || c == 0x7f:
		return key{name: controls[c]}, 1
	case !utf8.FullRune(r.rest):
		return key{}, 0
	}
	char, n := utf8.DecodeRune(r.rest)
	if char == utf8.RuneError && n == 1 {
		return key{}, 1
	}
	return key{text: printable(string(char))}, n
}

func (r *keyReader) escape() (key, int) {
	if len(r.rest) == 1 {
		return key{}, 0
	}
	switch c := r.rest[1]; {
	case c == '[':
		for i, c := range r.rest[2:] {
			switch {
			case c >= 0x40 && c <= 0x7e:
				seq := string(r.rest[1 : i+3])
				if seq == pasteBegin {
					r.pasting = true
				}
				return key{name: sequences[seq]}, i + 3
			case c < 0x20 || c > 0x7e: // broken off
				return key{}, i + 2
			}
		}
		return key{}, 0
	case c == 'O':
		if len(r.rest) == 2 {
			return key{}, 0
		}
		return key{name: sequences[string(r.rest[1:3])]}, 3
	case c >= utf8.RuneSelf, c == 0x1b:
		return key{}, 1
	default:
		return key{name: sequences[string(c)]}, 2
	}
}

func (r *keyReader) paste() (key, int) {
	i := bytes.Index(r.rest, []byte(pasteEnd))
	if i < 0 {
		if len(r.rest) > maxPaste {
			return key{}, len(r.rest) - len(pasteEnd)
		}
		return key{}, 0
	}
	r.pasting = false
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(string(r.rest[:i]), ""))
	return key{name: keyPaste, text: strings.TrimRight(printable(text), "\n")}, i + len(pasteEnd)
}

// printable leaves out what is neither text nor the end of a line; a tab becomes spaces.
func printable(s string) string {
	s = strings.ReplaceAll(s, "\t", "    ")
	return strings.Map(func(r rune) rune {
		if r != '\n' && clean(string(r)) != string(r) {
			return -1
		}
		return r
	}, s)
}
