package rules

import (
	"unicode"
	"unicode/utf8"
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
	// NormalizeChat makes alike what looks or means the same: NFKC (full width and half width, ligatures, circled digits),
	// case folding, traditional characters as simplified ones, and no characters without width.
	NormalizeChat Normalize = iota
	// NormalizeNone compares bytes.
	NormalizeNone
	// NormalizeStrict is NormalizeChat without separators, accents and repetitions, and with look-alikes made alike: what
	// is left of a text that was written so as not to be found.
	NormalizeStrict
)

var normalizeNames = []string{"chat", "none", "strict"}

// String returns the profile's name in a rule.
func (n Normalize) String() string { return normalizeNames[n] }

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

// Normalize is how the text and the words of the rule's match are made alike; NormalizeNone for a rule without one.
func (r *Rule) Normalize() Normalize {
	if r.match == nil {
		return NormalizeNone
	}
	return r.match.profile.normalize()
}
