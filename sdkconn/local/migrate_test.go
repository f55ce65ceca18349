package local

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

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
				INSERT INTO view (user, room, since, read, read_time, read_seq, cleared) VALUES (1, 1, 1, 0, 0, 0, 0);
				INSERT INTO msg (id, room, time, seq, rand, sender, grp, status, flags, types, body)
					VALUES (1, 1, 1, 1, 1, 1, 1, 2, 0, 1, '{"e":[{"elem_type":0,"text_elem_content":"old"}]}');
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
