package local

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// oldFile makes a chat file as an older version wrote it.
func oldFile(t *testing.T, version int) string {
	t.Helper()
	sql, err := os.ReadFile(fmt.Sprintf("testdata/schema-%d.sql", version))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "chat.db")
	d, err := openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.conn.Exec(string(sql)); err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// tables describes all tables, columns and indexes of a chat file, comments aside.
func tables(t *testing.T, path string) []string {
	t.Helper()
	d, err := openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var list []string
	for _, sql := range []string{
		`SELECT m.name, group_concat(c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk || ' ' || coalesce(c.dflt_value, '-'), ', ')
			FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' GROUP BY m.name`,
		`SELECT name, sql FROM sqlite_schema WHERE type <> 'table'`,
	} {
		err := d.each(func(s *sqlite3.Stmt) (bool, error) {
			list = append(list, s.ColumnText(0)+": "+s.ColumnText(1))
			return true, nil
		}, sql)
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(list)
	return list
}

func TestOlderFilesMigrate(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "chat.db")
	chat, err := Open(t.Context(), fresh, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	want := tables(t, fresh)
	for _, version := range []int{1} { // the versions that are kept as SQL
		path := oldFile(t, version)
		chat, err := Open(t.Context(), path, Config{})
		if err != nil {
			t.Fatalf("schema %d: %v", version, err)
		}
		alice := login(t, chat, "alice")
		got := fmt.Sprint(history(t, alice, sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 10}))
		if got != "[kept two one]" {
			t.Errorf("schema %d: C2C history %s", version, got)
		}
		list, err := alice.GetMsgList(t.Context(), sdkconn.Group("g"), sdkconn.GetMsgListParam{Count: 10})
		if err != nil || len(list) != 2 || list[0].Status != sdkconn.StatusRevoked {
			t.Errorf("schema %d: group history %v, %v", version, list, err)
		}
		if m := send(t, alice, sdkconn.Group("g"), "five"); m.Seq != list[0].Seq+1 {
			t.Errorf("schema %d: seq %d after %d", version, m.Seq, list[0].Seq)
		}
		if err := chat.Close(); err != nil {
			t.Fatal(err)
		}
		if got := tables(t, path); !slices.Equal(got, want) {
			t.Errorf("schema %d became\n%s\na new file is\n%s", version, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestFailedMigrationChangesNothing has a step fail half way: a table that it makes is there already.
func TestFailedMigrationChangesNothing(t *testing.T) {
	path := oldFile(t, 1)
	d, err := openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.conn.Exec(`CREATE INDEX secret ON user (made)`); err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	before := tables(t, path)
	if _, err := Open(t.Context(), path, Config{}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("migrating from schema %d to %d", schemaVersion-1, schemaVersion)) {
		t.Errorf("got %v", err)
	}
	if got := tables(t, path); !slices.Equal(got, before) {
		t.Errorf("the file became\n%s", strings.Join(got, "\n"))
	}
	d, err = openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if v, err := d.integer(`PRAGMA user_version`); err != nil || v != 1 {
		t.Errorf("version %d, %v", v, err)
	}
}

// A file of every older schema opens, keeps what it has and can do what the present one can.
func TestOlderSchemas(t *testing.T) {
	for version := 1; version < int(schemaVersion); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "chat.db")
			d, err := openDB(path)
			if err != nil {
				t.Fatal(err)
			}
			steps := schema
			for _, step := range migrations[:version-1] {
				steps += step
			}
			err = d.conn.Exec(fmt.Sprintf(`%s
				INSERT INTO user (id, name, nick, known, made) VALUES (1, 'alice', 'Alice', 1, 1), (2, 'bob', 'bob', 1, 1);
				INSERT INTO room (id, kind, a, b, name, title, type, made, gone) VALUES (1, 2, 1, 0, 'g', 'G', 0, 1, 0);
				INSERT INTO member (room, user, since, until, role, joined, muted, card) VALUES (1, 1, 1, 0, 400, 1, 0, '');
				INSERT INTO room (id, kind, a, b, name, title, type, made, gone) VALUES (2, 1, 1, 2, '', '', 0, 1, 0);
				INSERT INTO view (user, room, since, read, read_time, read_seq, cleared)
					VALUES (1, 1, 1, 0, 0, 0, 0), (1, 2, 1, 0, 0, 0, 0), (2, 2, 1, 0, 0, 0, 0);
				INSERT INTO msg (id, room, time, seq, rand, sender, grp, status, flags, types, body)
					VALUES (1, 1, 1, 1, 1, 1, 1, 2, 0, 1, '{"e":[{"elem_type":0,"text_elem_content":"old"}]}'),
						(2, 2, 1, 1, 77, 1, 0, 2, 0, 1, '{"e":[{"elem_type":0,"text_elem_content":"old"}]}');
				PRAGMA application_id = %d; PRAGMA user_version = %d`, steps, applicationID, version))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				chat, err := Open(t.Context(), path, Config{})
				if err != nil {
					t.Fatal(err)
				}
				alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
				page, err := alice.GetMsgList(t.Context(), sdkconn.Group("g"), sdkconn.GetMsgListParam{Count: 10})
				if err != nil || len(page) == 0 || page[len(page)-1].Text() != "old" {
					t.Errorf("history %v, %v", page, err)
				}
				if err := bob.GroupJoin(t.Context(), "g", "hello"); err != nil {
					t.Error(err)
				}
				asked, err := alice.GroupGetPendencyList(t.Context(), sdkconn.GroupPendencyOption{MaxLimited: 10})
				if err != nil || len(asked.Pendencies) != 1 {
					t.Errorf("asked %+v, %v", asked, err)
				}
				for range 2 { // the same effect happens once
					if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), effect(1)); err != nil {
						t.Error(err)
					}
				}
				list, err := bob.GetMsgList(t.Context(), sdkconn.C2C("alice"), sdkconn.GetMsgListParam{Count: 10})
				if err != nil || len(list) != 2 || list[1].Text() != "old" {
					t.Errorf("%d messages, %v", len(list), err)
				}
				err = chat.e.read(t.Context(), "test", func(l *lookup) error {
					v, err := l.db.integer(`PRAGMA user_version`)
					if v != schemaVersion {
						t.Errorf("schema %d", v)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if err := chat.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
