package rules

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// Every key that Load takes has a form of its own in the table of the language, in the same order.
func TestLanguageHasEveryKey(t *testing.T) {
	file := Language(catalog)
	rule := file.Key("rules").Item
	step := rule.Key("do").Item
	mapping := func(f *Form) *Form {
		if f != nil && f.Kind == FormEither {
			f = f.Either[slices.IndexFunc(f.Either, func(e *Form) bool { return e.Kind == FormMapping })]
		}
		return f
	}
	plugin := mapping(file.Key("plugins").Item)
	announce := mapping(step.Key("announce"))
	for _, c := range []struct {
		name string
		form *Form
		keys []string
	}{
		{"a rule", rule, ruleKeys}, {"a step", step, commonKeys}, {"a step", step, controlKeys},
		{"bot", file.Key("bot"), botKeys}, {"limit", mapping(rule.Key("limit")), limitKeys}, {"defaults", file.Key("defaults"), defaultKeys},
		{"blueprint", file.Key("blueprint"), blueprintKeys}, {"inputs", file.Key("blueprint").Key("inputs").Item, inputKeys},
		{"use", rule.Key("use"), useKeys}, {"command", mapping(rule.Key("command")), commandKeys},
		{"args", mapping(rule.Key("command")).Key("args").Item, argKeys}, {"faq", mapping(rule.Key("faq")), faqKeys}, {"help", mapping(file.Key("bot").Key("help")), helpKeys}, {"batch", rule.Key("batch"), batchKeys},
		{"session", rule.Key("session"), sessionKeys}, {"ask", mapping(step.Key("ask")), askKeys},
		{"a plugin", plugin, pluginKeys}, {"a plugin's rights", plugin.Key("rights"), pluginRightsKeys},
		{"a plugin's limits", plugin.Key("limits"), pluginLimitsKeys}, {"a plugin's restart", plugin.Key("restart"), pluginRestartKeys},
		{"handoff", mapping(step.Key("handoff")), handoffKeys}, {"approve", announce.Key("approve"), approveKeys},
	} {
		for _, name := range c.keys {
			i := slices.IndexFunc(c.form.Keys, func(k FormKey) bool { return k.Name == name })
			if i < 0 || c.form.Keys[i].Doc == "" {
				t.Errorf("language.go says nothing of %s in %s", name, c.name)
			}
		}
	}
	var order []string
	for _, k := range rule.Keys {
		order = append(order, k.Name)
	}
	if !slices.Equal(order, ruleKeys) {
		t.Errorf("a rule's keys are %q, want %q", order, ruleKeys)
	}
}

// The schema takes what the reference shows, and the rules of the language's draft.
func TestSchemaTakesTheReference(t *testing.T) {
	shop := PluginCatalog(fstest.MapFS{"bot.yaml": {Data: []byte(shopBot)}, "plugins/shop/plugin.yaml": {Data: []byte(shopManifest)}},
		"bot.yaml", catalog)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(Language(shop))))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	paths, _ := filepath.Glob("testdata/rules/*.yaml")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	_, code := packageDoc(t)
	for _, text := range code {
		switch {
		case strings.HasPrefix(text, "version:"), strings.HasPrefix(text, "rules:"):
			texts = append(texts, text)
		case strings.HasPrefix(text, "do:"):
			texts = append(texts, "rules:\n- id: r\n  on: message\n  "+strings.ReplaceAll(text, "\n", "\n  "))
		}
	}
	if len(texts) < 15 {
		t.Errorf("only %d texts", len(texts))
	}
	for _, text := range texts {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}
