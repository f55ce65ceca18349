package rules

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A phrase of mode fuzzy may differ in one character per so many.
const fuzzyEvery = 4

// maxFuzzy bounds a fuzzy phrase, in characters: looking at a place costs its length.
const maxFuzzy = 64

// fuzzyPieces is the words of a fuzzy list cut up. A word with k edits is cut into k+1 pieces, and a text that has the
// word with at most k edits has one of its pieces as it is.
type fuzzyPieces struct {
	pieces []word // of all words
	runes  [][]rune
	table  *wordTable // nil for few pieces
	same   [][]int32  // words by the text of a piece; index: of the first such piece
}

func newFuzzyPieces(words []word) *fuzzyPieces {
	f := &fuzzyPieces{}
	first := make(map[string]int)
	for i, w := range words {
		runes := []rune(w.text)
		f.runes = append(f.runes, runes)
		for _, piece := range f.cut(runes) {
			at, ok := first[piece]
			if !ok {
				at = len(f.pieces)
				first[piece] = at
				f.pieces = append(f.pieces, word{text: piece})
				f.same = append(f.same, nil)
			}
			f.same[at] = append(f.same[at], int32(i))
		}
	}
	if len(f.pieces) >= tableWords {
		f.table = newWordTable(f.pieces)
	}
	return f
}

// cut returns the pieces of a word.
func (f *fuzzyPieces) cut(runes []rune) []string {
	pieces := make([]string, len(runes)/fuzzyEvery+1)
	for k := range pieces {
		pieces[k] = string(runes[k*len(runes)/len(pieces) : (k+1)*len(runes)/len(pieces)])
	}
	return pieces
}

// requires says that a text which has word i, with as many edits as it may have, has one of its pieces. U+FFFD stands for
// every byte that is no UTF-8, so a piece with it may look different in a text.
func (f *fuzzyPieces) requires(i int, profile textProfile) requirement {
	if slices.Contains(f.runes[i], utf8.RuneError) {
		return nil
	}
	var q requirement
	for _, piece := range f.cut(f.runes[i]) {
		q = append(q, fact{kind: factLiteral, profile: profile, value: piece})
	}
	return q
}

// each calls yield for the places of all words.
func (f *fuzzyPieces) each(v textView, yield func(occurrence) bool) {
	var few [32]int32
	found := few[:0] // words of which a piece is there
	if f.table == nil {
		for i, piece := range f.pieces {
			if strings.Contains(v.text, piece.text) {
				found = append(found, f.same[i]...)
			}
		}
	} else {
		f.table.each(v.text, 0, len(v.text), func(i, _, _ int) bool {
			found = append(found, f.same[i]...)
			return len(found) < maxOccurrences
		})
	}
	slices.Sort(found)
	for _, i := range slices.Compact(found) {
		if !f.eachOf(int(i), v, yield) {
			return
		}
	}
}

// eachOf calls yield for the best places of word i: those where no other place that overlaps it has fewer edits. It is
// Sellers' algorithm: a column of distances for each character of the text, with where the best way to each begins.
func (f *fuzzyPieces) eachOf(i int, v textView, yield func(occurrence) bool) bool {
	word := f.runes[i]
	most := len(word) / fuzzyEvery
	type cell struct {
		edits int32
		start int32
	}
	var column [maxFuzzy + 1]cell
	for k := range word {
		column[k+1] = cell{int32(k + 1), 0}
	}
	best := occurrence{word: i}
	bestEdits := int32(most + 1)
	for at := 0; at < len(v.text); {
		r, size := utf8.DecodeRuneInString(v.text[at:])
		at += size
		diagonal := cell{0, int32(at - size)}
		column[0] = cell{0, int32(at)}
		for k, want := range word {
			up, left := column[k], column[k+1]
			next := diagonal
			if r != want {
				next.edits++
			}
			if left.edits+1 < next.edits {
				next = cell{left.edits + 1, left.start}
			}
			if up.edits+1 < next.edits {
				next = cell{up.edits + 1, up.start}
			}
			diagonal, column[k+1] = left, next
		}
		last := column[len(word)]
		if int(last.edits) > most || int(last.start) >= at {
			continue
		}
		if bestEdits <= int32(most) && int(last.start) >= best.end {
			if !yield(best) {
				return false
			}
			bestEdits = int32(most + 1)
		}
		if last.edits < bestEdits {
			best.start, best.end, bestEdits = int(last.start), at, last.edits
		}
	}
	return bestEdits > int32(most) || yield(best)
}

// cost is about what looking for the words costs for a message of 24 characters, in nanoseconds: always, and for each word
// of which a piece is there.
func (f *fuzzyPieces) cost() (always, word int) {
	always = 250 // what a table takes
	if f.table == nil {
		always = 30 * len(f.pieces)
	}
	characters := 0
	for _, r := range f.runes {
		characters += len(r)
	}
	return always, 3 * 24 * characters / max(1, len(f.runes))
}
