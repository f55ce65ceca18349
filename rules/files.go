package rules

import (
	"io/fs"
	"path"
	"slices"
)

// Files is what a bot is made of.
type Files struct {
	YAML  []string // the bot's file and those that it includes, in the order of reading
	Lists []string // list files, in the order of reading

	// Manifests are those of the plugins, in the order of reading.
	Manifests []string
}

// FilesOf returns the files that the file name in fsys leads to, whatever mistakes are in them: what can be read of them is
// there. It reads them and compiles nothing.
func FilesOf(fsys fs.FS, name string) Files {
	l := newLoader(fsys, Options{})
	l.file(name, nil, Pos{File: name})
	var out Files
	for _, s := range l.sources {
		_, isManifest := l.manifests[s.Name]
		switch {
		case l.yaml[s.Name]:
			out.YAML = append(out.YAML, s.Name)
		case isManifest:
			out.Manifests = append(out.Manifests, s.Name)
		default:
			out.Lists = append(out.Lists, s.Name)
		}
	}
	return out
}

// Folders returns the folders in which the files lie, and those above them up to the root, sorted.
func (f Files) Folders() []string {
	seen := map[string]bool{".": true}
	for _, name := range slices.Concat(f.YAML, f.Lists, f.Manifests) {
		for dir := path.Dir(name); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
		}
	}
	return keys(seen)
}
