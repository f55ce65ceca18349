package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestInfoAndCheck(t *testing.T) {
	dir := t.TempDir()
	c := newFaultChat(t, filepath.Join(dir, "chat.db"))
	for i := range 5 {
		if err := c.say(t, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	picture := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(picture, bytes.Repeat([]byte("hello"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.alice.SendNewMsg(t.Context(), sdkconn.Group("g"), &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.FileElem{FilePath: picture, FileName: "a.txt"}},
	}); err != nil {
		t.Fatal(err)
	}
	info, err := Info(t.Context(), c.path) // while the chat is open
	if err != nil {
		t.Fatal(err)
	}
	if info.Users != 1 || info.Groups != 1 || info.Messages != 6 || info.Files != 1 || info.FileBytes != 5000 ||
		info.Schema != schemaVersion || info.First == 0 || info.Bytes == 0 {
		t.Errorf("%+v", info)
	}
	if problems, err := Check(t.Context(), c.path); err != nil || len(problems) > 0 {
		t.Errorf("%q, %v", problems, err)
	}
	if err := c.chat.Close(); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		`DELETE FROM msg WHERE seq = 3`:                     "group g: 5 messages, numbered 1 to 6",
		`UPDATE msg SET body = '{' WHERE seq = 3`:           "msg ",
		`UPDATE msg SET sender = 77 WHERE seq = 3`:          "its sender or its conversation is not there",
		`UPDATE chunk SET data = zeroblob(length(data))`:    "its content is damaged",
		`DROP INDEX event_online; PRAGMA user_version = 99`: "schema 99",
	} {
		data, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "chat.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openDB(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.conn.Exec(sql); err != nil {
			t.Fatal(err)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		problems, err := Check(t.Context(), path)
		if got := fmt.Sprint(problems, err); !strings.Contains(got, want) {
			t.Errorf("%s: %s", sql, got)
		}
	}
	if _, err := Info(t.Context(), filepath.Join(dir, "nothing.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "nothing.db")); err == nil {
		t.Error("Info made a file")
	}
}

func TestCheckTellsDamage(t *testing.T) {
	c := newFaultChat(t, filepath.Join(t.TempDir(), "chat.db"))
	for range 100 {
		if err := c.say(t, strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.chat.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 2; i < len(data)*3/4; i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(c.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if problems, err := Check(t.Context(), c.path); err != nil || len(problems) == 0 {
		t.Errorf("%d problems, %v", len(problems), err)
	}
}

func TestCompact(t *testing.T) {
	c := newFaultChat(t, filepath.Join(t.TempDir(), "chat.db"))
	for range 200 {
		if err := c.say(t, strings.Repeat("x", 5000)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := openDB(c.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.conn.Exec(`CREATE TABLE waste AS SELECT body FROM msg; DROP TABLE waste`); err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	before, after, err := Compact(t.Context(), c.path) // while the chat is open
	if err != nil || after >= before || after == 0 {
		t.Errorf("from %d to %d bytes, %v", before, after, err)
	}
	if err := c.say(t, "after"); err != nil {
		t.Error(err)
	}
	c.whole(t, c.alice)
	c.reopened(t)
	if _, _, err := Compact(t.Context(), c.path+"-nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestExportImport(t *testing.T) {
	from := tempChat(t)
	alice, bob := login(t, from, "alice"), login(t, from, "bob")
	if _, err := alice.GroupCreate(t.Context(), sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "g", Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}},
	}); err != nil {
		t.Fatal(err)
	}
	for i := range transferLines + 10 { // more than a page
		send(t, alice, sdkconn.C2C("bob"), fmt.Sprint("你好 ", i))
	}
	send(t, bob, sdkconn.Group("g"), "in the group")
	var lines bytes.Buffer
	n, err := from.Export(t.Context(), "alice", &lines)
	if err != nil || n != bytes.Count(lines.Bytes(), []byte("\n")) || n < transferLines+11 {
		t.Fatalf("%d messages, %v", n, err)
	}
	if err := alice.check(""); err != nil {
		t.Errorf("the export kicked her: %v", err)
	}
	to := tempChat(t)
	carol := login(t, to, "alice")
	for range 2 { // the second time changes nothing
		if got, err := to.Import(t.Context(), "alice", bytes.NewReader(lines.Bytes())); err != nil || got != n {
			t.Fatalf("%d of %d messages, %v", got, n, err)
		}
	}
	for _, conv := range []sdkconn.Conversation{sdkconn.C2C("bob"), sdkconn.Group("g")} {
		want, err := alice.GetMsgList(t.Context(), conv, sdkconn.GetMsgListParam{Count: 1000})
		if err != nil {
			t.Fatal(err)
		}
		got, err := carol.GetMsgList(t.Context(), conv, sdkconn.GetMsgListParam{Count: 1000})
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: %d messages, want %d; %v", conv, len(got), len(want), err)
		}
		for i := range got {
			if got[i].Text() != want[i].Text() || got[i].Seq != want[i].Seq || got[i].Rand != want[i].Rand || got[i].ServerTime != want[i].ServerTime || got[i].IsFromSelf != want[i].IsFromSelf || got[i].Sender != want[i].Sender {
				t.Fatalf("%s: message %d is %+v, want %+v", conv, i, got[i], want[i])
			}
		}
	}
	for _, bad := range []string{"{", "null", "{}", `{"message_elem_array":[{"elem_type":0,"text_elem_content":"x"}]}`} {
		first, _, _ := strings.Cut(lines.String(), "\n")
		_, err := to.Import(t.Context(), "alice", strings.NewReader(first+"\n\n"+bad+"\n"))
		if !errors.Is(err, sdkconn.CodeJSON) || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := from.Export(t.Context(), "nobody", &lines); !errors.Is(err, sdkconn.CodeSvrMsgInvalidID) {
		t.Errorf("nobody: %v", err)
	}
}
