package rulestest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/xhit/go-str2duration/v2"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rules"
)

// reader reads one test file and gathers what is wrong in it.
type reader struct {
	file  string
	lines []string
	errs  rules.Errors
}

// openFile reads a YAML file as one document.
func openFile(path string) (*reader, *yaml.Node, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	r, root := openText(path, text)
	return r, root, nil
}

// openText is openFile for a text that the file has, or is to have; nil when it is no document.
func openText(path string, text []byte) (*reader, *yaml.Node) {
	r := &reader{file: path, lines: strings.Split(string(text), "\n")}
	var root yaml.Node
	if err := decode(text, &root); err != nil {
		line, msg := syntaxError(err)
		r.errs = append(r.errs, rules.Error{File: path, Line: line, Msg: msg, Source: r.line(line)})
		return r, nil
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		r.errs = append(r.errs, rules.Error{File: path, Msg: "file is empty: it needs at least version, and tests"})
		return r, nil
	}
	entries := 0
	if n := tooLarge(root.Content[0], 0, &entries); n != nil {
		r.errorf(n, "file is too large or too deep once aliases are expanded, or an alias is inside of what it stands for")
		return r, nil
	}
	return r, root.Content[0]
}

// Bounds of a test file, aliases expanded.
const (
	maxDepth = 100
	maxNodes = 500_000
)

// tooLarge returns a node with which a file goes beyond its bounds; nil when it does not.
func tooLarge(n *yaml.Node, depth int, entries *int) *yaml.Node {
	if *entries++; depth > maxDepth || *entries > maxNodes {
		return n
	}
	if n.Kind == yaml.AliasNode {
		return tooLarge(n.Alias, depth+1, entries)
	}
	for _, c := range n.Content {
		if bad := tooLarge(c, depth+1, entries); bad != nil {
			return bad
		}
	}
	return nil
}

// decode is yaml.Unmarshal with a panic inside the parser turned into an error.
func decode(text []byte, into *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return yaml.Unmarshal(text, into)
}

// syntaxError takes the parser's error apart.
func syntaxError(err error) (line int, msg string) {
	msg = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if number, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, text
			}
		}
	}
	return 0, msg
}

func (r *reader) line(n int) string {
	if n < 1 || n > len(r.lines) {
		return ""
	}
	return strings.TrimSuffix(r.lines[n-1], "\r")
}

func (r *reader) errorf(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, rules.Error{
		File: r.file, Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...), Source: r.line(n.Line),
	})
}

func (r *reader) pos(n *yaml.Node) rules.Pos {
	return rules.Pos{File: r.file, Line: n.Line, Col: n.Column}
}

func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// entry is a key and its value.
type entry struct {
	name       string
	key, value *yaml.Node
}

// mapping returns a mapping's entries in their order. what names it in an error.
func (r *reader) mapping(n *yaml.Node, what string) []entry {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.errorf(n, "%s must be a mapping (key: value), not %s", what, kindOf(n))
		return nil
	}
	var out []entry
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolve(n.Content[i]), resolve(n.Content[i+1])
		if k.Kind != yaml.ScalarNode {
			r.errorf(k, "a key must be a text, not %s", kindOf(k))
			continue
		}
		if seen[k.Value] {
			r.errorf(k, "key %q comes twice", k.Value)
			continue
		}
		seen[k.Value] = true
		out = append(out, entry{k.Value, k, v})
	}
	return out
}

// fields is mapping with the keys that there may be.
func (r *reader) fields(n *yaml.Node, what string, valid ...string) map[string]entry {
	out := make(map[string]entry)
	for _, e := range r.mapping(n, what) {
		if !slices.Contains(valid, e.name) {
			r.errorf(e.key, "%s has no key %q%s; there are %s", what, e.name, nearest(e.name, valid), strings.Join(valid, ", "))
			continue
		}
		out[e.name] = e
	}
	return out
}

func (r *reader) sequence(n *yaml.Node, what string) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		r.errorf(n, "%s must be a list, not %s", what, kindOf(n))
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = resolve(c)
	}
	return out
}

func (r *reader) text(n *yaml.Node, what string) string {
	if n = resolve(n); n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		r.errorf(n, "%s must be a text, not %s", what, kindOf(n))
		return ""
	}
	return n.Value
}

// texts is a list of texts, or one text.
func (r *reader) texts(n *yaml.Node, what string) []string {
	if n = resolve(n); n.Kind == yaml.ScalarNode {
		return []string{r.text(n, what)}
	}
	var out []string
	for _, item := range r.sequence(n, what) {
		out = append(out, r.text(item, what))
	}
	return out
}

func (r *reader) integer(n *yaml.Node, what string, low, high int) int {
	n = resolve(n)
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < low || v > high {
		r.errorf(n, "%s must be a whole number from %d to %d", what, low, high)
		return low
	}
	return v
}

func (r *reader) duration(n *yaml.Node, what string) time.Duration {
	d, err := str2duration.ParseDuration(r.text(n, what))
	if err != nil || d < 0 {
		r.errorf(resolve(n), "%s must be a duration such as 30s, 5m or 25h", what)
		return 0
	}
	return d
}

// timeLayouts are the forms of a time; one without a zone is in the file's.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

func (r *reader) time(n *yaml.Node, what string, zone *time.Location) time.Time {
	text := r.text(n, what)
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t
		}
	}
	r.errorf(resolve(n), "%s must be a time such as 2026-10-10T08:30:00+08:00, or 2026-10-10 08:30 in the file's zone", what)
	return time.Time{}
}

// value is a plain value: nil, bool, int, float64, string, []any, map[string]any.
func (r *reader) value(n *yaml.Node, what string) any {
	switch n = resolve(n); n.Kind {
	case yaml.MappingNode:
		out := make(map[string]any)
		for _, e := range r.mapping(n, what) {
			out[e.name] = r.value(e.value, what)
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range r.sequence(n, what) {
			out = append(out, r.value(item, what))
		}
		return out
	}
	var v any
	if n.ShortTag() == "!!timestamp" { // a date is a text, as in rules
		return n.Value
	}
	if err := n.Decode(&v); err != nil {
		r.errorf(n, "%s: %s", what, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return v
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

// nearest returns ` (did you mean "X"?)` when one of the names is close.
func nearest(name string, names []string) string {
	best, distance := "", 1+len(name)/3
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d <= distance && (best == "" || d < distance) {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}
