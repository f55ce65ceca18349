package actions

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// web is a server, and what it was asked last.
type web struct {
	*httptest.Server
	asked  *http.Request
	body   string
	answer func(w http.ResponseWriter, r *http.Request)
}

func newWeb(t *testing.T) *web {
	w := &web{answer: func(http.ResponseWriter, *http.Request) {}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.asked, w.body = r, string(body)
		w.answer(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *web) host() string { return strings.TrimPrefix(w.URL, "http://") }

func ask(t *testing.T, policy HTTPPolicy, in args) (map[string]any, error) {
	c := newCall(t, new(recorder))
	c.HTTP, c.EffectID = policy, "effect-1"
	c.Clock = clockwork.NewFakeClockAt(time.Date(2026, 10, 10, 9, 0, 0, 0, time.UTC))
	res, err := HTTP.Run(t.Context(), c, in)
	return res.Values(), err
}

func TestHTTP(t *testing.T) {
	w := newWeb(t)
	local := HTTPPolicy{Allow: []string{w.host()}, Private: true}
	w.answer = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Trace", "1")
		rw.Header().Set("Set-Cookie", "secret=1")
		fmt.Fprint(rw, `{"n": 12345678901234567, "f": 1.5, "list": [1, "x"]}`)
	}
	out, err := ask(t, local, args{"url": w.URL + "/a?b=c", "query": map[string]any{"d": int64(1), "e": []any{"x", "y z"}},
		"headers": map[string]any{"Authorization": "Bearer k"}})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := out["json"].(map[string]any)
	headers, _ := out["headers"].(map[string]any)
	if out["status"] != int64(200) || body["n"] != int64(12345678901234567) || body["f"] != 1.5 || headers["x-trace"] != "1" ||
		headers["set-cookie"] != nil || !strings.HasPrefix(out["text"].(string), `{"n"`) {
		t.Errorf("out %v", out)
	}
	if w.asked.Method != "GET" || w.asked.URL.RawQuery != "b=c&d=1&e=x&e=y+z" || w.asked.Header.Get("Authorization") != "Bearer k" ||
		w.asked.Header.Get("Idempotency-Key") != "" {
		t.Errorf("asked %s %s %v", w.asked.Method, w.asked.URL, w.asked.Header)
	}
	for name, tt := range map[string]struct {
		in                 args
		method, body, kind string
	}{
		"json": {args{"json": map[string]any{"a": int64(1)}}, "POST", `{"a":1}`, "application/json"},
		"form": {args{"form": map[string]any{"a": "b c"}, "method": "PUT"}, "PUT", "a=b+c", "application/x-www-form-urlencoded"},
		"text": {args{"body": "hi", "headers": map[string]any{"content-type": "text/markdown"}}, "POST", "hi", "text/markdown"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.in["url"] = w.URL
			if _, err := ask(t, local, tt.in); err != nil {
				t.Fatal(err)
			}
			if w.asked.Method != tt.method || w.body != tt.body || w.asked.Header.Get("Content-Type") != tt.kind ||
				w.asked.Header.Get("Idempotency-Key") != "effect-1" {
				t.Errorf("asked %s %q %v", w.asked.Method, w.body, w.asked.Header)
			}
			if HTTP.Spec().SettleOf(tt.in) != SettleReport {
				t.Error("it is done again after a crash")
			}
		})
	}
	if HTTP.Spec().SettleOf(args{"url": w.URL, "method": "HEAD"}) != SettleRepeat || HTTP.Spec().SettleOf(nil) != SettleRepeat {
		t.Error("GET and HEAD are not done again after a crash")
	}
}

func TestHTTPStatus(t *testing.T) {
	w := newWeb(t)
	local := HTTPPolicy{Allow: []string{"127.0.0.1"}, Private: true}
	retry := ""
	w.answer = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Retry-After", retry)
		rw.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(rw, "later")
	}
	for after, want := range map[string]time.Duration{
		"30": 30 * time.Second, "Sat, 10 Oct 2026 09:01:00 GMT": time.Minute, "99999999": 24 * time.Hour, "": -1, "soon": -1,
	} {
		retry = after
		out, err := ask(t, local, args{"url": w.URL})
		var status *StatusError
		if !errors.As(err, &status) || status.Status != 503 || out["text"] != "later" || out["json"] != nil {
			t.Errorf("got %v, %v", out, err)
		}
		if got, ok := RetryAfter(err); ok != (want >= 0) || ok && got != want {
			t.Errorf("Retry-After %q: %v, %v; want %v", after, got, ok, want)
		}
	}
	if _, err := ask(t, local, args{"url": w.URL, "expect_status": []any{int64(200), int64(503)}}); err != nil {
		t.Error(err)
	}
	w.answer = func(http.ResponseWriter, *http.Request) {}
	if _, err := ask(t, local, args{"url": w.URL, "expect_status": int64(201)}); err == nil {
		t.Error("200 passes for 201")
	}
}

func TestHTTPIsBounded(t *testing.T) {
	w, other := newWeb(t), newWeb(t)
	w.answer = func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			fmt.Fprint(rw, strings.Repeat("x", 1001))
		case "/loop":
			http.Redirect(rw, r, "/loop", http.StatusFound)
		case "/other":
			http.Redirect(rw, r, other.URL+"/x", http.StatusTemporaryRedirect)
		case "/file":
			http.Redirect(rw, r, "file:///etc/passwd", http.StatusFound)
		case "/cut":
			panic(http.ErrAbortHandler)
		}
	}
	here := HTTPPolicy{Allow: []string{w.host()}, Private: true}
	both := HTTPPolicy{Allow: []string{"127.0.0.1"}, Private: true}
	const secret = "s3cr3t"
	for name, tt := range map[string]struct {
		policy  HTTPPolicy
		in      args
		want    string
		unknown bool
	}{
		"no policy":       {HTTPPolicy{}, args{"url": w.URL}, "is not in bot.http.allow", false},
		"another port":    {HTTPPolicy{Allow: []string{"127.0.0.1:1"}, Private: true}, args{"url": w.URL}, "is not in bot.http.allow", false},
		"private":         {HTTPPolicy{Allow: []string{"127.0.0.1"}}, args{"url": w.URL}, "127.0.0.1 is an address of this machine", false},
		"by name":         {HTTPPolicy{Allow: []string{"localhost"}}, args{"url": "http://localhost:1"}, "is an address of this machine", false},
		"a scheme":        {both, args{"url": "ftp://127.0.0.1"}, "begins with https://", false},
		"a user":          {both, args{"url": "http://u:p@127.0.0.1"}, "holds a user", false},
		"no address":      {both, args{"url": "http://[::1" + secret}, "is no address", false},
		"too large":       {here, args{"url": w.URL + "/large", "max_size": "1kB"}, "larger than max_size (1000 bytes)", false},
		"no size":         {here, args{"url": w.URL, "max_size": "1"}, "is no size", false},
		"a huge size":     {here, args{"url": w.URL, "max_size": "1000MiB"}, "want 1B to 16MiB", false},
		"redirects":       {here, args{"url": w.URL + "/loop?k=" + secret}, "more than 5 redirects", false},
		"to another host": {here, args{"url": w.URL + "/other"}, "redirects: the host", false},
		"a body moves":    {both, args{"url": w.URL + "/other", "body": "x"}, "redirects a POST to another host", false},
		"to a file":       {here, args{"url": w.URL + "/file"}, "redirects: want an address", false},
		"cut":             {here, args{"url": w.URL + "/cut?k=" + secret}, "EOF", false},
		"cut POST":        {here, args{"url": w.URL + "/cut?k=" + secret, "body": "x"}, "EOF", true},
		"no server":       {both, args{"url": "http://127.0.0.1:1/?k=" + secret, "body": "x"}, "connect", false},
		"a header":        {here, args{"url": w.URL, "headers": map[string]any{"a b": "x"}}, "is no name of a header", false},
		"a line break":    {here, args{"url": w.URL, "headers": map[string]any{"a": "x\r\nb: " + secret}}, "line break", false},
		"a host header":   {here, args{"url": w.URL, "headers": map[string]any{"host": "x"}}, "cannot be set", false},
		"GET with a body": {here, args{"url": w.URL, "body": "x", "method": "GET"}, "GET has no body", false},
		"a status":        {here, args{"url": w.URL, "expect_status": "ok"}, "want a status", false},
		"a query":         {here, args{"url": w.URL, "query": map[string]any{"a": map[string]any{}}}, "want a text", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, tt.policy, tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if errors.Is(err, ErrUnsettled) != tt.unknown {
				t.Errorf("unsettled is %t: %v", !tt.unknown, err)
			}
		})
	}
	// Keys stay with the host that they are for.
	if _, err := ask(t, both, args{"url": w.URL + "/other?k=" + secret, "headers": map[string]any{"X-Key": secret}}); err != nil {
		t.Fatal(err)
	}
	if h := other.asked.Header; h.Get("X-Key") != "" || h.Get("Referer") != "" {
		t.Errorf("the other host was given %v", h)
	}
}

func TestHTTPPolicy(t *testing.T) {
	p := HTTPPolicy{Allow: []string{"api.example.com", "*.Corp.example", "x.example:8443", "[2001:470::1]"}}
	for address, want := range map[string]bool{
		"https://api.example.com": true, "https://API.example.com.:9/": true, "https://example.com": false,
		"https://evilapi.example.com": false, "https://a.corp.example": true, "https://a.b.corp.example": true,
		"https://corp.example": false, "https://evilcorp.example": false, "https://x.example": false,
		"https://x.example:8443": true, "https://[2001:470::1]/": true, "https://api.example.com@evil.example": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.check(u) == nil; got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1": true, "127.0.0.1": false, "10.1.2.3": false, "192.168.0.1": false, "172.16.0.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "::1": false, "::": false, "fe80::1%eth0": false,
		"fd00::1": false, "::ffff:127.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::7f00:1": false, "224.0.0.1": false,
		"255.255.255.255": false, "2002:7f00:1::": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
}
