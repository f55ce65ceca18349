package rules

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// filesOf makes a bot of files, bot.yaml among them without its version.
func filesOf(files map[string]string) fstest.MapFS {
	out := make(fstest.MapFS)
	for name, text := range files {
		if name == "bot.yaml" {
			text = "version: 1\n" + text
		}
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// mistakesIn is what Load finds wrong, one line each.
func mistakesIn(files map[string]string) string {
	_, err := Load(filesOf(files), "bot.yaml", Options{Catalog: catalog})
	var errs Errors
	if errors.As(err, &errs) {
		return errs.Error()
	}
	return ""
}

// told are the warnings of an id, as "place: text".
func told(set *Set, id string) []string {
	var out []string
	for _, w := range set.Warnings() {
		if w.ID == id {
			out = append(out, w.Error.Error())
		}
	}
	return out
}

func TestListOfCSV(t *testing.T) {
	rule := "rules: [{id: r, on: message, match: {any_of: ['${{ lists.ids }}', '${{ lists.notes }}']}, do: [log: x]}]\n"
	set := loadFS(t, filesOf(map[string]string{
		"bot.yaml": "lists: {ids: {file: t.csv}, notes: {file: t.csv, column: 备注}}\n" + rule,
		"t.csv":    "\xEF\xBB\xBFid,备注\r\n a ,\"one, \"\"two\"\"\r\nthree\"\r\n\r\nb,\r\na,x\r\n,y\r\nc",
	}))
	if got, want := set.Lists()["ids"], []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("ids %q, want %q", got, want)
	}
	if got, want := set.Lists()["notes"], []string{"one, \"two\"\nthree", "x", "y"}; !slices.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
	if got, want := told(set, "csv-duplicate"), []string{`t.csv:6:1: "a" stands in line 2 already`}; !slices.Equal(got, want) {
		t.Errorf("duplicates %q, want %q", got, want)
	}
	blank := strings.Join(told(set, "csv-blank"), "\n")
	for _, want := range []string{"t.csv:4:1: nothing stands in column \"id\"", "t.csv:7:1:", "t.csv:5:3: nothing stands in column \"备注\""} {
		if !strings.Contains(blank, want) {
			t.Errorf("blank rows\n%s\nlack %q", blank, want)
		}
	}
}

func TestEncodingIsNamed(t *testing.T) {
	lists := func(text string) string {
		return mistakesIn(map[string]string{"bot.yaml": "lists: {a: {file: a.csv}, b: {file: b.txt}}\n", "a.csv": text, "b.txt": text})
	}
	for text, want := range map[string]string{
		"id\n\xc4\xe3\xba\xc3\n": "file is GBK, not UTF-8: save it as UTF-8", // 你好
		"id\n\xff\xc4\n":         "file is not valid UTF-8: byte 0xFF",
		"\xff\xfei\x00":          "file is UTF-16",
	} {
		if got := lists(text); strings.Count(got, want) != 2 {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := mistakesIn(map[string]string{"bot.yaml": "# \xc4\xe3\n"}); !strings.Contains(got, "bot.yaml:2:3: file is GBK") {
		t.Errorf("YAML: %s", got)
	}
}

func TestManyDuplicatesAreTold(t *testing.T) {
	set := loadFS(t, filesOf(map[string]string{"bot.yaml": "lists: {a: {file: a.csv}}\n", "a.csv": "id\n" + strings.Repeat("x\n", 100)}))
	got := told(set, "csv-duplicate")
	if len(got) != maxRowTells+1 || !strings.Contains(got[0]+got[len(got)-1], "79 more") {
		t.Errorf("%d warnings, %q", len(got), got)
	}
}

// A table is read or refused with a place in it; what is read has the cells of encoding/csv.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"id\na\n", "\xEF\xBB\xBFquestion,answer\n营业时间,九点\n", "a,b\n\"x\ny\",z\n\n,\n", "a\n\"x", "a\rb", "a,a\n", "question,aliases,mode,answer\na,b|c,fuzzy,d\n",
		"a\nb,c\n", "a\n\"b\"c\n", "a\u2028b\nc\n", "\xc4\xe3\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoader(nil, Options{})
		d := newDocument("a.csv", data, 0)
		table := l.readCSV(d)
		if (table == nil) != (len(l.errs) > 0) {
			t.Fatalf("table %v, errors %v", table, l.errs)
		}
		places := func(line, col int) {
			if line < 0 || line > len(d.lines) || col < 0 || line > 0 && col > len([]rune(d.line(line)))+2 {
				t.Errorf("place %d:%d of %d lines", line, col, len(d.lines))
			}
		}
		for _, e := range l.errs {
			places(e.Line, e.Col)
		}
		if table == nil {
			return
		}
		for _, row := range table.rows {
			if len(row) == 0 || len(row) > len(table.header) {
				t.Fatalf("row %+v under %+v", row, table.header)
			}
			for _, c := range row {
				places(c.line, c.col)
			}
		}
	})
}
