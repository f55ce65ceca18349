package rules

import (
	"strings"
)

// part is a piece of a string with ${{ }}: literal text or an expression.
type part struct {
	text string
	expr *program
}

// open is what begins an expression inside a string; }} ends it.
const open = "${{"

// piece is a piece of a template in bytes of its source.
type piece struct {
	start, end int // of the text, or of what is between ${{ and }}
	expr       bool
}

// split cuts a string into literal text and expressions. The end of an expression is the first }} outside of its
// quotes and braces. It answers the offset of an expression without an end, or -1.
func split(s string) ([]piece, int) {
	var pieces []piece
	at := 0
	for {
		i := strings.Index(s[at:], open)
		if i < 0 {
			if at < len(s) {
				pieces = append(pieces, piece{at, len(s), false})
			}
			return pieces, -1
		}
		if i > 0 {
			pieces = append(pieces, piece{at, at + i, false})
		}
		start := at + i + len(open)
		end := exprEnd(s, start)
		if end < 0 {
			return pieces, at + i
		}
		pieces = append(pieces, piece{start, end, true})
		at = end + 2
	}
}

// exprEnd finds the }} that ends the expression which begins at start, or -1.
func exprEnd(s string, start int) int {
	depth := 0
	for i := start; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\'', '`':
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' && c != '`' {
					i++
				}
			}
		case '{':
			depth++
		case '}':
			if depth > 0 {
				depth--
			} else if i+1 < len(s) && s[i+1] == '}' {
				return i
			} else {
				return -1
			}
		}
	}
	return -1
}

// template compiles a scalar. It answers the parts; ok is false when something was reported.
func (p *place) template(n *node) (parts []part, ok bool) {
	pieces, unclosed := split(n.Value)
	ok = true
	for _, piece := range pieces {
		if !piece.expr {
			parts = append(parts, part{text: n.Value[piece.start:piece.end]})
			continue
		}
		prog := p.compile(n, piece.start, n.Value[piece.start:piece.end], false)
		ok = ok && prog != nil
		parts = append(parts, part{expr: prog})
	}
	if unclosed >= 0 {
		p.r.errorIn(n, unclosed, "this ${{ has no }}%s", p.cutHint(n))
		return nil, false
	}
	return parts, ok
}

// only returns the expression of a string that is nothing else.
func only(parts []part) *program {
	if len(parts) == 1 {
		return parts[0].expr
	}
	return nil
}
