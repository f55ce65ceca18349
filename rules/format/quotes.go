package format

import (
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// unquote takes quotes off where the text means the same without them, for readers of YAML 1.1 too.
func unquote(text []byte) (out []byte, err error) {
	defer caught(&err)
	root, err := read(text)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(text), "\n")
	type edit struct{ line, from, to int } // in bytes
	var edits []edit
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i, c := range n.Content {
			isKey := n.Kind == yaml.MappingNode && i%2 == 0
			if c.Kind == yaml.ScalarNode && c.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && c.Anchor == "" &&
				c.Style&yaml.TaggedStyle == 0 && bare(c.Value) && (!isKey || n.Style&yaml.FlowStyle == 0) {
				line := lines[c.Line-1]
				from := byteCol(line, c.Column-1)
				if to := from + len(c.Value) + 2; to <= len(line) && line[from+1:to-1] == c.Value && line[from] == line[to-1] {
					edits = append(edits, edit{c.Line - 1, from, to})
				}
			}
			walk(c)
		}
	}
	walk(root)
	for i := len(edits) - 1; i >= 0; i-- { // from the right, so that the places before stay what they are
		e := edits[i]
		l := lines[e.line]
		lines[e.line] = l[:e.from] + l[e.from+1:e.to-1] + l[e.to:]
	}
	return []byte(strings.Join(lines, "\n")), nil
}

// byteCol is the byte offset of a column in characters, both from 0.
func byteCol(line string, col int) int {
	for i := range line {
		if col == 0 {
			return i
		}
		col--
	}
	return len(line)
}

// notWords are plain scalars that some reader of YAML takes for something else than a text.
var notWords = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true, "true": true, "false": true, "null": true,
	"nan": true, "inf": true,
}

// bare reports whether a text may stand without quotes, whoever reads it. It is careful: what it refuses keeps its quotes.
func bare(s string) bool {
	if s == "" || notWords[strings.ToLower(s)] || strings.HasSuffix(s, " ") || strings.Contains(s, "  ") {
		return false
	}
	for i, r := range s {
		switch {
		case unicode.IsLetter(r):
		case i == 0:
			return false
		case unicode.IsDigit(r), r == ' ', r == '_', r == '-', r == '.', r == '/', r == '?', r == '!', r == '(', r == ')', r == ';':
		case r > unicode.MaxASCII && (unicode.IsPunct(r) || unicode.IsMark(r)):
		default:
			return false
		}
	}
	return true
}
