package bot_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

func TestHTTPSteps(t *testing.T) {
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := asked.Add(1); {
		case r.URL.Path == "/busy" && n == 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		case r.URL.Path == "/cut":
			panic(http.ErrAbortHandler)
		case r.Header.Get("X-Key") != "s3cr3t":
			w.WriteHeader(http.StatusForbidden)
		default:
			fmt.Fprint(w, `{"headline": "news"}`)
		}
	}))
	defer web.Close()
	h := newHouse(t)
	text := fmt.Sprintf(`version: 1
bot: {connection: "local:x?user=%s", http: {allow: [127.0.0.1], private: true}}
secrets: {from: env}
rules:
  - id: r
    on: message.c2c
    do:
      - id: page
        http:
          url: %s/${{ msg.text }}?k=${{ secrets.KEY }}
          headers: {X-Key: "${{ secrets.KEY }}"}
        retry: {times: 1, backoff: 1ms}
      - reply: ${{ steps.page.out.json.headline }} ${{ steps.page.value }}
      - id: post
        http: {url: "%[2]s/cut?k=${{ secrets.KEY }}", json: {a: 1}}
        on_error: continue
      - id: refused
        http: "%[2]s/x"
        on_error: continue
      - reply: ${{ steps.post.error.code }} ${{ steps.refused.error.code }} ${{ steps.refused.value }}
      - http: {url: "%[2]s/cut?k=${{ secrets.KEY }}", json: {a: 1}, query: {q: "${{ secrets.KEY }}"}}
`, botUser, web.URL)
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(text)}}, "bot.yaml", rules.Options{
		Catalog: bot.Catalog(h.registry()), Env: func(string) (string, bool) { return "s3cr3t", true },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := h.start(set)
	h.say("alice", sdkconn.C2C(botUser), "busy")
	b.idle()
	for len(h.heard("alice", sdkconn.C2C(botUser))) < 2 {
		b.idle()
	}
	b.idle()
	h.wantHeard("alice", sdkconn.C2C(botUser), "news 200", "interrupted http_403 403")
	letters, err := b.Inspector().DeadLetters(t.Context(), "", 10)
	if err != nil || len(letters) != 1 || !letters[0].Unknown || letters[0].Code != "interrupted" {
		t.Fatalf("dead letters %+v, %v", letters, err)
	}
	letter, err := b.Inspector().DeadLetter(t.Context(), letters[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	story, err := b.Inspector().Why(t.Context(), "last")
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%+v %+v %+v %s", letter, story, story.Runs, h.log); strings.Contains(all, "s3cr3t") {
		t.Errorf("the secret is told: %s", all)
	}
}
