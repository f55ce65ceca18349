package rulestest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// step is one step of a test.
type step struct {
	pos    rules.Pos
	title  string // what happens, for people
	do     func(context.Context, *world) error
	repeat int

	expects  bool
	expect   []*wanted
	quietly  []*wanted
	quiet    bool // quietly is given
	archived []wantArchive
	state    []wantState
	why      []wantWhy
}

type wantArchive struct {
	pos     rules.Pos
	name    string
	records []*matcher
}

type wantState struct {
	pos    rules.Pos
	memory memory
	want   map[string]*matcher
}

type wantWhy struct {
	pos        rules.Pos
	rule, text string
}

// fired is the text of a why that wants the rule to have fired.
const fired = "fired"

// about reports whether the step looks at why a rule did not fire.
func (st *step) about(rule string) bool {
	return slices.ContainsFunc(st.why, func(w wantWhy) bool { return w.rule == rule })
}

// deeds are the keys of what a step does; one step does one.
var deeds = []string{
	"send", "edit", "revoke", "read", "join", "leave", "invite", "remove", "advance", "at", "signal", "webhook", "restart",
}

// stepKeys are all keys of a step.
var stepKeys = slices.Concat(deeds, []string{"expect", "quietly", "archived", "state", "why", "repeat"})

// step reads a step. among are keys that the mapping has beside the step's. names are the messages that steps before it
// have named.
func (s *Suite) step(n *yaml.Node, among []string, t *Test, names map[string]bool) *step {
	r := s.reader
	valid := slices.Concat(stepKeys, among)
	f := r.fields(n, "a step", valid...)
	st := &step{pos: r.pos(n), repeat: 1}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		e := f[name]
		if !slices.Contains(deeds, name) {
			continue
		}
		if st.do != nil {
			r.errorf(e.key, "a step does one thing: %s belongs into a step of its own", name)
			continue
		}
		s.deed(st, e, names)
		if st.do == nil && len(r.errs) == 0 {
			return nil
		}
	}
	if e, ok := f["repeat"]; ok && among == nil {
		st.repeat = r.integer(e.value, "repeat", 1, 10_000)
	}
	if e, ok := f["expect"]; ok {
		st.expects, t.expects = true, true
		st.expect = s.expect(e.value, true)
	}
	if e, ok := f["quietly"]; ok {
		st.quiet, t.expects = true, true
		st.quietly = s.expect(e.value, false)
	}
	if e, ok := f["archived"]; ok {
		t.expects = true
		for _, a := range r.mapping(e.value, "archived") {
			w := wantArchive{pos: r.pos(a.key), name: a.name}
			for _, item := range r.sequence(a.value, "archived."+a.name) {
				w.records = append(w.records, r.matcher(item))
			}
			st.archived = append(st.archived, w)
		}
	}
	if e, ok := f["state"]; ok {
		t.expects = true
		for _, m := range r.memories(e.value) {
			w := wantState{pos: m.pos, memory: m, want: make(map[string]*matcher)}
			for _, v := range r.mapping(m.node, "state") {
				w.want[v.name] = r.matcher(v.value)
			}
			st.state = append(st.state, w)
		}
	}
	if e, ok := f["why"]; ok {
		t.expects = true
		for _, w := range r.mapping(e.value, "why") {
			if t.set.Rule(w.name) == nil {
				r.errorf(w.key, "there is no rule %q%s", w.name, nearest(w.name, ruleIDs(t.set)))
			}
			text := r.text(w.value, "why."+w.name)
			if text == "" {
				r.errorf(w.value, "why.%s is empty: want a part of the reason, or %s", w.name, fired)
			}
			st.why = append(st.why, wantWhy{r.pos(w.key), w.name, text})
		}
	}
	if st.do == nil && !st.expects && !st.quiet && len(st.archived)+len(st.state)+len(st.why) == 0 {
		r.errorf(n, "step does nothing and checks nothing: it has one of %s, or expect, quietly, archived, state or why", strings.Join(deeds, ", "))
	}
	return st
}

// deed reads what a step does.
func (s *Suite) deed(st *step, e entry, names map[string]bool) {
	r := s.reader
	at := e.value
	switch e.name {
	case "send":
		s.sendDeed(st, at, names)
	case "edit":
		f := r.fields(at, e.name, "msg", "from", "text")
		name := s.named(at, f, names)
		text := ""
		if t, ok := f["text"]; ok {
			text = r.text(t.value, "text")
		} else {
			r.errorf(at, "edit needs text: what the message says then")
		}
		st.title = "edit of " + name
		st.do = func(ctx context.Context, w *world) error { return w.edit(ctx, name, from(r, f), text) }
	case "revoke":
		f := r.fields(at, e.name, "msg", "from")
		name, user := s.named(at, f, names), from(r, f)
		st.title = "revoke of " + name
		st.do = func(ctx context.Context, w *world) error { return w.revoke(ctx, name, user) }
	case "read":
		f := r.fields(at, e.name, "in", "from")
		user, in := s.who(at, f), ""
		if g, ok := f["in"]; ok {
			in = r.text(g.value, "in")
		}
		st.title = user + " reads"
		st.do = func(ctx context.Context, w *world) error {
			conn, err := w.person(ctx, user)
			if err != nil {
				return err
			}
			conv := sdkconn.C2C(s.botUser)
			if in != "" {
				conv = where(in)
			}
			w.last = "last"
			return conn.ReportReaded(ctx, conv, nil)
		}
	case "join", "leave", "invite", "remove":
		s.memberDeed(st, e)
	case "advance":
		d := r.duration(at, "advance")
		st.title = "after " + at.Value
		st.do = func(ctx context.Context, w *world) error { return w.passTo(ctx, w.clock.Now().Add(d)) }
	case "at":
		then := r.time(at, "at", s.zone)
		st.title = "at " + at.Value
		st.do = func(ctx context.Context, w *world) error {
			if then.Before(w.clock.Now()) {
				return fmt.Errorf("at %s is in the past: it is %s by then", at.Value, w.clock.Now().In(s.zone).Format(time.RFC3339))
			}
			return w.passTo(ctx, then)
		}
	case "signal":
		s.signalDeed(st, at)
	case "webhook":
		s.webhookDeed(st, at)
	case "restart":
		var after time.Duration
		if at.Kind == yaml.MappingNode {
			if a, ok := r.fields(at, "restart", "after")["after"]; ok {
				after = r.duration(a.value, "after")
			}
		} else if at.Value != "true" {
			r.errorf(at, "restart is true, or {after: DURATION}")
		}
		st.title = "restart"
		st.do = func(ctx context.Context, w *world) error {
			if err := w.stop(); err != nil {
				return err
			}
			w.clock.set(w.clock.Now().Add(after))
			return w.start(ctx)
		}
	}
}

// from is who does it; empty for whoever wrote the message.
func from(r *reader, f map[string]entry) string {
	if e, ok := f["from"]; ok {
		return r.text(e.value, "from")
	}
	return ""
}

// named is the name of a message that a step before has sent.
func (s *Suite) named(at *yaml.Node, f map[string]entry, names map[string]bool) string {
	e, ok := f["msg"]
	if !ok {
		s.reader.errorf(at, "msg is missing: the name that a step before gave its message with as")
		return ""
	}
	name := s.reader.text(e.value, "msg")
	if !names[name] {
		s.reader.errorf(e.value, "no step before this one names a message %q%s", name, nearest(name, slices.Sorted(maps.Keys(names))))
	}
	return name
}

func (s *Suite) who(at *yaml.Node, f map[string]entry) string {
	e, ok := f["from"]
	if !ok {
		s.reader.errorf(at, "from is missing: who does it")
		return ""
	}
	return s.reader.text(e.value, "from")
}

func (s *Suite) sendDeed(st *step, n *yaml.Node, names map[string]bool) {
	r := s.reader
	var in, user, as string
	inputs := make(map[string]any)
	for _, e := range r.mapping(n, "send") {
		switch e.name {
		case "in":
			in = r.text(e.value, "in")
		case "from":
			user = r.text(e.value, "from")
		case "as":
			as = r.text(e.value, "as")
			names[as] = true
		default:
			inputs[e.name] = r.value(e.value, e.name)
			if e.name == "text" && e.value.Kind == yaml.ScalarNode {
				inputs["text"] = e.value.Value // 12 is a text here
			}
		}
	}
	if user == "" {
		r.errorf(n, "from is missing: who sends it")
	}
	st.title = user + " sends"
	if text, ok := inputs["text"].(string); ok {
		st.title += " " + show(text)
	}
	if in != "" {
		st.title += " in " + in
	}
	st.do = func(ctx context.Context, w *world) error {
		msg, err := w.say(ctx, user, in, inputs)
		if err != nil {
			return err
		}
		if as != "" {
			w.names[as] = msg
		}
		w.last = rules.MessageID(msg)
		return nil
	}
}

// memberDeed reads a change of who is in a group.
func (s *Suite) memberDeed(st *step, e entry) {
	r := s.reader
	f := r.fields(e.value, e.name, "in", "user", "users", "from")
	in := ""
	if g, ok := f["in"]; ok {
		in = r.text(g.value, "in")
	} else {
		r.errorf(e.value, "in is missing: which group")
	}
	var users []string
	for _, key := range []string{"user", "users"} {
		if u, ok := f[key]; ok {
			users = append(users, r.texts(u.value, key)...)
		}
	}
	if len(users) == 0 {
		r.errorf(e.value, "user is missing: who")
	}
	by := from(r, f)
	if by == "" {
		by = "owner"
		if e.name == "join" || e.name == "leave" {
			by = ""
		}
	}
	what := e.name
	st.title = what + " of " + strings.Join(users, ", ")
	st.do = func(ctx context.Context, w *world) error {
		w.last = "last"
		if g := w.test.given.groups[in]; g != nil && by == "owner" {
			by = g.owner
		}
		return w.members(ctx, what, in, by, users)
	}
}

func (w *world) members(ctx context.Context, what, in, by string, users []string) error {
	switch what {
	case "invite", "remove":
		conn, err := w.person(ctx, by)
		if err != nil {
			return err
		}
		if what == "remove" {
			_, err = conn.GroupDeleteMember(ctx, in, users, "")
			return err
		}
		for _, user := range users {
			if err := w.chat.AddUser(ctx, user, ""); err != nil {
				return err
			}
		}
		for chunk := range slices.Chunk(users, 20) {
			results, err := conn.GroupInviteMember(ctx, in, chunk)
			if err != nil {
				return err
			}
			for _, r := range results {
				switch r.Result {
				case sdkconn.MemberResultPending:
					err = w.accept(ctx, in, r.User)
				case sdkconn.MemberResultError:
					err = fmt.Errorf("%s cannot be invited to %s", r.User, in)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, user := range users {
		conn, err := w.person(ctx, user)
		if err != nil {
			return err
		}
		if what == "leave" {
			err = conn.GroupQuit(ctx, in)
		} else {
			err = conn.GroupJoin(ctx, in, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// accept lets somebody say yes to an invitation, where the type of the group asks for it.
func (w *world) accept(ctx context.Context, group, user string) error {
	conn, err := w.person(ctx, user)
	if err != nil {
		return err
	}
	list, err := conn.GroupGetPendencyList(ctx, sdkconn.GroupPendencyOption{MaxLimited: 100})
	if err != nil {
		return err
	}
	for _, p := range list.Pendencies {
		if p.GroupID == group && p.Type == sdkconn.PendencyInvited && p.Handled == sdkconn.PendencyOpen {
			return conn.GroupHandlePendency(ctx, sdkconn.HandlePendencyParam{IsAccept: true, Pendency: &p})
		}
	}
	return nil // an administrator has to decide
}

func (s *Suite) signalDeed(st *step, n *yaml.Node) {
	r := s.reader
	name := ""
	var data jsontext.Value
	if n.Kind == yaml.ScalarNode {
		name = r.text(n, "signal")
	} else {
		f := r.fields(n, "signal", "name", "data")
		if e, ok := f["name"]; ok {
			name = r.text(e.value, "name")
		} else {
			r.errorf(n, "name is missing: rules on signal.NAME hear it")
		}
		if e, ok := f["data"]; ok {
			var err error
			if data, err = sdkconn.Marshal(r.value(e.value, "data")); err != nil {
				r.errorf(e.value, "data: %s", err)
			}
		}
	}
	st.title = "signal." + name
	st.do = func(ctx context.Context, w *world) error {
		w.last = "last"
		return w.bot.Signal(ctx, name, data)
	}
}

// edit changes what a message says.
func (w *world) edit(ctx context.Context, name, user, text string) error {
	msg, conn, err := w.own(ctx, name, user)
	if err != nil {
		return err
	}
	changed := *msg
	changed.Elems = sdkconn.Elems{&sdkconn.TextElem{Text: text}}
	now, err := conn.MsgModifyMessage(ctx, &changed)
	if err != nil {
		return err
	}
	w.names[name] = now
	w.last = rules.MessageID(now)
	return nil
}

func (w *world) revoke(ctx context.Context, name, user string) error {
	msg, conn, err := w.own(ctx, name, user)
	if err != nil {
		return err
	}
	w.last = rules.MessageID(msg)
	return conn.Revoke(ctx, msg.Conversation(), msg)
}

// own is a named message, and the login of who wrote it or of user.
func (w *world) own(ctx context.Context, name, user string) (*sdkconn.Message, interface {
	sdkconn.Conn
	sdkconn.MessageModifier
}, error) {
	msg := w.names[name]
	if msg == nil {
		return nil, nil, fmt.Errorf("no message is named %q by now", name)
	}
	if user == "" {
		user = msg.Sender
	}
	conn, err := w.person(ctx, user)
	return msg, conn, err
}

// check looks at what has come of a step.
func (st *step) check(ctx context.Context, w *world) []Failure {
	var out []Failure
	if st.expects {
		out = append(out, st.compare(w)...)
	}
	if quiet := w.rec.takeQuiet(); st.quiet {
		out = append(out, st.compareQuiet(w, quiet)...)
	}
	for _, a := range st.archived {
		out = append(out, a.check(w)...)
	}
	for _, s := range st.state {
		out = append(out, s.check(ctx, w)...)
	}
	for _, y := range st.why {
		out = append(out, y.check(ctx, w)...)
	}
	return out
}

// id is the id of a message by the name that a step gave it.
func (w *world) id(name string) (string, bool) {
	msg := w.names[name]
	if msg == nil {
		return "", false
	}
	return rules.MessageID(msg), true
}

// named are the names of messages by their ids.
func (w *world) named() map[string]string {
	out := make(map[string]string, len(w.names))
	for name, msg := range w.names {
		out[rules.MessageID(msg)] = name
	}
	return out
}

// compare looks at what the bot did since the last comparison.
func (st *step) compare(w *world) []Failure {
	acts := w.rec.take()
	asksNotices := slices.ContainsFunc(st.expect, func(x *wanted) bool { return x.action == Notice })
	if !asksNotices {
		acts = slices.DeleteFunc(acts, func(a *Act) bool { return a.Action == Notice })
	}
	same := len(acts) == len(st.expect)
	for i := 0; same && i < len(acts); i++ {
		same = len(st.expect[i].fits(acts[i], w.id)) == 0
	}
	if same {
		return nil
	}
	f := Failure{Pos: st.pos, Message: "the bot did something else"}
	if len(st.expect) > 0 {
		f.Pos = st.expect[0].pos
	}
	switch {
	case len(st.expect) == 0:
		f.Message = "the bot was not silent"
	case len(acts) == 0:
		f.Message = "the bot was silent"
	}
	f.Diff = diff(st.expect, acts, w)
	for _, l := range f.Diff {
		if l.Pos.Line > 0 && l.Sign == '-' {
			f.Pos = l.Pos
			break
		}
	}
	return []Failure{f}
}

// compareQuiet looks at what the bot did since the step began that nobody else notices: what is wanted comes in its order,
// and more may come between, unless nothing is wanted.
func (st *step) compareQuiet(w *world, acts []*Act) []Failure {
	i := 0
	for _, a := range acts {
		if i < len(st.quietly) && len(st.quietly[i].fits(a, w.id)) == 0 {
			i++
		}
	}
	if i == len(st.quietly) && (i > 0 || len(acts) == 0) {
		return nil
	}
	f := Failure{Pos: st.pos, Message: "the bot did something else that nobody notices", Diff: diff(st.quietly, acts, w)}
	if i < len(st.quietly) {
		f.Pos = st.quietly[i].pos
	}
	return []Failure{f}
}

// diff pairs what was wanted with what was done: in order, what fits together stays together.
func diff(want []*wanted, got []*Act, w *world) []DiffLine {
	fits := func(i, j int) bool { return len(want[i].fits(got[j], w.id)) == 0 }
	// The longest common part.
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if fits(i, j) {
				common[i][j] = max(common[i][j], common[i+1][j+1]+1)
			}
		}
	}
	names := w.named()
	var out []DiffLine
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && fits(i, j) && common[i][j] == common[i+1][j+1]+1:
			out = append(out, DiffLine{Sign: ' ', Text: got[j].describe(want[i].order, names), Pos: want[i].pos})
			i, j = i+1, j+1
		case i < len(want) && j < len(got) && want[i].action == got[j].Action && common[i+1][j+1] == common[i][j]:
			differs := want[i].fits(got[j], w.id)
			out = append(out, DiffLine{Sign: '-', Text: want[i].part(differs), Pos: want[i].pos},
				DiffLine{Sign: '+', Text: got[j].describe(differs, names)})
			i, j = i+1, j+1
		case i < len(want) && common[i+1][j] == common[i][j]:
			out = append(out, DiffLine{Sign: '-', Text: want[i].String(), Pos: want[i].pos})
			i++
		default:
			out = append(out, DiffLine{Sign: '+', Text: got[j].describe(nil, names)})
			j++
		}
	}
	return out
}

// part is what is wanted of some of the fields.
func (w *wanted) part(names []string) string {
	var parts []string
	for _, name := range names {
		if m := w.fields[name]; m != nil {
			parts = append(parts, name+" "+m.String())
		} else {
			parts = append(parts, "no "+name)
		}
	}
	return w.action + "  " + strings.Join(parts, ", ")
}

func (a wantArchive) check(w *world) []Failure {
	kept := w.archive.kept(a.name)
	same := len(kept) == len(a.records)
	for i := 0; same && i < len(kept); i++ {
		same = a.records[i].fits(recordOf(kept[i]), w.id)
	}
	if same {
		return nil
	}
	f := Failure{Pos: a.pos, Message: fmt.Sprintf("archive %s holds something else", a.name)}
	for _, m := range a.records {
		f.Diff = append(f.Diff, DiffLine{Sign: '-', Text: m.String()})
	}
	for _, r := range kept {
		f.Diff = append(f.Diff, DiffLine{Sign: '+', Text: show(recordOf(r))})
	}
	if names := w.archive.names(); len(kept) == 0 && len(names) > 0 {
		f.Message += "; there are " + strings.Join(names, ", ")
	}
	return []Failure{f}
}

// recordOf is a record as tests see it; a tombstone has nothing but that.
func recordOf(r actions.ArchiveRecord) any {
	if r.Tombstone {
		return map[string]any{"tombstone": true}
	}
	return field(r.Record)
}

func (s wantState) check(ctx context.Context, w *world) []Failure {
	have, err := w.bot.Inspector().Remembered(ctx, s.memory.of())
	if err != nil {
		return []Failure{{Pos: s.pos, Message: err.Error()}}
	}
	var out []Failure
	for _, key := range slices.Sorted(maps.Keys(s.want)) {
		if !s.want[key].fits(field(have[key]), w.id) {
			out = append(out, Failure{Pos: s.pos, Message: "state " + key + " is something else", Diff: []DiffLine{
				{Sign: '-', Text: s.want[key].String()}, {Sign: '+', Text: show(field(have[key]))},
			}})
		}
	}
	return out
}

func (y wantWhy) check(ctx context.Context, w *world) []Failure {
	fail := func(format string, args ...any) []Failure {
		return []Failure{{Pos: y.pos, Message: fmt.Sprintf("why %s: ", y.rule) + fmt.Sprintf(format, args...)}}
	}
	story, err := w.story(ctx)
	if err != nil {
		return fail("%v", err)
	}
	for _, d := range story.Decisions {
		for _, r := range d.Rules {
			if r.ID != y.rule {
				continue
			}
			did := r.Outcome == bot.OutcomeFired || r.Outcome == bot.OutcomeShadow
			switch {
			case y.text == fired && did:
				return nil
			case y.text == fired:
				return fail("it did not fire: %s", r.Why)
			case did:
				return fail("it fired; wanted a reason with %q in it", y.text)
			case !strings.Contains(reason(&r), y.text):
				return fail("the reason is %q; wanted one with %q in it", reason(&r), y.text)
			}
			return nil
		}
	}
	return fail("the event of this step has no decision about it")
}

// reason is all that is told of why a rule did not fire.
func reason(r *bot.StoryRule) string {
	parts := []string{r.Outcome}
	if r.Why != "" {
		parts = append(parts, r.Why)
	}
	for _, p := range r.Parts {
		if !p.Held {
			parts = append(parts, p.Source+" was "+p.Value)
		}
	}
	return strings.Join(parts, ": ")
}

// story tells what the bot made of the last step's event.
func (w *world) story(ctx context.Context) (*bot.Story, error) {
	if w.last == "" {
		return nil, fmt.Errorf("no step was an event by now")
	}
	return w.bot.Inspector().WhyAll(ctx, w.last)
}
