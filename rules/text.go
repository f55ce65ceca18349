package rules

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Span is a part of a text in bytes, [Start, End). Both lie on UTF-8 boundaries.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Normalize says what match does to a text, and to the words it looks for, before it compares them.
type Normalize int

// The profiles.
const (
	// NormalizeChat makes look-alikes alike: NFKC (full width and half width, ligatures, circled digits), case
	// folding, and removal of characters that have no width.
	NormalizeChat Normalize = iota
	// NormalizeNone compares bytes.
	NormalizeNone
)

var normalizeNames = []string{"chat", "none"}

// String returns the profile's name in a rule.
func (n Normalize) String() string { return normalizeNames[n] }

// folded is a text in a profile, with the way back to the original. A zero folded is ready for use; fold may be called
// again and again and keeps its memory.
type folded struct {
	src   string
	text  []byte
	runs  []stretch // nil when text and src are the same length throughout
	fold  cases.Caser
	ready bool

	buf, nfkc, cased, out []byte // scratch
}

// stretch is a part of the folded text that begins at to and comes from the original's bytes from from on. A linear run
// maps byte by byte; another one is a unit: each of its bytes stands for all of [from, end).
type stretch struct {
	to, from, end int
	linear        bool
}

// set folds src.
func (f *folded) set(src string, profile Normalize) {
	f.src, f.text, f.runs = src, f.text[:0], f.runs[:0]
	if profile == NormalizeNone {
		f.text = append(f.text, src...)
		return
	}
	for i := 0; i < len(src); {
		if n := simple(src[i:]); n > 0 {
			f.linear(i, n)
			i += n
			continue
		}
		if r, size := utf8.DecodeRuneInString(src[i:]); 0xFF01 <= r && r <= 0xFF5E && alone(src[i+size:]) {
			c := byte(r - 0xFF01 + '!') // full width ASCII
			f.runs = append(f.runs, stretch{to: len(f.text), from: i, end: i + size})
			f.text = append(f.text, lower(c))
			i += size
			continue
		}
		end := cluster(src, i)
		f.unit(i, end)
		i = end
	}
}

// simple returns how many bytes at the start of s fold without tables to as many bytes each: ASCII and what isPlain
// tells, unless what follows combines with it.
func simple(s string) int {
	n := 0
	for n < len(s) {
		size := 1
		if s[n] >= utf8.RuneSelf {
			r, w := utf8.DecodeRuneInString(s[n:])
			if !isPlain(r) {
				break
			}
			size = w
		}
		if !alone(s[n+size:]) {
			break
		}
		n += size
	}
	return n
}

// alone reports whether nothing at the start of rest combines with the character before it.
func alone(rest string) bool {
	if rest == "" || rest[0] < utf8.RuneSelf {
		return true
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return isPlain(r) || 0xFF01 <= r && r <= 0xFF5E || startsCluster(rest)
}

// isPlain tells characters that are frequent in chats, that NFKC and case folding leave as they are, and that combine
// with nothing before them: Chinese, kana, their punctuation, curly quotes, dashes, emoji.
func isPlain(r rune) bool {
	switch {
	case 0x4E00 <= r && r <= 0x9FEF, 0x3001 <= r && r <= 0x3029, 0x3041 <= r && r <= 0x3096, 0x30A1 <= r && r <= 0x30FE,
		0x2013 <= r && r <= 0x2014, 0x2018 <= r && r <= 0x2019, 0x201C <= r && r <= 0x201D, 0x1F300 <= r && r <= 0x1F64F:
		return true
	}
	return false
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func startsCluster(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return !isZeroWidth(r) && norm.NFKC.PropertiesString(s).BoundaryBefore()
}

func (f *folded) linear(from, n int) {
	if k := len(f.runs); k == 0 || !f.runs[k-1].linear || f.runs[k-1].end != from || len(f.text)-f.runs[k-1].to != from-f.runs[k-1].from {
		f.runs = append(f.runs, stretch{to: len(f.text), from: from, end: from, linear: true})
	}
	f.runs[len(f.runs)-1].end = from + n
	for _, c := range []byte(f.src[from : from+n]) {
		f.text = append(f.text, lower(c))
	}
}

// cluster returns the end of the characters from start on that normalisation treats as one: a base and what combines
// with it, characters without width between them included.
func cluster(s string, start int) int {
	_, size := utf8.DecodeRuneInString(s[start:])
	end := start + size
	for i := end; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isZeroWidth(r) {
			if norm.NFKC.PropertiesString(s[i:]).BoundaryBefore() {
				break
			}
			end = i + size
		}
		i += size
	}
	return end
}

// unit folds one cluster.
func (f *folded) unit(from, end int) {
	f.buf = f.buf[:0]
	first, last := -1, end
	for i := from; i < end; {
		r, size := utf8.DecodeRuneInString(f.src[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			f.buf = append(f.buf, "\uFFFD"...)
		case !isZeroWidth(r):
			f.buf = append(f.buf, f.src[i:i+size]...)
		}
		if !isZeroWidth(r) && first < 0 {
			first = i
		}
		i += size
	}
	if first < 0 {
		return
	}
	f.out = f.foldBytes(f.out[:0], f.buf)
	if len(f.out) == 0 {
		return
	}
	f.runs = append(f.runs, stretch{to: len(f.text), from: first, end: last})
	f.text = append(f.text, f.out...)
}

// foldBytes appends NFKC(fold(NFKC(src))) without characters that have no width.
func (f *folded) foldBytes(dst, src []byte) []byte {
	if !f.ready {
		f.fold, f.ready = cases.Fold(), true
	}
	f.nfkc = norm.NFKC.Append(f.nfkc[:0], src...)
	need := 4*len(f.nfkc) + 64 // folding makes at most three characters of one
	if cap(f.cased) < need {
		f.cased = make([]byte, need)
	}
	n, _, err := f.fold.Transform(f.cased[:need], f.nfkc, true)
	if err != nil { // never, with that much room
		n = copy(f.cased[:need], f.nfkc)
	}
	f.nfkc = norm.NFKC.Append(f.nfkc[:0], f.cased[:n]...)
	for s := f.nfkc; len(s) > 0; {
		r, size := utf8.DecodeRune(s)
		if !isZeroWidth(r) {
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
	return dst
}

// span maps a hit in the folded text back to the original.
func (f *folded) span(start, end int) Span {
	if len(f.runs) == 0 {
		return Span{start, end}
	}
	if start >= end { // an empty hit of a regex
		at := len(f.src)
		if start < len(f.text) {
			at = f.origin(start).Start
		}
		return Span{at, at}
	}
	return Span{f.origin(start).Start, f.origin(end - 1).End}
}

// origin is the part of the original that the folded byte at comes from.
func (f *folded) origin(at int) Span {
	i, found := slices.BinarySearchFunc(f.runs, at, func(r stretch, at int) int { return r.to - at })
	if !found {
		i--
	}
	r := f.runs[i]
	if r.linear {
		from := r.from + at - r.to
		start, end := from, from+1
		for start > r.from && !utf8.RuneStart(f.src[start]) {
			start--
		}
		for end < r.end && !utf8.RuneStart(f.src[end]) {
			end++
		}
		return Span{start, end}
	}
	return Span{r.from, r.end}
}

// isZeroWidth tells characters that are not seen: joiners, direction marks, variation selectors, tags and the like.
func isZeroWidth(r rune) bool {
	switch {
	case r < 0xAD:
		return false
	case r == 0xAD, r == 0x034F, r == 0x061C, 0x180B <= r && r <= 0x180F, 0x200B <= r && r <= 0x200F,
		0x202A <= r && r <= 0x202E, 0x2060 <= r && r <= 0x206F, 0xFE00 <= r && r <= 0xFE0F, r == 0xFEFF,
		0xE0000 <= r && r <= 0xE0FFF:
		return true
	}
	return false
}

// foldText folds a word to look for.
func foldText(s string, profile Normalize) string {
	var f folded
	f.set(s, profile)
	return string(f.text)
}

// wordRune tells characters that make words with what is beside them, unlike Chinese, Japanese and other scripts that
// write no space between words.
func wordRune(r rune) bool {
	if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '_' {
		return false
	}
	return !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer,
		unicode.Myanmar) && r != 'ー'
}

// wordAt reports whether text[start:end] is no part of a longer word.
func wordAt(text string, start, end int) bool {
	first, _ := utf8.DecodeRuneInString(text[start:])
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	if start > 0 && wordRune(first) && wordRune(before) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(text[:end])
	after, _ := utf8.DecodeRuneInString(text[end:])
	return end == len(text) || !wordRune(last) || !wordRune(after)
}

// indexWord finds a word in text.
func indexWord(text, word string) int {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return -1
		}
		if wordAt(text, at+i, at+i+len(word)) {
			return at + i
		}
		_, size := utf8.DecodeRuneInString(text[at+i:])
		at += i + max(1, size)
	}
}

// Normalize is how the text and the words of the rule's match are made alike; NormalizeNone for a rule without one.
func (r *Rule) Normalize() Normalize {
	if r.match == nil {
		return NormalizeNone
	}
	return r.match.normalize
}
