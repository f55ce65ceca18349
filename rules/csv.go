package rules

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// csvTable is a CSV file (RFC 4180) whose first row names its columns.
type csvTable struct {
	d      *document
	header []cell
	rows   [][]cell
}

// cell is a field of a CSV file, without the white space around it.
type cell struct {
	text      string
	line, col int
}

// maxRowTells bounds how often one kind of finding is told of one file.
const maxRowTells = 20

func isCSV(name string) bool { return strings.EqualFold(path.Ext(name), ".csv") }

// readCSV reads a table. What is wrong is told; then it answers nil.
func (l *loader) readCSV(d *document) *csvTable {
	if !l.readable(d) {
		return nil
	}
	text := bytes.TrimPrefix(d.text, byteOrderMark)
	bom := len(d.text) - len(text)
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') >= 0 {
		l.add(d, "", 0, 0, nil, "its lines end in a carriage return alone: save it with the line ends of Windows or Unix")
		return nil
	}
	// CSV counts fewer line breaks than YAML: a line ends where \n is.
	d.lines = []int{0}
	for i, c := range d.text {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	at := func(line, col int) (int, int) { // in characters, the byte order mark left out
		if line < 1 || line > len(d.lines) {
			return line, 0
		}
		start := d.lines[line-1]
		if line == 1 {
			start += bom
		}
		end := min(len(d.text), start+max(0, col-1))
		return line, utf8.RuneCount(d.text[start:end]) + 1
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	t := &csvTable{d: d}
	next := 1 // the line after the last row
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			line, col := at(wrong.Line, wrong.Column)
			l.add(d, "", line, col, nil, "not valid CSV: %s%s", csvMistake(wrong.Err), csvBegan(wrong))
			return nil
		}
		if err != nil {
			l.add(d, "", 0, 0, err, "not valid CSV")
			return nil
		}
		row := make([]cell, len(fields))
		for i, field := range fields {
			line, col := at(r.FieldPos(i))
			row[i] = cell{strings.TrimSpace(field), line, col}
		}
		if t.header == nil {
			t.header = row
		} else {
			for ; next < row[0].line; next++ { // lines that the reader passes over
				t.rows = append(t.rows, []cell{{line: next, col: 1}})
			}
			if len(row) > len(t.header) {
				l.add(d, "", row[len(t.header)].line, row[len(t.header)].col, nil,
					"row has %d fields, the header names %d columns: a field with a comma in it must be quoted", len(row), len(t.header))
				return nil
			}
			t.rows = append(t.rows, row)
		}
		next, _ = d.place(bom + int(r.InputOffset()))
	}
	if t.header == nil {
		l.add(d, "", 0, 0, nil, "file is empty: its first row names the columns")
		return nil
	}
	names := make(map[string]bool)
	for _, c := range t.header {
		if c.text != "" && names[c.text] {
			l.add(d, "", c.line, c.col, nil, "column %q comes twice", c.text)
			return nil
		}
		names[c.text] = true
	}
	return t
}

func csvMistake(err error) string {
	switch {
	case errors.Is(err, csv.ErrQuote):
		return `the quotation marks of a field do not pair: inside it each " is written twice`
	case errors.Is(err, csv.ErrBareQuote):
		return `a " inside a field that is not quoted: quote the field and write "" for each " in it`
	}
	return err.Error()
}

// csvBegan says where a row began that goes over several lines.
func csvBegan(e *csv.ParseError) string {
	if e.StartLine == e.Line {
		return ""
	}
	return fmt.Sprintf(" (the row began in line %d)", e.StartLine)
}

// column finds a column by one of its names, -1 for none.
func (t *csvTable) column(names ...string) int {
	for _, name := range names {
		if i := slices.IndexFunc(t.header, func(c cell) bool { return strings.EqualFold(c.text, name) }); i >= 0 {
			return i
		}
	}
	return -1
}

// noColumn says that there is no column of a name.
func (t *csvTable) noColumn(name string) string {
	names := make([]string, len(t.header))
	for i, c := range t.header {
		names[i] = c.text
	}
	msg := fmt.Sprintf("%s has no column %q%s: its first row names %s", t.d.name, name, didYouMean(name, names), oneOf(names))
	if len(t.header) == 1 && strings.ContainsAny(names[0], ";\t") {
		msg += "; columns are separated by commas"
	}
	return msg
}

// of is a row's cell; a row may be shorter than the header.
func (t *csvTable) of(row []cell, column int) cell {
	if column < 0 || column >= len(row) {
		return cell{line: row[0].line, col: row[0].col}
	}
	return row[column]
}

// tells counts findings of one kind, of which only the first are told.
type tells struct {
	l    *loader
	d    *document
	id   string
	many int
}

func (t *tells) warn(c cell, format string, args ...any) {
	if t.many++; t.many <= maxRowTells {
		t.l.warn(t.id, t.d, "", c.line, c.col, format, args...)
	}
}

// end tells how many were not told.
func (t *tells) end() {
	if t.many > maxRowTells {
		t.l.warn(t.id, t.d, "", 0, 0, "%d more of these are not shown", t.many-maxRowTells)
	}
}

// csvList takes a list's words out of a column, the first one unless one is named.
func (l *loader) csvList(r *reader, d *document, column *node, name string) []string {
	t := l.tables[d.name]
	if t == nil {
		if t = l.readCSV(d); t == nil {
			return nil
		}
		l.tables[d.name] = t
	}
	i := 0
	if column != nil {
		if i = slices.IndexFunc(t.header, func(c cell) bool { return c.text == name }); i < 0 {
			r.errorf(column, "%s", t.noColumn(name))
			return nil
		}
	}
	list := make([]string, 0, len(t.rows))
	first := make(map[string]cell, len(t.rows))
	blank, twice := tells{l: l, d: d, id: "csv-blank"}, tells{l: l, d: d, id: "csv-duplicate"}
	for _, row := range t.rows {
		c := t.of(row, i)
		before, again := first[c.text]
		switch {
		case c.text == "":
			blank.warn(c, "nothing stands in column %q of this row", t.header[i].text)
		case unseen(c.text):
			l.add(d, "", c.line, c.col, nil, "this field has only characters that are not seen")
		case again:
			twice.warn(c, "%q stands in line %d already", shorten(c.text, maxPartSource), before.line)
		default:
			first[c.text] = c
			list = append(list, c.text)
		}
	}
	blank.end()
	twice.end()
	return list
}
