package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// FileInfo is what a chat file holds.
type FileInfo struct {
	Path        string `json:"path"`
	Bytes       int64  `json:"bytes"` // of the chat file, without the log beside it
	Schema      int64  `json:"schema"`
	Users       int64  `json:"users"`
	Groups      int64  `json:"groups"`
	Messages    int64  `json:"messages"` // tips included
	OwnMessages int64  `json:"own_messages"`
	First       int64  `json:"first"` // time of the oldest message in Unix seconds, 0 without any
	Last        int64  `json:"last"`  // and of the newest one
	Files       int64  `json:"files"`
	FileBytes   int64  `json:"file_bytes"`
	SecretApp   uint64 `json:"secret_app,omitzero"` // whose UserSigs are verified, 0 without a secret
}

// Info looks into the chat file at path and changes nothing; others may have it open. Errors: those of Open, and
// fs.ErrNotExist.
func Info(ctx context.Context, path string) (info FileInfo, err error) {
	info.Path = path
	err = inspect(ctx, path, func(d *db) error {
		stat, err := os.Stat(path)
		if err != nil {
			return err
		}
		info.Bytes = stat.Size()
		for _, one := range []struct {
			n   *int64
			sql string
		}{
			{&info.Schema, `PRAGMA user_version`},
			{&info.Users, `SELECT count(*) FROM user WHERE known = 1`},
			{&info.Groups, `SELECT count(*) FROM room WHERE kind = 2 AND made <> 0 AND gone = 0`},
			{&info.Messages, `SELECT count(*) FROM msg`},
			{&info.OwnMessages, `SELECT count(*) FROM own`},
			{&info.First, `SELECT time FROM msg ORDER BY id LIMIT 1`},
			{&info.Last, `SELECT time FROM msg ORDER BY id DESC LIMIT 1`},
			{&info.Files, `SELECT count(*) FROM blob WHERE sha IS NOT NULL`},
			{&info.FileBytes, `SELECT sum(size) FROM blob WHERE sha IS NOT NULL`},
		} {
			if *one.n, err = d.integer(one.sql); err != nil {
				return err
			}
		}
		if info.Schema < secretSchema {
			return nil
		}
		app, err := d.integer(`SELECT coalesce(max(app), 0) FROM secret`)
		info.SecretApp = uint64(app)
		return err
	})
	return info, err
}

// maxProblems bounds what Check returns: a damaged file may be damaged everywhere.
const maxProblems = 100

// Check reads the whole chat file at path and returns what is wrong with it, nothing for a sound one: what SQLite says of
// it, group messages whose numbers have gaps, messages without their sender or conversation or that cannot be read, and
// files whose content is not what their name says. It changes nothing; others may have the file open.
func Check(ctx context.Context, path string) (problems []string, err error) {
	add := func(format string, args ...any) {
		if len(problems) < maxProblems {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	err = inspect(ctx, path, func(d *db) error {
		list := func(format, sql string, columns int) error {
			return d.each(func(s *sqlite3.Stmt) (bool, error) {
				args := make([]any, columns)
				for i := range args {
					args[i] = s.ColumnText(i)
				}
				if said := fmt.Sprintf(format, args...); said != "ok" {
					add("%s", said)
				}
				return true, ctx.Err()
			}, sql)
		}
		if err := list("%s", `PRAGMA integrity_check`, 1); err != nil || len(problems) > 0 {
			return err
		}
		if err := list("group %s: %s messages, numbered %s to %s",
			`SELECT r.name, count(*), min(m.seq), max(m.seq) FROM msg m JOIN room r ON r.id = m.room WHERE m.grp = 1
			GROUP BY m.room HAVING min(m.seq) <> 1 OR max(m.seq) <> count(*)`, 4); err != nil {
			return err
		}
		if err := list("message %s: its sender or its conversation is not there",
			`SELECT id FROM msg WHERE room NOT IN (SELECT id FROM room)
			OR sender <> 0 AND sender NOT IN (SELECT id FROM user)`, 1); err != nil {
			return err
		}
		for _, table := range []string{"msg", "own"} {
			err := d.each(func(s *sqlite3.Stmt) (bool, error) {
				if _, err := unmarshalBody(s.ColumnRawText(1)); err != nil {
					add("%s %d: %v", table, s.ColumnInt64(0), err)
				}
				return true, ctx.Err()
			}, `SELECT id, body FROM `+table)
			if err != nil {
				return err
			}
		}
		return checkFiles(ctx, d, add)
	})
	if errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB) {
		add("%v", err)
		err = nil
	}
	return problems, err
}

// checkFiles reads all files and compares them with their names.
func checkFiles(ctx context.Context, d *db, add func(string, ...any)) error {
	type file struct {
		id, size int64
		sha      string
	}
	var files []file
	err := d.each(func(s *sqlite3.Stmt) (bool, error) {
		files = append(files, file{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnText(2)})
		return true, nil
	}, `SELECT id, size, sha FROM blob WHERE sha IS NOT NULL`)
	if err != nil {
		return err
	}
	for _, f := range files {
		sum, size := sha256.New(), int64(0)
		err := d.each(func(s *sqlite3.Stmt) (bool, error) {
			n, err := sum.Write(s.ColumnRawBlob(0))
			size += int64(n)
			return ctx.Err() == nil, err
		}, `SELECT data FROM chunk WHERE blob = ? ORDER BY n`, f.id)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if size != f.size || hex.EncodeToString(sum.Sum(nil)) != f.sha {
			add("file %s: its content is damaged", f.sha)
		}
	}
	return nil
}

// Compact gives the room that the chat file at path does not need back to the disk, and returns its size in bytes before and
// after. Others may have the file open; their writes wait meanwhile. It needs as much free room as the file has.
func Compact(ctx context.Context, path string) (before, after int64, err error) {
	if err := regular(path); err != nil {
		return 0, 0, fmt.Errorf("chat file: %w", err)
	}
	chat, err := Open(ctx, path, Config{})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, chat.Close()) }()
	e := chat.e
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if err := e.lock.lock(); err != nil {
		return 0, 0, err
	}
	defer e.lock.unlock()
	pages := func() int64 {
		n, perr := e.w.integer(`SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`)
		err = errors.Join(err, perr)
		return n
	}
	before = pages()
	for _, s := range e.w.stmts { // SQLite refuses while one is at work
		s.Reset()
	}
	if cerr := e.w.conn.Exec(`VACUUM`); cerr != nil {
		return before, before, fmt.Errorf("compact %s: %w", path, e.explain(cerr))
	}
	after = pages()
	if _, _, cerr := e.w.conn.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE); cerr != nil && !errors.Is(cerr, sqlite3.BUSY) {
		err = errors.Join(err, fmt.Errorf("compact %s: %w", path, cerr))
	}
	return before, after, err
}

// inspect reads a chat file that is there, in one transaction.
func inspect(ctx context.Context, path string, f func(*db) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("chat file %s: %w", path, err)
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := regular(path); err != nil {
		return err
	}
	d, err := openDB(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.conn.Exec(`PRAGMA query_only = ON; BEGIN`); err != nil {
		return err
	}
	if fresh, err := checkSchema(d); err != nil {
		return err
	} else if fresh {
		return ErrNotChat
	}
	return f(d)
}

// regular refuses what SQLite would make, or could not open.
func regular(path string) error {
	stat, err := os.Stat(path)
	if err == nil && !stat.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a file")}
	}
	return err
}

// borrow makes a conn of a user who is there without logging him in: nobody is kicked, and nothing is told to it.
func (c *Chat) borrow(ctx context.Context, op, name string) (*Conn, error) {
	conn := &Conn{e: c.e, chat: c, lost: make(chan struct{}), convs: make(map[int64]*convState)}
	conn.inbox.init()
	err := c.e.read(ctx, op, func(l *lookup) (err error) {
		conn.user, err = l.userByName(name)
		return err
	})
	if err == nil && conn.user == nil {
		err = fail(op, sdkconn.CodeSvrMsgInvalidID, "no user %q", name)
	}
	return conn, err
}
