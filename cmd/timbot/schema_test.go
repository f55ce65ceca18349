package main

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/rulestest"
)

var update = flag.Bool("update", false, "write what was found as what is wanted")

func ownSchema() []byte {
	return rules.Schema(rules.Language(bot.Catalog(actions.NewRegistry(actions.Builtin()...))))
}

// The committed copy, which editors may be pointed at, is what timbot schema prints.
func TestSchemaIsCurrent(t *testing.T) {
	file := filepath.Join("..", "..", "schema", "bot.schema.json")
	got := ownSchema()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not current: go test ./cmd/timbot -run TestSchemaIsCurrent -update (%v)", file, err)
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	return compile(t, ownSchema())
}

// pluginSchema is the schema of a bot with plugins.
func pluginSchema(t *testing.T, dir string) *jsonschema.Schema {
	t.Helper()
	catalog := rules.PluginCatalog(os.DirFS(dir), bot.FileName, bot.Catalog(actions.NewRegistry(actions.Builtin()...)))
	return compile(t, rules.Schema(rules.Language(catalog)))
}

func compile(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(rules.SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(rules.SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON reads YAML as an editor hands it to a validator.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var plain func(any) any
	plain = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name, item := range v {
				v[name] = plain(item)
			}
		case []any:
			for i, item := range v {
				v[i] = plain(item)
			}
		case time.Time:
			return v.Format(time.RFC3339)
		}
		return v
	}
	return plain(v)
}

func TestSchemaTakesWhatIsRight(t *testing.T) {
	schema := compileSchema(t)
	n := 0
	check := func(name, text string) {
		n++
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	err := filepath.WalkDir(examples, func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".yaml" && filepath.Base(path) != rules.ManifestName &&
			!strings.HasSuffix(path, rulestest.FileSuffix) {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if strings.Contains(string(text), "\nplugins:") {
				n++
				if err := pluginSchema(t, filepath.Dir(path)).Validate(asJSON(t, string(text))); err != nil {
					t.Errorf("%s: %v\n%s", path, err, text)
				}
				return nil
			}
			check(path, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{
		`{id: a, "on": message, do: [stop: ~]}`,
		`{id: a, on: [message, member.joined], name: 12, do: [reply: 12, log: true]}`,
		`{id: a, on: message, if: true, run: off, do: [{reply: hi, on_error: continue, timeout: 1h30m}]}`,
		`{id: a, on: message, match: {any_of: "${{ lists.a }}"}, limit: {rate: 20/s, over: reply, reply: {text: hi}}, do: [{delay: "${{ vars.x }}"}]}`,
	} {
		check(rule, "rules: ["+rule+"]")
	}
	if n < 10 {
		t.Errorf("only %d files", n)
	}
}

func TestSchemaRefusesWhatIsWrong(t *testing.T) {
	schema := compileSchema(t)
	for _, rule := range []string{
		`{on: message, do: [reply: hi]}`,
		`{id: Upper, on: message, do: [reply: hi]}`,
		`{id: 12, on: message, do: [reply: hi]}`,
		`{id: a, do: [reply: hi]}`,
		`{id: a, on: mesage, do: [reply: hi]}`,
		`{id: a, on: [], do: [reply: hi]}`,
		`{id: a, true: message, do: [reply: hi]}`,
		`{id: a, on: message}`,
		`{id: a, on: message, do: []}`,
		`{id: a, on: message, do: [repyl: hi]}`,
		`{id: a, on: message, do: [{reply: hi, log: hi}]}`,
		`{id: a, on: message, do: [{if: "true"}]}`,
		`{id: a, on: message, do: [reply: ~]}`,
		`{id: a, on: message, do: [reply: {txt: hi}]}`,
		`{id: a, on: message, do: [{reply: hi, timeout: 5}]}`,
		`{id: a, on: message, do: [{reply: hi, retry: {times: -1}}]}`,
		`{id: a, on: message, do: [stop]}`,
		`{id: a, on: message, if: "${{ true }}", do: [reply: hi]}`,
		`{id: a, on: message, match: {}, do: [reply: hi]}`,
		`{id: a, on: message, match: {any_of: [12]}, do: [reply: hi]}`,
		`{id: a, on: message, match: {any_of: [x], mode: fuzy}, do: [reply: hi]}`,
		`{id: a, on: message, limit: {per: chat}, do: [reply: hi]}`,
		`{id: a, on: message, limit: {rate: fast}, do: [reply: hi]}`,
		`{id: a, on: message, stage: mian, do: [reply: hi]}`,
		`{id: a, on: message, priority: high, do: [reply: hi]}`,
		`{id: a, on: message, do: [for_each: {do: [reply: hi]}]}`,
		`{id: a, on: message, do: [choose: [{if: "true"}]]}`,
		`{id: a, on: message, do: [revoke: {msg: hi}]}`,
	} {
		if err := schema.Validate(asJSON(t, "rules: ["+rule+"]")); err == nil {
			t.Errorf("%s is taken", rule)
		}
	}
	for _, file := range []string{
		"[]", "version: 2", "rule: []", "bot: {admins: [a]}", "bot: {connection: x, keep: {events: 14}}", "lists: {a: [1]}",
		"lists: {a: {files: x}}", "secrets: {from: file}", "include: []", "bot: {connection: x, pace: {total: 20}}",
	} {
		if err := schema.Validate(asJSON(t, file)); err == nil {
			t.Errorf("%s is taken", file)
		}
	}
}
