package rulestest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
)

// Files is what the outcome of a test file's tests depends on.
type Files struct {
	Paths   []string // the test file, the rules' files and those of their lists
	Folders []string // in which they lie, and those between: where an include may find more
}

// FilesOf returns the files that a test file leads to, whatever mistakes are in them: what can be read of them is there. It
// compiles nothing.
func FilesOf(path string) Files {
	out := Files{Paths: []string{filepath.Clean(path)}, Folders: []string{filepath.Dir(path)}}
	names := []string{strings.TrimSuffix(filepath.Base(path), FileSuffix) + ".yaml"}
	r, root, err := openFile(path)
	if err != nil || root == nil {
		return out
	}
	at := root
	if n := child(root, "rules"); n != nil {
		names, at = r.texts(n, "rules"), n
	}
	if len(names) == 0 {
		return out
	}
	s := newSuite(path, new(actions.Registry))
	s.reader = r
	s.files(at, names)
	if s.root == "" { // a file is missing, or they do not go together
		for _, name := range names {
			name = filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
			out.Paths, out.Folders = append(out.Paths, name), append(out.Folders, filepath.Dir(name))
		}
		return out.sorted()
	}
	files := rules.FilesOf(overlaid{os.DirFS(s.dir), s.overlay}, s.root)
	for _, name := range slices.Concat(files.YAML, files.Lists) {
		if name != madeBot {
			out.Paths = append(out.Paths, s.pathOf(name))
		}
	}
	for _, dir := range files.Folders() {
		out.Folders = append(out.Folders, s.pathOf(dir))
	}
	return out.sorted()
}

func (f Files) sorted() Files {
	slices.Sort(f.Paths[1:])
	slices.Sort(f.Folders)
	f.Folders = slices.Compact(f.Folders)
	return f
}
