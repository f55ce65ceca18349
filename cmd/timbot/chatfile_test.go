package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// command runs one command line and returns its exit code, what it printed, and what it said of errors.
func command(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := newRootCommand()
	root.SetIn(strings.NewReader(in))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	code = exitCode(t.Context(), &stderr, err)
	return code, stdout.String(), stderr.String()
}

func TestChatFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	chat, err := local.Open(t.Context(), path, local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.AddUser(t.Context(), "bob", ""); err != nil {
		t.Fatal(err)
	}
	alice, err := chat.Login(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"one", "two"} {
		msg := &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: s}}}
		if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), msg); err != nil {
			t.Fatal(err)
		}
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("garbage "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, lines, _ := command(t, "", "chat-file", "export", path, "--as", "alice")
	if strings.Count(lines, "\n") != 2 || !strings.Contains(lines, `"text_elem_content":"one"`) {
		t.Errorf("exported %s", lines)
	}
	for _, c := range []struct {
		in   string
		args string
		code int
		says string // in what is printed, or in the error
	}{
		{"", "info " + path, codeFine, "2 users, 0 groups"},
		{"", "info --json " + path, codeFine, `"messages":2`},
		{"", "check " + path, codeFine, "ok"},
		{"", "compact " + path, codeFine, "before"},
		{lines, "import --as bob " + path, codeFine, "2 messages read"},
		{"", "info " + path, codeFine, "and 2 imported or saved"},
		{"{", "import --as bob " + path, codeFailed, "line 1"},
		{"", "check " + garbage, codeFindings, "not a database"},
		{"", "info " + garbage + "-nothing", codeFailed, "no such file"},
		{"", "export --as alice " + garbage + "-nothing", codeFailed, "no such file"},
		{"", "export " + path, codeFailed, "missing flag: --as"},
		{"", "export --as nobody " + path, codeFailed, `no user "nobody"`},
		{"", "info", codeFailed, "missing argument: FILE"},
		{"", "chek " + path, codeFailed, `did you mean "check"?`},
	} {
		code, out, errs := command(t, c.in, append([]string{"chat-file"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit code %d, printed %q, said %q", c.args, code, out, errs)
		}
	}
}
