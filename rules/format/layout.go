package format

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rules"
)

// layout moves the lines of one document.
type layout struct {
	lines []string // without their ends; an item's dash is taken out when the item is read
}

// layOut puts the lines of a document in form.
func layOut(text []byte, root *yaml.Node, language *rules.Form) (out []byte, err error) {
	defer caught(&err)
	l := &layout{lines: strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")}
	from, to := 0, len(l.lines)
	for i, line := range l.lines[:root.Line] {
		if line == "---" || strings.HasPrefix(line, "--- ") {
			if i+1 == root.Line {
				failAt(i+1, "the document begins in the line of its ---")
			}
			from = i + 1
		}
	}
	header := slices.Clone(l.lines[:from])
	var footer []string
	if i := slices.Index(l.lines[from:], "..."); i >= 0 {
		to = from + i
		footer = l.lines[to:]
	}
	if !isBlock(root) { // one flow value or one text: there is nothing to put in order
		return []byte(strings.TrimRight(strings.Join(l.lines, "\n"), "\n") + "\n"), nil
	}
	b := l.block(root, from, to, 0, language, true)
	all := slices.Concat(header, b.lead, b.lines, footer)
	for i, line := range header {
		all[i] = strings.TrimRight(line, " \t")
	}
	// A text that keeps its last line breaks has them to the end of the file.
	s := strings.Join(all, "\n") + "\n"
	if !b.keep {
		s = strings.TrimRight(s, "\n") + "\n"
	}
	return []byte(s), nil
}

func isBlock(n *yaml.Node) bool {
	return (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && n.Style&yaml.FlowStyle == 0 && len(n.Content) > 0
}

// block is a mapping or list as it is written.
type block struct {
	lead  []string // comments before its first entry, not indented
	lines []string // from the first entry on, indented
	keep  bool     // its last lines are the end of a text that keeps its line breaks
}

// entry is a key with its value, or an item.
type entry struct {
	key   *yaml.Node // nil of an item
	value *yaml.Node
	line  int // of the key or dash, from 0
	from  int // of the comments before it
	to    int // where the next entry's lines begin
}

// block writes what stands in lines[from:to] with so many spaces before it.
func (l *layout) block(n *yaml.Node, from, to, indent int, form *rules.Form, top bool) block {
	col, entries := l.entries(n, from, to)
	form = formOf(form, n.Kind)
	foot := l.comments(entries[len(entries)-1].to, to)
	if len(entries) > 0 {
		entries[0].from = from
	}
	header := []string(nil)
	if top {
		header = l.header(&entries[0])
	}
	if n.Kind == yaml.MappingNode && form != nil && !form.Free && !aliased(n) {
		order(entries, form)
	}
	var out block
	for i, e := range entries {
		w := l.entry(e, col, indent, formUnder(form, e))
		lead := slices.Concat(l.comments(e.from, e.line), w.lead)
		if i == 0 {
			out.lead = dropBlank(lead)
		} else {
			out.lines = append(out.lines, indented(squeeze(lead), indent)...)
		}
		out.lines = append(out.lines, w.lines...)
		out.keep = w.keep
	}
	if foot = squeeze(foot); len(foot) > 0 && !allBlank(foot) {
		out.lines = append(out.lines, indented(foot, indent)...)
		out.keep = false
	}
	if top {
		out.lead = squeeze(slices.Concat(header, out.lead))
	}
	return out
}

// header takes the comments off the first entry that belong to the file.
func (l *layout) header(e *entry) []string {
	cut := e.from
	for i := e.from; i < e.line; i++ {
		if text := strings.TrimSpace(l.lines[i]); text == "" && cut < i || strings.Contains(text, "yaml-language-server:") {
			cut = i + 1
		}
	}
	out := dropBlank(l.comments(e.from, cut))
	e.from = cut
	return out
}

// entries finds the entries of a mapping or list and the column where they begin.
func (l *layout) entries(n *yaml.Node, from, to int) (col int, out []entry) {
	if n.Kind == yaml.MappingNode {
		col = n.Content[0].Column - 1
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode && k.Kind != yaml.AliasNode || k.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
				failAt(k.Line, "a key that is no word")
			}
			if k.Column-1 != col || strings.TrimLeft(l.lines[k.Line-1][:byteCol(l.lines[k.Line-1], col)], " ") != "" {
				failAt(k.Line, "a key that is not at the start of its line, or is written with a question mark")
			}
			out = append(out, entry{key: k, value: n.Content[i+1], line: k.Line - 1})
		}
	} else {
		first := from
		for first < to && !isDash(strings.TrimLeft(l.lines[first], " ")) {
			if !isComment(l.lines[first]) && first != from {
				failAt(first+1, "a list whose first item is not found")
			}
			first++
		}
		if first == to {
			failAt(n.Line, "a list whose first item is not found")
		}
		col = leading(l.lines[first])
		for i := first; i < to; i++ {
			if leading(l.lines[i]) == col && isDash(l.lines[i][col:]) {
				if len(out) == len(n.Content) {
					failAt(i+1, "an item that is none")
				}
				out = append(out, entry{value: n.Content[len(out)], line: i})
			}
		}
		if len(out) != len(n.Content) {
			failAt(n.Line, "a list whose items are not found")
		}
		for i, e := range out {
			next := to
			if i+1 < len(out) {
				next = out[i+1].line
			}
			if !empty(e.value) && (e.value.Line-1 < e.line || e.value.Line-1 >= next) {
				failAt(e.line+1, "an item whose value is not found")
			}
			line := l.lines[e.line]
			l.lines[e.line] = line[:col] + " " + line[col+1:]
		}
	}
	for i := range out {
		limit := to
		if i+1 < len(out) {
			limit = out[i+1].line
			if limit <= out[i].line {
				failAt(limit+1, "two keys in one line")
			}
		}
		out[i].to = l.end(out[i], col, limit)
		if i+1 < len(out) {
			out[i+1].from = out[i].to
		}
	}
	return col, out
}

func isDash(s string) bool {
	return s == "-" || strings.HasPrefix(s, "- ") || strings.HasPrefix(s, "-\t")
}

func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

func isBlank(line string) bool { return strings.TrimSpace(line) == "" }

func leading(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// empty reports whether a value is nothing at all, which has no place.
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == "" && n.ShortTag() == "!!null"
}

// end is the line after the last one that belongs to an entry, before limit. col is where the entries begin.
func (l *layout) end(e entry, col, limit int) int {
	if empty(e.value) {
		return e.line + 1
	}
	start := max(e.line, e.value.Line-1)
	if e.value.Kind == yaml.ScalarNode && e.value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		at := l.blockHeader(e.value, start)
		_, end := l.blockText(at, col, limit)
		return end
	}
	end := limit
	for end > start+1 && isComment(l.lines[end-1]) {
		end--
	}
	if !isBlock(e.value) {
		return end
	}
	// Of a text at the end of the value, the empty lines may be a part.
	from := e.line
	if e.key != nil || !isComment(l.lines[e.line]) && !l.begins(e.value, e.line) {
		from++
	}
	saved := slices.Clone(l.lines[from:limit]) // finding the items of a list takes their dashes out
	innerCol, entries := l.entries(e.value, from, limit)
	copy(l.lines[from:limit], saved)
	end = entries[len(entries)-1].to
	deeper := innerCol
	if e.value.Kind == yaml.SequenceNode && innerCol == col && e.key != nil {
		deeper++ // a comment there belongs to the next key
	}
	for i := end; i < limit; i++ {
		if isBlank(l.lines[i]) {
			continue
		}
		if leading(l.lines[i]) < deeper {
			break
		}
		end = i + 1
	}
	return end
}

// blockHeader finds the line of a | or >, which may stand after an anchor or a tag.
func (l *layout) blockHeader(n *yaml.Node, line int) int {
	rest := l.lines[line][byteCol(l.lines[line], n.Column-1):]
	if i := strings.IndexAny(rest, "|>"); i < 0 {
		failAt(line+1, "a text whose | or > is not found")
	}
	return line
}

// blockText finds the lines of a block scalar whose header is in line at: where its text begins to be indented, and the line
// after it.
func (l *layout) blockText(at, col, limit int) (indent, end int) {
	head, _, _ := strings.Cut(l.lines[at], " #")
	head = strings.TrimSpace(head)
	keep, digits := false, 0
	for i := len(head) - 1; i >= 0; i-- {
		switch c := head[i]; {
		case c == '+':
			keep = true
			continue
		case c == '-':
			continue
		case '1' <= c && c <= '9':
			digits = int(c - '0')
			continue
		}
		break
	}
	indent = -1
	if digits > 0 {
		indent = col + digits
	}
	end = at + 1
	for i := at + 1; i < limit; i++ {
		line := l.lines[i]
		if isBlank(line) {
			continue
		}
		if indent < 0 && leading(line) > col {
			indent = leading(line)
		}
		if indent < 0 || leading(line) < indent {
			if keep {
				end = i
			}
			return indent, end
		}
		end = i + 1
	}
	if keep {
		end = limit
	}
	return indent, end
}

// entry writes one entry of a block. Its lead is comments that have to move before it.
func (l *layout) entry(e entry, col, indent int, form *rules.Form) block {
	prefix, width := "- ", 2
	line := l.lines[e.line]
	text := strings.TrimRight(line[byteCol(line, col):], " \t")
	if e.key == nil {
		text = strings.TrimLeft(text, " ")
	}
	var out block
	switch {
	case empty(e.value):
		if e.key == nil {
			if strings.HasPrefix(text, "#") {
				out.lead, text = []string{text}, ""
			}
			text = strings.TrimRight("- "+text, " ")
		}
		out.lines = indented([]string{text}, indent)
		return out
	case e.key == nil && isBlock(e.value):
		// What stands behind the dash is a comment, an anchor or a tag, or the first entry.
		if !isComment(line) && !l.begins(e.value, e.line) {
			b := l.block(e.value, e.line+1, e.to, indent+width, form, false)
			out.lines = slices.Concat(indented([]string{prefix + text}, indent), indented(b.lead, indent+width), b.lines)
			out.keep = b.keep
			return out
		}
		b := l.block(e.value, e.line, e.to, indent+width, form, false)
		out.lead, out.keep = b.lead, b.keep
		b.lines[0] = strings.Repeat(" ", indent) + prefix + b.lines[0][indent+width:]
		out.lines = b.lines
		return out
	case isBlock(e.value):
		b := l.block(e.value, e.line+1, e.to, indent+width, form, false)
		out.lines = slices.Concat(indented([]string{text}, indent), indented(b.lead, indent+width), b.lines)
		out.keep = b.keep
		return out
	}
	return l.leaf(e, col, indent)
}

// begins reports whether the first entry of a block stands in that line.
func (l *layout) begins(n *yaml.Node, line int) bool {
	if n.Kind == yaml.MappingNode {
		return n.Content[0].Line-1 == line
	}
	return isDash(strings.TrimLeft(l.lines[line], " "))
}

// leaf writes an entry whose value is a text, an alias, or a mapping or list in brackets.
func (l *layout) leaf(e entry, col, indent int) block {
	var out block
	start := e.value.Line - 1
	line := l.lines[e.line]
	text := strings.TrimRight(line[byteCol(line, col):], " \t")
	if e.key == nil {
		text = "- " + strings.TrimLeft(text, " ")
		if start > e.line {
			if rest := strings.TrimPrefix(text, "- "); strings.HasPrefix(rest, "#") {
				out.lead = append(out.lead, rest)
			} else if rest != "" {
				failAt(e.line+1, "an item whose value is not found")
			}
			out.lead = append(out.lead, l.comments(e.line+1, start)...)
			text = "- " + strings.TrimSpace(l.lines[start])
		}
	} else if start == e.line {
		at := byteCol(line, e.value.Column-1)
		if before := strings.TrimRight(line[byteCol(line, col):at], " \t"); strings.HasSuffix(before, ":") {
			text = before + " " + strings.TrimRight(line[at:], " \t")
		}
	}
	block := e.value.Kind == yaml.ScalarNode && e.value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	out.lines = indented([]string{text}, indent)
	switch {
	case block:
		if start > e.line && e.key != nil {
			out.lines = append(out.lines, indented(l.between(e.line+1, start), indent+2)...)
			out.lines = append(out.lines, indented([]string{strings.TrimSpace(l.lines[start])}, indent+2)...)
		}
		old, end := l.blockText(start, col, e.to)
		digits := explicit(l.lines[start])
		to := indent + 2
		if digits > 0 {
			to = indent + digits
		}
		for _, line := range l.lines[start+1 : end] {
			out.lines = append(out.lines, shifted(line, old, to))
		}
		out.keep = keeps(l.lines[start])
		return out
	case e.key != nil && start > e.line:
		out.lines = append(out.lines, indented(l.between(e.line+1, start), indent+2)...)
		out.lines = append(out.lines, indented([]string{strings.TrimSpace(l.lines[start])}, indent+2)...)
		out.lines = append(out.lines, l.continued(e.value, start+1, e.to, indent+2)...)
		return out
	}
	out.lines = append(out.lines, l.continued(e.value, start+1, e.to, indent)...)
	return out
}

// continued writes the further lines of a value that begins in a line with so many spaces.
func (l *layout) continued(n *yaml.Node, from, to, indent int) []string {
	lines := slices.Clone(l.lines[from:to])
	if n.Kind == yaml.ScalarNode {
		for i, line := range lines {
			line = strings.TrimLeft(line, " \t")
			if i < len(lines)-1 || n.Style == 0 {
				line = strings.TrimRight(line, " \t")
				if strings.HasSuffix(line, `\`) && n.Style&yaml.DoubleQuotedStyle != 0 {
					line = strings.TrimLeft(lines[i], " \t") // the blank after the backslash may be meant
				}
			}
			lines[i] = line
		}
		return indented(lines, indent+2)
	}
	least := -1
	last := len(lines) - 1
	closes := func(i int) bool {
		text := strings.TrimSpace(lines[i])
		return i == last && (strings.HasPrefix(text, "]") || strings.HasPrefix(text, "}"))
	}
	for i, line := range lines {
		if !isBlank(line) && !closes(i) && (least < 0 || leading(line) < least) {
			least = leading(line)
		}
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		text := strings.TrimSpace(line)
		switch {
		case text == "":
		case closes(i):
			out[i] = strings.Repeat(" ", indent) + text
		default:
			out[i] = strings.Repeat(" ", indent+2+leading(line)-least) + text
		}
	}
	return out
}

// shifted moves a line of a block scalar. White space beyond the text's indentation is text.
func shifted(line string, old, to int) string {
	if old < 0 || leading(line) < old {
		return ""
	}
	if line = line[old:]; line == "" {
		return ""
	}
	return strings.Repeat(" ", to) + line
}

func keeps(header string) bool { return strings.Contains(blockSigns(header), "+") }

// explicit is the number in the header of a block scalar, or 0.
func explicit(header string) int {
	for _, c := range blockSigns(header) {
		if '1' <= c && c <= '9' {
			return int(c - '0')
		}
	}
	return 0
}

// blockSigns is what follows | or > at the end of a header.
func blockSigns(header string) string {
	header, _, _ = strings.Cut(header, " #")
	header = strings.TrimSpace(header)
	return header[strings.LastIndexAny(header, "|>")+1:]
}

// comments is lines that hold comments or nothing, without their indentation.
func (l *layout) comments(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		if !isComment(l.lines[i]) {
			failAt(i+1, "a line that belongs to nothing")
		}
		out = append(out, strings.TrimSpace(l.lines[i]))
	}
	return out
}

// between is the lines between a key and its value: comments, and an anchor or a tag.
func (l *layout) between(from, to int) []string {
	var out []string
	for _, line := range l.lines[from:to] {
		if text := strings.TrimSpace(line); text != "" {
			out = append(out, text)
		}
	}
	return out
}

func indented(lines []string, indent int) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		if line != "" {
			out[i] = strings.Repeat(" ", indent) + line
		}
	}
	return out
}

// squeeze leaves one of several blank lines.
func squeeze(lines []string) []string {
	return slices.CompactFunc(slices.Clone(lines), func(a, b string) bool { return a == "" && b == "" })
}

// dropBlank takes the blank lines off the start.
func dropBlank(lines []string) []string {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return squeeze(lines)
}

func allBlank(lines []string) bool {
	return !slices.ContainsFunc(lines, func(line string) bool { return line != "" })
}

// aliased reports whether the order of what is in n may matter: an anchor comes before its aliases.
func aliased(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || slices.ContainsFunc(n.Content, aliased)
}

// order puts entries in the order of a form's keys, unless one comes twice. What the form does not know comes last.
func order(entries []entry, form *rules.Form) {
	rank := make(map[string]int)
	for i, k := range form.Keys {
		rank[k.Name] = i
	}
	unknown := len(form.Keys)
	if len(form.OneOf) == 1 && len(form.OneOf[0]) > 0 { // an action that is not known here
		unknown = rank[form.OneOf[0][0]]
	}
	at := func(e entry) int {
		if i, ok := rank[e.key.Value]; ok {
			return i
		}
		return unknown
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return at(a) - at(b) })
}

// formOf is the form of a mapping or list where form stands.
func formOf(form *rules.Form, kind yaml.Kind) *rules.Form {
	if form == nil {
		return nil
	}
	if form.Kind == rules.FormEither {
		for _, f := range form.Either {
			if f := formOf(f, kind); f != nil {
				return f
			}
		}
		return nil
	}
	mapping := form.Kind == rules.FormMapping || form.Kind == rules.FormTable
	if kind == yaml.MappingNode && mapping || kind == yaml.SequenceNode && form.Kind == rules.FormList {
		return form
	}
	return nil
}

// formUnder is the form of an entry's value.
func formUnder(form *rules.Form, e entry) *rules.Form {
	switch {
	case form == nil:
		return nil
	case e.key == nil || form.Kind == rules.FormTable:
		return form.Item
	}
	return form.Key(e.key.Value)
}
