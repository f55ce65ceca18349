package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// webhookPrefix begins the type of an event that a call of a webhook is; the path follows.
const webhookPrefix = "webhook."

// Proof says how a caller of a webhook shows that it knows the secret.
type Proof int

// The proofs.
const (
	ProofAny    Proof = iota // a signature or the token
	ProofGitHub              // X-Hub-Signature-256: the HMAC-SHA256 of the body under the secret
	ProofToken               // the secret itself, in a header
)

var proofNames = []string{"any", "github", "token"}

// String returns the word for it in a rule.
func (p Proof) String() string { return proofNames[p] }

// Webhook is a path that others call over HTTP. All rules on a path share it.
type Webhook struct {
	Path    string
	Secured bool   // it has a secret
	Secret  string // not to be logged; empty also when the environment has none
	Proof   Proof
	MaxSize int64    // of the body, in bytes; 1 to MaxWebhookSize
	Methods []string // at least one
	Pos     Pos      // of the rule's entry that sets it up, or of the first that names it

	setUp bool // an entry gives more than the path
	rule  string
	size  bool // MaxSize was given
	proof bool
}

// WebhookConfig is what webhooks have that do not say otherwise (`bot.webhooks`).
type WebhookConfig struct {
	Listen string // host:port, or :port for 127.0.0.1; empty: nobody listens unless the command says where

	secured bool
	secret  string
	proof   Proof
	maxSize int64
}

// The default and the bound of the size of a webhook's body, in bytes.
const (
	DefaultWebhookSize = 256 << 10
	MaxWebhookSize     = 1 << 20
)

var (
	webhookMethods = []string{"POST", "PUT", "PATCH", "DELETE", "GET"}
	webhookKeys    = []string{"path", "secret", "signature", "max_size", "methods"}
	webhookPath    = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*){1,20}$`)
	listenForm     = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*):[0-9]{1,5}$`)
)

// maxWebhookPath bounds a path, in bytes.
const maxWebhookPath = 200

// WebhookEvent is the type of the event that a call of a path is.
func WebhookEvent(path string) string { return webhookPrefix + path }

// Webhook returns the webhook of a path, or nil when no rule that is not off is on it.
func (s *Set) Webhook(path string) *Webhook {
	if s.byEvent[webhookPrefix+path] == nil {
		return nil
	}
	return s.webhooks[path]
}

// Webhooks returns the webhooks that rules are on, by path.
func (s *Set) Webhooks() []*Webhook {
	var out []*Webhook
	for _, path := range keys(s.webhooks) {
		if w := s.Webhook(path); w != nil {
			out = append(out, w)
		}
	}
	return out
}

// webhook reads what stands under webhook in an entry of on, and returns the event's type.
func (c *ruleCompiler) webhook(n *yaml.Node) []string {
	r := c.r
	n = resolve(n)
	w := &Webhook{Methods: []string{"POST"}, Pos: r.pos(n), rule: c.rule.ID}
	var path *yaml.Node
	switch {
	case n.Kind != yaml.MappingNode:
		path = n
	default:
		entries, _ := r.mapping(n, "webhook")
		for _, e := range entries {
			switch e.name {
			case "path":
				path = resolve(e.value)
				continue
			case "secret":
				w.Secret, w.Secured = r.l.secretText(r, e.value, "secret")
			case "signature":
				w.Proof, w.proof = r.proof(e.value), true
			case "max_size":
				w.MaxSize, w.size = r.webhookSize(e.value), true
			case "methods":
				w.Methods = r.methods(e.value)
			default:
				r.unknown(e, webhookKeys)
				continue
			}
			w.setUp = true
		}
		if path == nil {
			r.errorf(n, "webhook needs path: where others call, for instance /deploy")
			return nil
		}
	}
	text, ok := r.str(path, "webhook")
	if !ok {
		return nil
	}
	if !webhookPath.MatchString(text) || len(text) > maxWebhookPath {
		r.errorf(path, "%q is no path for a webhook: write for instance /deploy or /hooks/build, of letters, digits, -, _, . and ~", text)
		return nil
	}
	w.Path = text
	if c.set.webhooks == nil {
		c.set.webhooks = make(map[string]*Webhook)
	}
	switch first := c.set.webhooks[text]; {
	case first == nil:
		c.set.webhooks[text] = w
	case first.setUp && w.setUp && first.rule != w.rule:
		r.errorf(n, "webhook %s is set up at %s already: all rules on it share that; write `webhook: %s` here", text, first.Pos, text)
	case w.setUp:
		c.set.webhooks[text] = w
	}
	return []string{webhookPrefix + text}
}

func (r *reader) proof(n *yaml.Node) Proof {
	word, _ := r.enum(n, "signature", proofNames...)
	return Proof(max(0, slices.Index(proofNames, word)))
}

func (r *reader) webhookSize(n *yaml.Node) int64 {
	size, ok := r.size(n, "max_size")
	if ok && (size < 1 || size > MaxWebhookSize) {
		r.errorf(resolve(n), "max_size must be from 1B to 1MiB: the body becomes a text in expressions")
	}
	return size
}

func (r *reader) methods(n *yaml.Node) []string {
	n = resolve(n)
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		if items, _ = r.sequence(n, "methods"); len(items) == 0 {
			r.errorf(n, "methods is empty: nobody could call")
		}
	}
	var out []string
	for _, item := range items {
		if word, ok := r.enum(item, "methods", webhookMethods...); ok && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// secretText reads a text that is, or holds, a secret of the environment. ok is false after a mistake.
func (l *loader) secretText(r *reader, n *yaml.Node, what string) (text string, ok bool) {
	n = resolve(n)
	if !isString(n) || !strings.Contains(n.Value, open) {
		r.errorf(n, "%s must be ${{ secrets.NAME }}: secrets stand in the environment, not in files", what)
		return "", false
	}
	p := &place{r: r, level: levelLoad, lists: l.lists, vars: l.vars, secrets: true}
	parts, ok := p.template(n)
	if !ok {
		return "", false
	}
	out, err := join(parts, map[string]any{"secrets": l.secrets})
	if text, ok = out.(string); err != nil || !ok {
		r.errorf(n, "%s cannot be evaluated, or is no text", what) // without the reason, which may repeat a secret
	}
	return text, ok
}

// webhooks reads bot.webhooks.
func (l *loader) webhooksConfig(r *reader, n *yaml.Node, c *WebhookConfig) {
	entries, _ := r.mapping(n, "webhooks")
	for _, e := range entries {
		switch e.name {
		case "listen":
			text, ok := r.str(e.value, "listen")
			if ok && !listenForm.MatchString(text) {
				r.errorf(resolve(e.value), "%q is no address to listen at: write for instance 127.0.0.1:8080 or :8080", text)
			}
			c.Listen = text
		case "secret":
			c.secret, c.secured = l.secretText(r, e.value, "secret")
		case "signature":
			c.proof = r.proof(e.value)
		case "max_size":
			c.maxSize = r.webhookSize(e.value)
		default:
			r.unknown(e, []string{"listen", "secret", "signature", "max_size"})
		}
	}
}

// finishWebhooks gives webhooks what bot.webhooks says for all.
func (s *Set) finishWebhooks() {
	c := &s.Bot.Webhooks
	for _, w := range s.webhooks {
		if !w.Secured {
			w.Secured, w.Secret = c.secured, c.secret
		}
		if !w.proof {
			w.Proof = c.proof
		}
		if !w.size {
			w.MaxSize = c.maxSize
		}
		if w.MaxSize == 0 {
			w.MaxSize = DefaultWebhookSize
		}
	}
}

// openWebhooks warns of those that anybody may call.
func (l *loader) openWebhooks(set *Set) {
	for _, w := range set.Webhooks() {
		if !w.Secured {
			l.warn("open-webhook", l.docs[w.Pos.File], w.rule, w.Pos.Line, w.Pos.Col,
				"webhook %s has no secret: only calls of this machine itself are taken", w.Path)
		}
	}
}

// webhookForm is what may stand under webhook in an entry of on.
func webhookForm() *Form {
	path, method := matching(webhookPath.String()), oneWord(webhookMethods...)
	return either(path, mappingOf(
		must("path", "Such as /deploy.", path),
		key("secret", "${{ secrets.NAME }}; that of bot.webhooks unless given.", joinedForm),
		key("signature", "How callers show that they know it; that of bot.webhooks unless given.", oneWord(proofNames...)),
		key("max_size", "Of a body; that of bot.webhooks unless given.", sizeForm),
		key("methods", "POST unless given.", either(method, itemsOf(method)))))
}

// describe is the webhook in one line.
func (w *Webhook) describe() string {
	text := fmt.Sprintf("%s %s, at most %d bytes, ", strings.Join(w.Methods, " or "), w.Path, w.MaxSize)
	switch {
	case !w.Secured:
		return text + "without a secret, from this machine only"
	case w.Proof == ProofGitHub:
		return text + "signed (X-Hub-Signature-256)"
	case w.Proof == ProofToken:
		return text + "with the secret in a header"
	}
	return text + "signed, or with the secret in a header"
}

// triggerView is what a call of a webhook carried.
type triggerView struct {
	Path    string            `expr:"path"`
	Method  string            `expr:"method"`
	Headers map[string]string `expr:"headers"`
	Query   map[string]string `expr:"query"`
	JSON    any               `expr:"json"`
	Form    map[string]string `expr:"form"`
	Body    string            `expr:"body"`
	ID      string            `expr:"id"`
}

// trigger is the view of an event's Data: a mapping with the names of the view.
func (w viewer) trigger(ev *Event) *triggerView {
	out := new(triggerView)
	data, ok := ev.Data.(map[string]any)
	if !ok || !strings.HasPrefix(ev.Type, webhookPrefix) {
		return out
	}
	text := func(name string) string {
		s, _ := data[name].(string)
		return s
	}
	out.Path, out.Method, out.Body, out.ID = text("path"), text("method"), text("body"), text("id")
	out.Headers, out.Query, out.Form = textMap(data["headers"]), textMap(data["query"]), textMap(data["form"])
	out.JSON = w.view(Type{Kind: KindAny}, data["json"])
	return out
}

// textMap is the texts of a mapping.
func textMap(v any) map[string]string {
	out := make(map[string]string)
	switch v := v.(type) {
	case map[string]string:
		return v
	case map[string]any:
		for name, x := range v {
			if s, ok := x.(string); ok {
				out[name] = s
			}
		}
	}
	return out
}
