package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot/journal"
)

// The targets of announcement number a are the rows from a<<targetBits on, in their order, so that a chunk of them is a few
// pages side by side. Their names are looked up by a hash of 64 bits: rows half the size of an index on the name.
const targetBits = 32

func targetRow(a, n uint64) uint64 { return a<<targetBits + n }

func nameHash(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return int64(h.Sum64())
}

// AddTargets implements journal.Journal.
func (j *Journal) AddTargets(ctx context.Context, a journal.Announcement, targets []journal.Target) ([]uint64, error) {
	numbers := new([]uint64) // the caller may be gone when it is written
	own := slices.Clone(targets)
	size := len(a.Data)
	a.Data = slices.Clone(a.Data)
	for i := range own {
		own[i].Data = slices.Clone(own[i].Data)
		size += len(own[i].Name) + len(own[i].Data)
	}
	err := j.write(ctx, &request{rows: 1 + len(own), size: size, do: func(b *batch) (err error) {
		*numbers, err = b.addTargets(a, own)
		return err
	}})
	if err != nil {
		return nil, err
	}
	return *numbers, nil
}

// announcement puts an announcement and returns its number, and how many targets it has.
func (b *batch) announcement(a journal.Announcement) (n, targets uint64, err error) {
	ok, err := b.d.one(func(s *sqlite3.Stmt) { n, targets = uint64(s.ColumnInt64(0)), uint64(s.ColumnInt64(1)) },
		`SELECT a, targets FROM announcement WHERE key = ?`, a.Key)
	if err != nil {
		return 0, 0, err
	}
	if ok {
		return n, targets, b.d.exec(`UPDATE announcement SET data = ? WHERE a = ?`, a.Data, n)
	}
	if err := b.d.exec(`INSERT INTO announcement (key, targets, data) VALUES (?, 0, ?)`, a.Key, a.Data); err != nil {
		return 0, 0, err
	}
	return uint64(b.d.conn.LastInsertRowID()), 0, nil
}

func (b *batch) addTargets(a journal.Announcement, targets []journal.Target) ([]uint64, error) {
	n, count, err := b.announcement(a)
	if err != nil {
		return nil, fmt.Errorf("announcement: %w", err)
	}
	insert, err := b.d.prepare(`INSERT INTO target VALUES (?, ?, ?, ?)`)
	if err != nil {
		return nil, err
	}
	named, err := b.d.prepare(`INSERT INTO target_name VALUES (?, ?, ?)`)
	if err != nil {
		return nil, err
	}
	numbers := make([]uint64, len(targets))
	for i := range targets {
		t := &targets[i]
		hash := nameHash(t.Name)
		has, err := b.d.one(func(s *sqlite3.Stmt) { numbers[i] = uint64(s.ColumnInt64(0)) },
			`SELECT t.n FROM target_name t JOIN target ON id = (t.a << 32) + t.n WHERE t.a = ? AND hash = ? AND name = ?`, n, hash, t.Name)
		if err != nil {
			return nil, fmt.Errorf("target: %w", err)
		}
		if has {
			continue
		}
		count++
		numbers[i] = count
		if err := first(insert.BindInt64(1, int64(targetRow(n, count))), insert.BindText(2, t.Name),
			insert.BindInt(3, int(t.State)), bindBlob(insert, 4, t.Data), insert.Exec(),
			named.BindInt64(1, int64(n)), named.BindInt64(2, hash), named.BindInt64(3, int64(count)), named.Exec()); err != nil {
			return nil, fmt.Errorf("target: %w", err)
		}
	}
	return numbers, b.d.exec(`UPDATE announcement SET targets = ? WHERE a = ?`, count, n)
}

// putTargets writes what became of targets.
func (b *batch) putTargets(writes []journal.TargetWrite) error {
	if len(writes) == 0 {
		return nil
	}
	update, err := b.d.prepare(`UPDATE target SET state = ?, data = ? WHERE id = ?`)
	if err != nil {
		return err
	}
	key, a, known := "", uint64(0), false
	for i := range writes {
		w := &writes[i]
		if i == 0 || w.Key != key {
			key = w.Key
			known, err = b.d.one(func(s *sqlite3.Stmt) { a = uint64(s.ColumnInt64(0)) }, `SELECT a FROM announcement WHERE key = ?`, key)
			if err != nil {
				return err
			}
		}
		if !known || w.N >= 1<<targetBits {
			continue
		}
		if err := first(update.BindInt(1, int(w.State)), bindBlob(update, 2, w.Data),
			update.BindInt64(3, int64(targetRow(a, w.N))), update.Exec()); err != nil {
			return err
		}
	}
	return nil
}

func announcementOf(s *sqlite3.Stmt) journal.Announcement {
	return journal.Announcement{
		N: uint64(s.ColumnInt64(0)), Key: s.ColumnText(1), Targets: uint64(s.ColumnInt64(2)), Data: s.ColumnBlob(3, nil),
	}
}

// Announcement implements journal.Journal.
func (j *Journal) Announcement(ctx context.Context, key string) (a journal.Announcement, ok bool, err error) {
	err = j.read(ctx, func(d *db) (err error) {
		ok, err = d.one(func(s *sqlite3.Stmt) { a = announcementOf(s) },
			`SELECT a, key, targets, data FROM announcement WHERE key = ?`, key)
		return err
	})
	return a, ok, err
}

// Announcements implements journal.Journal.
func (j *Journal) Announcements(ctx context.Context, before uint64, limit int) (out []journal.Announcement, err error) {
	if before == 0 || before > 1<<62 {
		before = 1 << 62
	}
	err = j.read(ctx, func(d *db) error {
		return d.each(func(s *sqlite3.Stmt) (bool, error) {
			out = append(out, announcementOf(s))
			return true, nil
		}, `SELECT a, key, targets, data FROM announcement WHERE a < ? ORDER BY a DESC LIMIT ?`, before, limit)
	})
	return out, err
}

// Targets implements journal.Journal.
func (j *Journal) Targets(ctx context.Context, q journal.TargetQuery) (out []journal.Target, err error) {
	last := uint64(1<<targetBits - 1)
	if q.UpTo != 0 {
		last = min(last, q.UpTo)
	}
	if q.After >= last {
		return nil, nil
	}
	states := ""
	if len(q.States) > 0 {
		words := make([]string, len(q.States))
		for i, s := range q.States {
			words[i] = fmt.Sprint(int(s))
		}
		states = ` AND state IN (` + strings.Join(words, ", ") + `)`
	}
	err = j.read(ctx, func(d *db) error {
		var a uint64
		ok, err := d.one(func(s *sqlite3.Stmt) { a = uint64(s.ColumnInt64(0)) }, `SELECT a FROM announcement WHERE key = ?`, q.Key)
		if err != nil || !ok {
			return err
		}
		return d.each(func(s *sqlite3.Stmt) (bool, error) {
			out = append(out, journal.Target{
				N: uint64(s.ColumnInt64(0)) & (1<<targetBits - 1), Name: s.ColumnText(1), State: journal.TargetState(s.ColumnInt(2)),
				Data: s.ColumnBlob(3, nil),
			})
			return true, nil
		}, `SELECT id, name, state, data FROM target WHERE id > ? AND id <= ?`+states+` ORDER BY id LIMIT ?`,
			targetRow(a, q.After), targetRow(a, last), cmp.Or(q.Limit, 100))
	})
	return out, err
}
