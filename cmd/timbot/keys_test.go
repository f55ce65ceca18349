package main

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKeys(t *testing.T) {
	tests := map[string]struct{ bytes, want string }{
		"text":                         {"你好a", "你好a"},
		"enter":                        {"你好\r", "你好 <enter>"},
		"arrows":                       {"\x1b[A\x1b[B\x1bOC\x1bOD", "<up> <down> <right> <left>"},
		"arrows with control":          {"\x1b[1;5C\x1b[1;5D", "<word-right> <word-left>"},
		"alt":                          {"\x1bb\x1bf\x1bd\x1b\x7f", "<word-left> <word-right> <cut-next-word> <cut-word>"},
		"alt that means nothing":       {"\x1bzb", "b"},
		"unknown sequence":             {"\x1b[24;5~b", "b"},
		"broken sequence":              {"\x1b[1\rb", "<enter> b"},
		"escape before a character":    {"\x1b你", "你"},
		"control characters":           {"\x03\x04\x0c\x1a\x09\x7f\x08", "<interrupt> <leave> <clear> <suspend> <tab> <backspace> <backspace>"},
		"control that means nothing":   {"a\x1db", "ab"},
		"no UTF-8":                     {"a\xffb", "ab"},
		"paste":                        {"\x1b[200~一\r\n二\r三\n\x1b[201~x", "<paste 一\n二\n三> x"},
		"paste with keys in it":        {"\x1b[200~a\x1b[A\x03b\x1b[201~", "<paste a[Ab>"},
		"paste with a tab":             {"\x1b[200~a\tb\x1b[201~", "<paste a    b>"},
		"a mark that turns directions": {"a\u202eb", "ab"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var whole keyReader
			if got := spelled(whole.push([]byte(test.bytes))); got != test.want {
				t.Errorf("at once: %q, want %q", got, test.want)
			}
			// A terminal may hand it over in any pieces.
			var pieces keyReader
			var keys []key
			for i := range len(test.bytes) {
				keys = append(keys, pieces.push([]byte{test.bytes[i]})...)
			}
			if got := spelled(keys); got != test.want {
				t.Errorf("byte by byte: %q, want %q", got, test.want)
			}
		})
	}
}

func spelled(keys []key) string {
	var out []string
	for i, k := range keys {
		switch {
		case k.name == keyPaste:
			out = append(out, fmt.Sprintf("<paste %s>", k.text))
		case k.name != keyText:
			out = append(out, fmt.Sprintf("<%s>", k.name))
		case i > 0 && keys[i-1].name == keyText:
			out[len(out)-1] += k.text
		default:
			out = append(out, k.text)
		}
	}
	return strings.Join(out, " ")
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("你好\r\x1b[A\x1b[200~x\x1b[201~"))
	f.Add([]byte("你\u3000好\x1bb\x17x")) // words between full-width spaces
	f.Add([]byte("\x1b[1;5\xff\x1b\x1b[\x1bO"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r keyReader
		e := &editor{}
		for _, k := range r.push(data) {
			e.press(k)
			if !utf8.ValidString(e.text) || e.at < 0 || e.at > len(e.text) || !utf8.RuneStart((e.text + "x")[e.at]) {
				t.Fatalf("%q at %d after %v", e.text, e.at, k)
			}
			l := arrange("> ", e.text, e.at, 10)
			if l.row >= len(l.rows) || l.col >= 10 {
				t.Fatalf("cursor at %d, %d of %q", l.row, l.col, l.rows)
			}
		}
	})
}
