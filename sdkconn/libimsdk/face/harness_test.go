package face

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes an SDK whose chat is in memory.
func open(t testing.TB) *SDK {
	t.Helper()
	s := New(Config{Chat: func() string { return local.Memory }, Thread: threadNumber})
	t.Cleanup(s.Close)
	if code := s.Init(1400000000, "{}"); code != 0 {
		t.Fatalf("Init: %d", code)
	}
	return s
}

// answer is what came of a call.
type answer struct {
	ret, code  sdkconn.Code
	desc, json string
}

// ask makes a call and waits for its answer, if it returns 0.
func ask(t testing.TB, call func(Reply) sdkconn.Code) answer {
	t.Helper()
	got := make(chan answer, 100)
	if ret := call(func(code sdkconn.Code, desc, json string) { got <- answer{0, code, desc, json} }); ret != 0 {
		return answer{ret: ret}
	}
	for {
		select {
		case a := <-got:
			if a.desc != "downloading" {
				return a
			}
		case <-time.After(30 * time.Second):
			t.Fatal("no answer")
		}
	}
}

// good makes a call that must succeed, and returns the JSON.
func good(t testing.TB, call func(Reply) sdkconn.Code) string {
	t.Helper()
	a := ask(t, call)
	if a.ret != 0 || a.code != 0 {
		t.Fatalf("returns %d, answers %d %s", a.ret, a.code, a.desc)
	}
	return a.json
}

func as(t testing.TB, s *SDK, user string) {
	t.Helper()
	good(t, func(r Reply) sdkconn.Code { return s.Login(user, "any", r) })
}

// hears waits for something that a listener was told.
func hears[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was told")
		panic("never")
	}
}

func contains(t testing.TB, json string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(json, part) {
			t.Errorf("no %s in %s", part, json)
		}
	}
}

func text(s string) string {
	return `{"message_elem_array":[{"elem_type":0,"text_elem_content":"` + s + `"}]}`
}
