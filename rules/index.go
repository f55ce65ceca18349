package rules

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unsafe"

	"github.com/timbot-go/timbot/sdkconn"
)

// index finds the rules that an event may fire, so that the others need not be tried. It holds all rules that are not off,
// in the order in which they are tried; a rule's number is its place there, its rank. Each rule stands under what it requires
// (see requirement), or among those that are tried always.
//
// The contract: trying the candidates, in order, gives what trying all rules of the event's type in order gives.
type index struct {
	rules   []*Rule
	texts   []textIndex // of each profile
	byValue [factKinds]map[string][]uint32
	byFlag  [][]uint32
	needs   factSet // what has to be known of an event
}

// textProfile is the profile in which a text is looked at, rawText that of an expression's msg.text.
type textProfile = *profile

var rawText = profileNone

// factSet tells which kinds of facts there are.
type factSet uint32

func (s factSet) has(kinds ...factKind) bool {
	for _, k := range kinds {
		if s>>k&1 != 0 {
			return true
		}
	}
	return false
}

// textFacts are the facts that are about the text.
const textFacts factSet = 1<<factLiteral | 1<<factPrefix | 1<<factExact | 1<<factCommand

// textIndex is the part of an index that looks at the text in one profile.
type textIndex struct {
	profile  textProfile
	literals *literals // nil: none
	starts   []uint32  // the rules under literal i are posts[starts[i]:starts[i+1]]
	posts    []uint32
	prefix   [longLiteral]map[string][]uint32 // by length
	exact    valueIndex
	command  valueIndex
	edges    bool      // there is something in prefix, exact or command
	unfolded *unfolded // of the profile chat
}

// valueIndex is a map by a whole text, with the lengths that there are.
type valueIndex struct {
	posts    map[string][]uint32
	min, max int
}

func (x *valueIndex) add(value string, rank uint32) {
	if x.posts == nil {
		x.posts = make(map[string][]uint32)
		x.min = len(value)
	}
	x.posts[value] = append(x.posts[value], rank)
	x.min, x.max = min(x.min, len(value)), max(x.max, len(value))
}

func (x *valueIndex) get(value string, out []uint32) []uint32 {
	if x.posts == nil || len(value) < x.min || len(value) > x.max {
		return out
	}
	return append(out, x.posts[value]...)
}

// newIndex files rules, which are in the order of trying, under what they require, and tells of each whether it is tried
// always.
func newIndex(ordered []*Rule) (x *index, always []bool) {
	x = &index{rules: ordered, byFlag: make([][]uint32, len(flags))}
	always = make([]bool, len(ordered))
	var filings []*filing // of each of x.texts
	text := func(p textProfile) int {
		i := slices.IndexFunc(x.texts, func(t textIndex) bool { return t.profile == p })
		if i < 0 {
			i = len(x.texts)
			x.texts = append(x.texts, textIndex{profile: p})
			filings = append(filings, new(filing))
		}
		return i
	}
	for rank, r := range ordered {
		requires := r.requires()
		if r.cond != nil {
			r.cond.requires = nil // of no more use
		}
		if requires == nil {
			always[rank] = true
			continue
		}
		for _, f := range requires {
			x.needs |= 1 << f.kind
			p := uint32(rank)
			switch f.kind {
			case factLiteral:
				filings[text(f.profile)].add(literal{f.value, f.fold}, p, len(requires))
			case factPrefix:
				m := &x.texts[text(f.profile)].prefix[len(f.value)]
				if *m == nil {
					*m = make(map[string][]uint32)
				}
				(*m)[f.value] = append((*m)[f.value], p)
			case factExact:
				x.texts[text(f.profile)].exact.add(f.value, p)
			case factCommand:
				x.texts[text(f.profile)].command.add(f.value, p)
			case factFlag:
				x.byFlag[f.flag] = append(x.byFlag[f.flag], p)
			default:
				if x.byValue[f.kind] == nil {
					x.byValue[f.kind] = make(map[string][]uint32)
				}
				x.byValue[f.kind][f.value] = append(x.byValue[f.kind][f.value], p)
			}
		}
	}
	for i, f := range filings {
		t := &x.texts[i]
		if t.profile == profileChat {
			for i := range f.lits {
				f.lits[i].fold = true // they stand in lower case; texts that are not folded may not
			}
			t.unfolded = newUnfolded(t.all(f.lits))
		}
		f.file(t)
		t.edges = t.exact.posts != nil || t.command.posts != nil ||
			slices.ContainsFunc(t.prefix[:], func(m map[string][]uint32) bool { return m != nil })
	}
	return x, always
}

// filing gathers the literals of one profile and the rules under them.
type filing struct {
	ids   map[literal]uint32
	lits  []literal
	pairs []filed
}

type filed struct{ id, rank uint32 }

// add files a rule; more is how many literals are likely to come.
func (f *filing) add(l literal, rank uint32, more int) {
	if f.ids == nil {
		f.ids = make(map[literal]uint32, more)
	}
	id, ok := f.ids[l]
	if !ok {
		id = uint32(len(f.lits))
		f.ids[l] = id
		f.lits = append(f.lits, l)
	}
	f.pairs = append(f.pairs, filed{id, rank})
}

func (f *filing) file(x *textIndex) {
	if len(f.lits) == 0 {
		return
	}
	x.literals = newLiterals(f.lits, fewLiterals, manyLiterals)
	x.starts = make([]uint32, len(f.lits)+1)
	for _, p := range f.pairs {
		x.starts[p.id+1]++
	}
	for i := range f.lits {
		x.starts[i+1] += x.starts[i]
	}
	x.posts = make([]uint32, len(f.pairs))
	next := slices.Clone(x.starts)
	for _, p := range f.pairs {
		x.posts[next[p.id]] = p.rank
		next[p.id]++
	}
}

// candidates fills t.stages with the rules of p that the event may fire, in the order of trying, and reports whether there
// are any.
func (x *index) candidates(t *trial, p *plan) bool {
	t.posts = t.posts[:0]
	if x.needs != 0 {
		if x.needs&^textFacts != 0 {
			x.facts(t)
		}
		for i := range x.texts {
			x.texts[i].find(t)
		}
	}
	if len(t.posts) == 0 && len(p.always) == 0 {
		return false
	}
	if len(t.posts) > 1 {
		slices.Sort(t.posts)
		t.posts = slices.Compact(t.posts)
	}
	always := p.always
	for _, rank := range t.posts {
		if !p.has(rank) {
			continue
		}
		for len(always) > 0 && always[0] < rank {
			t.candidate(x.rules[always[0]])
			always = always[1:]
		}
		t.candidate(x.rules[rank])
	}
	for _, rank := range always {
		t.candidate(x.rules[rank])
	}
	return true
}

func (t *trial) candidate(r *Rule) { t.stages[r.Stage] = append(t.stages[r.Stage], r) }

// facts looks up what is not the text.
func (x *index) facts(t *trial) {
	ev := t.ev
	value := func(kind factKind, v string) {
		if m := x.byValue[kind]; m != nil {
			t.posts = append(t.posts, m[v]...)
		}
	}
	optional := func(kind factKind, v *string) {
		if v != nil {
			value(kind, *v)
		}
	}
	value(factUser, ev.User)
	value(factEvent, ev.Type)
	if x.needs.has(factChat, factChatType) {
		conv := ev.Conversation()
		value(factChat, conv.ID)
		typ := ""
		if conv.ID != "" {
			typ = conv.Type.String()
		}
		value(factChatType, typ)
	}
	if x.needs.has(factRole, factUserName, factChatName, factGroupType) {
		var v views
		v.fillFacts(ev, t.facts)
		optional(factRole, v.user.Role)
		optional(factUserName, v.user.Name)
		optional(factChatName, v.chat.Name)
		optional(factGroupType, v.chat.GroupType)
	}
	if !x.needs.has(factSender, factFlag) {
		return
	}
	caughtUp := ev.Source != nil && ev.Source.CaughtUp
	m := ev.message()
	if m == nil { // a revocation, or nothing
		w := viewer{self: ev.Self, zone: t.facts.Now.Location()}
		t.viewed = true
		t.views.fillMsg(ev, w, false)
		v := &t.views.msg
		value(factSender, v.Sender)
		x.flags(t, v.MentionsBot, v.MentionsAll, v.IsSelf, v.Revoked, v.Imported, caughtUp)
		return
	}
	value(factSender, m.Sender)
	x.flags(t, t.in.mentioned, slices.Contains(m.GroupAtUsers, sdkconn.MentionAll), m.IsFromSelf,
		m.Status == sdkconn.StatusRevoked, m.Status == sdkconn.StatusLocalImported, caughtUp)
}

// flags looks up the flags, in the order of the variable of that name.
func (x *index) flags(t *trial, set ...bool) {
	for i, set := range set {
		if set {
			t.posts = append(t.posts, x.byFlag[i]...)
		}
	}
}

// all goes through all texts that are looked for: literals and those of x.
func (x *textIndex) all(literals []literal) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, l := range literals {
			if !yield(l.text) {
				return
			}
		}
		for _, m := range append(x.prefix[:], x.exact.posts, x.command.posts) {
			for text := range m {
				if !yield(text) {
					return
				}
			}
		}
	}
}

// find looks the text up.
func (x *textIndex) find(t *trial) {
	text := t.in.text
	switch {
	case x.profile == rawText:
	case x.unfolded == nil || t.in.hasChat || !x.unfolded.serves(text):
		text = t.in.view(x.profile).text
	case x.edges:
		t.low = appendLower(t.low[:0], text)
		text = byteString(t.low)
	}
	if x.literals != nil {
		t.found = x.literals.scan(unsafe.Slice(unsafe.StringData(text), len(text)), t.found[:0])
		for _, id := range t.found {
			t.posts = append(t.posts, x.posts[x.starts[id]:x.starts[id+1]]...)
		}
	}
	if !x.edges {
		return
	}
	if x.profile == rawText {
		t.posts = x.exact.get(text, t.posts)
	} else if x.exact.posts != nil {
		t.posts = x.exact.get(strings.TrimSpace(text), t.posts)
	}
	start := text
	if x.profile != rawText {
		start = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	for n, m := range x.prefix {
		if m != nil && n <= len(start) {
			t.posts = append(t.posts, m[start[:n]]...)
		}
	}
	if x.command.posts != nil {
		word, rest := cutWord(text)
		t.posts = x.command.get(word, t.posts)
		if t.in.mentioned {
			word, _ = cutWord(rest)
			t.posts = x.command.get(word, t.posts)
		}
	}
}

// cutWord takes the first word off a text.
func cutWord(text string) (word, rest string) {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	if end := strings.IndexFunc(text, unicode.IsSpace); end >= 0 {
		return text[:end], text[end:]
	}
	return text, ""
}
