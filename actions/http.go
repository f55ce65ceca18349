package actions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// HTTPPolicy says which servers http steps may ask. The zero value allows none.
type HTTPPolicy struct {
	// Allow names hosts: "api.example.com", "*.example.com" for all below example.com, or either with a port.
	Allow []string

	// Private lets a host's address be of this machine or of a private network.
	Private bool
}

const (
	defaultHTTPSize = 1 << 20
	maxHTTPSize     = 16 << 20
	maxHTTPHeaders  = 64 << 10
	maxRedirects    = 5
)

type httpIn struct {
	URL          string         `arg:"url,required,secret" doc:"The address: http or https. Its host must be in bot.http.allow."`
	Method       string         `arg:"method" enum:"GET,HEAD,POST,PUT,PATCH,DELETE" doc:"GET unless given; POST with json, body or form."`
	Headers      map[string]any `arg:"headers,secret" doc:"Headers by name."`
	Query        map[string]any `arg:"query,secret" doc:"What is added to the address's query."`
	JSON         any            `arg:"json,secret" doc:"The body, as JSON."`
	Body         *string        `arg:"body,secret" doc:"The body, as text."`
	Form         map[string]any `arg:"form,secret" doc:"The body, as a form."`
	ExpectStatus any            `arg:"expect_status" doc:"The status, or a list of those, with which the step succeeds; 200 to 299 unless given."`
	MaxSize      string         `arg:"max_size" doc:"How large the answer may be, for instance 200KiB; 1MiB unless given, at most 16MiB."`
}

type httpOut struct {
	Status  int            `arg:"status,value" doc:"The answer's status."`
	Headers map[string]any `arg:"headers" doc:"Its headers by name in small letters, without cookies."`
	Text    string         `arg:"text,text" doc:"Its body."`
	JSON    any            `arg:"json" doc:"Its body, when that is JSON."`
}

// StatusError is the error of an http step whose answer has another status than expected.
type StatusError struct {
	Status int
	Text   string
}

func (e *StatusError) Error() string { return e.Text }

// HTTP asks a web server.
var HTTP = New(Spec{
	Name: "http",
	Doc: "Asks a web server. Its host must be in bot.http.allow of the bot's file, and its address may be of this machine " +
		"or a private network only with bot.http.private. At most 5 redirects are followed, each checked in the same way. " +
		"A request that is no GET or HEAD carries an Idempotency-Key, the same when the step is tried again. " +
		"Retry-After is heeded by the step's retry. Secrets may stand in url, headers, query, json, body and form. " +
		"After a crash or a timeout GET and HEAD are done again; another request is not, and fails with the code interrupted.",
	Example:   "http: {url: https://brief.example.com/today.json, expect_status: 200}",
	Scalar:    "url",
	AtMostOne: [][]string{{"json", "body", "form"}},
	Settle:    SettleRepeat,
	SettleOf: func(args map[string]any) Settle {
		if in := httpMethod(args["method"], args["json"], args["body"], args["form"]); in != http.MethodGet && in != http.MethodHead {
			return SettleReport
		}
		return SettleRepeat
	},
}, runHTTP)

// httpMethod is the method that the inputs mean.
func httpMethod(method any, bodies ...any) string {
	if s, ok := method.(string); ok && s != "" {
		return s
	}
	if slices.ContainsFunc(bodies, func(b any) bool { return !isNil(b) }) {
		return http.MethodPost
	}
	return http.MethodGet
}

func runHTTP(ctx context.Context, call *Call, args httpIn) (httpOut, error) {
	req, limit, expect, err := args.request(ctx, call)
	if err != nil {
		return httpOut{}, err
	}
	host := req.URL.Host
	tried := req.Method + " " + host // no more: the address may hold secrets
	client := call.HTTP.client(req)
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return httpOut{}, fmt.Errorf("%s: %w", tried, httpFailure(req.Method, err))
	}
	defer resp.Body.Close()
	out := httpOut{Status: resp.StatusCode, Headers: make(map[string]any)}
	for name, values := range resp.Header {
		if name != "Set-Cookie" {
			out.Headers[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
		}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return out, fmt.Errorf("%s: read the answer: %w", tried, httpFailure(req.Method, err))
	}
	if int64(len(body)) > limit {
		return out, fmt.Errorf("%s: the answer is larger than max_size (%d bytes)", tried, limit)
	}
	out.Text, out.JSON = strings.ToValidUTF8(string(body), "\uFFFD"), readJSON(body)
	if expect(resp.StatusCode) {
		return out, nil
	}
	err = fmt.Errorf("%s: %w", tried, &StatusError{resp.StatusCode, fmt.Sprintf("the answer has status %s", resp.Status)})
	if after, ok := retryAfter(resp.Header.Get("Retry-After"), call.Clock.Now()); ok {
		err = Retry(err, after)
	}
	return out, err
}

// httpFailure takes the address out of an error, which may hold secrets, and says of a request that is not simply done
// again when it may have been done.
func httpFailure(method string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dial *net.OpError
	var refused *InputError
	switch {
	case errors.As(err, &refused), method == http.MethodGet, method == http.MethodHead:
		return err
	case errors.As(err, &dial) && dial.Op == "dial": // nothing has left
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnsettled, err)
}

// request makes the request and reads what bounds its answer.
func (in *httpIn) request(ctx context.Context, call *Call) (req *http.Request, limit int64, expect func(int) bool, err error) {
	fail := func(e *InputError) (*http.Request, int64, func(int) bool, error) { return nil, 0, nil, e }
	u, err := url.Parse(in.URL)
	if err != nil { // its text repeats the address
		return fail(inputErrorf("url", "is no address: want for instance https://api.example.com/v1/status"))
	}
	if bad := call.HTTP.check(u); bad != nil {
		return fail(bad)
	}
	query := u.Query()
	for name, v := range in.Query {
		if err := eachText("query."+name, v, func(s string) { query.Add(name, s) }); err != nil {
			return fail(err)
		}
	}
	if len(in.Query) > 0 {
		u.RawQuery = query.Encode()
	}
	var body io.Reader
	kind := ""
	form := make(url.Values)
	switch {
	case !isNil(in.JSON):
		data, err := json.Marshal(in.JSON)
		if err != nil {
			return fail(inputErrorf("json", "cannot be written as JSON: %s", valueName(in.JSON)))
		}
		body, kind = bytes.NewReader(data), "application/json"
	case in.Body != nil:
		body, kind = strings.NewReader(*in.Body), "text/plain; charset=utf-8"
	case in.Form != nil:
		for name, v := range in.Form {
			if err := eachText("form."+name, v, func(s string) { form.Add(name, s) }); err != nil {
				return fail(err)
			}
		}
		body, kind = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	}
	method := httpMethod(in.Method, in.JSON, in.Body, in.Form)
	if body != nil && (method == http.MethodGet || method == http.MethodHead) {
		return fail(inputErrorf("method", "%s has no body: leave json, body and form out, or use POST", method))
	}
	if req, err = http.NewRequestWithContext(ctx, method, u.String(), body); err != nil {
		return fail(inputErrorf("url", "is no address that can be asked"))
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("User-Agent", "timbot")
	if method != http.MethodGet && method != http.MethodHead {
		req.Header.Set("Idempotency-Key", call.EffectID)
	}
	for name, v := range in.Headers {
		if !headerName.MatchString(name) {
			return fail(inputErrorf("headers", "%q is no name of a header", name))
		}
		req.Header.Del(name)
		bad := eachText("headers."+name, v, func(s string) { req.Header.Add(name, s) })
		if bad == nil && slices.ContainsFunc(req.Header.Values(name), func(s string) bool { return strings.ContainsAny(s, "\r\n\x00") }) {
			bad = inputErrorf("headers."+name, "has a line break in it")
		}
		if bad != nil {
			return fail(bad)
		}
		if strings.EqualFold(name, "Host") {
			return fail(inputErrorf("headers.Host", "cannot be set: it is that of the url"))
		}
	}
	if limit, err = httpSize(in.MaxSize); err != nil {
		return nil, 0, nil, err
	}
	expect, err = expected(in.ExpectStatus)
	return req, limit, expect, err
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// eachText gives f a value as text, or each value of a list.
func eachText(input string, v any, f func(string)) *InputError {
	switch v := v.(type) {
	case nil:
	case string:
		f(v)
	case bool, int, int64, uint64, float64, json.Number:
		f(fmt.Sprint(v))
	case time.Time:
		f(v.Format(time.RFC3339))
	case []any:
		for _, item := range v {
			if _, nested := item.([]any); nested {
				return inputErrorf(input, "is a list in a list: want texts")
			}
			if err := eachText(input, item, f); err != nil {
				return err
			}
		}
	default:
		return inputErrorf(input, "want a text, not %s", valueName(v))
	}
	return nil
}

var sizeForm = regexp.MustCompile(`^([0-9]+) ?(B|kB|KB|KiB|MB|MiB)$`)

func httpSize(text string) (int64, error) {
	if text == "" {
		return defaultHTTPSize, nil
	}
	m := sizeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, inputErrorf("max_size", "%q is no size: want for instance 200KiB or 2MiB", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 32)
	n *= map[string]int64{"B": 1, "kB": 1e3, "KB": 1e3, "KiB": 1 << 10, "MB": 1e6, "MiB": 1 << 20}[m[2]]
	if err != nil || n < 1 || n > maxHTTPSize {
		return 0, inputErrorf("max_size", "%s: want 1B to 16MiB", text)
	}
	return n, nil
}

// expected reads expect_status.
func expected(v any) (func(int) bool, error) {
	if isNil(v) {
		return func(status int) bool { return status >= 200 && status <= 299 }, nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var want []int
	for _, item := range list {
		n, err := strconv.Atoi(fmt.Sprint(item))
		if err != nil || n < 100 || n > 599 {
			return nil, inputErrorf("expect_status", "want a status such as 200, or a list of those")
		}
		want = append(want, n)
	}
	return func(status int) bool { return slices.Contains(want, status) }, nil
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(text string, now time.Time) (time.Duration, bool) {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return min(time.Duration(n), 24*60*60) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), 24*time.Hour), true
	}
	return 0, false
}

// readJSON reads a body that is JSON; whole numbers stay whole. Nil when it is none.
func readJSON(body []byte) any {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	if _, err := d.Token(); err != io.EOF {
		return nil
	}
	return plainNumbers(v)
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

// check says what is wrong with an address.
func (p HTTPPolicy) check(u *url.URL) *InputError {
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return inputErrorf("url", "want an address that begins with https:// or http://")
	case u.User != nil:
		return inputErrorf("url", "holds a user: give a header, for instance authorization, instead")
	case !p.allows(u):
		return inputErrorf("url", "the host %s is not in bot.http.allow of the bot's file", u.Host)
	}
	return nil
}

// allows reports whether the host of an address is in the list.
func (p HTTPPolicy) allows(u *url.URL) bool {
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return slices.ContainsFunc(p.Allow, func(entry string) bool {
		name, only, err := net.SplitHostPort(entry)
		if err != nil {
			name, only = strings.Trim(entry, "[]"), ""
		}
		name = strings.ToLower(name)
		if only != "" && only != port {
			return false
		}
		if below, ok := strings.CutPrefix(name, "*"); ok { // ".example.com"
			return strings.HasSuffix(host, below) && len(host) > len(below)
		}
		return host == name
	})
}

// client asks only whom the policy allows, at every redirect and with every address that a name stands for.
func (p HTTPPolicy) client(first *http.Request) *http.Client {
	dialer := &net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !p.Private && !public(at.Addr()) {
			return inputErrorf("url", "%s is an address of this machine or a private network, which bot.http.private does not allow",
				at.Addr())
		}
		return nil
	}}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHTTPHeaders,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			next.Header.Del("Referer") // an address may hold secrets
			if bad := p.check(next.URL); bad != nil {
				bad.Text = "redirects: " + bad.Text
				return bad
			}
			if via[0].URL.Scheme == "https" && next.URL.Scheme == "http" {
				return inputErrorf("url", "redirects from https to http")
			}
			if next.URL.Host == via[0].URL.Host {
				return nil
			}
			if next.Method != http.MethodGet && next.Method != http.MethodHead {
				return inputErrorf("url", "redirects a %s to another host, %s", next.Method, next.URL.Host)
			}
			for name := range first.Header { // keys are for the host that they were given for
				next.Header.Del(name)
			}
			return nil
		},
	}
}

// closed are the networks that are not of the public internet beside those that netip knows.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("fec0::/10"),
}

// public reports whether an address is one of the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(closed, func(p netip.Prefix) bool { return p.Contains(a) })
}
