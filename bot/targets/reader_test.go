package targets_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/timbot-go/timbot/bot/targets"
	"github.com/timbot-go/timbot/sdkconn"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func encoded(t *testing.T, enc interface{ String(string) (string, error) }, text string) string {
	t.Helper()
	out, err := enc.String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// all reads a list: each row's targets, its column "name", and at the end the error.
func all(path string, kind sdkconn.ConvType) (rows []string) {
	r, err := targets.Open(path, kind)
	if err != nil {
		return []string{err.Error()}
	}
	defer r.Close()
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows
		}
		if err != nil {
			return append(rows, err.Error())
		}
		rows = append(rows, strings.TrimSpace(fmt.Sprintf("%d %v %s", row.Line, row.To, row.Columns["name"])))
	}
}

func TestLists(t *testing.T) {
	const columns = "user,name\na,小明\n,nobody\n\nb,\"x, y\"\n"
	want := []string{"2 [c2c_a] 小明", "3 [] nobody", "5 [c2c_b] x, y"}
	gbk := encoded(t, simplifiedchinese.GBK.NewEncoder(), columns)
	utf16 := encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), columns)
	long := strings.Repeat("x", 10<<20)
	for name, c := range map[string]struct {
		file, text string
		kind       sdkconn.ConvType
		want       []string
	}{
		"UTF-8":                   {"l.csv", columns, 0, want},
		"a byte order mark":       {"l.csv", "\xEF\xBB\xBF" + columns, 0, want},
		"GBK":                     {"l.csv", gbk, 0, want},
		"UTF-16":                  {"l.csv", utf16, 0, want},
		"Windows line ends":       {"L.CSV", strings.ReplaceAll(columns, "\n", "\r\n"), 0, want},
		"users and groups":        {"l.csv", "Group, USER\ng,a\n,b\ng2,\n", 0, []string{"2 [c2c_a group_g]", "3 [c2c_b]", "4 [group_g2]"}},
		"ids of groups":           {"l.csv", "id\n@TGS#1\n", sdkconn.ConvGroup, []string{"2 [group_@TGS#1]"}},
		"ids of users":            {"l.csv", "id\na\n", sdkconn.ConvC2C, []string{"2 [c2c_a]"}},
		"a line each":             {"l.txt", "# all\na\n\n  b  # the second\n@TGS#1", sdkconn.ConvGroup, []string{"1 []", "2 [group_a]", "3 []", "4 [group_b]", "5 [group_@TGS#1]"}},
		"lines in GBK":            {"l.txt", encoded(t, simplifiedchinese.GBK.NewEncoder(), "小明\n"), 0, []string{"1 [c2c_小明]"}},
		"blanks around":           {"l.csv", "user,name\n a , x \n", 0, []string{"2 [c2c_a] x"}},
		"no columns":              {"l.csv", "", 0, []string{"l.csv: the file is empty: its first row names the columns, one of which is user or group"}},
		"columns and nobody":      {"l.csv", "user\n", 0, nil},
		"an empty list of lines":  {"l.txt", "", 0, nil},
		"no column of ids":        {"l.csv", "alice\nbob\n", 0, []string{`l.csv:1: no column is called user or group; the first row names the columns, and it has "alice"`}},
		"a column twice":          {"l.csv", "user,name,name\n", 0, []string{`l.csv:1: the column "name" comes twice`}},
		"a field too many":        {"l.csv", "user,name\na,b\nc,d,e\n", 0, []string{"2 [c2c_a] b", "l.csv:3: this row has 3 fields, the first one has 2: quote a field with a comma in it"}},
		"a quote alone":           {"l.csv", "user,name\na,b\"c\n", 0, []string{"l.csv:2:4: bare \" in non-quoted-field: a quote inside a quoted field is written twice"}},
		"neither UTF-8 nor GBK":   {"l.csv", "user,name\na,b\nc,\xff\xff\n", 0, []string{"l.csv:3: this is neither UTF-8 nor GBK: save the file as UTF-8"}},
		"a line of 10 MB":         {"l.csv", "user,name\na,b\nc," + long + "\n", 0, []string{"2 [c2c_a] b", "l.csv:3: this row is longer than 1024 KiB: is a quote missing?"}},
		"a quote that never ends": {"l.csv", "user,name\na,b\nc,\"" + strings.Repeat("x\n", 2<<20), 0, []string{"2 [c2c_a] b", "l.csv:3: this row is longer than 1024 KiB: is a quote missing?"}},
		"10 MB in a list":         {"l.txt", "a\n" + long, 0, []string{"1 [c2c_a]", "l.txt:2: this row is longer than 1024 KiB: is a quote missing?"}},
		"a long id":               {"l.txt", strings.Repeat("x", 300), 0, []string{`l.txt:1: an id of 300 bytes, at most 256: "` + strings.Repeat("x", 40) + `"…`}},
		"a control character":     {"l.txt", "a\x00b", 0, []string{`l.txt:1: a control character in the id "a\x00b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := all(write(t, c.file, c.text), c.kind)
			if !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
		})
	}
	if got := all(filepath.Join(t.TempDir(), "none.csv"), 0); len(got) != 1 || !strings.Contains(got[0], "no such file") {
		t.Errorf("a file that is not there: %q", got)
	}
	if got := all(t.TempDir(), 0); len(got) != 1 || !strings.Contains(got[0], "is no file") {
		t.Errorf("a folder: %q", got)
	}
}

func TestCheck(t *testing.T) {
	s, err := targets.Check(write(t, "l.csv", "user,group,name\na,g,x\n,,\na,,y\n"), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows != 3 || s.Users != 2 || s.Groups != 1 || s.Blank != 1 || len(s.First) != 1 || len(s.Columns) != 3 {
		t.Errorf("%+v", s)
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{"user,name\na,b\n", "\xEF\xBB\xBFid\n\"a\"\"b\"\n", "\xFF\xFEa\x00", "group\n\xC4\xE3\n"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, columns bool) {
		name := "l.txt"
		if columns {
			name = "l.csv"
		}
		rows := all(write(t, name, text), 0)
		if len(rows) > len(text)+1 {
			t.Errorf("%d rows of %d bytes", len(rows), len(text))
		}
	})
}
