package bot

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	// scopeDelivery begins the scopes of the journal's state that say under which key the call with an id is an event: one
	// for each id, with the key "event", for as long as events are kept.
	scopeDelivery = "webhook/"

	// maxCalls is how many calls of webhooks are taken at once.
	maxCalls = 64

	// maxHeaders bounds the headers and the query that an event keeps of a call: how many of each, and how long a value is.
	maxHeaders, maxHeader = 100, 4 << 10
)

// The headers of webhooks that have a meaning.
const (
	headerSignature = "X-Hub-Signature-256"
	headerToken     = "X-Timbot-Token"
	headerGitLab    = "X-Gitlab-Token"
	headerDelivery  = "X-GitHub-Delivery"
	headerKey       = "Idempotency-Key"
)

// WebhookCall is a call of a webhook over HTTP.
type WebhookCall struct {
	Path, Method string
	Header       http.Header // canonical names
	Query        url.Values
	Body         io.Reader // nil for none; read no further than the webhook allows, and a byte

	// Local says that nobody but this machine can have made the call: a webhook without a secret takes no other.
	Local bool

	// Trusted says that the caller is known: no secret is asked for.
	Trusted bool
}

// WebhookTaken is a call that became an event.
type WebhookTaken struct {
	ID    string // of the delivery
	Event string // the key of the journal's event
	Again bool   // the delivery was taken before: this time nothing happens
}

// WebhookError says why a call is not taken.
type WebhookError struct {
	Status int    // of HTTP
	Reason string // one word, for metrics
	Text   string // a sentence for the caller, without secrets
	Allow  []string
	Later  time.Duration // when it may be tried again; 0: not said
}

func (e *WebhookError) Error() string { return e.Text }

// calls is what the bot keeps of webhooks.
type calls struct {
	n     atomic.Uint64 // keeps apart what happens at one moment
	slots chan struct{}
	ids   locks // by scope
}

// Webhook takes a call of a webhook: an event for the rules on its path. It returns when the event is in the journal, before
// any rule has seen it. It reads the body, and waits for the journal. Errors: *WebhookError; else the journal's, or ctx's.
func (b *Bot) Webhook(ctx context.Context, call WebhookCall) (WebhookTaken, error) {
	path, result := "", "accepted"
	taken, err := b.takeCall(ctx, &call, &path)
	var refused *WebhookError
	switch {
	case errors.As(err, &refused):
		result = refused.Reason
		b.log.Info("webhook refused", "path", path, "reason", refused.Reason)
	case err != nil:
		result = "error"
	case taken.Again:
		result = "again"
		b.log.Info("webhook called again under the same id: dropped", "path", path, "event", taken.Event)
	default:
		b.log.Info("webhook called", "path", path, "event", taken.Event)
	}
	b.observer.WebhookCalled(path, result)
	return taken, err
}

// takeCall is Webhook without what is told of it. path is set when it is one of a webhook.
func (b *Bot) takeCall(ctx context.Context, call *WebhookCall, path *string) (WebhookTaken, error) {
	hook := b.rules().Webhook(call.Path)
	if hook == nil {
		return WebhookTaken{}, &WebhookError{Status: http.StatusNotFound, Reason: "path", Text: "no webhook is at this path"}
	}
	*path = hook.Path
	if !slices.Contains(hook.Methods, call.Method) {
		return WebhookTaken{}, &WebhookError{
			Status: http.StatusMethodNotAllowed, Reason: "method", Allow: hook.Methods,
			Text: "this webhook takes " + strings.Join(hook.Methods, ", "),
		}
	}
	select {
	case b.calls.slots <- struct{}{}:
		defer func() { <-b.calls.slots }()
	default:
		return WebhookTaken{}, &WebhookError{
			Status: http.StatusTooManyRequests, Reason: "calls", Later: time.Second,
			Text: fmt.Sprintf("%d calls are being taken already: call again later", maxCalls),
		}
	}
	body, err := proven(hook, call)
	if err != nil {
		return WebhookTaken{}, err
	}
	kept, err := keepCall(hook, call, body)
	if err != nil {
		return WebhookTaken{}, err
	}
	if !b.taking.Load() {
		return WebhookTaken{}, &WebhookError{
			Status: http.StatusServiceUnavailable, Reason: "stopped", Later: 5 * time.Second,
			Text: "the bot is starting or stopping: call again later",
		}
	}
	if b.queues.full() {
		return WebhookTaken{}, &WebhookError{
			Status: http.StatusServiceUnavailable, Reason: "queue", Later: 5 * time.Second,
			Text: "the bot has too much to do: call again later",
		}
	}
	return b.storeCall(ctx, hook, kept)
}

// proven returns the body of a call that shows what its webhook asks for.
func proven(hook *rules.Webhook, call *WebhookCall) ([]byte, error) {
	header, byBody := call.Header, false
	refused := func(text string) error {
		return &WebhookError{Status: http.StatusUnauthorized, Reason: "secret", Text: text}
	}
	switch {
	case call.Trusted:
	case !hook.Secured:
		if !call.Local || header.Get("Origin") != "" || header.Get("Sec-Fetch-Site") != "" {
			return nil, &WebhookError{
				Status: http.StatusForbidden, Reason: "open",
				Text: "this webhook has no secret: it takes only calls that this machine makes itself, and none of browsers or proxies",
			}
		}
	case hook.Secret == "":
		return nil, refused("the secret of this webhook is empty on the bot's side: nobody can know it")
	default:
		signed, token := header.Get(headerSignature) != "", tokenOf(header)
		switch {
		case hook.Proof != rules.ProofToken && signed:
			byBody = true
		case hook.Proof == rules.ProofGitHub:
			return nil, refused("sign the body: X-Hub-Signature-256: sha256=HMAC-SHA256 in hexadecimal digits")
		case token == "":
			return nil, refused("give the secret: X-Timbot-Token or Authorization: Bearer, or sign the body with it")
		case !same([]byte(token), []byte(hook.Secret)):
			return nil, refused("this is not the secret")
		}
	}
	body, err := readBody(call.Body, hook.MaxSize)
	if err == nil && byBody && !signedBy(header.Get(headerSignature), body, hook.Secret) {
		err = refused("the signature is not that of the body under the secret")
	}
	return body, err
}

// tokenOf is the secret that a call names; "" for none.
func tokenOf(header http.Header) string {
	bearer, _ := strings.CutPrefix(header.Get("Authorization"), "Bearer ")
	return cmp.Or(header.Get(headerToken), header.Get(headerGitLab), bearer)
}

// same compares in a time that does not tell where texts differ, nor how long the secret is.
func same(given, want []byte) bool {
	a, b := sha256.Sum256(given), sha256.Sum256(want)
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// signedBy checks a signature as GitHub makes it.
func signedBy(signature string, body []byte, secret string) bool {
	digits, ok := strings.CutPrefix(signature, "sha256=")
	given, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil))
}

func readBody(r io.Reader, most int64) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case int64(len(body)) > most:
		return nil, &WebhookError{
			Status: http.StatusRequestEntityTooLarge, Reason: "size", Text: fmt.Sprintf("the body is longer than %d bytes", most),
		}
	case err != nil:
		return nil, &WebhookError{Status: http.StatusBadRequest, Reason: "body", Text: "the body did not come whole"}
	}
	return body, nil
}

// callRecord is what the journal keeps of a call, as the data of its event.
type callRecord struct {
	Path    string            `json:"path"`
	Method  string            `json:"method"`
	ID      string            `json:"id"`
	Headers map[string]string `json:"headers,omitzero"`
	Query   map[string]string `json:"query,omitzero"`
	Type    string            `json:"type,omitzero"` // of the body
	Body    string            `json:"body,omitzero"`

	given bool // the caller gave the id
}

// private are parts of the names of headers that hold what only caller and bot know.
var private = regexp.MustCompile(`(?i)authorization|cookie|signature|token|secret|password|api-?key|auth$`)

// keepCall is what is kept of a call.
func keepCall(hook *rules.Webhook, call *WebhookCall, body []byte) (*callRecord, error) {
	c := &callRecord{
		Path: hook.Path, Method: call.Method, ID: cmp.Or(call.Header.Get(headerDelivery), call.Header.Get(headerKey)),
		Body: strings.ToValidUTF8(string(body), "\uFFFD"),
	}
	c.given = c.ID != ""
	c.Type, _, _ = mime.ParseMediaType(call.Header.Get("Content-Type"))
	keep := func(from map[string][]string, name func(string) string) map[string]string {
		out := make(map[string]string)
		for key, values := range from {
			value := strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
			if private.MatchString(key) || hook.Secret != "" && strings.Contains(value, hook.Secret) ||
				len(out) >= maxHeaders || len(value) > maxHeader {
				continue
			}
			out[strings.ToValidUTF8(name(key), "\uFFFD")] = value
		}
		return out
	}
	c.Headers = keep(call.Header, strings.ToLower)
	c.Query = keep(call.Query, func(name string) string { return name })
	if isJSON(c.Type) {
		if _, err := parseBody(c.Body); err != nil {
			return nil, &WebhookError{
				Status: http.StatusBadRequest, Reason: "body", Text: "the body says that it is JSON and cannot be read as that",
			}
		}
	}
	return c, nil
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// parseBody reads JSON as values of rules.
func parseBody(text string) (v any, err error) {
	err = json.Unmarshal([]byte(text), &v, json.WithUnmarshalers(json.UnmarshalFromFunc(decodeNumber)))
	return v, err
}

// trigger is what rules see of the call. Whether the body could be read was decided when it was taken.
func (c *callRecord) trigger() map[string]any {
	out := map[string]any{
		"path": c.Path, "method": c.Method, "id": c.ID, "headers": c.Headers, "query": c.Query, "body": c.Body,
	}
	switch {
	case isJSON(c.Type):
		out["json"], _ = parseBody(c.Body)
	case c.Type == "application/x-www-form-urlencoded":
		values, _ := url.ParseQuery(c.Body) // as far as it goes
		form := make(map[string]string, len(values))
		for name, v := range values {
			form[name] = strings.Join(v, ", ")
		}
		out["form"] = form
		if payload := values.Get("payload"); payload != "" {
			out["json"], _ = parseBody(payload)
		}
	}
	return out
}

// plainID is an id that may stand in a key as it is.
var plainID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// storeCall makes an event of a call. The key of a delivery is written down before the event, so that after a crash between
// the two, and when it comes again, it is the same: the journal takes a key once.
func (b *Bot) storeCall(caller context.Context, hook *rules.Webhook, c *callRecord) (WebhookTaken, error) {
	b.busy.enter()
	defer b.busy.leave()
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	defer context.AfterFunc(b.stopped, cancel)()
	now := b.clock.Now()
	if !c.given {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", now.UnixNano(), b.calls.n.Add(1), c.Body))
		c.ID = hex.EncodeToString(sum[:16])
	}
	id := c.ID
	if !plainID.MatchString(id) {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:16])
		c.ID = id
	}
	out := WebhookTaken{ID: c.ID, Event: fmt.Sprintf("%010d.webhook.%s.%s", now.Unix(), hook.Path, id)}
	if c.given {
		scope := scopeDelivery + hook.Path + "/" + id
		unlock, err := b.calls.ids.lock(ctx, scope)
		if err != nil {
			return out, err
		}
		defer unlock()
		known, err := b.journal.State(ctx, scope)
		if err != nil {
			return out, err
		}
		if key := known["event"]; len(key) > 0 {
			out.Event = string(key)
		} else if err := b.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{{
			Scope: scope, Key: "event", Value: []byte(out.Event), Expire: now.Add(b.rules().Bot.Keep.Events),
		}}}); err != nil {
			return out, err
		}
	}
	at := now
	if seconds, err := strconv.ParseInt(out.Event[:10], 10, 64); err == nil {
		at = time.Unix(seconds, 0)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return out, fmt.Errorf("webhook %s: %w", hook.Path, err)
	}
	rec := eventRecord{Lifecycle: rules.WebhookEvent(hook.Path), At: uint64(at.Unix()), Call: data}
	e := journal.Event{Key: out.Event, At: at.Truncate(time.Second)}
	if e.Data, err = sdkconn.Marshal(rec); err != nil {
		return out, fmt.Errorf("webhook %s: %w", hook.Path, err)
	}
	// What is in the journal must come to its queue, also when the caller goes away.
	whole, end := context.WithCancel(context.WithoutCancel(caller))
	defer end()
	defer context.AfterFunc(b.stopped, end)()
	n, err := b.store(whole, []journal.Event{e})
	out.Again = err == nil && n == 0
	return out, err
}
