package actions

import (
	"fmt"
	"reflect"
	"strings"
)

// helpWidth is where the lines of help text break, in characters.
const helpWidth = 80

// Help renders a Spec as plain text for a terminal: what the action does, its inputs, outputs and an example. The same
// Spec always gives the same text.
func Help(s Spec) string {
	h := new(helpText)
	h.line(0, s.Name)
	h.paragraph(2, s.Doc)
	h.section("Inputs", s.Inputs, "none")
	h.section("Outputs, as steps.ID.out", s.Outputs, "none")
	h.blank()
	h.line(0, "Notes")
	for _, note := range s.notes() {
		h.paragraph(2, note)
	}
	if s.Example != "" {
		h.blank()
		h.line(0, "Example")
		for line := range strings.Lines(s.Example) {
			h.line(2, strings.TrimRight(line, "\n"))
		}
	}
	return h.b.String()
}

// HelpIndex renders a list of actions, one line each: the name and the first sentence of the doc.
func HelpIndex(specs []Spec) string {
	width := 0
	for _, s := range specs {
		width = max(width, len(s.Name))
	}
	var b strings.Builder
	for _, s := range specs {
		first, _, _ := strings.Cut(s.Doc, ". ")
		fmt.Fprintf(&b, "%-*s  %s\n", width, s.Name, strings.TrimSuffix(strings.Split(first, ": ")[0], ".")+".")
	}
	return b.String()
}

// notes says in sentences what the declarations of the single inputs do not.
func (s Spec) notes() []string {
	var notes []string
	if s.Scalar != "" {
		notes = append(notes, fmt.Sprintf("%q is short for %q.", s.Name+": VALUE", s.Name+": {"+s.Scalar+": VALUE}"))
	}
	for _, group := range s.OneOf {
		notes = append(notes, fmt.Sprintf("Give exactly one of %s.", andList(group)))
	}
	for _, group := range s.AtMostOne {
		notes = append(notes, fmt.Sprintf("Give at most one of %s.", andList(group)))
	}
	if s.NeedsConversation && len(s.Targets) == 0 {
		notes = append(notes, "The event must belong to a conversation.")
	}
	if s.NeedsConversation && len(s.Targets) > 0 {
		notes = append(notes, fmt.Sprintf("When the event belongs to no conversation, give %s.", orList(s.Targets)))
	}
	if s.ActsOnChat {
		notes = append(notes, "Others can notice it, so rules of stage observe cannot use it.")
	}
	if s.Text != "" {
		notes = append(notes, fmt.Sprintf("steps.ID.text is %s.", s.Text))
	}
	if s.Value != "" {
		notes = append(notes, fmt.Sprintf("steps.ID.value is %s.", s.Value))
	}
	switch s.Settle {
	case SettleRepeat:
		notes = append(notes, "When a crash or a timeout hides its outcome, it is done again: that does no harm.")
	case SettleAsk:
		notes = append(notes, "When a crash or a timeout hides its outcome, the bot finds out before it tries again.")
	case SettleReport:
		notes = append(notes, "When a crash or a timeout hides its outcome, the step fails with the code interrupted.")
	}
	return notes
}

// kind says what an input or output holds.
func (in Input) kind() string {
	kind := typeName(in.Type)
	if kind != "text" && kind != "true or false" && kind != "any value" {
		_, kind, _ = strings.Cut(kind, " ") // without the article
	}
	if in.Required {
		kind += ", required"
	}
	if in.Secret {
		kind += ", may be a secret"
	}
	return kind
}

// sentence is the doc with the words that are possible.
func (in Input) sentence() string {
	if len(in.Enum) == 0 {
		return in.Doc
	}
	if in.Type.Kind() == reflect.Slice {
		return in.Doc + " Any of " + strings.Join(in.Enum, ", ") + "."
	}
	return in.Doc + " One of " + strings.Join(in.Enum, ", ") + "."
}

func andList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// helpText is help that is being written.
type helpText struct{ b strings.Builder }

func (h *helpText) blank() { h.b.WriteByte('\n') }

func (h *helpText) line(indent int, text string) {
	h.b.WriteString(strings.Repeat(" ", indent))
	h.b.WriteString(text)
	h.b.WriteByte('\n')
}

// paragraph breaks text into lines.
func (h *helpText) paragraph(indent int, text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && indent+len(line)+1+len(word) > helpWidth {
			h.line(indent, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		h.line(indent, line)
	}
}

func (h *helpText) section(title string, inputs []Input, none string) {
	h.blank()
	if len(inputs) == 0 {
		h.line(0, title+": "+none)
		return
	}
	h.line(0, title)
	h.inputs(2, inputs)
}

func (h *helpText) inputs(indent int, inputs []Input) {
	for _, in := range inputs {
		h.line(indent, in.Name+"  ("+in.kind()+")")
		h.paragraph(indent+4, in.sentence())
		h.inputs(indent+4, in.Fields)
	}
}
