package webhook_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/webhook"
	"github.com/timbot-go/timbot/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// listen begins to listen on this machine; take gets the calls.
func listen(t *testing.T, take func(context.Context, bot.WebhookCall) (bot.WebhookTaken, error)) string {
	t.Helper()
	l, err := webhook.Listen(webhook.Config{Addr: ":0", Take: take, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr()
}

func TestAnswers(t *testing.T) {
	var got bot.WebhookCall
	var body string
	answer := bot.WebhookTaken{ID: "7"}
	var failure error
	url := listen(t, func(_ context.Context, c bot.WebhookCall) (bot.WebhookTaken, error) {
		text, _ := io.ReadAll(c.Body)
		got, body = c, string(text)
		return answer, failure
	})
	call := func(change func(*http.Request)) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest("POST", url+"/a/b?q=1", strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(req)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		said, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(said)
	}
	res, said := call(nil)
	if res.StatusCode != 202 || said != "taken: 7\n" || got.Path != "/a/b" || got.Method != "POST" || got.Query.Get("q") != "1" ||
		body != "text" || !got.Local || got.Trusted {
		t.Errorf("%s, %q: %+v with %q", res.Status, said, got, body)
	}
	for name, change := range map[string]func(*http.Request){
		"a proxy":      func(r *http.Request) { r.Header.Set("X-Forwarded-For", "10.0.0.1") },
		"another name": func(r *http.Request) { r.Host = "evil.example.com" },
	} {
		if call(change); got.Local {
			t.Errorf("%s: the call counts as this machine's own", name)
		}
	}
	answer.Again = true
	if res, said := call(nil); res.StatusCode != 202 || said != "delivery 7 was taken before\n" {
		t.Errorf("%s, %q", res.Status, said)
	}
	for status, header := range map[int]string{401: "Www-Authenticate", 405: "Allow", 429: "Retry-After", 413: "", 503: "Retry-After"} {
		refused := &bot.WebhookError{Status: status, Text: "not so", Allow: []string{"PUT"}}
		if header == "Retry-After" {
			refused.Later = time.Second
		}
		failure = refused
		res, said := call(nil)
		if res.StatusCode != status || said != "not so\n" || header != "" && res.Header.Get(header) == "" {
			t.Errorf("%d: %s, %q, %v", status, res.Status, said, res.Header)
		}
	}
	failure = io.ErrUnexpectedEOF
	if res, said := call(nil); res.StatusCode != 503 || strings.Contains(said, "EOF") {
		t.Errorf("%s, %q: the bot's own errors are not for callers", res.Status, said)
	}
}

func TestWhereItListens(t *testing.T) {
	open := []*rules.Webhook{{Path: "/a", Secured: true}, {Path: "/b", Pos: rules.Pos{File: "bot.yaml", Line: 3, Col: 9}}}
	for addr, want := range map[string]string{
		"nowhere": `"nowhere" is no address`, "0.0.0.0:0": "bot.yaml:3:9: webhook /b has no secret", "127.0.0.1:99999": "invalid port",
	} {
		l, err := webhook.Listen(webhook.Config{Addr: addr, Webhooks: open, Log: quiet})
		if err == nil {
			l.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", addr, err, want)
		}
	}
	for _, addr := range []string{"0.0.0.0:0", "localhost:0", "[::1]:0"} {
		l, err := webhook.Listen(webhook.Config{Addr: addr, Webhooks: open[:1], Log: quiet})
		if err != nil {
			if strings.HasPrefix(addr, "[") { // a machine without IPv6
				continue
			}
			t.Fatal(err)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
