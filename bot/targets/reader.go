package targets

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/timbot-go/timbot/sdkconn"
)

// Bounds of a list.
const (
	MaxRow     = 1 << 20 // bytes
	MaxColumns = 200
	MaxID      = 256 // bytes
)

// Row is one row of a list.
type Row struct {
	Line    int
	To      []sdkconn.Conversation // whom it names: nobody, a user, a group, or both
	Columns map[string]string      // of a file with columns: all of them
}

// Reader reads one list. Make one with Open; it is used by one goroutine.
type Reader struct {
	file    *os.File
	name    string
	kind    sdkconn.ConvType
	columns []string // nil for a file without
	user    int      // the columns with ids; -1 for none
	group   int
	csv     *csv.Reader
	bounded *bounded
	lines   *bufio.Scanner
	line    int
}

// Open opens a list. kind is what the ids of a file without columns, and of the column id, are: users or groups. The caller
// closes it. Errors say the file and the line.
func Open(path string, kind sdkconn.ConvType) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	r := &Reader{file: f, name: filepath.Base(path), kind: kind, user: -1, group: -1}
	if err := r.open(strings.EqualFold(filepath.Ext(path), ".csv")); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) open(columns bool) error {
	if info, err := r.file.Stat(); err != nil {
		return fmt.Errorf("targets: %w", err)
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("targets: %s is no file", r.name)
	}
	decoder, err := r.encoding()
	if err != nil {
		return err
	}
	var text io.Reader = r.file
	if decoder != nil {
		text = transform.NewReader(r.file, decoder.NewDecoder())
	}
	if !columns {
		r.lines = bufio.NewScanner(text)
		r.lines.Buffer(nil, MaxRow)
		return nil
	}
	r.bounded = &bounded{r: text, limit: MaxRow}
	r.csv = csv.NewReader(r.bounded)
	r.csv.FieldsPerRecord, r.csv.ReuseRecord, r.csv.TrimLeadingSpace = -1, true, true
	return r.header()
}

// encoding looks through the whole file: nil for UTF-8 without a byte order mark.
func (r *Reader) encoding() (encoding.Encoding, error) {
	head := make([]byte, 3)
	n, err := io.ReadFull(r.file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("targets: %w", err)
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), r.rewind()
	}
	if err := r.rewind(); err != nil {
		return nil, err
	}
	bad, err := invalid(r.file)
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	if bad == 0 {
		return unicode.UTF8BOM, r.rewind()
	}
	if err := r.rewind(); err != nil {
		return nil, err
	}
	wrong, err := replaced(transform.NewReader(r.file, simplifiedchinese.GB18030.NewDecoder()))
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	if wrong != 0 {
		return nil, fmt.Errorf("%s:%d: this is neither UTF-8 nor GBK: save the file as UTF-8", r.name, bad)
	}
	return simplifiedchinese.GB18030, r.rewind()
}

func (r *Reader) rewind() error {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	return nil
}

// invalid is the first line that is no UTF-8, 0 for none.
func invalid(r io.Reader) (line int, err error) {
	return eachRune(r, func(b []byte, c rune, size int) bool { return c == utf8.RuneError && size == 1 })
}

// replaced is the first line with a character that could not be decoded, 0 for none.
func replaced(r io.Reader) (line int, err error) {
	return eachRune(r, func(b []byte, c rune, size int) bool { return c == utf8.RuneError })
}

// eachRune returns the line of the first character that found accepts.
func eachRune(r io.Reader, found func(b []byte, c rune, size int) bool) (line int, err error) {
	buf := make([]byte, 64<<10)
	have, line := 0, 1
	for {
		n, err := r.Read(buf[have:])
		have += n
		at := 0
		for at < have {
			if buf[at] < utf8.RuneSelf {
				if buf[at] == '\n' {
					line++
				}
				at++
				continue
			}
			if err == nil && !utf8.FullRune(buf[at:have]) {
				break
			}
			c, size := utf8.DecodeRune(buf[at:have])
			if found(buf[at:have], c, size) {
				return line, nil
			}
			at += size
		}
		have = copy(buf, buf[at:have])
		if err == io.EOF {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

var (
	userColumns  = []string{"user", "user_id", "userid", "用户"}
	groupColumns = []string{"group", "group_id", "groupid", "群"}
)

const idColumn = "id"

// header reads the names of the columns.
func (r *Reader) header() error {
	names, err := r.record()
	if err == io.EOF {
		return fmt.Errorf("%s: the file is empty: its first row names the columns, one of which is user or group", r.name)
	}
	if err != nil {
		return err
	}
	if len(names) > MaxColumns {
		return fmt.Errorf("%s:1: %d columns, at most %d", r.name, len(names), MaxColumns)
	}
	for i, name := range names {
		name = strings.TrimSpace(name)
		if slices.Contains(r.columns, name) && name != "" {
			return fmt.Errorf("%s:1: the column %q comes twice", r.name, name)
		}
		r.columns = append(r.columns, name)
		switch low := strings.ToLower(name); {
		case slices.Contains(userColumns, low) && r.user < 0:
			r.user = i
		case slices.Contains(groupColumns, low) && r.group < 0:
			r.group = i
		}
	}
	if id := slices.IndexFunc(r.columns, func(name string) bool { return strings.EqualFold(name, idColumn) }); id >= 0 &&
		r.user < 0 && r.group < 0 {
		if r.kind == sdkconn.ConvGroup {
			r.group = id
		} else {
			r.user = id
		}
	}
	if r.user < 0 && r.group < 0 {
		return fmt.Errorf("%s:1: no column is called user or group; the first row names the columns, and it has %s", r.name,
			strings.Join(quoted(r.columns), ", "))
	}
	return nil
}

func quoted(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		if len(out) == 10 {
			return append(out, "…")
		}
		if len(name) > 40 {
			name = strings.ToValidUTF8(name[:40], "") + "…"
		}
		out = append(out, fmt.Sprintf("%q", name))
	}
	return out
}

// Columns are the names of the columns; nil for a file without.
func (r *Reader) Columns() []string { return r.columns }

// Next returns the next row, blank ones included. Errors: io.EOF at the end; others say the file and the line.
func (r *Reader) Next() (Row, error) {
	if r.lines != nil {
		return r.nextLine()
	}
	fields, err := r.record()
	if err != nil {
		return Row{}, err
	}
	row := Row{Line: r.line}
	if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" {
		return row, nil
	}
	if len(fields) != len(r.columns) {
		return Row{}, fmt.Errorf("%s:%d: this row has %d fields, the first one has %d: quote a field with a comma in it", r.name,
			row.Line, len(fields), len(r.columns))
	}
	for _, to := range []struct {
		column int
		kind   func(string) sdkconn.Conversation
	}{{r.user, sdkconn.C2C}, {r.group, sdkconn.Group}} {
		if to.column < 0 {
			continue
		}
		id, err := r.id(fields[to.column])
		if err != nil {
			return Row{}, err
		}
		if id != "" {
			row.To = append(row.To, to.kind(id))
		}
	}
	row.Columns = make(map[string]string, len(fields))
	for i, name := range r.columns {
		row.Columns[name] = strings.Clone(strings.TrimSpace(fields[i])) // fields share one text
	}
	return row, nil
}

func (r *Reader) nextLine() (Row, error) {
	r.line++
	if !r.lines.Scan() {
		err := r.lines.Err()
		switch {
		case err == nil:
			return Row{}, io.EOF
		case errors.Is(err, bufio.ErrTooLong):
			return Row{}, r.tooLong(r.line)
		}
		return Row{}, fmt.Errorf("%s:%d: %w", r.name, r.line, err)
	}
	text := strings.TrimSpace(r.lines.Text())
	if strings.HasPrefix(text, "#") && !strings.HasPrefix(text, "#@") {
		text = ""
	}
	if i := strings.Index(text, " #"); i >= 0 {
		text = text[:i]
	}
	id, err := r.id(text)
	row := Row{Line: r.line}
	if err == nil && id != "" {
		to := sdkconn.C2C(id)
		if r.kind == sdkconn.ConvGroup {
			to = sdkconn.Group(id)
		}
		row.To = []sdkconn.Conversation{to}
	}
	return row, err
}

// id checks an id.
func (r *Reader) id(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case len(text) > MaxID:
		return "", fmt.Errorf("%s:%d: an id of %d bytes, at most %d: %q…", r.name, r.line, len(text), MaxID,
			strings.ToValidUTF8(text[:40], ""))
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7F }):
		return "", fmt.Errorf("%s:%d: a control character in the id %q", r.name, r.line, text)
	}
	return strings.Clone(text), nil
}

func (r *Reader) record() ([]string, error) {
	r.bounded.limit = r.csv.InputOffset() + MaxRow
	fields, err := r.csv.Read()
	if err == nil {
		r.line, _ = r.csv.FieldPos(0)
		return fields, nil
	}
	var syntax *csv.ParseError
	switch {
	case err == io.EOF:
		return nil, err
	case errors.Is(err, errTooLong):
		return nil, r.tooLong(r.line + 1)
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("%s:%d:%d: %w: a quote inside a quoted field is written twice", r.name, syntax.Line, syntax.Column, syntax.Err)
	}
	return nil, fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
}

func (r *Reader) tooLong(line int) error {
	return fmt.Errorf("%s:%d: this row is longer than %d KiB: is a quote missing?", r.name, line, MaxRow>>10)
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

var errTooLong = errors.New("too long")

// bounded reads up to a limit, which moves with the rows.
type bounded struct {
	r     io.Reader
	read  int64
	limit int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read > b.limit+4096 { // what a csv.Reader reads ahead
		return 0, errTooLong
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	return n, err
}

// Summary is what a list holds, found by reading it once.
type Summary struct {
	Rows    int // all but the first of a file with columns
	Users   int // named, duplicates included
	Groups  int
	Blank   int                 // rows that name nobody
	Columns map[string]struct{} // nil for a file without
	First   []Row               // the first that name somebody
}

// Check reads a whole list and says what it holds, with the first rows. Errors are Open's and Next's.
func Check(path string, kind sdkconn.ConvType, first int) (*Summary, error) {
	r, err := Open(path, kind)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := new(Summary)
	if r.columns != nil {
		out.Columns = maps.Collect(func(yield func(string, struct{}) bool) {
			for _, name := range r.columns {
				if !yield(name, struct{}{}) {
					return
				}
			}
		})
	}
	for {
		row, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out.Rows++
		if len(row.To) == 0 {
			out.Blank++
			continue
		}
		for _, to := range row.To {
			if to.Type == sdkconn.ConvGroup {
				out.Groups++
			} else {
				out.Users++
			}
		}
		if len(out.First) < first {
			out.First = append(out.First, row)
		}
	}
}
