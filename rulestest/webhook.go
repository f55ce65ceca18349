package rulestest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/bot"
)

// webhookDeed reads a call of a webhook, which needs no secret in a test.
func (s *Suite) webhookDeed(st *step, n *yaml.Node) {
	r := s.reader
	call := bot.WebhookCall{Method: http.MethodPost, Header: make(http.Header), Query: make(url.Values), Trusted: true, Local: true}
	body := ""
	if n.Kind == yaml.ScalarNode {
		call.Path = r.text(n, "webhook")
	}
	texts := func(e entry, add func(name, value string)) {
		for _, f := range r.mapping(e.value, e.name) {
			for _, v := range r.texts(f.value, e.name+"."+f.name) {
				add(f.name, v)
			}
		}
	}
	var bodies []string
	if n.Kind == yaml.MappingNode {
		for _, e := range r.fields(n, "webhook", "path", "method", "headers", "query", "json", "form", "body") {
			switch e.name {
			case "path":
				call.Path = r.text(e.value, "path")
			case "method":
				call.Method = strings.ToUpper(r.text(e.value, "method"))
			case "headers":
				texts(e, call.Header.Add)
			case "query":
				texts(e, call.Query.Add)
			case "json":
				data, err := json.Marshal(r.value(e.value, "json"))
				if err != nil {
					r.errorf(e.value, "json: %s", err)
				}
				body, bodies = string(data), append(bodies, e.name)
				call.Header.Set("Content-Type", "application/json")
			case "form":
				form := make(url.Values)
				texts(e, form.Add)
				body, bodies = form.Encode(), append(bodies, e.name)
				call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			case "body":
				body, bodies = r.text(e.value, "body"), append(bodies, e.name)
				if call.Header.Get("Content-Type") == "" {
					call.Header.Set("Content-Type", "text/plain; charset=utf-8")
				}
			}
		}
	}
	switch {
	case call.Path == "":
		r.errorf(n, "path is missing: rules on {webhook: PATH} hear it")
	case len(bodies) > 1:
		r.errorf(n, "a call has one body: json, form or body")
	}
	st.title = "webhook " + call.Path
	st.do = func(ctx context.Context, w *world) error {
		w.last = "last"
		again := call
		again.Body = io.Reader(strings.NewReader(body))
		taken, err := w.bot.Webhook(ctx, again)
		if err != nil {
			return fmt.Errorf("the call is not taken: %w", err)
		}
		if taken.Event != "" {
			w.last = taken.Event
		}
		return nil
	}
}
