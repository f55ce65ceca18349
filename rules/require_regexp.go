package rules

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

const (
	maxChoices  = 16   // texts that a part of a pattern is written out as
	maxRequired = 1000 // literals of one pattern
	maxRunBytes = 64   // of a text that is written out
)

// regexpRequires is the literals of which one stands in every text that a regular expression finds something in, or nil
// if there are no such. The pattern is the one that is run, and the text is in the profile.
func regexpRequires(pattern string, profile textProfile) requirement {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	lits := patternLiterals(tree)
	if lits == nil || len(lits) > maxRequired {
		return nil
	}
	q := make(requirement, len(lits))
	for i, l := range lits {
		q[i] = fact{kind: factLiteral, profile: profile, value: l.text, fold: l.fold}
	}
	return q
}

// patternLiterals is the best set of literals of which one must be there, or nil.
func patternLiterals(re *syntax.Regexp) []literal {
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return patternLiterals(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return patternLiterals(re.Sub[0])
		}
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range re.Sub {
			lits := patternLiterals(sub)
			if lits == nil {
				return nil
			}
			all = append(all, lits...)
		}
		return all
	case syntax.OpConcat:
		return concatLiterals(re.Sub)
	case syntax.OpLiteral:
		return concatLiterals([]*syntax.Regexp{re})
	case syntax.OpCharClass:
		return choicesOf(re)
	}
	return nil
}

// concatLiterals looks for the best run of parts that can be written out, or the best part.
func concatLiterals(subs []*syntax.Regexp) []literal {
	var best []literal
	consider := func(lits []literal) {
		if lits != nil && literalsChance(lits) < literalsChance(best) {
			best = lits
		}
	}
	run := []literal{{}}
	add := func(next []literal) {
		if next == nil || len(run)*len(next) > maxChoices || len(run[0].text) > maxRunBytes {
			consider(run)
			run = []literal{{}}
		}
		if next != nil {
			run = cross(run, next)
		}
	}
	for _, sub := range subs {
		if sub.Op == syntax.OpLiteral { // rune by rune, so that a long one is cut rather than given up
			for _, r := range sub.Rune {
				add(runeChoices(r, sub.Flags&syntax.FoldCase != 0))
			}
			continue
		}
		choices := choicesOf(sub)
		if choices == nil {
			consider(patternLiterals(sub))
		}
		add(choices)
	}
	consider(run)
	return best
}

func literalsChance(lits []literal) float64 {
	if lits == nil {
		return 0.95
	}
	sum := 0.0
	for _, l := range lits {
		sum += literalChance(l.text)
	}
	return sum
}

// choicesOf writes a part of a pattern out as all the texts that it stands for, or gives nil.
func choicesOf(re *syntax.Regexp) []literal {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []literal{{}}
	case syntax.OpCapture:
		return choicesOf(re.Sub[0])
	case syntax.OpQuest:
		if lits := choicesOf(re.Sub[0]); lits != nil && len(lits) < maxChoices {
			return append([]literal{{}}, lits...)
		}
	case syntax.OpLiteral:
		out := []literal{{}}
		for _, r := range re.Rune {
			next := runeChoices(r, re.Flags&syntax.FoldCase != 0)
			if next == nil || len(out)*len(next) > maxChoices || len(out[0].text) > maxRunBytes {
				return nil
			}
			out = cross(out, next)
		}
		return out
	case syntax.OpCharClass:
		var out []literal
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				next := runeChoices(r, false)
				if out = append(out, next...); next == nil || len(out) > maxChoices {
					return nil
				}
			}
		}
		return out
	case syntax.OpConcat:
		out := []literal{{}}
		for _, sub := range re.Sub {
			next := choicesOf(sub)
			if next == nil || len(out)*len(next) > maxChoices {
				return nil
			}
			out = cross(out, next)
		}
		return out
	case syntax.OpAlternate:
		var out []literal
		for _, sub := range re.Sub {
			next := choicesOf(sub)
			if out = append(out, next...); next == nil || len(out) > maxChoices {
				return nil
			}
		}
		return out
	}
	return nil
}

// runeChoices is what stands for a character of a pattern. U+FFFD stands for every byte that is no UTF-8.
func runeChoices(r rune, fold bool) []literal {
	if r == utf8.RuneError || !utf8.ValidRune(r) {
		return nil
	}
	if !fold {
		return []literal{{text: string(r)}}
	}
	var out []literal
	ascii := false
	for q := r; ; {
		switch {
		case q >= utf8.RuneSelf:
			out = append(out, literal{text: string(q)})
		case !ascii:
			ascii = true
			out = append(out, literal{text: string(lower(byte(q))), fold: true})
		}
		if q = unicode.SimpleFold(q); q == r {
			return out
		}
	}
}

// cross puts each of b behind each of a.
func cross(a, b []literal) []literal {
	out := make([]literal, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			l := literal{text: x.text + y.text, fold: x.fold || y.fold}
			if l.fold {
				l.text = lowerText(l.text)
			}
			out = append(out, l)
		}
	}
	return out
}

func lowerText(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}
