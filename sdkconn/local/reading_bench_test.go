package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

const (
	manyMessages   = 1_000_000 // in each conversation of the large chat
	searchMessages = 100_000   // in the conversation that is searched
)

// large are files that take seconds to make: each is made once in a process, when the first benchmark asks for it, and
// lies there until the process ends.
type large struct {
	mu   sync.Mutex
	dir  string
	made map[string]bool
}

var largeFiles large

// file returns the path of the file with that name, which build makes.
func (l *large) file(b *testing.B, name string, build func(path string) error) string {
	b.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dir == "" {
		dir, err := os.MkdirTemp("", "timbot-bench")
		if err != nil {
			b.Fatal(err)
		}
		l.dir, l.made = dir, make(map[string]bool)
	}
	path := filepath.Join(l.dir, name)
	if !l.made[name] {
		if err := build(path); err != nil {
			b.Fatal(err)
		}
		l.made[name] = true
	}
	return path
}

func (l *large) remove() {
	if l.dir != "" {
		os.RemoveAll(l.dir)
	}
}

// bulk runs one INSERT … SELECT of rows numbered in n, from 0 on, in transactions of 100,000.
func bulk(path, sql string, count int, args ...any) (err error) {
	d, err := openDB(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.conn.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536`); err != nil {
		return err
	}
	const step = 100_000
	for from := 0; from < count; from += step {
		rows := `WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?2) ` + sql
		if err := d.exec(rows, append([]any{from, min(from+step, count)}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// startLarge makes a chat in which bob talks with alice, and both in the group g, long ago.
func startLarge(b *testing.B, path string) (err error) {
	chat, err := Open(b.Context(), path, Config{Clock: clockwork.NewFakeClockAt(time.Now().Add(-2 * manyMessages * time.Second))})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, chat.Close()) }()
	if err := chat.AddUser(b.Context(), "bob", ""); err != nil {
		return err
	}
	alice, err := chat.Login(b.Context(), "alice")
	if err != nil {
		return err
	}
	_, err = alice.GroupCreate(b.Context(), sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "g", GroupType: sdkconn.GroupPublic, Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}},
	})
	if err != nil {
		return err
	}
	for _, conv := range []sdkconn.Conversation{sdkconn.C2C("bob"), sdkconn.Group("g")} {
		if _, err := alice.SendNewMsg(b.Context(), conv, text("the first one")); err != nil {
			return err
		}
	}
	return nil
}

const (
	aText = `a message of some words, as people write them`
	aBody = `{"e":[{"elem_type":0,"text_elem_content":"` + aText + `"}]}`
)

// largeChat is a chat with two conversations of bob's that grew side by side, one with alice and one in the group g, each of
// a million messages, one a second.
func largeChat(b *testing.B) string {
	return largeFiles.file(b, "chat.db", func(path string) error {
		if err := startLarge(b, path); err != nil {
			return err
		}
		return bulk(path, `INSERT INTO msg (id, room, time, seq, rand, sender, grp, status, flags, types, body)
			SELECT 1000 + n, room.id, ?3 + n / 2, iif(kind = 2, 1000 + n / 2, 1000 + n), random() & 0xffffffff,
				(SELECT id FROM user WHERE name = iif(n / 2 % 2, 'alice', 'bob')), kind = 2, 2, 0, 1, ?4
			FROM numbers CROSS JOIN room ON kind = 1 + n % 2`,
			2*manyMessages, time.Now().Unix()-manyMessages, aBody)
	})
}

// barePages is a plain table of a million rows with the two indexes that pages are read by.
func barePages(b *testing.B) *db {
	return bareDB(b, largeFiles.file(b, "pages.db", func(path string) error {
		if err := prepare(path, `CREATE TABLE t (id INTEGER PRIMARY KEY, conv INTEGER, time INTEGER, seq INTEGER, body TEXT);
			CREATE INDEX t_time ON t (conv, time, seq);
			CREATE INDEX t_seq ON t (conv, seq)`); err != nil {
			return err
		}
		return bulk(path, `INSERT INTO t SELECT n + 1, 1, ?3 + n, n, ?4 FROM numbers`, manyMessages, 0, aBody)
	}))
}

func prepare(path, sql string) error {
	d, err := openDB(path)
	if err != nil {
		return err
	}
	return errors.Join(d.conn.Exec(sql), d.close())
}

// BenchmarkHistoryPage reads pages of 20 from conversations of a million messages: the newest ones, and those in the middle.
// Beside each stands its bare row: 20 rows by the same kind of index from a plain table of a million, each row's body read
// and nothing made of it.
func BenchmarkHistoryPage(b *testing.B) {
	const middle = manyMessages / 2
	chat := open(b, largeChat(b), Config{})
	bob := login(b, chat, "bob")
	bare := barePages(b)
	for _, c := range []struct {
		name string
		conv sdkconn.Conversation
		sql  string
	}{
		{"c2c", sdkconn.C2C("alice"), `SELECT body FROM t WHERE conv = 1 AND (time, seq) < (?1, ?1) ORDER BY time DESC, seq DESC LIMIT 20`},
		{"group", sdkconn.Group("g"), `SELECT body FROM t WHERE conv = 1 AND seq < ? ORDER BY seq DESC LIMIT 20`},
	} {
		newest, err := bob.GetMsgList(b.Context(), c.conv, sdkconn.GetMsgListParam{Count: 1})
		if err != nil || len(newest) != 1 {
			b.Fatal(len(newest), err)
		}
		half, err := bob.GetMsgList(b.Context(), c.conv, sdkconn.GetMsgListParam{Count: 1, TimeBegin: newest[0].Time() - middle})
		if err != nil || len(half) != 1 {
			b.Fatal(len(half), err)
		}
		for _, place := range []struct {
			name string
			last *sdkconn.Message
			row  int
		}{{"newest", nil, manyMessages}, {"middle", half[0], middle}} {
			b.Run(c.name+"/"+place.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					list, err := bob.GetMsgList(b.Context(), c.conv, sdkconn.GetMsgListParam{Count: 20, LastMsg: place.last})
					if err != nil || len(list) != 20 {
						b.Fatal(len(list), err)
					}
				}
			})
			b.Run(c.name+"/"+place.name+"-bare", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if n := readTexts(b, bare, c.sql, place.row); n != 20 {
						b.Fatal(n)
					}
				}
			})
		}
	}
}

// readTexts reads the first column of every row and returns how many there are.
func readTexts(b *testing.B, d *db, sql string, args ...any) (n int) {
	err := d.each(func(s *sqlite3.Stmt) (bool, error) {
		n++
		_ = s.ColumnText(0)
		return true, nil
	}, sql, args...)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// searchedText is the text of message n in SQL: every tenth has one word, a single one has another.
const searchedText = `'` + aText + `, number ' || n || iif(n % 10 = 0, ' for lunch', '') || iif(n = 50000, ' zebra', '')`

// BenchmarkSearch looks for a word in a conversation of 100,000 messages and asks for the first 20 that have it. miss-i
// is for a word with an i, of whose capitals SQLite knows only one. Beside each stands its bare row: LIKE over a plain
// table of the same texts, each one that has the word read.
func BenchmarkSearch(b *testing.B) {
	path := largeFiles.file(b, "search.db", func(path string) error {
		if err := startLarge(b, path); err != nil {
			return err
		}
		return bulk(path, `INSERT INTO msg (id, room, time, seq, rand, sender, grp, status, flags, types, body)
			SELECT 1000 + n, (SELECT id FROM room WHERE kind = 1), ?3 + n, 1000 + n, random() & 0xffffffff,
				(SELECT id FROM user WHERE name = iif(n % 2, 'alice', 'bob')), 0, 2, 0, 1,
				'{"e":[{"elem_type":0,"text_elem_content":"' || `+searchedText+` || '"}]}'
			FROM numbers`, searchMessages, time.Now().Unix()-searchMessages)
	})
	bare := bareDB(b, largeFiles.file(b, "texts.db", func(path string) error {
		if err := prepare(path, `CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)`); err != nil {
			return err
		}
		return bulk(path, `INSERT INTO t SELECT n + 1, `+searchedText+` FROM numbers`, searchMessages)
	}))
	bob := login(b, open(b, path, Config{}), "bob")
	for _, c := range []struct {
		name, word string
		hits       int
	}{
		{"rare", "zebra", 1}, {"common", "lunch", searchMessages / 10}, {"miss", "absent", 0}, {"miss-i", "missing", 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found, err := bob.MsgSearchLocalMessages(b.Context(), sdkconn.SearchParam{
					Keywords: []string{c.word}, ConvID: "alice", ConvType: sdkconn.ConvC2C, PageSize: 20,
				})
				if err != nil || int(found.TotalCount) != c.hits {
					b.Fatal(found, err)
				}
			}
		})
		b.Run(c.name+"-bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n := readTexts(b, bare, `SELECT text FROM t WHERE text LIKE ?`, fmt.Sprint("%", c.word, "%")); n != c.hits {
					b.Fatal(n)
				}
			}
		})
	}
}
