package format_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/rules/format"
)

var update = flag.Bool("update", false, "write what was found as what is wanted")

var language = rules.Language(nil)

// Each archive holds a file and how it looks when it is formatted, or why it is not.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d archives, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i+1 < len(archive.Files); i += 2 {
				got, err := format.Source(archive.Files[i].Data, language)
				if err != nil {
					if got = []byte(err.Error() + "\n"); !format.IsError(err) {
						t.Errorf("%T is no *format.Error", err)
					}
				}
				if *update {
					archive.Files[i+1].Data = got
				} else if want := archive.Files[i+1].Data; !bytes.Equal(got, want) {
					t.Errorf("%s (go test -update writes it)\ngot:\n%s\nwant:\n%s", archive.Files[i].Name, got, want)
				}
				if again, err2 := format.Source(got, language); err == nil && (err2 != nil || !bytes.Equal(again, got)) {
					t.Errorf("%s: formatted again it is\n%s%v", archive.Files[i].Name, again, err2)
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Every bot file of the project can be formatted.
func TestProjectFiles(t *testing.T) {
	n := 0
	for _, root := range []string{"../../examples", "../testdata/rules"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			n++
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if _, err := format.Source(text, language); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 10 {
		t.Errorf("only %d files", n)
	}
}

// Fuzzing looks for panics, and for files that the check after the work has to save: they are left alone, which is right, but
// the ordinary ones among them should not be.
func FuzzSource(f *testing.F) {
	paths, _ := filepath.Glob("testdata/golden/*.txtar")
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("a: |2+\n\n    x\n\n\n# c\nb: 'x\n  y'\n"))
	f.Add([]byte("- - a\n  - b\n-\n  # c\n  - &x {a: [1,\n2]}\n- *x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		out, err := format.Source(text, language)
		if err != nil {
			var why *format.Error
			if !errors.As(err, &why) {
				t.Fatalf("%T is no *format.Error", err)
			}
			if strings.Contains(why.Msg, "cannot be taken apart") {
				t.Fatal(err)
			}
			return
		}
		again, err := format.Source(out, language)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q becomes %q and then %q, %v", text, out, again, err)
		}
	})
}
