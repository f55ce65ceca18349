package archive

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/ncruces/go-sqlite3"
)

// DefaultLimit is how many records a Query without a Limit returns at most.
const DefaultLimit = 100

// Query says which records are asked for.
type Query struct {
	Archive  string
	Key      string    // only the record with this key; "": any
	Since    time.Time // only records from then on; zero: no bound
	Until    time.Time // and from before then
	Contains string    // only records with a text that has this in it, in either case of ASCII letters; "": any
	Limit    int       // 0: DefaultLimit
	Before   *Record   // only records older than this one; nil: from the newest on
}

// Record is one record as it is kept.
type Record struct {
	ID        int64 // in the order of writing
	Archive   string
	Key       string // "" for none
	At        time.Time
	Expire    time.Time // zero: never
	Event     string
	Rule      string
	Tombstone bool
	Data      jsontext.Value // a JSON object; nil for a tombstone
}

// Summary is what one archive holds.
type Summary struct {
	Archive    string    `json:"archive"`
	Records    int64     `json:"records"` // without the tombstones
	Tombstones int64     `json:"tombstones"`
	Oldest     time.Time `json:"oldest"`
	Newest     time.Time `json:"newest"`
}

const columns = `id, archive, key, at, expire, event, rule, tombstone, data`

func scan(s *sqlite3.Stmt) Record {
	r := Record{
		ID: s.ColumnInt64(0), Archive: s.ColumnText(1), Key: s.ColumnText(2), At: time.UnixMilli(s.ColumnInt64(3)),
		Event: s.ColumnText(5), Rule: s.ColumnText(6), Tombstone: s.ColumnBool(7),
	}
	if s.ColumnType(4) != sqlite3.NULL {
		r.Expire = time.UnixMilli(s.ColumnInt64(4))
	}
	if s.ColumnType(8) != sqlite3.NULL {
		r.Data = jsontext.Value(s.ColumnText(8))
	}
	return r
}

// Query returns records of an archive, the newest first. An unknown archive is empty.
func (a *Archive) Query(ctx context.Context, q Query) (found []Record, err error) {
	if q.Limit <= 0 {
		q.Limit = DefaultLimit
	}
	sql, args := `SELECT `+columns+` FROM record WHERE archive = ?`, []any{q.Archive}
	where := func(condition string, values ...any) {
		sql, args = sql+` AND `+condition, append(args, values...)
	}
	if q.Key != "" {
		where(`key = ?`, q.Key)
	}
	if !q.Since.IsZero() {
		where(`at >= ?`, q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		where(`at < ?`, q.Until.UnixMilli())
	}
	if q.Before != nil {
		where(`(at, id) < (?, ?)`, q.Before.At.UnixMilli(), q.Before.ID)
	}
	if q.Contains != "" { // in the texts, not in their JSON
		where(`EXISTS (SELECT 1 FROM json_tree(record.data) WHERE type = 'text' AND instr(lower(atom), lower(?)) > 0)`, q.Contains)
	}
	sql, args = sql+` ORDER BY at DESC, id DESC LIMIT ?`, append(args, int64(q.Limit))
	err = a.read(ctx, func(d *db) error {
		return d.each(func(s *sqlite3.Stmt) error { found = append(found, scan(s)); return nil }, sql, args...)
	})
	return found, err
}

// List returns what there is, by name.
func (a *Archive) List(ctx context.Context) (list []Summary, err error) {
	err = a.read(ctx, func(d *db) error {
		return d.each(func(s *sqlite3.Stmt) error {
			list = append(list, Summary{
				s.ColumnText(0), s.ColumnInt64(1), s.ColumnInt64(2), time.UnixMilli(s.ColumnInt64(3)), time.UnixMilli(s.ColumnInt64(4)),
			})
			return nil
		}, `SELECT archive, sum(1 - tombstone), sum(tombstone), min(at), max(at) FROM record GROUP BY archive ORDER BY archive`)
	})
	return list, err
}

// read calls f with a picture of one moment; the file as of the last commit. Without a file there is nothing to read.
func (a *Archive) read(ctx context.Context, f func(*db) error) (err error) {
	a.mu.Lock()
	closed := a.closed
	a.mu.Unlock()
	if closed {
		return ErrClosed
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.r == nil {
		if _, err := os.Stat(a.path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if a.r, err = openQuery(a.path); err != nil {
			return explain(a.path, err)
		}
	}
	defer a.r.conn.SetInterrupt(a.r.conn.SetInterrupt(ctx))
	if _, err := a.r.exec(`BEGIN`); err != nil {
		return explain(a.path, err)
	}
	err = f(a.r)
	a.r.conn.SetInterrupt(context.Background()) // the end of the transaction is not to be cut off
	if _, cerr := a.r.exec(`COMMIT`); err == nil {
		err = cerr
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(a.path, err)
}
