package rules

import (
	"os"
	"testing"
)

// Describe finds the steps of every rule in its file, in included ones too.
func TestDescribe(t *testing.T) {
	set, err := Load(os.DirFS("testdata/rules"), "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Rules {
		d := set.Describe(r, catalog)
		if len(d.Steps) != len(r.Steps) || d.Rule != r.ID {
			t.Errorf("%s: %d steps are told, there are %d", r.ID, len(d.Steps), len(r.Steps))
		}
		for i, s := range d.Steps {
			if want := r.Steps[i].ID; s.ID != want || s.Action == "" {
				t.Errorf("%s: step %d is %+v, want id %q", r.ID, i, s, want)
			}
		}
		if (r.cond != nil) != (len(d.Conditions) > 0) || (r.match != nil) != (len(d.Words) > 0) {
			t.Errorf("%s: %+v", r.ID, d)
		}
	}
}
