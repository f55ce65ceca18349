package rulestest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	linediff "github.com/rogpeppe/go-internal/diff"
)

// longText is from how many characters on a text of one line is long.
const longText = 60

// long are the texts among some fields that are wanted as they stand, are another, and are long.
func (w *wanted) long(a *Act, differs []string) []LongText {
	var out []LongText
	for _, name := range differs {
		if m := w.fields[name]; m != nil {
			out = append(out, m.long(name, a.field(name))...)
		}
	}
	return out
}

// long is the same for one value; of a mapping, for what is in it.
func (m *matcher) long(name string, got any) []LongText {
	switch m.kind {
	case "fields":
		var out []LongText
		fields, _ := got.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(m.fields)) {
			out = append(out, m.fields[key].long(name+"."+key, fields[key])...)
		}
		return out
	case "equals":
		want, ok1 := m.want.(string)
		got, ok2 := got.(string)
		if ok1 && ok2 && want != got && (isLong(want) || isLong(got)) {
			return []LongText{{name, want, got}}
		}
	}
	return nil
}

func isLong(s string) bool { return strings.Contains(s, "\n") || utf8.RuneCountInString(s) > longText }

// Lines compares the two texts line by line: '-' is wanted, '+' is what there was, ' ' is in both. Long parts that are the
// same are left out, with a line of Sign '@' in their place.
func (t *LongText) Lines() []DiffLine {
	raw := func(s string) []byte { return []byte(strings.TrimSuffix(s, "\n") + "\n") }
	out := linediff.Diff("want", raw(t.Want), "got", raw(t.Got))
	if len(out) == 0 {
		return []DiffLine{{Sign: '-', Text: fmt.Sprintf("%q at the end", tail(t.Want))}, {Sign: '+', Text: fmt.Sprintf("%q at the end", tail(t.Got))}}
	}
	var lines []DiffLine
	for i, l := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		if i < 3 || l == "" { // the names of the two
			continue
		}
		lines = append(lines, DiffLine{Sign: l[0], Text: strings.TrimPrefix(l[1:], "@ ")})
	}
	return lines
}

// tail is the white space at the end of a text.
func tail(s string) string { return s[len(strings.TrimRight(s, "\n")):] }
