package rules

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// include reads the files that a file names: paths and patterns relative to it, in the order listed, what a pattern
// finds sorted. within are the files around, the including one last.
func (l *loader) include(r *reader, n *yaml.Node, within []string) {
	n = resolve(n)
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items, _ = r.sequence(n, "include")
	}
	for _, item := range items {
		pattern, ok := r.str(item, "include")
		if !ok {
			continue
		}
		for _, name := range l.glob(r, item, pattern) {
			switch {
			case slices.Contains(within, name):
				r.errorf(item, "%s includes itself: %s", name, strings.Join(append(within, name), " → "))
			case l.docs[name] != nil:
				r.errorf(item, "%s is included twice", name)
			default:
				l.file(name, within, r.pos(item))
			}
		}
	}
}

// glob finds the files of a pattern. A pattern leaves out test files; a plain path is itself.
func (l *loader) glob(r *reader, n *yaml.Node, pattern string) []string {
	full, ok := l.inside(r, n, pattern)
	if !ok {
		return nil
	}
	if !strings.ContainsAny(pattern, `*?[`) {
		return []string{full}
	}
	if strings.Contains(pattern, "**") {
		r.errorf(n, "include: ** is not supported: name each folder, for instance rules/*/*.yaml")
		return nil
	}
	names, err := fs.Glob(l.fsys, full)
	if err != nil {
		r.errorf(n, "include %q: %v", pattern, err)
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasSuffix(name, "_test.yaml") || path.Ext(name) == ""
	})
	slices.Sort(names)
	if len(names) == 0 {
		r.errorf(n, "include %q finds no file", pattern)
	}
	return names
}
