package rules

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

//go:generate go run ../internal/tables .

// folded is a text after a step of folding, with the way back. A zero folded is ready for use; it may be filled again and
// again and keeps its memory.
type folded struct {
	src  string  // what it was made of: the original, or base's text
	base *folded // nil: src is the original
	text []byte
	runs []stretch
	lazy laziness // runs are not there yet
	fold cases.Caser

	ready                 bool
	buf, nfkc, cased, out []byte            // scratch
	known                 map[string]string // what clusters became: normalising allocates, and chats repeat them
}

// Of so many clusters of at most so many bytes is known what they become.
const (
	maxKnown   = 512
	maxCluster = 32
)

// stretch is a part of the folded text that begins at to and comes from the source's bytes from from on. A linear one
// maps byte by byte; another one is a unit: each of its bytes stands for all of [from, end).
type stretch struct {
	to, from, end int
	linear        bool
	n             uint16 // of a unit: how many characters of the same kind it is; 0 is one
}

// simplified is the simplified form of characters that have one. A table of all the plane makes folding a look-up.
var simplified = sync.OnceValue(func() *[0x10000]uint16 {
	t := new([0x10000]uint16)
	var traditional rune
	for _, r := range hantPairs {
		if traditional == 0 {
			traditional = r
			continue
		}
		t[traditional] = uint16(r)
		traditional = 0
	}
	return t
})

// chatTable says what characters of the basic plane become that fold without their neighbours; 0 for others.
var chatTable = sync.OnceValue(func() *[0x10000]uint16 {
	t := *simplified()
	for r := rune(0x80); r < 0x10000; r++ {
		switch {
		case !isPlain(r):
			t[r] = 0
		case t[r] == 0:
			t[r] = uint16(r)
		}
	}
	for r := rune(0xFF01); r <= 0xFF5E; r++ { // full width ASCII
		t[r] = uint16(lowered[r-0xFF01+'!'])
	}
	return &t
})

// chatBytes is chatTable in UTF-8, the first byte lowest, with the number of bytes, one or three, in the highest: commas and
// the like become ASCII, and as nobody can foresee where they stand, there must be no branch for them.
var chatBytes = sync.OnceValue(func() *[0x10000]uint32 {
	t := new([0x10000]uint32)
	for r, to := range chatTable() {
		if to == 0 {
			continue
		}
		var b [4]byte
		n := utf8.EncodeRune(b[:], rune(to))
		t[r] = binary.LittleEndian.Uint32(b[:]) | uint32(n)<<24
	}
	return t
})

var lowered = func() (t [256]byte) {
	for c := range t {
		t[c] = lower(byte(c))
	}
	return t
}()

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// The lowest and the highest bits of the bytes of a word.
const (
	lowBits  = 0x0101010101010101
	highBits = 0x80 * lowBits
)

// The bits that say of the first three bytes of a word that they are one character, what they are then, and both for two
// characters.
const (
	threeBytesOnce  = 0xC0C0F0
	threeByteLead   = 0x8080E0
	threeBytesTwice = threeBytesOnce<<24 | threeBytesOnce
	threeByteLeads  = threeByteLead<<24 | threeByteLead
)

// threeBytes is the character of three bytes that a word begins with.
func threeBytes(w uint64) uint16 {
	return uint16(w)&15<<12 | uint16(w>>8)&63<<6 | uint16(w>>16)&63
}

// eightBytes is the eight bytes from i on, the first one lowest, with zeros after the end of text.
func eightBytes(text []byte, i int) uint64 {
	if i+8 <= len(text) {
		return binary.LittleEndian.Uint64(text[i:])
	}
	return lastBytes(text, i)
}

func lastBytes(text []byte, i int) uint64 {
	if n := len(text) - 8; n >= 0 {
		return binary.LittleEndian.Uint64(text[n:]) >> (8 * (i - n))
	}
	var tail [8]byte
	copy(tail[:], text[i:])
	return binary.LittleEndian.Uint64(tail[:])
}

// lowerWord is lower for each byte of a word.
func lowerWord(w uint64) uint64 {
	upper := (w&^highBits + (0x80-'A')*lowBits) &^ (w&^highBits + (0x80-'Z'-1)*lowBits) &^ w & highBits
	return w | upper>>2
}

// appendLower appends text with its letters of ASCII in lower case.
func appendLower(out []byte, text string) []byte {
	n := len(out)
	out = append(out, text...)
	b := out[n:]
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, lowerWord(binary.LittleEndian.Uint64(b)))
		b = b[8:]
	}
	for i, c := range b {
		b[i] = lower(c)
	}
	return out
}

// room returns out with space for n bytes after its first used ones.
func room(out []byte, used, n int) []byte {
	if used+n > cap(out) {
		out = slices.Grow(out[:used], n)
	}
	return out[:cap(out)]
}

// laziness says how to make the way back of a text that was folded without it: most texts have no hit, and never need it.
type laziness uint8

const (
	lazyNot laziness = iota
	lazyChat
	lazyStrict
)

// chat folds src with the profile chat.
func (f *folded) chat(src string) {
	if !f.chatQuickly(src) {
		f.chatMapped(src)
	}
}

// chatQuickly is chat for texts of ASCII and of characters that fold without their neighbours, and without the way back. It
// takes eight bytes of ASCII at once. It returns false, and nothing is done, for other texts.
func (f *folded) chatQuickly(src string) bool {
	table := chatBytes()
	out := room(f.text[:0], 0, len(src)+8) // more is written at once than counts
	text := unsafe.Slice(unsafe.StringData(src), len(src))
	i, n := 0, 0
	for i < len(text) {
		w := eightBytes(text, i)
		to := out[n : n+8]
		switch {
		case w&0x80 == 0:
			k := min(bits.TrailingZeros64(w&highBits)/8, len(text)-i) // so many are ASCII
			binary.LittleEndian.PutUint64(to, lowerWord(w))
			i, n = i+k, n+k
		case w&threeBytesTwice == threeByteLeads:
			v, next := table[threeBytes(w)], table[threeBytes(w>>24)]
			if v == 0 || next == 0 {
				return false
			}
			binary.LittleEndian.PutUint32(to, v)
			binary.LittleEndian.PutUint32(to[v>>24&3:], next)
			i, n = i+6, n+int(v>>24)+int(next>>24)
		case w&threeBytesOnce == threeByteLead:
			v := table[threeBytes(w)]
			if v == 0 {
				return false
			}
			binary.LittleEndian.PutUint32(to, v)
			i, n = i+3, n+int(v>>24)
		default:
			r, size := utf8.DecodeRuneInString(src[i:])
			if size != 4 || !isPlain(r) {
				return false
			}
			n += copy(to, src[i:i+size])
			i += size
		}
	}
	f.src, f.base, f.text, f.runs, f.lazy = src, nil, out[:n], f.runs[:0], lazyChat
	return true
}

// mapBack makes the way back. The text stays as it is.
func (f *folded) mapBack() {
	switch f.lazy {
	case lazyChat:
		f.chatMapped(f.src)
	case lazyStrict:
		f.strictMapped(f.src)
	}
}

// chatMapped is chat for all texts, with the way back.
func (f *folded) chatMapped(src string) {
	table := chatTable()
	out := room(f.text[:0], 0, len(src))
	f.src, f.base, f.runs, f.lazy = src, nil, f.runs[:0], lazyNot
	var (
		n    int // of out
		from int // where the stretch at hand begins in src
		to   int // and in out
	)
	// What is written is never longer than what is read, so out has room; slow sees to it where that does not hold.
	for i := 0; i < len(src); {
		c := src[i]
		if c < utf8.RuneSelf {
			out[n] = lowered[c]
			n++
			i++
			continue
		}
		if c&0xF0 == 0xE0 && i+2 < len(src) && src[i+1]&0xC0 == 0x80 && src[i+2]&0xC0 == 0x80 {
			v := table[uint16(c)<<12|uint16(src[i+1]&0x3F)<<6|uint16(src[i+2]&0x3F)]
			if v >= 0x800 {
				b := out[n : n+3 : n+3]
				b[0], b[1], b[2] = 0xE0|byte(v>>12), 0x80|byte(v>>6)&0x3F, 0x80|byte(v)&0x3F
				n += 3
				i += 3
				continue
			}
			if v > 0 {
				f.close(from, i, to, n)
				f.runs = append(f.runs, stretch{to: n, from: i, end: i + 3})
				out[n] = byte(v)
				n++
				i += 3
				from, to = i, n
				continue
			}
		} else if c == 0xF0 {
			if r, size := utf8.DecodeRuneInString(src[i:]); isPlain(r) {
				n += copy(out[n:], src[i:i+size])
				i += size
				continue
			}
		}
		end := i
		if r, size := utf8.DecodeRuneInString(src[i:]); isZeroWidth(r) {
			for end += size; end < len(src); end += size {
				if r, size = utf8.DecodeRuneInString(src[end:]); !isZeroWidth(r) {
					break
				}
			}
		}
		start := i
		if end < len(src) && !startsCluster(src[end:]) {
			start = before(src, i)
		}
		switch {
		case start < i: // what combines takes back the character before it
			if start >= from {
				n = to + start - from
				f.close(from, start, to, n)
			} else {
				n, start = f.takeBack(start)
			}
			end = cluster(src, start)
		case end > i: // not seen
			f.close(from, i, to, n)
			i, from, to = end, end, n
			continue
		default:
			f.close(from, i, to, n)
			end = cluster(src, i)
		}
		f.text = out[:n]
		f.unit(start, end)
		n = len(f.text)
		out = room(f.text, n, len(src)-end)
		i, from, to = end, end, n
	}
	f.close(from, len(src), to, n)
	f.text = out[:n]
}

// takeBack removes the last character, which begins at start in the source or before it, and returns the length of the
// text without it and where it begins.
func (f *folded) takeBack(start int) (n, from int) {
	k := len(f.runs) - 1
	r := &f.runs[k]
	if r.linear && start > r.from {
		r.end = start
		return r.to + start - r.from, start
	}
	n, from = r.to, r.from
	f.runs = f.runs[:k]
	return n, from
}

// close ends a linear stretch.
func (f *folded) close(from, end, to, n int) {
	if n > to {
		f.runs = append(f.runs, stretch{to: to, from: from, end: end, linear: true})
	}
}

// before returns where the last character of src[:i] begins that is seen; i if there is none.
func before(src string, i int) int {
	for at := i; at > 0; {
		r, size := utf8.DecodeLastRuneInString(src[:at])
		at -= size
		if !isZeroWidth(r) {
			return at
		}
	}
	return i
}

// isPlain tells characters that are frequent in chats, that NFKC and case folding leave as they are, and that combine
// with nothing before them: Chinese, kana, their punctuation, curly quotes, dashes, emoji.
func isPlain(r rune) bool {
	switch {
	case 0x4E00 <= r && r <= 0x9FEF, 0x3001 <= r && r <= 0x3029, 0x3041 <= r && r <= 0x3096, 0x30A1 <= r && r <= 0x30FE,
		0x2013 <= r && r <= 0x2014, 0x2018 <= r && r <= 0x2019, 0x201C <= r && r <= 0x201D, 0x2600 <= r && r <= 0x27BF,
		0x1F300 <= r && r <= 0x1FAFF:
		return true
	}
	return false
}

func startsCluster(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return !isZeroWidth(r) && norm.NFKC.PropertiesString(s).BoundaryBefore()
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
	text, known := f.known[string(f.buf)]
	if !known {
		f.out = f.foldBytes(f.out[:0], f.buf)
		text = string(f.out)
		if len(f.known) == maxKnown || f.known == nil {
			f.known = make(map[string]string)
		}
		if len(f.buf) <= maxCluster {
			f.known[string(f.buf)] = text
		}
	}
	if text == "" {
		return
	}
	f.runs = append(f.runs, stretch{to: len(f.text), from: first, end: last})
	f.text = append(f.text, text...)
}

// foldBytes appends NFKC(fold(NFKC(src))), simplified and without characters that have no width.
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
	simple := simplified()
	for s := f.nfkc; len(s) > 0; {
		r, size := utf8.DecodeRune(s)
		switch {
		case isZeroWidth(r):
		case r < 0x10000 && simple[r] != 0:
			dst = utf8.AppendRune(dst, rune(simple[r]))
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
	return dst
}

// span maps a hit in the folded text back to the original.
func (f *folded) span(start, end int) Span {
	var s Span
	switch {
	case start < end && start < len(f.text):
		s = Span{f.origin(start).Start, f.origin(end - 1).End}
	case start < len(f.text): // an empty hit of a regex
		at := f.origin(start).Start
		s = Span{at, at}
	default:
		s = Span{len(f.src), len(f.src)}
	}
	if f.base == nil {
		return s
	}
	return f.base.span(s.Start, s.End)
}

// at is the stretch that the folded byte at is in.
func (f *folded) at(at int) *stretch {
	if f.lazy != lazyNot {
		f.mapBack()
	}
	i, found := slices.BinarySearchFunc(f.runs, at, func(r stretch, at int) int { return r.to - at })
	if !found {
		i--
	}
	return &f.runs[i]
}

// origin is the part of the source that the folded byte at comes from.
func (f *folded) origin(at int) Span {
	r := f.at(at)
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

// count is how many of the same character, one after the other, the folded byte at stands for.
func (f *folded) count(at int) int {
	r := f.at(at)
	n := max(1, int(r.n))
	if f.base == nil {
		return n
	}
	from := r.from
	if r.linear {
		from += at - r.to
	}
	return max(n, f.base.count(from))
}

// whole reports whether [start, end) cuts no unit in two.
func (f *folded) whole(start, end int) bool {
	if r := f.at(start); !r.linear && r.to != start {
		return false
	}
	if end == len(f.text) {
		return true
	}
	r := f.at(end)
	return r.linear || r.to == end
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
