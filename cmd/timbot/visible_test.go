package main

import (
	"io/fs"
	"slices"
	"strings"
)

// visible leaves out what begins with a dot: what a bot that was tried by hand has left behind.
type visible struct{ fs.FS }

func (v visible) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(v.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }), err
}
