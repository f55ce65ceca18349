package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds of one YAML file, all of them far beyond what a person writes.
const (
	maxDepth   = 100     // mappings and lists inside one another, aliases expanded
	maxEntries = 500_000 // scalars, lists and mappings, aliases expanded
)

// parseYAML reads one document. What could make the parser or the code after it use much time or memory is refused
// first: the parser itself only sees text of bounded size and structure.
func (l *loader) parseYAML(d *document) *yaml.Node {
	fail := func(line, col int, format string, args ...any) *yaml.Node {
		l.add(d, "", line, col, nil, format, args...)
		return nil
	}
	text := d.text
	switch {
	case bytes.HasPrefix(text, byteOrderMark):
		return fail(1, 1, "file begins with a byte order mark: save it as UTF-8 without one")
	case !l.readable(d):
		return nil
	}
	entries := 0
	for _, c := range text {
		switch c {
		case ',', '[', '{', '\n':
			entries++
		}
	}
	if entries > maxEntries {
		return fail(0, 0, "file has more than %d entries", maxEntries)
	}

	dec := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	switch err := decodeYAML(dec, &root); {
	case errors.Is(err, io.EOF):
		return fail(0, 0, "file is empty: it needs at least `version: 1`")
	case err != nil:
		line, col, msg := syntaxError(d, err)
		return fail(line, col, "%s", msg)
	}
	var second yaml.Node
	switch err := decodeYAML(dec, &second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		line, col, msg := syntaxError(d, err)
		return fail(line, col, "%s", msg)
	default:
		return fail(second.Line, second.Column, "a second document begins here: a file holds one")
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return fail(0, 0, "file is empty: it needs at least `version: 1`")
	}
	t := tree{sizes: make(map[*yaml.Node]extent)}
	if _, err := t.measure(root.Content[0]); err != nil {
		return fail(err.node.Line, err.node.Column, "%s", err.msg)
	}
	return root.Content[0]
}

// decodeYAML is Decode with a panic inside the parser turned into an error.
func decodeYAML(dec *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return dec.Decode(node)
}

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// tree measures what a document becomes when its aliases are expanded, without expanding them.
type tree struct{ sizes map[*yaml.Node]extent } // of the nodes with an anchor

type extent struct {
	entries, depth int
	open           bool // being measured: meeting it again is a cycle
}

type treeError struct {
	node *yaml.Node
	msg  string
}

func (t *tree) measure(n *yaml.Node) (extent, *treeError) {
	if n.Kind == yaml.ScalarNode && n.Anchor == "" {
		return extent{entries: 1}, nil
	}
	if n.Anchor != "" { // no other node is met twice
		if e, ok := t.sizes[n]; ok {
			if e.open {
				return e, &treeError{n, fmt.Sprintf("anchor %q contains itself", n.Anchor)}
			}
			return e, nil
		}
		t.sizes[n] = extent{open: true}
	}
	e := extent{entries: 1}
	children := n.Content
	if n.Kind == yaml.AliasNode {
		children = []*yaml.Node{n.Alias}
	}
	for _, child := range children {
		c, err := t.measure(child)
		if err != nil {
			if n.Kind == yaml.AliasNode {
				err.node = n
			}
			return e, err
		}
		e.entries += c.entries
		e.depth = max(e.depth, c.depth)
		if e.entries > maxEntries {
			return e, &treeError{n, fmt.Sprintf("more than %d entries once aliases are expanded", maxEntries)}
		}
	}
	if n.Kind != yaml.AliasNode {
		if e.depth++; e.depth > maxDepth {
			return e, &treeError{n, fmt.Sprintf("more than %d levels of nesting", maxDepth)}
		}
	}
	if n.Anchor != "" {
		t.sizes[n] = e
	}
	return e, nil
}

var (
	yamlLine    = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(?s:(.*))$`)
	unquotedVar = regexp.MustCompile(`(?:[{,\[]\s*|[{,]\s*[\w."-]+:\s*)\$\{\{`)
	cutByColon  = regexp.MustCompile(`^\s*(?:- +)*[^\s'"|>#][^:'"]*:\s+[^'"|>\s{\[].*?(:) `)
)

// syntaxError makes the parser's complaint point at a column and say what to do about the usual causes.
func syntaxError(d *document, err error) (line, col int, msg string) {
	m := yamlLine.FindStringSubmatch(err.Error())
	line, _ = strconv.Atoi(m[1])
	msg = m[2]
	if line == 0 {
		line = 1 // the parser names no line for mistakes in the first one
	}
	// The parser names the line where it gave up or where the construct began, so look a little around it for causes.
	for _, at := range []int{line, line - 1, line + 1} {
		text := d.line(at)
		if loc := unquotedVar.FindStringIndex(text); loc != nil {
			return at, utf8.RuneCountInString(text[:loc[1]-3]) + 1,
				"${{ … }} inside { … } or [ … ] must be quoted: \"${{ … }}\" (" + msg + ")"
		}
		if strings.Contains(msg, "mapping values are not allowed") {
			if loc := cutByColon.FindStringSubmatchIndex(text); loc != nil {
				return at, utf8.RuneCountInString(text[:loc[2]]) + 1,
					"a value with `: ` in it must be quoted or put in a block scalar (|) (" + msg + ")"
			}
		}
	}
	for _, at := range []int{line, line + 1} {
		if text := d.line(at); strings.HasPrefix(strings.TrimLeft(text, " "), "\t") {
			return at, strings.IndexByte(text, '\t') + 1, "tabs cannot indent YAML: use spaces (" + msg + ")"
		}
	}
	text := d.line(line)
	col = len(text) - len(strings.TrimLeft(text, " ")) + 1
	if text == "" {
		col = 0
	}
	return line, col, "not valid YAML: " + msg
}

// entry is one key of a mapping with its value, aliases resolved.
type entry struct {
	name  string
	key   *yaml.Node
	value *yaml.Node
}

// reader reads nodes of one document and reports what is wrong with them.
type reader struct {
	l    *loader
	d    *document
	rule string
	use  *use // of the blueprint that the document is; nil: it is none
}

func (r *reader) errorf(n *yaml.Node, format string, args ...any) {
	if from, ok := r.l.fromInput[n]; ok {
		format, args = "%s%s", []any{fmt.Sprintf(format, args...), from}
	}
	r.l.add(r.d, r.rule, n.Line, n.Column, nil, format, args...)
}

// errorIn reports a mistake at a byte offset of a scalar's value.
func (r *reader) errorIn(n *yaml.Node, offset int, format string, args ...any) {
	if _, ok := r.l.fromInput[n]; ok { // no text of the file
		r.errorf(n, format, args...)
		return
	}
	line, col := r.place(n, offset)
	r.l.add(r.d, r.rule, line, col, nil, format, args...)
}

func (r *reader) pos(n *yaml.Node) Pos { return Pos{File: r.d.name, Line: n.Line, Col: n.Column} }

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// mapping returns the keys and values of a mapping in their order, merge keys (<<) expanded, and reports keys that
// are no strings or come twice. It answers false, with an error, for anything else; what names the thing.
func (r *reader) mapping(n *yaml.Node, what string) ([]entry, bool) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.errorf(n, "%s must be a mapping (key: value), not %s", what, kindName(n))
		return nil, false
	}
	var entries, merged []entry
	seen := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		if key.Tag == "!!merge" {
			merged = append(merged, r.merge(value)...)
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			switch {
			case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!bool":
				r.errorf(key, "key `%s` is a boolean: a rule's events are under `on:` (a tool that reads YAML 1.1 turns `on` into `true`)", key.Value)
			default:
				r.errorf(key, "a key must be a word, not %s", kindName(key))
			}
			continue
		}
		if first, ok := seen[key.Value]; ok {
			r.errorf(key, "key %q comes twice, first in line %d", key.Value, first.Line)
			continue
		}
		seen[key.Value] = key
		entries = append(entries, entry{key.Value, key, value})
	}
	for _, e := range merged {
		if _, ok := seen[e.name]; !ok {
			seen[e.name] = e.key
			entries = append(entries, e)
		}
	}
	return entries, true
}

func (r *reader) merge(n *yaml.Node) []entry {
	if n.Kind == yaml.SequenceNode {
		var out []entry
		for _, item := range n.Content {
			out = append(out, r.merge(resolve(item))...)
		}
		return out
	}
	entries, _ := r.mapping(n, "what << takes")
	return entries
}

// sequence returns the items of a list, aliases resolved.
func (r *reader) sequence(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		r.errorf(n, "%s must be a list, not %s", what, kindName(n))
		return nil, false
	}
	items := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		items[i] = resolve(item)
	}
	return items, true
}

// unknown reports a key that the place does not have.
func (r *reader) unknown(e entry, valid []string) {
	later := ""
	if laterKeys[e.name] {
		later = ": this version does not have it"
	}
	r.errorf(e.key, "unknown key %q%s%s", e.name, didYouMean(e.name, valid), later)
}

// Keys of the language that are known but that this version cannot do yet.
var laterKeys = map[string]bool{
	"concurrency": true,
}

// str reads a string without expressions. A number or boolean is an error, since its spelling may change.
func (r *reader) str(n *yaml.Node, what string) (string, bool) {
	n = r.literal(n)
	if !isString(n) {
		r.notString(n, what)
		return "", false
	}
	if n.Value == "" {
		r.errorf(n, "%s is empty", what)
		return "", false
	}
	if at := strings.Index(n.Value, "${{"); at >= 0 {
		r.errorIn(n, at, "%s cannot hold an expression", what)
		return "", false
	}
	return n.Value, true
}

func (r *reader) notString(n *yaml.Node, what string) {
	if n.Kind != yaml.ScalarNode {
		r.errorf(n, "%s must be a string, not %s", what, kindName(n))
		return
	}
	r.errorf(n, "%s must be a string: %s is %s, write %s", what, n.Value, kindName(n), strconv.Quote(n.Value))
}

// isString tells a string in the view of YAML 1.2 and of 1.1 alike: readers of 1.1 take a plain yes, no, on or off for
// a boolean.
func isString(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return false
	}
	return !isBool11(n)
}

func isBool11(n *yaml.Node) bool {
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 {
		return false
	}
	switch strings.ToLower(n.Value) {
	case "yes", "no", "on", "off":
		return true
	}
	return false
}

// boolean reads true or false.
func (r *reader) boolean(n *yaml.Node, what string) bool {
	n = r.literal(n)
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		return strings.EqualFold(n.Value, "true")
	}
	r.errorf(n, "%s must be true or false", what)
	return false
}

// integer reads a whole number between lo and hi.
func (r *reader) integer(n *yaml.Node, what string, lo, hi int) (int, bool) {
	n = r.literal(n)
	var i int
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" && n.Decode(&i) == nil && lo <= i && i <= hi {
		return i, true
	}
	r.errorf(n, "%s must be a whole number from %d to %d", what, lo, hi)
	return 0, false
}

// enum reads one of a few words.
func (r *reader) enum(n *yaml.Node, what string, names ...string) (string, bool) {
	n = r.literal(n)
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		for _, name := range names {
			if n.Value == name { // `off` too, whatever YAML 1.1 makes of it
				return name, true
			}
		}
		r.errorf(n, "%s cannot be %q%s: it is one of %s", what, n.Value, didYouMean(n.Value, names), oneOf(names))
		return "", false
	}
	r.errorf(n, "%s must be one of %s", what, oneOf(names))
	return "", false
}

// kindName says what a node is, for messages.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if isBool11(n) {
			return "a boolean for readers of YAML 1.1"
		}
		switch n.ShortTag() {
		case "!!int", "!!float":
			return "a number"
		case "!!bool":
			return "a boolean"
		case "!!null":
			return "empty"
		case "!!timestamp":
			return "a date"
		case "!!str":
			return "a string"
		}
		return "a value of type " + n.ShortTag()
	}
	return "nothing"
}
