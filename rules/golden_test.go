package rules

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what was found as what is wanted")

// Each archive holds a bot's files; its file "want" is what Errors.Render says of them.
func TestErrorsGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var sources []Source
			want, wantAt := "", -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want, wantAt = string(f.Data), i
					continue
				}
				sources = append(sources, Source{f.Name, f.Data})
			}
			fsys, err := SourceFS(sources)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Load(fsys, "bot.yaml", Options{Catalog: catalog, Env: func(string) (string, bool) { return "", false }})
			var errs Errors
			if !errors.As(err, &errs) {
				t.Fatalf("Load: %v, want Errors", err)
			}
			got := errs.Render()
			if *update {
				if wantAt < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					wantAt = len(archive.Files) - 1
				}
				archive.Files[wantAt].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("errors differ (go test -run Golden -update writes them)\ngot:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
