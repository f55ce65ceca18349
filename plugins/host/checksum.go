package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Checksum is "sha256:HEX" of a plugin's program: of its one file, as sha256sum prints it; of several, of the lines that
// sha256sum prints for them, sorted by name. The program counts when it lies in the plugin's folder.
func Checksum(p Plugin) (string, error) {
	names, err := p.files()
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fmt.Errorf("nothing of the plugin lies in its folder %s: name what belongs to it in files", p.Dir)
	}
	h := sha256.New()
	for _, name := range names {
		sum, err := fileSum(filepath.Join(p.Dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		if len(names) == 1 {
			return "sha256:" + sum, nil
		}
		fmt.Fprintf(h, "%s  %s\n", sum, name)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// program is the file that is executed.
func (p *Plugin) program() (string, error) {
	if len(p.Command) == 0 {
		return "", fmt.Errorf("plugin.yaml has no command for this system")
	}
	name := filepath.FromSlash(p.Command[0])
	switch {
	case filepath.IsAbs(name):
		return name, nil
	case strings.ContainsRune(name, filepath.Separator):
		return filepath.Join(p.Dir, name), nil
	}
	return exec.LookPath(name)
}

// args are the program's arguments. One that begins with ./ lies in the plugin's folder, as the program does.
func (p *Plugin) args() []string {
	args := slices.Clone(p.Command[1:])
	for i, arg := range args {
		if rest, ok := strings.CutPrefix(arg, "./"); ok {
			args[i] = filepath.Join(p.Dir, filepath.FromSlash(rest))
		}
	}
	return args
}

// files are the names of the plugin's files in its folder, with slashes, sorted.
func (p *Plugin) files() ([]string, error) {
	program, err := p.program()
	if err != nil {
		return nil, err
	}
	var names []string
	if rel, err := filepath.Rel(p.Dir, program); err == nil && filepath.IsLocal(rel) {
		names = append(names, filepath.ToSlash(rel))
	}
	for _, arg := range p.Command[1:] {
		if rest, ok := strings.CutPrefix(arg, "./"); ok && filepath.IsLocal(filepath.FromSlash(rest)) {
			names = append(names, path.Clean(rest))
		}
	}
	for _, pattern := range p.Files {
		found, err := fs.Glob(os.DirFS(p.Dir), pattern)
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("files: %q finds nothing in %s", pattern, p.Dir)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// stamp changes when one of the plugin's files does; empty when they cannot be looked at.
func (p *Plugin) stamp() string {
	names, err := p.files()
	if err != nil {
		return ""
	}
	var b strings.Builder
	if program, err := p.program(); err == nil { // one outside the folder too
		stampFile(&b, program)
	}
	for _, name := range names {
		stampFile(&b, filepath.Join(p.Dir, filepath.FromSlash(name)))
	}
	return b.String()
}

func stampFile(b *strings.Builder, path string) {
	info, err := os.Stat(path)
	if err != nil {
		fmt.Fprintf(b, "%s -\n", path)
		return
	}
	fmt.Fprintf(b, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
}

// verify checks the program against the checksums.
func (p *Plugin) verify() error {
	if len(p.Checksums) == 0 {
		return nil
	}
	have, err := Checksum(*p)
	if err != nil {
		return err
	}
	for _, want := range p.Checksums {
		if have != want {
			return fmt.Errorf("the program has the checksum %s, and %s is wanted", have, want)
		}
	}
	return nil
}

// Program is the file that is executed, and its arguments. The error says that it is not there, or not the one that the
// checksums are of.
func Program(p Plugin) (file string, args []string, err error) {
	if file, err = p.program(); err != nil {
		return "", nil, err
	}
	if _, err := os.Stat(file); err != nil {
		return "", nil, err
	}
	return file, p.args(), p.verify()
}
