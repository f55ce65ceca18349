package rulestest_test

import (
	"errors"
	"fmt"
	"strings"
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

func TestGo(t *testing.T) {
	b := rulestest.New(t, "testdata/shop.yaml", rulestest.At("2026-10-10T08:30:00+08:00"), rulestest.Run("mod.ads", "live"))
	b.Group("@TGS#shop").Member("mallory").Says("加 微·信 了解")
	b.ExpectOnly(rulestest.Revoke("@TGS#shop"), rulestest.SendTo("mallory"))
	if kept := b.Archived("moderation"); len(kept) != 1 {
		t.Errorf("%d records", len(kept))
	}
	b.Advance(25 * time.Hour)
	b.ExpectNothing()
	b.User("carol").Says("查订单")
	b.ExpectOnly(rulestest.Reply("请发送 12 位订单号。"))
	b.Restart()
	b.User("carol").Says("202610100001")
	b.ExpectOnly(rulestest.Reply("订单 202610100001 已发货"))
}

// A test in Go that fails says what was wanted and what there was.
func TestGoFails(t *testing.T) {
	log := &talk{T: t}
	t.Run("inner", func(t *testing.T) {
		log.T = t
		b := rulestest.New(log, "testdata/shop.yaml")
		b.User("carol").Says("你好")
		b.ExpectNothing()
		b.User("carol").Says("你好")
		b.ExpectOnly(rulestest.Reply("在吗"))
		b.User("carol").Says("你好")
	})
	want := []string{
		"the bot was not silent\n  + reply  in \"c2c_carol\", to_user \"carol\", user \"carol\", text \"没听懂\"",
		"the bot did something else\n  - reply  text \"在吗\"\n  + reply  text \"没听懂\"",
		"the bot did more than the test expects:\n  + reply  in \"c2c_carol\"",
	}
	if len(log.said) != len(want) {
		t.Fatalf("said %q", log.said)
	}
	for i := range want {
		if !strings.HasPrefix(log.said[i], want[i]) {
			t.Errorf("said %q, want %q", log.said[i], want[i])
		}
	}
}

// talk keeps what a test says.
type talk struct {
	*testing.T
	said []string
}

func (l *talk) Errorf(format string, args ...any) {
	l.said = append(l.said, fmt.Sprintf(format, args...))
}
