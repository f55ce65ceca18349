package rules

import (
	"fmt"
	"hash/fnv"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// faqTable is a file of questions and answers, compiled: one index finds the questions of all rows.
type faqTable struct {
	file  string
	rows  []faqRow
	parts []*matcher // one for each mode that rows have
	of    [][]int32  // the row of each word of a part
}

// faqRow is a question with its answers.
type faqRow struct {
	question string
	answers  []string
	at       cell
}

// faqAnswer is the text that a rule with faq replies unless it has do.
const faqAnswer = "${{ faq.answer }}"

var (
	faqKeys = []string{"file", "mode", "normalize"}

	// faqModes are the modes that a row may have; any_of is another word for contains.
	faqModes = []string{"contains", "exact", "prefix", "word", "fuzzy"}

	faqColumns = struct{ question, aliases, answer, answers, mode []string }{
		[]string{"question", "问题"}, []string{"aliases", "别名", "相似问法"}, []string{"answer", "答案", "回答"}, []string{"answers"},
		[]string{"mode", "匹配方式"},
	}
)

// faqEntries are the keys of a rule's faq; a text is the file.
func faqEntries(r *reader, n *yaml.Node) ([]entry, bool) {
	if n = resolve(n); n.Kind == yaml.ScalarNode {
		return []entry{{"file", n, n}}, true
	}
	return r.mapping(n, "faq")
}

// findFAQ reads the file of a rule's faq, as findUses does for blueprints.
func (l *loader) findFAQ(d *document, n *yaml.Node) {
	quiet := &reader{l: &loader{}, d: d}
	entries, _ := faqEntries(quiet, n)
	for _, e := range entries {
		if e.name != "file" {
			continue
		}
		if name, ok := quiet.str(e.value, "file"); ok {
			r := &reader{l: l, d: d}
			if full, ok := l.inside(r, e.value, name); ok && l.docs[full] == nil {
				l.read(full, MaxListFile, r.pos(e.value))
			}
		}
	}
}

// faq compiles a rule's faq into a match.
func (c *ruleCompiler) faq(e entry) {
	r := c.r
	entries, ok := faqEntries(r, e.value)
	m := &matcher{faq: new(faqTable)}
	c.rule.match = m
	c.place.match, c.place.faq = true, true
	if !ok {
		return
	}
	var file, normalize *yaml.Node
	mode := MatchContains
	for _, k := range entries {
		switch k.name {
		case "file":
			file = resolve(k.value)
		case "mode":
			if word, ok := r.enum(k.value, "mode", faqModes...); ok {
				mode = MatchMode(slices.Index(matchModes, word))
			}
		case "normalize":
			normalize = k.value
		default:
			r.unknown(k, faqKeys)
		}
	}
	if !slices.ContainsFunc(c.place.events, func(d eventDoc) bool { return d.text }) && len(c.place.events) > 0 {
		r.errorf(e.key, "faq looks at a message's text, but %s has none", c.place.events[0].name)
	}
	if normalize != nil {
		m.profile = c.normalize(normalize)
	} else {
		c.byDefault("normalize", func(n *yaml.Node) { m.profile = c.normalize(n) })
	}
	if file == nil {
		r.errorf(resolve(e.value), "faq needs file: a .csv file with the columns question and answer")
		return
	}
	name, ok := r.str(file, "file")
	if !ok {
		return
	}
	full := path.Join(path.Dir(r.d.name), name)
	d := r.l.docs[full]
	switch {
	case d == nil: // told when it was read
	case !isCSV(full):
		r.errorf(file, "%s is no .csv file", name)
	default:
		if t := r.l.tables[full]; t != nil {
			c.faqRows(m, t, mode)
		} else if t = r.l.readCSV(d); t != nil {
			r.l.tables[full] = t
			c.faqRows(m, t, mode)
		}
	}
}

// faqRows fills a table's match.
func (c *ruleCompiler) faqRows(m *matcher, t *csvTable, mode MatchMode) {
	l, d, f := c.r.l, t.d, m.faq
	f.file = d.name
	head := t.header[0]
	fail := func(at cell, format string, args ...any) { l.add(d, c.r.rule, at.line, at.col, nil, format, args...) }
	question, aliases, modes := t.column(faqColumns.question...), t.column(faqColumns.aliases...), t.column(faqColumns.mode...)
	one, many := t.column(faqColumns.answer...), t.column(faqColumns.answers...)
	switch {
	case question < 0:
		fail(head, "%s", t.noColumn("question"))
	case one < 0 && many < 0:
		fail(head, "%s", t.noColumn("answer"))
	case one >= 0 && many >= 0:
		fail(t.header[many], "a table has the column answer, or answers with | between them, not both")
	}
	if question < 0 || (one < 0) == (many < 0) {
		return
	}
	first := make(map[string]cell) // by mode and folded text
	var in input
	for _, row := range t.rows {
		r := faqRow{at: t.of(row, question), question: t.of(row, question).text}
		answer := t.of(row, max(one, many))
		if r.answers = []string{answer.text}; many >= 0 {
			r.answers = pieces(answer.text, "|")
		}
		rowMode := mode
		if at := t.of(row, modes); at.text != "" {
			word := at.text
			if word == "any_of" {
				word = "contains"
			}
			if !slices.Contains(faqModes, word) {
				fail(at, "mode cannot be %q%s: it is one of %s", at.text, didYouMean(at.text, faqModes), oneOf(faqModes))
				continue
			}
			rowMode = MatchMode(slices.Index(matchModes, word))
		}
		switch {
		case r.question == "":
			fail(r.at, "row has no question")
			continue
		case len(r.answers) == 0 || r.answers[0] == "":
			fail(answer, "row has no answer")
			continue
		}
		f.rows = append(f.rows, r)
		words := append([]cell{r.at}, cellPieces(t.of(row, aliases))...)
		for _, w := range words {
			c.faqWord(m, &in, w, rowMode, int32(len(f.rows)-1), first, fail)
		}
	}
	if len(f.rows) == 0 && len(t.rows) == 0 {
		fail(head, "table has no rows")
	}
	for _, p := range f.parts {
		switch {
		case p.mode == MatchFuzzy:
			p.any.fuzzy = newFuzzyPieces(p.any.folded)
		case len(p.any.folded) >= tableWords:
			p.any.table = newWordTable(p.any.folded)
		}
	}
	c.faqOverlaps(f, d)
}

// faqWord adds a question or alias of a row.
func (c *ruleCompiler) faqWord(
	m *matcher, in *input, at cell, mode MatchMode, row int32, first map[string]cell, fail func(cell, string, ...any),
) {
	w := in.word(at.text, m.profile)
	if (mode == MatchExact || mode == MatchPrefix) && m.profile != profileNone {
		w.text = strings.TrimSpace(w.text)
	}
	key := mode.String() + "/" + w.text
	before, twice := first[key]
	switch {
	case strings.TrimSpace(w.text) == "":
		fail(at, "nothing is left of %q once it is normalised: it would be in every text", cut(at.text))
		return
	case mode == MatchFuzzy && utf8.RuneCountInString(w.text) > maxFuzzy:
		fail(at, "a fuzzy question has at most %d characters", maxFuzzy)
		return
	case twice && before.line == at.line:
		fail(at, "question %q comes twice in this row", cut(at.text))
		return
	case twice:
		fail(at, "question %q comes twice, first in line %d: only one of the answers would ever be given", cut(at.text), before.line)
		return
	}
	first[key] = at
	f := m.faq
	i := slices.IndexFunc(f.parts, func(p *matcher) bool { return p.mode == mode })
	if i < 0 {
		i = len(f.parts)
		f.parts = append(f.parts, &matcher{mode: mode, profile: m.profile, any: phrases{mode: mode}})
		f.of = append(f.of, nil)
	}
	p := &f.parts[i].any
	p.words, p.folded = append(p.words, at.text), append(p.folded, w)
	f.of[i] = append(f.of[i], row)
}

// cellPieces are the aliases of a cell: there may be | and line breaks between them.
func cellPieces(c cell) []cell {
	var out []cell
	for _, text := range pieces(c.text, "|｜\n") {
		out = append(out, cell{text, c.line, c.col})
	}
	return out
}

func pieces(text, between string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(between, r) }) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// faqOverlaps tells of questions in which another row's question stands too.
func (c *ruleCompiler) faqOverlaps(f *faqTable, d *document) {
	tell := tells{l: c.r.l, d: d, id: "faq-overlap"}
	var in input
	for i, p := range f.parts {
		for k, word := range p.any.words {
			row := f.of[i][k]
			in.reset(word, false)
			won, _, ok := f.best(&in)
			if !ok {
				continue
			}
			at := f.rows[row].at
			if won != row {
				w := &f.rows[won]
				tell.warn(at, "%q is answered by line %d, %q", cut(word), w.at.line, cut(w.question))
				continue
			}
			f.each(&in, func(other int32, o occurrence, p *matcher) bool {
				if other == row {
					return true
				}
				tell.warn(at, "%q holds %q of line %d too: the longer one is answered", cut(word), cut(p.any.words[o.word]),
					f.rows[other].at.line)
				return false
			})
		}
	}
	tell.end()
}

// each calls yield for the places of questions, in no order, until it returns false.
func (f *faqTable) each(in *input, yield func(row int32, o occurrence, part *matcher) bool) {
	for i, p := range f.parts {
		more := true
		p.each(&p.any, in, in.view(p.profile), func(o occurrence) bool {
			more = yield(f.of[i][o.word], o, p)
			return more
		})
		if !more {
			return
		}
	}
}

// best finds the row that answers: an exact question goes before others, then the longest that is there, then the first row.
func (f *faqTable) best(in *input) (row int32, hit Hit, ok bool) {
	var part *matcher
	var at occurrence
	n := 0
	f.each(in, func(r int32, o occurrence, p *matcher) bool {
		n++
		length, have := o.end-o.start, at.end-at.start
		exact, was := p.mode == MatchExact, ok && part.mode == MatchExact
		better := !ok || exact && !was || exact == was && (length > have || length == have && r < row)
		if better {
			row, at, part, ok = r, o, p, true
		}
		return n < maxOccurrences
	})
	if !ok {
		return 0, Hit{}, false
	}
	return row, Hit{
		Words: []string{part.any.words[at.word]}, Spans: []Span{in.view(part.profile).span(at.start, at.end)}, Row: int(row) + 1,
	}, true
}

// found reports whether a question is there.
func (f *faqTable) found(in *input) (found bool) {
	f.each(in, func(int32, occurrence, *matcher) bool {
		found = true
		return false
	})
	return found
}

// requires is what the questions require: one of them must be there.
func (f *faqTable) requires() requirement {
	all := requirement{}
	for _, p := range f.parts {
		q := p.requiresAny()
		if q == nil {
			return nil
		}
		all = append(all, q...)
	}
	return all
}

// row is the row that a hit names, or nil.
func (m *matcher) row(h *Hit) *faqRow {
	if m == nil || m.faq == nil || h == nil || h.Row < 1 || h.Row > len(m.faq.rows) {
		return nil
	}
	return &m.faq.rows[h.Row-1]
}

// told is the row of a hit, for people.
func (m *matcher) told(h *Hit) string {
	row := m.row(h)
	if row == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d  %s", m.faq.file, row.at.line, cut(row.question))
}

// faqView is what steps see of the row that answers.
type faqView struct {
	Question string `expr:"question"`
	Answer   string `expr:"answer"`
	Line     int    `expr:"line"`
}

func (sc *Scope) faq(rule *Rule) *faqView {
	row := rule.match.row(sc.Hit)
	if row == nil {
		return new(faqView)
	}
	h := fnv.New32a()
	h.Write([]byte(rule.ID))
	answer, _ := pick(row.answers, sc.Event.Key, int(h.Sum32())) // which has at least one
	text, _ := answer.(string)
	return &faqView{Question: row.question, Answer: text, Line: row.at.line}
}
