package rules

import (
	"encoding/binary"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/unicode/norm"
)

// strictTable says what the characters of the basic plane become in the profile strict, after chat; 0 for separators.
var strictTable = sync.OnceValue(func() *[0x10000]uint16 {
	t := new([0x10000]uint16)
	for r := range t {
		t[r] = uint16(r)
	}
	for _, table := range []*unicode.RangeTable{unicode.P, unicode.S, unicode.Z, unicode.Cc, modifiers} {
		for _, r16 := range table.R16 {
			for r := int(r16.Lo); r <= int(r16.Hi); r += int(r16.Stride) {
				t[r] = 0
			}
		}
	}
	for to, from := range lookAlikes {
		for _, r := range from {
			if r < 0x10000 {
				t[r] = uint16(to)
			}
		}
	}
	for _, block := range [][2]rune{{0xC0, 0x52F}, {0x1E00, 0x1FFF}} {
		for r := block[0]; r <= block[1]; r++ { // letters with accents
			if d := norm.NFD.PropertiesString(string(r)).Decomposition(); d != nil {
				base, _ := utf8.DecodeRune(d)
				t[r] = t[base]
			}
		}
	}
	return t
})

// modifiers are the marks that letters have above, below, through and after them; the marks of Thai, Hindi and the like,
// which are letters there, are not among them.
var modifiers = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x02B0, Hi: 0x036F, Stride: 1}, {Lo: 0x0483, Hi: 0x0489, Stride: 1},
	{Lo: 0x1AB0, Hi: 0x1AFF, Stride: 1},
	{Lo: 0x1DC0, Hi: 0x1DFF, Stride: 1}, {Lo: 0x20D0, Hi: 0x20FF, Stride: 1}, {Lo: 0xFE20, Hi: 0xFE2F, Stride: 1},
}}

// strictRune is strictTable for every character.
func strictRune(r rune) rune {
	if r < 0x10000 {
		return rune(strictTable()[r])
	}
	switch {
	case 0x1F150 <= r && r <= 0x1F169: // letters in black circles
		return r - 0x1F150 + 'a'
	case 0x1F170 <= r && r <= 0x1F189: // in black squares
		return r - 0x1F170 + 'a'
	case 0x1F1E6 <= r && r <= 0x1F1FF: // regional indicators
		return r - 0x1F1E6 + 'a'
	case unicode.In(r, unicode.P, unicode.S):
		return 0
	}
	return r
}

// breaks tells the separators that end a clause. The others stand between the characters of one word without anybody
// thinking of a new sentence.
func breaks(r rune) bool {
	switch r {
	case '\n', '\r', ',', '、', '。', '｡', ';', '!', '?', '，', '；', '！', '？', '\u2028', '\u2029':
		return true
	}
	return false
}

// collapses tells characters of which several in a row count as one: not digits, and not what no word is made of.
func collapses(r rune) bool { return r > '9' }

// builder writes a folded text character by character.
type builder struct {
	f        *folded
	n        int  // bytes of f.text written
	open     bool // a linear stretch is at hand
	from, to int  // where it begins
	last     rune // the last character; 0: none, or a repetition would be a character of its own
	lastFrom int
	lastTo   int
}

// begin prepares f for the text that is made of f.src.
func (f *folded) begin() builder {
	f.runs, f.lazy = f.runs[:0], lazyNot
	f.text = room(f.text[:0], 0, len(f.src))
	return builder{f: f}
}

// end finishes the text. at is the end of the source.
func (b *builder) end(at int) {
	b.gap(at)
	b.f.text = b.f.text[:b.n]
}

// gap says that what follows does not come from at directly after what is written.
func (b *builder) gap(at int) {
	if b.open {
		b.f.close(b.from, at, b.to, b.n)
		b.open = false
	}
}

// put writes a character that comes from [from, end) and is as long there.
func (b *builder) put(r rune, from, end int) {
	if r == b.last && collapses(r) {
		b.again(from, end)
		return
	}
	if utf8.RuneLen(r) != end-from {
		b.unit(r, from, end)
		return
	}
	if !b.open {
		b.open, b.from, b.to = true, from, b.n
	}
	b.last, b.lastFrom, b.lastTo = r, from, b.n
	b.n += utf8.EncodeRune(b.f.text[b.n:], r)
}

// unit writes a character that comes from [from, end).
func (b *builder) unit(r rune, from, end int) {
	b.gap(from)
	b.f.runs = append(b.f.runs, stretch{to: b.n, from: from, end: end})
	b.last, b.lastFrom, b.lastTo = r, from, b.n
	b.f.text = room(b.f.text, b.n, len(b.f.src)-from+utf8.UTFMax)
	b.n += utf8.EncodeRune(b.f.text[b.n:], r)
}

// text writes a text that comes from [from, end).
func (b *builder) text(s string, from, end int) {
	b.gap(from)
	b.f.runs = append(b.f.runs, stretch{to: b.n, from: from, end: end})
	b.f.text = room(b.f.text, b.n, len(s)+len(b.f.src)-end)
	b.n += copy(b.f.text[b.n:], s)
	b.last = 0
}

// again adds a repetition to the last character.
func (b *builder) again(from, end int) {
	if b.open {
		b.gap(from)
	}
	last := &b.f.runs[len(b.f.runs)-1]
	if last.linear || last.to != b.lastTo { // the end of a linear stretch: cut it off
		if last.end = b.lastFrom; last.end == last.from {
			b.f.runs = b.f.runs[:len(b.f.runs)-1]
		}
		b.f.runs = append(b.f.runs, stretch{to: b.lastTo, from: b.lastFrom, end: end, n: 2})
		return
	}
	last.end = end
	if last.n = max(1, last.n); last.n < 255 {
		last.n++
	}
}

// What a table for whole texts says of characters that are no separators and become no one character.
const (
	skipped  = 1 // has no width
	involved = 2 // takes more than a look at one character
)

// wholeTable says what the characters of the basic plane become in the profile strict where nothing combines with them.
var wholeTable = sync.OnceValue(func() *[0x10000]uint16 {
	t := new([0x10000]uint16)
	chat, strict := chatTable(), strictTable()
	for r := range rune(len(t)) {
		switch {
		case r < utf8.RuneSelf:
			t[r] = strict[lowered[r]]
		case chat[r] != 0:
			t[r] = strict[chat[r]]
		case isZeroWidth(r):
			t[r] = skipped
		default:
			t[r] = involved
		}
	}
	for _, r := range "…·　" { // frequent, and folded to separators
		t[r] = 0
	}
	return t
})

// strict folds src with the profile strict, unless something in it takes the profile chat before; then it returns false.
func (f *folded) strict(src string) bool {
	return f.strictQuickly(src) || f.strictMapped(src)
}

// strictMapped is strict with the way back.
func (f *folded) strictMapped(src string) bool {
	f.base, f.src = nil, src
	return f.strictly(wholeTable())
}

// What strictBytes says of a character beside its bytes, of which the first is the lowest.
const (
	quickLength = 3 << 24 // how many bytes there are; none for a separator
	quickBreaks = 1 << 26 // a separator that ends a clause
	quickSingle = 1 << 27 // several in a row do not count as one
	quickNot    = 1 << 28 // takes more than a table
)

// strictBytes is wholeTable in UTF-8.
var strictBytes = sync.OnceValue(func() *[0x10000]uint32 {
	t := new([0x10000]uint32)
	for r, to := range wholeTable() {
		c := rune(to)
		switch {
		case c == skipped || c == involved:
			t[r] = quickNot
			continue
		case c != 0:
			var b [4]byte
			n := utf8.EncodeRune(b[:], c)
			t[r] = binary.LittleEndian.Uint32(b[:]) | uint32(n)<<24
		}
		if breaks(rune(r)) {
			t[r] |= quickBreaks
		}
		if !collapses(c) {
			t[r] |= quickSingle
		}
	}
	return t
})

// strictQuickly is strict for texts of ASCII and of characters of three bytes, without the way back. It returns false, and
// nothing is done, for other texts. Nobody can foresee where spaces and repetitions stand, so there is no branch for them.
func (f *folded) strictQuickly(src string) bool {
	table := strictBytes()
	out := room(f.text[:0], 0, len(src)+utf8.UTFMax)
	text := unsafe.Slice(unsafe.StringData(src), len(src))
	at := quickPlace{}
	for at.from < len(text) {
		if text[at.from] < utf8.RuneSelf {
			at = strictASCII(table, text, out, at)
			continue
		}
		before := at.from
		if at = strictThrees(table, text, out, at); at.from == before {
			return false
		}
	}
	f.src, f.base, f.text, f.runs, f.lazy = src, nil, out[:at.to], f.runs[:0], lazyStrict
	return true
}

// quickPlace is how far a text is folded: to where it is read and written, and what the next character is if it is a
// repetition.
type quickPlace struct {
	from, to int
	last     uint32
}

// strictASCII folds all the ASCII that comes next. It and strictThrees are apart so that all they need stays in registers, and
// write without checks: out has room for as many bytes as are read, and four more.
func strictASCII(table *[0x10000]uint32, text, out []byte, at quickPlace) quickPlace {
	i, n, last := at.from, at.to, at.last
	base := unsafe.Pointer(unsafe.SliceData(out))
	for ; i < len(text); i++ {
		c := text[i]
		if c >= utf8.RuneSelf {
			break
		}
		v := table[c]
		binary.LittleEndian.PutUint32((*[4]byte)(unsafe.Add(base, n))[:], v)
		length := int(v & quickLength >> 24)
		if v == last {
			length = 0
		}
		n += length
		// After a separator Chinese goes on; all else begins anew, and so does Chinese after the end of a clause.
		kept := last & -(last >> 7 & 1) & (v&quickBreaks>>26 - 1)
		last = v &^ quickSingle
		if v&quickLength == 0 {
			last = kept
		}
	}
	return quickPlace{i, n, last}
}

// strictThrees folds all the characters of three bytes that come next and that take no more than the table.
func strictThrees(table *[0x10000]uint32, text, out []byte, at quickPlace) quickPlace {
	i, n, last := at.from, at.to, at.last
	base := unsafe.Pointer(unsafe.SliceData(out))
	for i < len(text) {
		w := eightBytes(text, i)
		v := table[threeBytes(w)]
		if w&threeBytesOnce != threeByteLead || v&quickNot != 0 {
			break
		}
		binary.LittleEndian.PutUint32((*[4]byte)(unsafe.Add(base, n))[:], v)
		length := int(v & quickLength >> 24)
		if v == last {
			length = 0
		}
		n += length
		kept := last & -(last >> 7 & 1) & (v&quickBreaks>>26 - 1)
		last = v &^ quickSingle
		if v&quickLength == 0 {
			last = kept
		}
		i += 3
	}
	return quickPlace{i, n, last}
}

// strictOn folds a text of the profile chat on.
func (f *folded) strictOn(chat *folded) {
	f.base, f.src = chat, byteString(chat.text)
	f.strictly(strictTable())
}

// strictly folds f.src by a table; false at a character that is involved.
func (f *folded) strictly(table *[0x10000]uint16) bool {
	b, src := f.begin(), f.src
	for i := 0; i < len(src); {
		// Most of a text is characters that are as long as before and separators, in a loop with nothing else in it.
		n, last, lastFrom, lastTo := b.n, b.last, b.lastFrom, b.lastTo
		open, from, to := b.open, b.from, b.to
		out := f.text
		for i < len(src) {
			r, size := rune(src[i]), 1
			if r >= utf8.RuneSelf {
				if r&0xF0 != 0xE0 || i+2 >= len(src) || src[i+1]&0xC0 != 0x80 || src[i+2]&0xC0 != 0x80 {
					break
				}
				r, size = r&15<<12|rune(src[i+1]&0x3F)<<6|rune(src[i+2]&0x3F), 3
			}
			c := rune(table[uint16(r)])
			if c == 0 {
				if open {
					f.close(from, i, to, n)
					open = false
				}
				if last < utf8.RuneSelf || breaks(r) { // "telegram me" has its m twice
					last = 0
				}
				i += size
				continue
			}
			if c == last {
				break
			}
			if size == 1 {
				if c >= utf8.RuneSelf {
					break
				}
				out[n] = byte(c)
			} else {
				if c < 0x800 {
					break
				}
				w := out[n : n+3 : n+3]
				w[0], w[1], w[2] = 0xE0|byte(c>>12), 0x80|byte(c>>6)&0x3F, 0x80|byte(c)&0x3F
			}
			if !open {
				open, from, to = true, i, n
			}
			last, lastFrom, lastTo = c, i, n
			n += size
			i += size
		}
		b.n, b.last, b.lastFrom, b.lastTo = n, last, lastFrom, lastTo
		b.open, b.from, b.to = open, from, to
		if i == len(src) {
			break
		}
		r, size := utf8.DecodeRuneInString(src[i:])
		c := rune(involved)
		switch {
		case r == utf8.RuneError && size == 1:
			return false
		case r < 0x10000:
			c = rune(table[r])
		case f.base != nil || isPlain(r):
			c = strictRune(r)
		}
		switch c {
		case involved:
			return false
		case skipped:
			b.gap(i)
		case 0:
			b.gap(i)
			if b.last < utf8.RuneSelf || breaks(r) {
				b.last = 0
			}
		default:
			b.put(c, i, i+size)
		}
		i += size
	}
	b.end(len(src))
	return true
}

// alias folds a strict text on: p's aliases become what they stand for.
func (f *folded) alias(strict *folded, p *profile) {
	f.base, f.src = strict, byteString(strict.text)
	b := f.begin()
	for i := 0; i < len(f.src); {
		if a, ok := p.alias(f.src[i:]); ok {
			end := i + len(a.from)
			if r, size := utf8.DecodeRuneInString(a.to); size == len(a.to) && r == b.last && collapses(r) {
				b.again(i, end)
			} else if size == len(a.to) {
				b.unit(r, i, end)
			} else {
				b.text(a.to, i, end)
			}
			i = end
			continue
		}
		r, size := utf8.DecodeRuneInString(f.src[i:])
		b.put(r, i, i+size)
		i += size
	}
	b.end(len(f.src))
}

// syllables is the pinyin of the characters from 0x4E00 on.
var syllables = sync.OnceValue(func() *[0x9FFF - 0x4E00 + 1]string {
	t := new([0x9FFF - 0x4E00 + 1]string)
	for line := range strings.Lines(pinyinTable) {
		line = strings.TrimSuffix(line, "\n")
		at := strings.IndexFunc(line, func(r rune) bool { return r >= utf8.RuneSelf })
		for _, r := range line[at:] {
			t[r-0x4E00] = line[:at]
		}
	}
	return t
})

// pinyin folds a strict text on: Chinese characters become their syllables.
func (f *folded) pinyin(strict *folded) {
	f.base, f.src = strict, byteString(strict.text)
	b := f.begin()
	table := syllables()
	for i := 0; i < len(f.src); {
		r, size := utf8.DecodeRuneInString(f.src[i:])
		b.last = 0
		switch {
		case 0x4E00 <= r && r <= 0x9FFF && table[r-0x4E00] != "":
			b.text(table[r-0x4E00], i, i+size)
		case 'a' <= r && r <= 'z' && strict.count(i) == 2: // gongguan
			b.text(f.src[i:i+1]+f.src[i:i+1], i, i+1)
		default:
			b.put(r, i, i+size)
		}
		i += size
	}
	b.end(len(f.src))
}
