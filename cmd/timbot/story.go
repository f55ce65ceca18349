package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/timbot-go/timbot/bot"
)

// paint is whether colours are wanted.
type paint bool

// colours are wanted on a terminal whose person does not refuse them.
func colours(out io.Writer) paint {
	f, ok := out.(*os.File)
	return paint(ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())))
}

func (p paint) as(c colour, text string) string {
	if !p || text == "" || c == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// column is text filled up with blanks to a width on the screen.
func column(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-uniseg.StringWidth(text)))
}

// quoted is somebody's text in one line of at most max columns.
func quoted(text string, most int) string {
	text = strings.ReplaceAll(clean(text), "\n", `\n`)
	if uniseg.StringWidth(text) <= most {
		return `"` + text + `"`
	}
	var b strings.Builder
	width := 0
	for rest, state := text, -1; rest != ""; {
		var c string
		var w int
		c, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if width += w; width > most-1 {
			break
		}
		b.WriteString(c)
	}
	return `"` + b.String() + `…"`
}

// mostText is how much of a message's text a story shows, in columns.
const mostText = 200

// outcomeColours say how an outcome looks.
var outcomeColours = map[string]colour{
	bot.OutcomeFired: green, bot.OutcomeShadow: cyan, bot.OutcomeError: red, bot.OutcomeDropped: yellow,
	bot.OutcomeNo: dim, bot.OutcomeSkipped: dim, bot.OutcomeOff: dim, bot.OutcomeOther: dim,
}

// teller writes a story as a tree.
type teller struct {
	strings.Builder
	paint paint
	story *bot.Story
	ids   int // columns of the rules' ids
}

// outcomeWidth is how many columns the outcomes take.
const outcomeWidth = 7

// tellStory is a story for people.
func tellStory(s *bot.Story, p paint) string {
	t := &teller{paint: p, story: s}
	if a := s.Answer; a != nil {
		what := "run " + a.Run
		if a.Step != "" {
			what = "step " + a.Step
		}
		fmt.Fprintf(t, "an answer of rule %s (%s) to\n", a.Rule, clean(what))
	}
	t.head()
	if s.Problem != "" {
		t.line(1, t.paint.as(yellow, clean(s.Problem)))
	}
	if s.State == bot.StateWaiting {
		t.line(1, t.paint.as(yellow, s.State))
	}
	for _, d := range s.Decisions {
		for _, r := range d.Rules {
			t.ids = max(t.ids, uniseg.StringWidth(r.ID))
		}
	}
	for _, r := range s.Runs {
		t.ids = max(t.ids, uniseg.StringWidth(r.Rule))
	}
	t.ids = min(t.ids, 30)
	told := make(map[string]bool) // runs
	for i := range s.Decisions {
		t.decision(&s.Decisions[i], i, told)
	}
	for i := range s.Runs { // of a decision that cannot be told
		if r := &s.Runs[i]; !told[r.ID] {
			t.rule(r.Rule, bot.OutcomeFired, t.run(r))
		}
	}
	for _, n := range s.Notes {
		t.line(1, t.paint.as(dim, clockTime(n.At))+"  "+clean(n.Text))
	}
	for _, key := range s.Also {
		t.line(1, t.paint.as(dim, "of the same message: "+clean(key)))
	}
	return t.String()
}

func (t *teller) line(depth int, text string) {
	fmt.Fprintln(t, strings.TrimRight(strings.Repeat("  ", depth)+text, " "))
}

// head is the line of the event.
func (t *teller) head() {
	e := &t.story.Event
	parts := []string{e.Type, dateTime(e.Time)}
	for _, part := range []string{e.Conversation, e.User} {
		if part != "" {
			parts = append(parts, clean(part))
		}
	}
	if e.Text != "" {
		parts = append(parts, quoted(e.Text, mostText))
	}
	if e.CaughtUp {
		parts = append(parts, "(caught up)")
	}
	t.line(0, strings.Join(parts, "  "))
}

func (t *teller) decision(d *bot.StoryDecision, nth int, told map[string]bool) {
	if len(t.story.Decisions) > 1 {
		t.line(1, t.paint.as(dim, strings.TrimSpace(d.Type+" "+clean(d.User))))
	}
	if d.Taken != "" {
		t.line(1, t.paint.as(yellow, clean(d.Taken)))
	}
	for i := range d.Rules {
		r := &d.Rules[i]
		var run *bot.StoryRun
		for j := range t.story.Runs {
			id := fmt.Sprintf("/%d/%s", nth, r.ID)
			if x := &t.story.Runs[j]; x.Rule == r.ID && strings.HasSuffix(x.ID, id) {
				run, told[x.ID] = x, true
			}
		}
		t.rule(r.ID, r.Outcome, t.because(r, run))
	}
	for _, l := range d.Left {
		t.line(1, t.paint.as(dim, fmt.Sprintf("%s  %s", column(counted(l.Rules, "rule"), t.ids), clean(l.Why))))
	}
}

// rule writes a rule's id, its outcome, and the lines beside them.
func (t *teller) rule(id, outcome string, lines []string) {
	if len(lines) == 0 {
		lines = []string{""}
	}
	t.line(1, column(id, t.ids)+"  "+t.paint.as(outcomeColours[outcome], column(outcome, outcomeWidth))+"  "+lines[0])
	for _, l := range lines[1:] {
		t.line(1, strings.Repeat(" ", t.ids+outcomeWidth+4)+l)
	}
}

// because is what there is to say of one rule.
func (t *teller) because(r *bot.StoryRule, run *bot.StoryRun) []string {
	var lines []string
	switch r.Outcome {
	case bot.OutcomeFired, bot.OutcomeShadow, bot.OutcomeDropped:
	default:
		return []string{clean(r.Why)}
	}
	if r.Why != "" {
		lines = append(lines, t.paint.as(yellow, clean(r.Why)))
	}
	if r.Command != "" {
		lines = append(lines, "command "+quoted(r.Command, 40))
	}
	if r.Found != "" {
		lines = append(lines, clean(r.Found))
	}
	for _, h := range r.Hits {
		if r.Command != "" && h.Word == r.Command {
			continue
		}
		lines = append(lines, fmt.Sprintf("word %s ← %s [%d:%d], normalize %s",
			quoted(h.Word, 40), quoted(h.Text, 40), h.Start, h.End, r.Normalize))
	}
	lines = append(lines, t.parts(r.Parts)...)
	if run != nil {
		lines = append(lines, t.run(run)...)
	}
	return lines
}

// parts are the operands of an if.
func (t *teller) parts(parts []bot.StoryPart) []string {
	const most = 60
	width := 0
	for _, p := range parts {
		if w := uniseg.StringWidth(p.Source) + 2*p.Depth; w <= most {
			width = max(width, w)
		}
	}
	var lines []string
	for i := range parts {
		p := &parts[i]
		label := "    "
		if i == 0 {
			label = "if  "
		}
		value := clean(p.Value)
		if p.Depth == 0 && !p.Held {
			value = t.paint.as(yellow, value)
		}
		source := strings.ReplaceAll(clean(strings.Repeat("  ", p.Depth)+p.Source), "\n", " ")
		lines = append(lines, label+column(source, width)+"  "+value)
	}
	return lines
}

// run is what a rule did.
func (t *teller) run(r *bot.StoryRun) []string {
	var lines []string
	width := 0
	for i := range r.Steps {
		width = max(width, uniseg.StringWidth(label(&r.Steps[i])))
	}
	for i := range r.Steps {
		if r.More > 0 && i == len(r.Steps)/2 {
			lines = append(lines, t.paint.as(dim, fmt.Sprintf("… %s", counted(r.More, "more step"))))
		}
		s := &r.Steps[i]
		lines = append(lines, column(label(s), width)+"  "+t.result(s))
	}
	switch r.Outcome {
	case "done", "failed": // the steps say it
	case "running":
		lines = append(lines, t.paint.as(yellow, "not over yet"))
	case "waiting":
		lines = append(lines, t.paint.as(yellow, waiting(r.Wait)))
	case "dead":
		if r.Dead == nil {
			break
		}
		lines = append(lines, t.paint.as(red, fmt.Sprintf("stands still: timbot dead retry or drop decides (%s)", r.Dead.ID)))
	default:
		lines = append(lines, t.paint.as(yellow, r.Outcome))
	}
	return lines
}

// label is a step's name in its place.
func label(s *bot.StoryStep) string {
	path, item, looped := strings.Cut(s.Key, "#")
	text := strings.Repeat("  ", strings.Count(path, ".do[")) + s.Action
	if s.Name != path {
		text += " " + s.Name
	}
	if looped {
		text += " #" + item
	}
	return text
}

// result is what came of a step.
func (t *teller) result(s *bot.StoryStep) string {
	var parts []string
	switch {
	case s.Code != "":
		parts = append(parts, t.paint.as(red, "failed "+s.Code))
	case !s.OK:
	case s.Effect != "" && s.Note == "":
		parts = append(parts, "ok")
	}
	if s.TookUS > 0 {
		parts = append(parts, took(s.TookUS))
	}
	if s.Note != "" {
		parts = append(parts, t.paint.as(dim, clean(s.Note)))
	}
	if s.Error != "" {
		parts = append(parts, clean(strings.ReplaceAll(s.Error, "\n", " ")))
	}
	return strings.Join(parts, "  ")
}

func took(us int64) string {
	d := time.Duration(us) * time.Microsecond
	switch {
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.String()
}

// waiting is what a run waits for, in words.
func waiting(w *bot.StoryWait) string {
	if w == nil {
		return "waits"
	}
	text := "waits for " + w.For
	if w.Step != "" {
		text += " of " + w.Step
	}
	if !w.Due.IsZero() {
		text += ", until " + dateTime(w.Due)
	}
	return text
}
