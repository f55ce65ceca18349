package rules

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// phrases is a list of words to look for.
type phrases struct {
	mode    MatchMode
	words   []string // as the rule spells them
	folded  []word   // of all modes but MatchRegex
	regexps []*pattern
	table   *wordTable   // nil for few words
	fuzzy   *fuzzyPieces // of MatchFuzzy
}

// With that many words a table is faster than looking for one after the other.
const tableWords = 8

// each calls yield for the places of p's words, in no order, until yield returns false. Words that fold to the same text
// may be yielded once, as the first of them.
func (m *matcher) each(p *phrases, in *input, v textView, yield func(occurrence) bool) {
	switch {
	case p.fuzzy != nil:
		p.fuzzy.each(v, func(o occurrence) bool { return !v.accepts(p.mode, nil, o.start, o.end) || yield(o) })
	case p.table == nil:
		for i := range p.words {
			if !m.eachOf(p, i, in, v, yield) {
				return
			}
		}
	case p.mode == MatchExact:
		text, start := m.whole(v, p.mode)
		if i, ok := p.table.words[text]; ok && v.accepts(p.mode, p.folded[i].counts, start, start+len(text)) {
			yield(occurrence{int(i), start, start + len(text)})
		}
	default:
		from, to := 0, len(v.text)
		if p.mode == MatchPrefix {
			from = m.lead(v.text)
			to = from + 1
		}
		p.table.each(v.text, from, to, func(i, start, end int) bool {
			return !v.accepts(p.mode, p.folded[i].counts, start, end) || yield(occurrence{i, start, end})
		})
	}
}

// eachOf is each for one word. It returns whether yield always did.
func (m *matcher) eachOf(p *phrases, i int, in *input, v textView, yield func(occurrence) bool) bool {
	switch p.mode {
	case MatchRegex:
		if len(m.except.words) == 0 {
			start, end, ok := in.locate(p.regexps[i], v.text)
			return !ok || yield(occurrence{i, start, end})
		}
		for _, loc := range p.regexps[i].re.FindAllStringIndex(v.text, maxOccurrences) {
			if !yield(occurrence{i, loc[0], loc[1]}) {
				return false
			}
		}
		return true
	case MatchExact, MatchPrefix:
		text, start := m.whole(v, p.mode)
		w := &p.folded[i]
		if !strings.HasPrefix(text, w.text) || p.mode == MatchExact && len(text) != len(w.text) ||
			!v.accepts(p.mode, w.counts, start, start+len(w.text)) {
			return true
		}
		return yield(occurrence{i, start, start + len(w.text)})
	case MatchFuzzy:
		return p.fuzzy.eachOf(i, v, func(o occurrence) bool {
			return !v.accepts(p.mode, nil, o.start, o.end) || yield(o)
		})
	}
	w := &p.folded[i]
	for at := 0; ; {
		k := strings.Index(v.text[at:], w.text)
		if k < 0 {
			return true
		}
		at += k
		if v.accepts(p.mode, w.counts, at, at+len(w.text)) && !yield(occurrence{i, at, at + len(w.text)}) {
			return false
		}
		_, size := utf8.DecodeRuneInString(v.text[at:])
		at += max(1, size)
	}
}

// whole is the text without the white space around it that does not count.
func (m *matcher) whole(v textView, mode MatchMode) (text string, start int) {
	start = m.lead(v.text)
	if mode == MatchExact && m.profile != profileNone {
		return strings.TrimRightFunc(v.text[start:], unicode.IsSpace), start
	}
	return v.text[start:], start
}

// lead is how much white space before the text does not count.
func (m *matcher) lead(text string) int {
	if m.profile == profileNone {
		return 0
	}
	return len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
}

// accepts reports whether a word that stands in the view at [start, end) is there for people too: that it is no part of a
// longer word if the mode asks for that, and, where separators and repetitions were taken away, what took their place.
func (v textView) accepts(mode MatchMode, counts []uint8, start, end int) bool {
	if !v.profile.strict() {
		return mode != MatchWord || wordAt(v.text, start, end)
	}
	f := v.folded
	if !f.whole(start, end) {
		return false // part of a character's pinyin
	}
	span := f.span(start, end)
	if mode == MatchWord && !wordAt(v.src, span.Start, span.End) {
		return false
	}
	if span.End-span.Start == end-start && counts == nil {
		return true
	}
	var characters, gaps int // of the original, and how many have separators before them
	var hard, digits bool    // a clause ends inside; there are digits
	before := Span{-1, -1}
	for at, k := start, 0; at < end; k++ {
		r, size := utf8.DecodeRuneInString(v.text[at:])
		edge := at == start || at+size == end
		if !v.profile.pinyin && !repeated(r, f.count(at), wanted(counts, k), edge) {
			return false
		}
		at += size
		place := f.span(at-size, at)
		if place == before {
			continue
		}
		characters++
		digits = digits || unicode.IsDigit(r)
		if before.End >= 0 {
			between := v.src[before.End:max(before.End, place.Start)]
			if strings.ContainsFunc(between, func(r rune) bool { return !isZeroWidth(r) }) {
				gaps++
				hard = hard || strings.ContainsFunc(between, breaks) || strings.Contains(between, ". ")
			}
		}
		before = place
	}
	if gaps == 0 {
		return true
	}
	// Over the end of a clause a word goes on only if it is spelled out: 加，微，信 is one, 我想加，微信也行 is not.
	if hard && (gaps < characters-1 || characters < 3 || digits) {
		return false
	}
	// Letters that belong to others are not taken out of them: "vx" is in "加 v x" and not in "dev xml".
	first, _ := utf8.DecodeRuneInString(v.src[span.Start:])
	last, _ := utf8.DecodeLastRuneInString(v.src[:span.End])
	prior, _ := utf8.DecodeLastRuneInString(v.src[:span.Start])
	next, _ := utf8.DecodeRuneInString(v.src[span.End:])
	return !(span.Start > 0 && wordRune(first) && wordRune(prior)) &&
		!(span.End < len(v.src) && wordRune(last) && wordRune(next))
}

func wanted(counts []uint8, k int) int {
	if k < len(counts) {
		return int(counts[k])
	}
	return 1
}

// repeated reports whether a character that stands n times one after the other may be one that the word has want times.
// Two Latin letters are a spelling, three are an effect: good is no god, and gooood may be both.
func repeated(r rune, n, want int, edge bool) bool {
	return n == want || n > want && (edge || n > 2 || r >= utf8.RuneSelf)
}

// wordTable finds many words at once: by their first bytes, then by the whole.
type wordTable struct {
	words  map[string]int32 // the first word of each text
	starts [len(tableWidths)]startTable
	long   []int // the lengths of words from longWord bytes on
}

// tableWidths are how many bytes of a word it is looked for by: as many as it has.
var tableWidths = [...]int{6, 3, 1}

const longWord = 63

// startTable is the words that are looked for by their first width bytes.
type startTable struct {
	lengths map[uint64]uint64 // of the words that begin so, as bits; longWord stands for it and more
	filter  []uint64          // bits by hash, so that most places cost no look-up in a map
	shift   uint8
}

func startKey(s string, width int) uint64 {
	switch width {
	case 6:
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40
	case 3:
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16
	}
	return uint64(s[0])
}

func (t *startTable) bit(key uint64) (int, uint64) {
	h := key * 0x9E3779B97F4A7C15 >> t.shift
	return int(h / 64), 1 << (h % 64)
}

func newWordTable(words []word) *wordTable {
	t := &wordTable{words: make(map[string]int32, len(words))}
	for i := range t.starts {
		t.starts[i].lengths = make(map[uint64]uint64)
	}
	for i, w := range words {
		if _, ok := t.words[w.text]; ok || w.text == "" {
			continue
		}
		t.words[w.text] = int32(i)
		n := len(w.text)
		k := slices.IndexFunc(tableWidths[:], func(width int) bool { return n >= width })
		t.starts[k].lengths[startKey(w.text, tableWidths[k])] |= 1 << min(n, longWord)
		if n >= longWord && !slices.Contains(t.long, n) {
			t.long = append(t.long, n)
		}
	}
	for i := range t.starts {
		s := &t.starts[i]
		size := 10
		for 1<<size < 16*len(s.lengths) {
			size++
		}
		s.shift = uint8(64 - size)
		s.filter = make([]uint64, 1<<size/64)
		for key := range s.lengths {
			word, bit := s.bit(key)
			s.filter[word] |= bit
		}
	}
	return t
}

// each calls yield for the words that begin in text[from:to].
func (t *wordTable) each(text string, from, to int, yield func(i, start, end int) bool) {
	for k, width := range tableWidths {
		s := &t.starts[k]
		if len(s.lengths) == 0 {
			continue
		}
		for at := from; at < min(to, len(text)-width+1); at++ {
			key := startKey(text[at:], width)
			if word, bit := s.bit(key); s.filter[word]&bit == 0 {
				continue
			}
			for lengths := s.lengths[key]; lengths != 0; lengths &= lengths - 1 {
				n := bits.TrailingZeros64(lengths)
				if n == longWord {
					for _, n := range t.long {
						if !t.try(text, at, n, yield) {
							return
						}
					}
					break
				}
				if !t.try(text, at, n, yield) {
					return
				}
			}
		}
	}
}

func (t *wordTable) try(text string, at, n int, yield func(i, start, end int) bool) bool {
	if at+n > len(text) {
		return true
	}
	i, ok := t.words[text[at:at+n]]
	return !ok || yield(int(i), at, at+n)
}
