package actions

import (
	"fmt"
	"image"
	_ "image/gif"  // the sizes of snapshots
	_ "image/jpeg" // the sizes of snapshots
	_ "image/png"  // the sizes of snapshots
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// upload is a file of the bot's folder that a message carries.
type upload struct {
	path string // for the connection: Dir and the name in it
	size int64  // bytes
}

// uploadOf checks that the file is inside the bot's folder, through links too, and can be sent.
func (c *Call) uploadOf(input, name string) (upload, error) {
	f, err := c.openFile(input, name)
	if err != nil {
		return upload{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return upload{}, &InputError{Input: input, Text: "cannot be read", Err: err}
	}
	if info.Size() == 0 {
		return upload{}, inputErrorf(input, "%q is empty: an empty file cannot be sent", name)
	}
	return upload{path: filepath.Join(c.Dir, filepath.FromSlash(name)), size: info.Size()}, nil
}

// openFile opens a file of the bot's folder for reading. The caller closes it.
func (c *Call) openFile(input, name string) (*os.File, error) {
	local := filepath.FromSlash(name)
	switch {
	case c.Dir == "":
		return nil, inputErrorf(input, "this bot has no folder to read files from")
	case name == "":
		return nil, inputErrorf(input, "is empty: want a file of the bot's folder")
	case !filepath.IsLocal(local):
		return nil, inputErrorf(input, "%q is outside the bot's folder: give a path inside it, relative to the bot's file", name)
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("%s: the bot's folder: %w", input, err)
	}
	defer root.Close()
	info, err := root.Stat(local)
	if err != nil {
		return nil, &InputError{Input: input, Text: "want a file of the bot's folder", Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, inputErrorf(input, "%q is no file", name)
	}
	f, err := root.Open(local)
	if err != nil {
		return nil, &InputError{Input: input, Text: "cannot be read", Err: err}
	}
	return f, nil
}

// pictureSize is the size of a picture in pixels, or zeros for a format that is not known.
func (c *Call) pictureSize(name string) (width, height uint32) {
	f, err := c.openFile("", name)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	config, _, err := image.DecodeConfig(io.LimitReader(f, 1<<20))
	if err != nil || config.Width > math.MaxInt32 || config.Height > math.MaxInt32 {
		return 0, 0
	}
	return uint32(config.Width), uint32(config.Height)
}

// extension is the end of a file's name without the dot, in lower case.
func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
}
