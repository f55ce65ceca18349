package archive

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/ncruces/go-sqlite3"
)

// Format is a form of export.
type Format string

// The forms.
const (
	JSONLines Format = "jsonl" // one JSON object a line
	CSV       Format = "csv"   // the columns at, key, event, rule, tombstone, then every name in the records, in order
)

// line is a record as JSON lines and commands show it.
type line struct {
	At        string         `json:"at"`
	Key       string         `json:"key,omitzero"`
	Event     string         `json:"event,omitzero"`
	Rule      string         `json:"rule"`
	Expire    string         `json:"expire,omitzero"`
	Tombstone bool           `json:"tombstone,omitzero"`
	Record    jsontext.Value `json:"record,omitzero"`
}

// stamp is a time in exports: the same everywhere.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// MarshalJSON returns the record as exports show it: with its times in UTC, without what it has not.
func (r Record) MarshalJSON() ([]byte, error) {
	l := line{At: stamp(r.At), Key: r.Key, Event: r.Event, Rule: r.Rule, Tombstone: r.Tombstone, Record: r.Data}
	if !r.Expire.IsZero() {
		l.Expire = stamp(r.Expire)
	}
	return json.Marshal(l)
}

// Export writes all records of an archive as they are at this moment, the oldest first, and returns how many. It needs
// memory for one record. Beside a running bot, the file grows until a slow export ends.
func (a *Archive) Export(ctx context.Context, archive string, format Format, to io.Writer) (n int, err error) {
	out := bufio.NewWriter(to)
	err = a.read(ctx, func(d *db) error {
		write, err := a.exporter(d, archive, format, out)
		if err != nil {
			return err
		}
		return d.each(func(s *sqlite3.Stmt) error {
			n++
			return write(scan(s))
		}, `SELECT `+columns+` FROM record WHERE archive = ? ORDER BY at, id`, archive)
	})
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	return n, err
}

// exporter returns what writes one record.
func (a *Archive) exporter(d *db, archive string, format Format, out *bufio.Writer) (func(Record) error, error) {
	switch format {
	case JSONLines:
		return func(r Record) error {
			data, err := json.Marshal(r)
			if err != nil {
				return err
			}
			_, err = out.Write(append(data, '\n'))
			return err
		}, nil
	case CSV:
		return csvExporter(d, archive, out)
	}
	return nil, fmt.Errorf("archive: unknown format %q: want %s or %s", format, JSONLines, CSV)
}

func csvExporter(d *db, archive string, out *bufio.Writer) (func(Record) error, error) {
	head := []string{"at", "key", "event", "rule", "tombstone"}
	own := len(head)
	place := make(map[string]int)
	err := d.each(func(s *sqlite3.Stmt) error {
		name := s.ColumnText(0)
		place[name] = len(head)
		head = append(head, name)
		return nil
	}, `SELECT DISTINCT f.key FROM record, json_each(record.data) f WHERE archive = ? ORDER BY f.key`, archive)
	if err != nil {
		return nil, err
	}
	w := csv.NewWriter(out)
	if err := w.Write(head); err != nil {
		return nil, err
	}
	row := make([]string, len(head))
	return func(r Record) error {
		clear(row)
		copy(row[:own], []string{stamp(r.At), r.Key, r.Event, r.Rule, strconv.FormatBool(r.Tombstone)})
		var fields map[string]jsontext.Value
		if len(r.Data) > 0 {
			if err := json.Unmarshal(r.Data, &fields); err != nil {
				return fmt.Errorf("record %d: %w", r.ID, err)
			}
		}
		for name, raw := range fields {
			cell := string(raw)
			switch raw.Kind() {
			case '"':
				if err := json.Unmarshal(raw, &cell); err != nil {
					return fmt.Errorf("record %d: %s: %w", r.ID, name, err)
				}
			case 'n':
				cell = ""
			}
			row[place[name]] = cell
		}
		if err := w.Write(row); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}, nil
}
