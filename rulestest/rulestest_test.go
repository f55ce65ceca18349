package rulestest_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/rulestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t testing.TB, path string) *rulestest.Suite {
	t.Helper()
	s, err := rulestest.Load(path, actions.NewRegistry(actions.Builtin()...))
	var all rules.Errors
	if errors.As(err, &all) {
		t.Fatal(all.Render())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestShop(t *testing.T) {
	s := load(t, "testdata/shop_test.yaml")
	for _, test := range s.Tests {
		t.Run(test.Title(), func(t *testing.T) {
			res, err := s.Run(t.Context(), test, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range res.Failures {
				t.Errorf("%s: step %d, %s: %s", f.Pos, f.Step, f.Title, f.Message)
				for _, l := range f.Diff {
					t.Logf("%c %s", l.Sign, l.Text)
				}
			}
			t.Log(res.Took)
		})
	}
}

func BenchmarkTest(b *testing.B) {
	s := load(b, "testdata/shop_test.yaml")
	for b.Loop() {
		for _, test := range s.Tests {
			if _, err := s.Run(b.Context(), test, time.Now); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s.Tests)), "ns/test")
}
