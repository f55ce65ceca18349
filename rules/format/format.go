package format

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rules"
)

// Error says why a file is left as it is.
type Error struct {
	Line int // from 1; 0: the file as a whole
	Msg  string
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
	}
	return e.Msg
}

// Source formats one YAML file. language is the form of such a file, whose keys are put in order; nil leaves the order alone.
// The result means what text means, and formatting it again changes nothing. Errors: *Error; text is then not to be changed.
func Source(text []byte, language *rules.Form) ([]byte, error) {
	before, err := read(text)
	if err != nil || before == nil {
		return text, err
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(slices.Clone(text), '\n')
		if ended, err := read(text); err != nil || ended == nil || !sameMeaning(before, ended) {
			return nil, &Error{Msg: "its last line is a part of a text: end it with a line break, or write |- in place of |"}
		}
	}
	out, err := once(text, language)
	if err != nil {
		return nil, err
	}
	after, err := read(out)
	if err != nil || after == nil || !sameMeaning(before, after) {
		return nil, &Error{Msg: "it would not mean the same once it is formatted"}
	}
	again, err := once(out, language)
	if err != nil || !bytes.Equal(again, out) {
		return nil, &Error{Msg: "no settled form is found for it"}
	}
	return out, nil
}

// once formats without looking at what came out.
func once(text []byte, language *rules.Form) ([]byte, error) {
	text, err := unquote(text)
	if err != nil {
		return nil, err
	}
	root, err := read(text)
	if err != nil {
		return nil, err
	}
	out, err := layOut(text, root, language)
	if err == nil && !slices.Equal(comments(text), comments(out)) {
		return nil, &Error{Msg: "a comment would be lost"}
	}
	return out, err
}

// read parses one document; nil is a file without one.
func read(text []byte) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, &Error{Msg: fmt.Sprintf("it is not valid YAML: %v", r)}
		}
	}()
	if len(text) > rules.MaxRuleFile {
		return nil, &Error{Msg: "it is too large for a rule file"}
	}
	for _, odd := range []string{"\uFEFF", "\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(text, []byte(odd)) {
			return nil, &Error{Msg: fmt.Sprintf("it holds the character %U, which YAML takes for more than it seems to be", []rune(odd)[0])}
		}
	}
	if bytes.Contains(bytes.ReplaceAll(text, []byte("\r\n"), nil), []byte("\r")) {
		return nil, &Error{Msg: "it holds a carriage return inside of a line"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if err.Error() == "EOF" {
			return nil, nil
		}
		return nil, &Error{Msg: "it is not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	if err := dec.Decode(&second); err == nil || err.Error() != "EOF" {
		return nil, &Error{Msg: "it holds more than one document"}
	}
	if len(doc.Content) != 1 {
		return nil, nil
	}
	if depth(doc.Content[0]) > maxDepth {
		return nil, &Error{Msg: fmt.Sprintf("it has more than %d levels", maxDepth)}
	}
	return doc.Content[0], nil
}

const maxDepth = 200

func depth(n *yaml.Node) int {
	d := 0
	for _, c := range n.Content {
		d = max(d, depth(c))
	}
	return d + 1
}

// comments is the lines that hold a comment and nothing else, sorted: formatting moves them, and loses none. Lines of texts
// that look like one count too.
func comments(text []byte) []string {
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		if _, comment, ok := strings.Cut(line, "#"); ok {
			out = append(out, strings.TrimSpace(comment))
		}
	}
	slices.Sort(out)
	return out
}

// sameMeaning compares what two documents say: the order of the keys of a mapping, quotes and comments do not count.
func sameMeaning(a, b *yaml.Node) bool {
	return (&comparison{anchors: make(map[*yaml.Node]*yaml.Node)}).same(a, b)
}

type comparison struct {
	anchors map[*yaml.Node]*yaml.Node // of the one document, and those of the other in their place
}

func (c *comparison) same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor {
		return false
	}
	if a.Anchor != "" {
		c.anchors[a] = b
	}
	switch a.Kind {
	case yaml.AliasNode:
		return c.anchors[a.Alias] == b.Alias && b.Alias != nil
	case yaml.ScalarNode:
		return a.ShortTag() == b.ShortTag() && a.Value == b.Value
	case yaml.SequenceNode:
		return a.ShortTag() == b.ShortTag() && slices.EqualFunc(a.Content, b.Content, c.same)
	case yaml.MappingNode:
		return a.ShortTag() == b.ShortTag() && c.sameMapping(a, b)
	}
	return false
}

func (c *comparison) sameMapping(a, b *yaml.Node) bool {
	if len(a.Content) != len(b.Content) {
		return false
	}
	type name struct{ tag, value string }
	nameOf := func(n *yaml.Node) name { return name{n.ShortTag(), n.Value} }
	plain := true
	byName := make(map[name]int)
	for i := 0; i+1 < len(b.Content); i += 2 {
		k := b.Content[i]
		if _, twice := byName[nameOf(k)]; twice || k.Kind != yaml.ScalarNode {
			plain = false
		}
		byName[nameOf(k)] = i
	}
	if !plain {
		return slices.EqualFunc(a.Content, b.Content, c.same)
	}
	for i := 0; i+1 < len(a.Content); i += 2 {
		j, ok := byName[nameOf(a.Content[i])]
		if !ok || !c.same(a.Content[i], b.Content[j]) || !c.same(a.Content[i+1], b.Content[j+1]) {
			return false
		}
	}
	return true
}

// fail carries an *Error out of the middle of the work.
type fail struct{ err *Error }

func failAt(line int, format string, args ...any) {
	panic(fail{&Error{line, fmt.Sprintf(format, args...)}})
}

// caught turns what failAt threw into an error.
func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case fail:
		*err = r.err
	default:
		*err = &Error{Msg: fmt.Sprintf("it cannot be taken apart: %v", r)}
	}
}

// IsError reports whether err says that a file is left as it is.
func IsError(err error) bool { return errors.As(err, new(*Error)) }
