package rules

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// place finds the line and column of a byte offset inside a scalar's value, through quotes, escapes, folding and
// indentation. When the source cannot be followed it answers with the scalar's own place.
func (r *reader) place(n *yaml.Node, offset int) (line, col int) {
	start := r.d.offset(n.Line, n.Column)
	if at, ok := sourceOffset(r.d.text, start, n, offset); ok {
		return r.d.place(at)
	}
	return n.Line, n.Column
}

// sourceOffset walks the scalar that begins at text[start] and returns where the value's byte offset lies.
func sourceOffset(text []byte, start int, n *yaml.Node, offset int) (int, bool) {
	at := skipProperties(text, start)
	if at >= len(text) {
		return 0, false
	}
	w := &walker{text: text, at: at, value: n.Value, want: offset, found: -1}
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0 && text[at] == '"':
		w.at++
		w.flow('"')
	case n.Style&yaml.SingleQuotedStyle != 0 && text[at] == '\'':
		w.at++
		w.flow('\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && (text[at] == '|' || text[at] == '>'):
		w.block()
	default:
		w.flow(0)
	}
	return w.found, w.found >= 0
}

// skipProperties skips a tag and an anchor before a scalar.
func skipProperties(text []byte, at int) int {
	for at < len(text) && (text[at] == '!' || text[at] == '&') {
		for at < len(text) && !isBlank(text[at]) {
			at++
		}
		for at < len(text) && isBlank(text[at]) {
			at++
		}
	}
	return at
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// walker pairs the bytes of a value with the bytes of the source, one token at a time.
type walker struct {
	text  []byte
	at    int    // in text
	value string // what the scalar is
	done  int    // bytes of value paired so far
	want  int    // offset in value that is looked for
	found int    // offset in text, or -1
}

// pair says that the next bytes of the value are s and come from the source at w.at. It answers false when they are
// not, or when the place is found.
func (w *walker) pair(s string) bool {
	if !strings.HasPrefix(w.value[w.done:], s) {
		return false
	}
	if w.want < w.done+len(s) {
		w.found = w.at
		if s == string(w.text[w.at:min(w.at+len(s), len(w.text))]) {
			w.found += w.want - w.done
		}
		return false
	}
	w.done += len(s)
	if w.done == len(w.value) && w.want == w.done { // the end of the value
		w.found = w.at + 1
	}
	return true
}

// flow walks a quoted scalar (quote) or a plain one (0).
func (w *walker) flow(quote byte) {
	for w.at < len(w.text) && w.done < len(w.value) {
		c := w.text[w.at]
		switch {
		case quote == '\'' && c == '\'':
			if !bytes.HasPrefix(w.text[w.at:], []byte("''")) || !w.pair("'") {
				return
			}
			w.at += 2
		case quote == '"' && c == '"':
			return
		case quote == '"' && c == '\\':
			s, size := escape(w.text[w.at:])
			if s == "" && size > 0 { // an escaped line break: it and the white space after it are nothing
				w.at += size
				for w.at < len(w.text) && isBlank(w.text[w.at]) {
					w.at++
				}
				continue
			}
			if size == 0 || !w.pair(s) {
				return
			}
			w.at += size
		case isBlank(c):
			if !w.fold() {
				return
			}
		default:
			_, size := utf8.DecodeRune(w.text[w.at:])
			if !w.pair(string(w.text[w.at : w.at+size])) {
				return
			}
			w.at += size
		}
	}
}

// fold walks a run of white space in a flow scalar: inside a line it is itself, over line breaks one space or, for n
// empty lines, n breaks.
func (w *walker) fold() bool {
	end, breaks := w.at, 0
	for end < len(w.text) && isBlank(w.text[end]) {
		if w.text[end] == '\n' {
			breaks++
		}
		end++
	}
	if breaks == 0 {
		for ; w.at < end; w.at++ {
			if !w.pair(string(w.text[w.at])) {
				return false
			}
		}
		return true
	}
	s := " "
	if breaks > 1 {
		s = strings.Repeat("\n", breaks-1)
	}
	if !w.pair(s) {
		return false
	}
	w.at = end
	return true
}

// block walks a literal or folded scalar line by line. Folding changes only which white space joins the lines, so each
// line's content is looked for where the value goes on.
func (w *walker) block() {
	next := func() []byte { // the current line without its break
		line := w.text[w.at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		return line
	}
	header := next()
	w.at += len(header) + 1
	indent := 0
	for _, c := range header[1:] { // an explicit indentation is relative to a parent that is not known here
		if '1' <= c && c <= '9' {
			return
		}
		if c == ' ' || c == '#' {
			break
		}
	}
	for w.at < len(w.text) && w.done < len(w.value) {
		line := bytes.TrimSuffix(next(), []byte("\r"))
		content := bytes.TrimLeft(line, " ")
		if indent == 0 && len(content) > 0 {
			indent = len(line) - len(content)
		}
		lineEnd := w.at + len(next()) + 1
		if len(line) > indent {
			// white space of the value that stands for the breaks before this line
			body := string(line[indent:])
			for w.done < len(w.value) && !strings.HasPrefix(w.value[w.done:], body) &&
				(w.value[w.done] == '\n' || w.value[w.done] == ' ') {
				if w.want == w.done {
					w.found = w.at - 1
					return
				}
				w.done++
			}
			w.at += indent
			if !w.pair(body) {
				return
			}
		}
		w.at = lineEnd
	}
	if w.found < 0 && w.want <= len(w.value) { // in the final line breaks
		w.found = max(0, min(w.at, len(w.text))-1)
	}
}

// escape reads one escape of a double quoted scalar: what it stands for and how long it is.
func escape(text []byte) (string, int) {
	if len(text) < 2 {
		return "", 0
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}
	if n, ok := digits[text[1]]; ok {
		if len(text) < 2+n {
			return "", 0
		}
		r, err := strconv.ParseUint(string(text[2:2+n]), 16, 32)
		if err != nil {
			return "", 0
		}
		return string(rune(r)), 2 + n
	}
	simple := map[byte]string{
		'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r",
		'e': "\x1b", ' ': " ", '"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028",
		'P': "\u2029", '\n': "",
	}
	s, ok := simple[text[1]]
	if !ok {
		return "", 0
	}
	return s, 2
}
