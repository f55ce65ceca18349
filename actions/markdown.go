package actions

import (
	"fmt"
	"reflect"
	"strings"
)

// Markdown renders the reference of the actions, in the order given. The same Specs always give the same text.
func Markdown(specs []Spec) string {
	var b strings.Builder
	b.WriteString("# Actions\n\n" +
		"What a step of a rule can do. This page is made from the actions themselves; `timbot help actions` prints the same.\n\n" +
		"Beside an action, a step may have `id`, `if`, `timeout`, `retry` and `on_error`. What an action leaves behind is " +
		"`steps.ID.out`. Files are read from the folder of " +
		"the bot's file and below, and written to its data folder and below, nowhere else.\n\n" +
		"| Action | What it does |\n| --- | --- |\n")
	for line := range strings.Lines(HelpIndex(specs)) {
		name, doc, _ := strings.Cut(strings.TrimSpace(line), " ")
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", name, strings.ReplaceAll(name, ".", ""), cell(doc))
	}
	elements := false
	for _, s := range specs {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```yaml\n%s\n```\n", s.Name, s.Doc, strings.TrimRight(s.Example, "\n"))
		table(&b, "Input", "", s.Inputs)
		table(&b, "Output", "", s.Outputs)
		b.WriteByte('\n')
		for _, note := range s.notes() {
			fmt.Fprintf(&b, "- %s\n", strings.ReplaceAll(note, `"`, "`"))
		}
		elements = elements || hasElements(s.Inputs)
	}
	if elements {
		b.WriteString("\n## Elements\n\nThe parts of a message. Each entry of `elements` has exactly one of these.\n\n" +
			"```yaml\nelements:\n  - text: 门店在这里：\n  - location: {latitude: 31.23, longitude: 121.47, desc: 人民广场店}\n" +
			"  - image: {path: pics/map.png}\n```\n")
		table(&b, "Element", "", elementFields)
	}
	return b.String()
}

var elementsType = reflect.TypeFor[[]element]()

func hasElements(inputs []Input) bool {
	for _, in := range inputs {
		if in.Type == elementsType || hasElements(in.Fields) {
			return true
		}
	}
	return false
}

func table(b *strings.Builder, title, prefix string, inputs []Input) {
	if len(inputs) == 0 {
		return
	}
	fmt.Fprintf(b, "\n| %s | Type | Meaning |\n| --- | --- | --- |\n", title)
	rows(b, prefix, inputs)
}

func rows(b *strings.Builder, prefix string, inputs []Input) {
	for _, in := range inputs {
		doc := cell(in.sentence())
		if in.Type == elementsType {
			doc += " See [Elements](#elements)."
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", prefix, in.Name, in.kind(), doc)
		if in.Type == elementsType {
			continue
		}
		next := prefix + in.Name + "."
		if in.Type.Kind() == reflect.Slice {
			next = prefix + in.Name + "[]."
		}
		rows(b, next, in.Fields)
	}
}

// cell makes text fit for a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(strings.TrimSpace(s))
}
