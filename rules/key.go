package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// eventKey says what an event counts for: its user, its conversation, or what a text gives.
type eventKey struct {
	what string // "user", "chat"; empty: text
	text *value
}

// maxKey bounds a key in bytes; of a longer text the key is its hash.
const maxKey = 200

// of evaluates the key. Each kind has a prefix of its own, so that a text never is a user's key. A nil eventKey is one
// for everything: "".
func (k *eventKey) of(sc *Scope, set *Set, rule *Rule) (string, error) {
	switch {
	case k == nil:
		return "", nil
	case k.what == "user":
		return "user/" + sc.Event.User, nil
	case k.what == "chat":
		key := "chat/"
		if conv := sc.Event.Conversation(); conv.Valid() {
			key += conv.String()
		}
		return key, nil
	}
	var text string
	if err := evalTo(k.text, sc.envOf(set, rule, map[string]*value{"": k.text}), &text); err != nil {
		return "", err
	}
	if len(text) > maxKey {
		sum := sha256.Sum256([]byte(text))
		return "h/" + hex.EncodeToString(sum[:]), nil
	}
	return "x/" + text, nil
}

func (k *eventKey) programs(f func(*program)) {
	if k != nil {
		k.text.programs(f)
	}
}

// eventKey reads `per` of limit and concurrency, and `by` of a batch.
func (c *ruleCompiler) eventKey(n *node, what string) *eventKey {
	n = c.r.literal(n)
	if !isString(n) {
		c.r.errorf(n, "%s must be user, chat or a text with ${{ }}, not %s", what, kindName(n))
		return nil
	}
	if strings.Contains(n.Value, open) {
		level := c.place.level
		c.place.level = levelEvent
		v := c.place.value(n, what, Field{Type: Type{Kind: KindString}})
		c.place.level = level
		if v == nil {
			return nil
		}
		return &eventKey{text: v}
	}
	var has func(eventDoc) bool
	switch n.Value {
	case "user":
		has = func(d eventDoc) bool { return d.user }
	case "chat":
		has = func(d eventDoc) bool { return d.chat }
	default:
		c.r.errorf(n, "%s cannot be %q%s: it is user, chat or a text with ${{ }}, for instance ${{ user.id }}/${{ chat.id }}", what,
			n.Value, didYouMean(n.Value, []string{"user", "chat"}))
		return nil
	}
	for _, d := range c.place.events {
		if !has(d) {
			c.r.errorf(n, "%s: %s has no %s", what, d.name, n.Value)
			break
		}
	}
	return &eventKey{what: n.Value}
}

// evalTo evaluates a value that may not be given into *to.
func evalTo[T any](v *value, env map[string]any, to *T) error {
	if v == nil {
		return nil
	}
	out, err := v.eval(env)
	if err != nil {
		return err
	}
	*to, _ = out.(T)
	return nil
}

// given leaves out what a rule does not give.
func given(values map[string]*value) map[string]*value {
	for name, v := range values {
		if v == nil {
			delete(values, name)
		}
	}
	return values
}
