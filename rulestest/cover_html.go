package rulestest

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/timbot-go/timbot/rules"
)

//go:embed cover.html
var coverPage string

var coverTemplate = template.Must(template.New("cover").Parse(coverPage))

// WriteHTML writes one page that shows the rules' files with what the tests of all the files reached of them: lines that were
// reached, half reached and not reached. It needs nothing from outside.
func WriteHTML(w io.Writer, all []*Outcome) error {
	return coverTemplate.Execute(w, newCoverPage(all))
}

// htmlPage is what the template is given.
type htmlPage struct {
	Rules, Branches, Entries Share
	Tests                    int
	Files                    []*htmlFile
}

type htmlFile struct {
	ID                       string
	Path                     string
	Rules, Branches, Entries Share
	Lines                    []htmlLine
	Missing                  []Missing
}

type htmlLine struct {
	N     int
	Text  string
	Class string // "", reached, half, missed
	Title string // what was reached, and what was not
	Count string // reached/all, when there is more than one thing
}

// htmlMark is a point or an entry of a list on a line.
type htmlMark struct {
	pos     rules.Pos
	text    string // when it was reached
	lacks   Missing
	reached bool
	share   func(*htmlFile) *Share
}

func newCoverPage(all []*Outcome) *htmlPage {
	page := &htmlPage{}
	sources := make(map[string][]byte)
	marks := make(map[string]*htmlMark) // tests of several files may reach the same
	add := func(key string, m htmlMark) {
		if old := marks[key]; old != nil {
			old.reached = old.reached || m.reached
			return
		}
		marks[key] = &m
	}
	for _, o := range all {
		page.Tests += len(o.Results)
		if o.Coverage == nil {
			continue
		}
		for _, src := range o.Coverage.Sources {
			sources[src.Name] = src.Text
		}
		for i := range o.Coverage.Points {
			p := &o.Coverage.Points[i]
			m := htmlMark{
				pos: p.Pos, text: fmt.Sprintf("rule %s: %s: %s", p.Rule, p.Text, p.Want), reached: p.Reached,
				lacks: Missing{p.Pos, string(p.Kind), p.Rule, p.lacks()},
				share: func(f *htmlFile) *Share { return &f.Branches },
			}
			if p.Kind == rules.PointRule {
				m.text, m.share = fmt.Sprintf("rule %s: fired", p.Rule), func(f *htmlFile) *Share { return &f.Rules }
			}
			add(p.Pos.File+"\x00"+p.Rule+"\x00"+p.Key, m)
		}
		for _, w := range o.Coverage.Words {
			add(w.Pos.File+"\x00\x00"+w.List+"\x00"+w.Word, htmlMark{
				pos: w.Pos, text: fmt.Sprintf("list %s: %s was hit", w.List, show(w.Word)), reached: w.Reached,
				lacks: Missing{w.Pos, "entry", "", fmt.Sprintf("entry %s of list %s was never hit", show(w.Word), w.List)},
				share: func(f *htmlFile) *Share { return &f.Entries },
			})
		}
	}
	byFile := make(map[string][]*htmlMark)
	for _, m := range marks {
		byFile[m.pos.File] = append(byFile[m.pos.File], m)
	}
	for i, path := range slices.Sorted(maps.Keys(sources)) {
		f := newHTMLFile(path, sources[path], byFile[path])
		f.ID = fmt.Sprintf("file%d", i+1)
		page.Files = append(page.Files, f)
		page.Rules.add(f.Rules)
		page.Branches.add(f.Branches)
		page.Entries.add(f.Entries)
	}
	return page
}

func (s *Share) add(other Share) {
	s.Reached += other.Reached
	s.All += other.All
}

func newHTMLFile(path string, text []byte, marks []*htmlMark) *htmlFile {
	f := &htmlFile{Path: path}
	slices.SortFunc(marks, func(a, b *htmlMark) int {
		return cmp.Or(a.pos.Line-b.pos.Line, a.pos.Col-b.pos.Col, strings.Compare(a.text, b.text))
	})
	lines := strings.Split(strings.TrimSuffix(strings.ToValidUTF8(string(text), string(utf8.RuneError)), "\n"), "\n")
	f.Lines = make([]htmlLine, len(lines))
	for i, line := range lines {
		f.Lines[i] = htmlLine{N: i + 1, Text: strings.TrimSuffix(line, "\r")}
	}
	shares := make([]Share, len(lines))
	for _, m := range marks {
		if all := m.share(f); m.reached {
			all.add(Share{1, 1})
		} else {
			all.add(Share{0, 1})
		}
		if !m.reached {
			f.Missing = append(f.Missing, m.lacks)
		}
		if m.pos.Line < 1 || m.pos.Line > len(lines) {
			continue
		}
		l, s := &f.Lines[m.pos.Line-1], &shares[m.pos.Line-1]
		told := "✓ " + m.text
		if s.All++; m.reached {
			s.Reached++
		} else {
			told = "✗ " + m.lacks.Text
		}
		if l.Title != "" {
			l.Title += "\n"
		}
		l.Title += told
	}
	for i, s := range shares {
		l := &f.Lines[i]
		switch {
		case s.All == 0:
			continue
		case s.Reached == s.All:
			l.Class = "reached"
		case s.Reached == 0:
			l.Class = "missed"
		default:
			l.Class = "half"
		}
		if s.All > 1 {
			l.Count = s.String()
		}
	}
	return f
}
