package local

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// TestOlderSchemasAreBroughtUp opens a file of each older version and uses it.
func TestOlderSchemasAreBroughtUp(t *testing.T) {
	for version := range int64(schemaVersion - 1) {
		version++
		path := filepath.Join(t.TempDir(), "chat.db")
		d, err := openDB(path)
		if err != nil {
			t.Fatal(err)
		}
		sql := fmt.Sprintf(`%s; PRAGMA application_id = %d; PRAGMA user_version = %d;
			INSERT INTO user VALUES (1, 'alice', 'alice', 1, 5), (2, 'bob', 'bob', 1, 5);
			INSERT INTO room VALUES (1, 1, 1, 2, '', '', 0, 5, 0);
			INSERT INTO view VALUES (1, 1, 1, 0, 0, 0, 0), (2, 1, 1, 0, 0, 0, 0);
			INSERT INTO msg VALUES (1, 1, 5, 1, 77, 1, 0, 2, 0, 1, '{"e":[{"elem_type":0,"text_elem_content":"old"}]}', NULL)`,
			schema, applicationID, version)
		for _, step := range migrations[:version-1] {
			sql += `; ` + step
		}
		if err := d.conn.Exec(sql); err != nil {
			t.Fatal(err)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it is a file of the newest version
			chat, err := Open(t.Context(), path, Config{})
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			alice := login(t, chat, "alice")
			for range 2 {
				if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), effect(1)); err != nil {
					t.Errorf("version %d: %v", version, err)
				}
			}
			list, err := login(t, chat, "bob").GetMsgList(t.Context(), sdkconn.C2C("alice"), sdkconn.GetMsgListParam{Count: 10})
			if err != nil || len(list) != 2 || list[1].Text() != "old" {
				t.Errorf("version %d: %d messages, %v", version, len(list), err)
			}
			if err := chat.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
