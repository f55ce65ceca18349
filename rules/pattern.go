package rules

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
)

// pattern is a compiled regular expression. Many begin with one of a few texts, which Go's library only makes use of when
// there is just one and its case counts: else it tries the expression at every place of a text. A pattern looks for those
// texts itself and tries the expression where one of them stands.
type pattern struct {
	re    *regexp.Regexp
	named bool // it has named groups

	prepare  sync.Once
	anchored *regexp.Regexp // re at the beginning of a text; nil: no use
	starts   []literal      // each match begins with one of them
	first    [256 / 64]uint64
}

// maxStarts is how many places of a text are tried before the whole is left to the library, which never takes more than
// time in proportion to the length.
const maxStarts = 4

func newPattern(re *regexp.Regexp) *pattern {
	return &pattern{re: re, named: slices.ContainsFunc(re.SubexpNames(), func(name string) bool { return name != "" })}
}

// find is the leftmost match in text.
func (p *pattern) find(text string) (start, end int, ok bool) {
	p.prepare.Do(p.learn)
	if p.anchored == nil {
		return p.search(text)
	}
	for at, tried := 0, 0; ; at++ {
		if at = p.nextStart(text, at); at < 0 {
			return 0, 0, false
		}
		if tried++; tried > maxStarts {
			return p.search(text)
		}
		if loc := p.anchored.FindStringIndex(text[at:]); loc != nil {
			return at, at + loc[1], true
		}
	}
}

func (p *pattern) search(text string) (start, end int, ok bool) {
	if loc := p.re.FindStringIndex(text); loc != nil {
		return loc[0], loc[1], true
	}
	return 0, 0, false
}

// nextStart is the first place from at on where one of starts stands, or -1.
func (p *pattern) nextStart(text string, at int) int {
	for ; at < len(text); at++ {
		if c := text[at]; p.first[c>>6]>>(c&63)&1 == 0 {
			continue
		}
		for i := range p.starts {
			s := &p.starts[i]
			if rest := text[at:]; len(rest) >= len(s.text) &&
				(rest[:len(s.text)] == s.text || s.fold && equalFold(rest[:len(s.text)], s.text)) {
				return at
			}
		}
	}
	return -1
}

// learn finds out how the pattern begins, when that is of use.
func (p *pattern) learn() {
	if prefix, _ := p.re.LiteralPrefix(); prefix != "" {
		return
	}
	tree, err := syntax.Parse(p.re.String(), syntax.Perl)
	if err != nil {
		return
	}
	starts := patternStarts(tree)
	if starts == nil {
		return
	}
	anchored, err := regexp.Compile(`\A(?:` + p.re.String() + `)`)
	if err != nil {
		return
	}
	for _, s := range starts {
		for _, c := range []byte{s.text[0], strings.ToUpper(s.text[:1])[0]} {
			if c == s.text[0] || s.fold {
				p.first[c>>6] |= 1 << (c & 63)
			}
		}
	}
	p.starts, p.anchored = starts, anchored
}

// patternStarts writes out how matches begin: each with one of the texts, none of which is empty. nil if that cannot be
// said, or if what comes before the first character matters.
func patternStarts(re *syntax.Regexp) []literal {
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return patternStarts(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return patternStarts(re.Sub[0])
		}
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range re.Sub {
			starts := patternStarts(sub)
			if all = append(all, starts...); starts == nil || len(all) > maxChoices {
				return nil
			}
		}
		return all
	case syntax.OpLiteral, syntax.OpCharClass:
		return startOf([]*syntax.Regexp{re})
	case syntax.OpConcat:
		first := patternStarts(re.Sub[0])
		if first == nil {
			return nil
		}
		if longer := startOf(re.Sub); longer != nil {
			return longer
		}
		return first
	}
	return nil
}

// startOf writes out as much of a sequence as there are few choices for. The first part is known to take a character.
func startOf(subs []*syntax.Regexp) []literal {
	run := []literal{{}}
	add := func(next []literal) bool {
		if next == nil || len(run)*len(next) > maxChoices || len(run[0].text) > maxRunBytes {
			return false
		}
		run = cross(run, next)
		return true
	}
parts:
	for _, sub := range subs {
		if sub.Op != syntax.OpLiteral {
			if !add(choicesOf(sub)) {
				break
			}
			continue
		}
		for _, r := range sub.Rune {
			if !add(runeChoices(r, sub.Flags&syntax.FoldCase != 0)) {
				break parts
			}
		}
	}
	if slices.ContainsFunc(run, func(l literal) bool { return l.text == "" }) {
		return nil
	}
	return run
}
