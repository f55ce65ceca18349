package bot_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const hookSecret = "a secret that nobody guesses"

// hookSet compiles rules with webhooks; HOOK is hookSecret and EMPTY is empty.
func (h *house) hookSet(text string) *rules.Set {
	h.t.Helper()
	file := "version: 1\nbot: {connection: \"local:x?user=" + botUser + "\"}\nsecrets: {from: env}\nrules:\n" + text
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(file)}}, "bot.yaml", rules.Options{
		Catalog: bot.Catalog(h.registry()), Env: func(name string) (string, bool) {
			return map[string]string{"HOOK": hookSecret}[name], true
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	set.Bot.Pace = unbounded
	return set
}

func signature(body string) string {
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// called is a call with headers, which are names and values.
func called(path, body string, headers ...string) bot.WebhookCall {
	c := bot.WebhookCall{Path: path, Method: "POST", Header: make(http.Header), Body: strings.NewReader(body)}
	for i := 0; i < len(headers); i += 2 {
		c.Header.Set(headers[i], headers[i+1])
	}
	return c
}

const hookRules = `
  - {id: all, on: {webhook: {path: /all, secret: "${{ secrets.HOOK }}", max_size: 100B, methods: [POST, GET]}}, do: [{log: x}]}
  - {id: hub, on: {webhook: {path: /hub, secret: "${{ secrets.HOOK }}", signature: github}}, do: [{log: x}]}
  - {id: token, on: {webhook: {path: /token, secret: "${{ secrets.HOOK }}", signature: token}}, do: [{log: x}]}
  - {id: open, on: {webhook: /open}, do: [{log: x}]}
  - {id: empty, on: {webhook: {path: /empty, secret: "${{ secrets.EMPTY }}"}}, do: [{log: x}]}
  - {id: none, run: "off", on: {webhook: /none}, do: [{log: x}]}
`

func TestWhichCallsAreTaken(t *testing.T) {
	h := newHouse(t)
	w := new(witness)
	b := h.start(h.hookSet(hookRules), bot.WithObserver(w))
	b.idle()
	local := func(c bot.WebhookCall) bot.WebhookCall { c.Local = true; return c }
	trusted := called("/all", "x")
	trusted.Trusted = true
	get := called("/all", "", "X-Timbot-Token", hookSecret)
	get.Method = "GET"
	wrong := get
	wrong.Method = "PUT"
	long := strings.Repeat("x", 101)
	for name, test := range map[string]struct {
		call   bot.WebhookCall
		status int // 0: taken
		reason string
	}{
		"signed":              {called("/all", "x", "X-Hub-Signature-256", signature("x")), 0, ""},
		"token":               {called("/all", "x", "X-Timbot-Token", hookSecret), 0, ""},
		"token of gitlab":     {called("/token", "x", "X-Gitlab-Token", hookSecret), 0, ""},
		"bearer":              {called("/all", "x", "Authorization", "Bearer "+hookSecret), 0, ""},
		"another method":      {get, 0, ""},
		"trusted":             {trusted, 0, ""},
		"the longest body":    {called("/all", long[:100], "X-Hub-Signature-256", signature(long[:100])), 0, ""},
		"own call":            {local(called("/open", "x")), 0, ""},
		"no such path":        {called("/al", "x"), 404, "path"},
		"a rule that is off":  {called("/none", "x"), 404, "path"},
		"wrong method":        {wrong, 405, "method"},
		"no proof":            {called("/all", "x"), 401, "secret"},
		"wrong token":         {called("/all", "x", "X-Timbot-Token", hookSecret+"x"), 401, "secret"},
		"basic":               {called("/all", "x", "Authorization", "Basic "+hookSecret), 401, "secret"},
		"another body":        {called("/all", "y", "X-Hub-Signature-256", signature("x")), 401, "secret"},
		"signature of nobody": {called("/all", "x", "X-Hub-Signature-256", "sha256=zz"), 401, "secret"},
		"sha1":                {called("/all", "x", "X-Hub-Signature-256", "sha1="+signature("x")[7:]), 401, "secret"},
		"token for a hub":     {called("/hub", "x", "X-Timbot-Token", hookSecret), 401, "secret"},
		"signed for a token":  {called("/token", "x", "X-Hub-Signature-256", signature("x")), 401, "secret"},
		"an empty secret":     {called("/empty", "x", "X-Timbot-Token", ""), 401, "secret"},
		"somebody else's":     {called("/open", "x"), 403, "open"},
		"a page's":            {local(called("/open", "x", "Origin", "https://example.com")), 403, "open"},
		"too long":            {called("/all", long, "X-Hub-Signature-256", signature(long)), 413, "size"},
		"no JSON":             {called("/all", "{", "X-Timbot-Token", hookSecret, "Content-Type", "application/json"), 400, "body"},
	} {
		taken, err := b.Webhook(t.Context(), test.call)
		var refused *bot.WebhookError
		errors.As(err, &refused)
		switch {
		case test.status == 0 && (err != nil || taken.Again || taken.ID == ""):
			t.Errorf("%s: %+v, %v", name, taken, err)
		case test.status != 0 && (refused == nil || refused.Status != test.status || refused.Reason != test.reason):
			t.Errorf("%s: %+v, %v", name, refused, err)
		case refused != nil && strings.Contains(refused.Text, hookSecret):
			t.Errorf("%s: the answer has the secret", name)
		}
	}
	b.idle()
	w.mu.Lock()
	told := slices.Clone(w.said)
	w.mu.Unlock()
	for _, want := range []string{"webhook /all accepted", "webhook  path", "webhook /all secret", "webhook /open open"} {
		if !slices.Contains(told, want) {
			t.Errorf("the observer was not told %q: %q", want, told)
		}
	}
	if strings.Contains(h.log.String(), hookSecret) {
		t.Error("the log has the secret")
	}
	b.stop()
	var refused *bot.WebhookError
	if _, err := b.Webhook(t.Context(), trusted); !errors.As(err, &refused) || refused.Status != 503 || refused.Later == 0 {
		t.Errorf("a bot that has stopped says %v", err)
	}
}

func TestWhatACallCarries(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.hookSet(`
  - id: r
    on: {webhook: {path: /a, secret: "${{ secrets.HOOK }}"}}
    do:
      - probe.ask: "${{ trigger.id }} ${{ trigger.method }} ${{ trigger.path }} ${{ trigger.query }} ${{ trigger.headers }}"
      - probe.ask: "${{ trigger.json }} ${{ trigger.form }} ${{ trigger.body }}"
      - probe.ask: "${{ trigger.json == nil ? 'none' : trigger.json.n + 1 }}"
        on_error: continue
`))
	b.idle()
	call := func(id, typ, body string) {
		t.Helper()
		c := called("/a", body, "X-Hub-Signature-256", signature(body), "Content-Type", typ, "Authorization", "Bearer x", "Cookie", "c=d",
			"X-GitHub-Delivery", id, "X-Echo", "it is "+hookSecret, "X-Api-Key", "k")
		c.Query = url.Values{"q": {"1"}, "token": {"t"}}
		if _, err := b.Webhook(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		b.idle()
	}
	call("d-1", "application/json; charset=utf-8", `{"n": 12345678901234, "$message": "${{ secrets.HOOK }}"}`)
	call("d-2", "text/plain", "${{ secrets.HOOK }} {{ x }}\n- a: \xff")
	call("d-3", "application/x-www-form-urlencoded", "a=1&a=2&payload=%7B%22n%22%3A1%7D")
	h.wantCalls(
		`d-1 POST /a {"q":"1"} {"content-type":"application/json; charset=utf-8","x-github-delivery":"d-1"}`,
		`{"$message":"${{ secrets.HOOK }}","n":12345678901234} {} {"n": 12345678901234, "$message": "${{ secrets.HOOK }}"}`,
		"12345678901235",
		`d-2 POST /a {"q":"1"} {"content-type":"text/plain","x-github-delivery":"d-2"}`,
		" {} ${{ secrets.HOOK }} {{ x }}\n- a: \uFFFD",
		"none",
		`d-3 POST /a {"q":"1"} {"content-type":"application/x-www-form-urlencoded","x-github-delivery":"d-3"}`,
		`{"n":1} {"a":"1, 2","payload":"{\"n\":1}"} a=1&a=2&payload=%7B%22n%22%3A1%7D`,
		"2",
	)
	records, err := h.journal.Records(t.Context(), journal.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if strings.Contains(string(r.Data)+string(r.Trace.Data), hookSecret) {
			t.Errorf("the journal has the secret: %s %s", r.Data, r.Trace.Data)
		}
	}
	story, err := b.Inspector().Why(t.Context(), "last")
	if err != nil || story.Event.Type != "webhook./a" || story.Decisions[0].Rules[0].Outcome != bot.OutcomeFired {
		t.Errorf("%+v, %v", story, err)
	}
}

// A delivery that comes again is one event, whatever crashes in between, and when it is another day.
func TestADeliveryIsOneEvent(t *testing.T) {
	for n := range 12 {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			set := h.hookSet(`
  - {id: r, on: {webhook: {path: /a, secret: "${{ secrets.HOOK }}"}}, do: [{send: {to_user: bob, text: "${{ trigger.id }} ${{ event.time.Unix() }}"}}]}
`)
			j := &dyingJournal{Journal: h.journal, left: n}
			b := h.start(set, bot.WithJournal(j), bot.WithGrace(0))
			deliver := func(id string) (bot.WebhookTaken, error) {
				return b.Webhook(t.Context(), called("/a", "x", "X-Timbot-Token", hookSecret, "Idempotency-Key", id))
			}
			done := make(chan error, 1)
			synctest.Wait()
			go func() { _, err := deliver("one"); done <- err }()
			synctest.Wait()
			if j.died() {
				b.stop()
				<-done
				time.Sleep(24 * time.Hour)
				b.again(set)
				b.idle()
				if _, err := deliver("one"); err != nil {
					t.Fatal(err)
				}
			} else if err := <-done; err != nil {
				t.Fatal(err)
			}
			b.idle()
			j.mu.Lock()
			j.left = 1000 // it lived, or has died
			j.mu.Unlock()
			time.Sleep(24 * time.Hour)
			if taken, err := deliver("one"); err != nil || !taken.Again {
				t.Errorf("after %d commits: %+v, %v", n, taken, err)
			}
			if taken, err := deliver("two, with / and 中文"); err != nil || taken.Again {
				t.Errorf("%+v, %v", taken, err)
			}
			b.idle()
			if heard := h.heard("bob", sdkconn.C2C(botUser)); len(heard) != 2 || !strings.HasPrefix(heard[0], "one ") {
				t.Errorf("after %d commits: bob heard %q\n%s", n, heard, h.log)
			}
			wantClean(h)
		})
	}
}

// Without an id every call is one of its own.
func TestCallsWithoutAnID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.hookSet(`
  - {id: r, on: {webhook: /a}, do: [{probe.ask: "${{ trigger.body }}"}]}
`))
		b.idle()
		for range 3 {
			c := called("/a", "x")
			c.Local = true
			if taken, err := b.Webhook(t.Context(), c); err != nil || taken.Again {
				t.Fatalf("%+v, %v", taken, err)
			}
		}
		b.idle()
		h.wantCalls("x", "x", "x")
	})
}
