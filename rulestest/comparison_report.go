package rulestest

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// ReportSamples is how many events of each kind of difference a text report shows.
const ReportSamples = 3

// maxSampleText is how much of a message a report shows, in characters.
const maxSampleText = 200

// Headline is the comparison in one line: 14 messages newly revoked, 3 no longer revoked, 18 022 unchanged.
func (c *Comparison) Headline() string {
	var parts []string
	for _, k := range Differences {
		n := c.Counts[k]
		switch {
		case k == DiffRevoked && n == 1:
			parts = append(parts, "1 message newly revoked")
		case k == DiffRevoked:
			parts = append(parts, spaced(n)+" messages newly revoked")
		case k == DiffKept || n > 0:
			parts = append(parts, spaced(n)+" "+k.Words())
		}
	}
	return strings.Join(append(parts, spaced(c.Unchanged)+" unchanged"), ", ")
}

// spaced writes a number with spaces between its thousands.
func spaced(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// of returns the changes of one kind.
func (c *Comparison) of(k Difference) []Change {
	var out []Change
	for _, ch := range c.Changes {
		if ch.Kind == k {
			out = append(out, ch)
		}
	}
	return out
}

// notes are what a reader must know to trust the comparison.
func (c *Comparison) notes() []string {
	var out []string
	if c.Events == 0 {
		out = append(out, "there is no traffic: nothing was compared")
	}
	if c.Drifted > 0 {
		out = append(out, fmt.Sprintf("%s fired other rules then than under the old rules now: the rules were others, "+
			"or a count, a limit or a dialogue had begun before the record", counted(c.Drifted, "event")))
	}
	for _, action := range sortedKeys(c.Unknown) {
		out = append(out, fmt.Sprintf("the record does not tell what %s answered, %s: the step failed with the code unknown",
			action, times(c.Unknown[action])))
	}
	if c.Untold > 0 {
		out = append(out, fmt.Sprintf("%s left out: signals of the rules' own, which send theirs again, and what no rule listens to",
			counted(c.Untold, "event")))
	}
	return out
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return spaced(n) + " times"
}

// Write writes the comparison for people, with samples of each kind at most; negative: all of them. zone is that of the
// times.
func (c *Comparison) Write(w io.Writer, samples int, zone *time.Location) error {
	var b strings.Builder
	b.WriteString(c.Headline() + "\n")
	if len(c.Rules) > 0 {
		b.WriteByte('\n')
		for _, r := range c.Rules {
			fmt.Fprintf(&b, "  %-24s %s\n", r.Rule, r.words())
		}
	}
	for _, k := range Differences {
		list := c.of(k)
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %s\n", k.Words(), spaced(len(list)))
		for i, ch := range list {
			if i == samples {
				fmt.Fprintf(&b, "  … and %s more\n", spaced(len(list)-i))
				break
			}
			ch.write(&b, zone)
		}
	}
	for _, note := range c.notes() {
		fmt.Fprintf(&b, "\nnote: %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// words say what became of a rule.
func (r *RuleChange) words() string {
	parts := []string{fmt.Sprintf("fired %s, fires %s", spaced(r.Before), spaced(r.After))}
	if r.New+r.Gone > 0 {
		parts = append(parts, fmt.Sprintf("%s new, %s gone", spaced(r.New), spaced(r.Gone)))
	}
	if r.WasShadow+r.IsShadow > 0 {
		parts = append(parts, fmt.Sprintf("as a shadow rule %s, now %s", spaced(r.WasShadow), spaced(r.IsShadow)))
	}
	return strings.Join(parts, "; ")
}

func (ch *Change) write(b *strings.Builder, zone *time.Location) {
	e := &ch.Event
	fmt.Fprintf(b, "  %s  %s  %s  %s", e.Time.In(zone).Format(time.DateTime), Plain(e.Conversation), Plain(e.User), ch.What())
	if e.ID != "" {
		fmt.Fprintf(b, "  %s", Plain(e.ID))
	}
	b.WriteByte('\n')
	if len(ch.Hits) > 0 {
		fmt.Fprintf(b, "    found %s\n", Plain(strings.Join(quotedAll(ch.Hits), ", ")))
	}
	for _, l := range ch.Lines {
		fmt.Fprintf(b, "    %s %s\n", l.Sign, Plain(l.Text))
	}
}

func quotedAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return out
}

// What is what was said, or else the event's type.
func (ch *Change) What() string {
	if ch.Event.Text == "" {
		return ch.Event.Type
	}
	text := []rune(strings.Join(strings.Fields(ch.Event.Text), " "))
	if len(text) > maxSampleText {
		text = append(text[:maxSampleText:maxSampleText], '…')
	}
	return `"` + Plain(string(text)) + `"`
}

// Plain makes text that somebody wrote harmless for a terminal: what steers it becomes visible.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

//go:embed comparison.html
var comparisonPage string

var comparisonTemplate = template.Must(template.New("comparison").Funcs(template.FuncMap{
	"spaced": spaced, "join": strings.Join,
}).Parse(comparisonPage))

// HTML writes the comparison as one page that needs nothing else. title names what was compared.
func (c *Comparison) HTML(w io.Writer, title string, zone *time.Location) error {
	type section struct {
		ID, Words string
		Changes   []Change
	}
	var sections []section
	for _, k := range Differences {
		if list := c.of(k); len(list) > 0 {
			sections = append(sections, section{string(k), k.Words(), list})
		}
	}
	return comparisonTemplate.Execute(w, map[string]any{
		"Title": title, "Headline": c.Headline(), "Rules": c.Rules, "Sections": sections, "Notes": c.notes(), "C": c,
		"When":  func(t time.Time) string { return t.In(zone).Format(time.DateTime) },
		"Class": func(sign string) string { return map[string]string{"-": "gone", "+": "came"}[sign] },
	})
}
