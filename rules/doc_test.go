package rules

import (
	"errors"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// packageDoc is the package comment, taken apart.
func packageDoc(t *testing.T) (*ast.File, []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var p comment.Parser
	var code []string
	for _, block := range p.Parse(file.Doc.Text()).Content {
		if c, ok := block.(*comment.Code); ok {
			code = append(code, c.Text)
		}
	}
	return file, code
}

// Every YAML in the reference loads: files, rules and steps.
func TestReferenceExamples(t *testing.T) {
	_, code := packageDoc(t)
	manifest := new(fstest.MapFile)
	for _, text := range code {
		if strings.HasPrefix(text, "name: shop") {
			manifest.Data = []byte(text)
		}
	}
	loaded := 0
	var blueprint *fstest.MapFile
	for _, text := range code {
		src := ""
		switch {
		case strings.HasPrefix(text, "version:"):
			src = text
		case strings.HasPrefix(text, "rules:"):
			src = "version: 1\n" + text
		case strings.HasPrefix(text, "do:"):
			src = "version: 1\nrules:\n- id: r\n  on: message\n  " + strings.ReplaceAll(text, "\n", "\n  ")
		default:
			continue
		}
		loaded++
		fsys := fstest.MapFS{"bot.yaml": {Data: []byte(src)}, "plugins/shop/plugin.yaml": manifest}
		if strings.Contains(src, "\nblueprint:") { // the next example uses it
			blueprint = &fstest.MapFile{Data: []byte(src)}
			continue
		}
		fsys["faq.csv"] = &fstest.MapFile{Data: []byte("question,answer\n营业时间,九点\n")}
		if strings.Contains(src, "use:") {
			fsys["blueprints/ads.yaml"] = blueprint
		}
		_, err := Load(fsys, "bot.yaml", Options{Catalog: catalog})
		var errs Errors
		if errors.As(err, &errs) {
			t.Errorf("%s\n%s", src, errs.Render())
		}
	}
	if loaded < 6 {
		t.Errorf("only %d examples were loaded", loaded)
	}
}

// The reference lists every event with what it has, every key, name, field and function.
func TestReferenceIsWhole(t *testing.T) {
	file, code := packageDoc(t)
	table := code[slices.IndexFunc(code, func(s string) bool { return strings.HasPrefix(s, "message.c2c") })]
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != len(eventDocs) {
		t.Fatalf("the table has %d events, there are %d", len(lines), len(eventDocs))
	}
	for i, d := range eventDocs {
		line := lines[i]
		has := ""
		if len(line) > 75 {
			has = line[75:]
		}
		want := ""
		for _, part := range []struct {
			ok   bool
			name string
		}{{d.text, "text "}, {d.msg, "msg "}, {d.chat, "chat "}, {d.user, "user"}} {
			if part.ok {
				want += part.name
			}
		}
		if strings.Fields(line)[0] != d.name || !strings.HasPrefix(has, strings.TrimSpace(want)) || strings.Contains(has, "user") != d.user {
			t.Errorf("line %q, want %s with %s", line, d.name, want)
		}
	}
	text := file.Doc.Text()
	words := slices.Concat(manifestKeys, pluginActionKeys, pluginFieldKeys, pluginTypes, pluginKeys, pluginRightsKeys, pluginLimitsKeys,
		pluginRestartKeys, pluginStarts, PluginsMayCall, ruleKeys, rootNames, commonKeys, controlKeys, matchModes, stageNames, modeNames, normalizeNames, keys(redactions), defaultKeys,
		blueprintKeys, inputKeys, inputTypes, useKeys, commandKeys, argKeys, argTypes, botKeys, faqKeys, faqModes)
	for _, fields := range fieldsOf {
		words = append(words, fields...)
	}
	for name := range functions {
		if !slices.Contains([]string{"repeat", "replace", "join", "toJSON", needFunction, addFunction, errorFunction}, name) {
			words = append(words, name+"(")
		}
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the reference does not name %q", w)
		}
	}
}
