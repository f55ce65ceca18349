package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
)

// Bounds of the files that a bot is made of.
const (
	MaxRuleFile = 4 << 20  // bytes of one YAML file
	MaxListFile = 64 << 20 // bytes of one list file
	MaxFiles    = 1000     // files of one bot
)

// Source is one file that a Set was made from.
type Source struct {
	Name string
	Text []byte
}

// SourceFS returns a file system that holds the sources, so that Load makes the same Set again.
func SourceFS(sources []Source) (fs.FS, error) {
	var archive txtar.Archive
	for _, s := range sources {
		archive.Files = append(archive.Files, txtar.File{Name: s.Name, Data: s.Text})
	}
	return txtar.FS(&archive)
}

func hashSources(sources []Source) string {
	h := sha256.New()
	for _, s := range sources {
		for _, part := range [][]byte{[]byte(s.Name), s.Text} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			h.Write(part)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readFile reads at most limit bytes; a longer file is refused without being read whole.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("is a folder")}
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%d bytes are more than the %d that a file of this kind may have", info.Size(), limit)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("more than the %d bytes that a file of this kind may have", limit)
	}
	return text, nil
}

// document is one file as read, with what is needed to point into it.
type document struct {
	name  string
	text  []byte
	seq   int   // order of reading
	lines []int // byte offset of each line's start
}

func newDocument(name string, text []byte, seq int) *document {
	d := &document{name: name, text: text, seq: seq, lines: []int{0}}
	for i := 0; i < len(text); {
		n := lineBreak(text[i:])
		if n > 0 {
			d.lines = append(d.lines, i+n)
		}
		i += max(1, n)
	}
	return d
}

// lineBreak is the length of the line break that text begins with, or 0. YAML counts more of them than most.
func lineBreak(text []byte) int {
	switch text[0] {
	case '\n':
		return 1
	case '\r':
		if len(text) > 1 && text[1] == '\n' {
			return 2
		}
		return 1
	case 0xC2:
		if bytes.HasPrefix(text, []byte("\u0085")) {
			return 2
		}
	case 0xE2:
		if bytes.HasPrefix(text, []byte("\u2028")) || bytes.HasPrefix(text, []byte("\u2029")) {
			return 3
		}
	}
	return 0
}

// line returns the text of a line, from 1, without its end.
func (d *document) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	end := len(d.text)
	if n < len(d.lines) {
		end = d.lines[n]
	}
	return strings.TrimRight(string(d.text[d.lines[n-1]:end]), "\r\n\u0085\u2028\u2029")
}

// offset is the byte offset of a line and column, both from 1, or the text's length.
func (d *document) offset(line, col int) int {
	if line < 1 || line > len(d.lines) {
		return len(d.text)
	}
	at := d.lines[line-1]
	for range col - 1 {
		if at >= len(d.text) {
			break
		}
		_, size := utf8.DecodeRune(d.text[at:])
		at += size
	}
	return min(at, len(d.text))
}

// place is the line and column of a byte offset.
func (d *document) place(offset int) (line, col int) {
	offset = min(offset, len(d.text))
	lo, hi := 0, len(d.lines)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; d.lines[mid] <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1, utf8.RuneCount(d.text[d.lines[lo]:offset]) + 1
}
