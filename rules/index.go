package rules

import (
	"slices"
	"sort"
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
	byValue [factKinds]map[string][]uint64
	byFlag  [][]uint64
	needs   factSet // what has to be known of an event
}

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

// textIndex is the part of an index that looks at the text in one profile.
type textIndex struct {
	used     bool
	literals *literals // nil: none
	posts    [][]uint64
	prefix   [longLiteral]map[string][]uint64 // by length
	exact    valueIndex
	command  valueIndex
}

// valueIndex is a map by a whole text, with the lengths that there are.
type valueIndex struct {
	posts    map[string][]uint64
	min, max int
}

func (x *valueIndex) add(value string, post uint64) {
	if x.posts == nil {
		x.posts = make(map[string][]uint64)
		x.min = len(value)
	}
	x.posts[value] = append(x.posts[value], post)
	x.min, x.max = min(x.min, len(value)), max(x.max, len(value))
}

func (x *valueIndex) get(value string, out []uint64) []uint64 {
	if x.posts == nil || len(value) < x.min || len(value) > x.max {
		return out
	}
	return append(out, x.posts[value]...)
}

// A post is a rule's rank in the upper half and a word of its any_of, or noWord, in the lower: sorted, posts are in the order
// of trying.
func post(rank int, word int32) uint64 { return uint64(rank)<<32 | uint64(uint32(word)) }

func postRank(p uint64) int   { return int(p >> 32) }
func postWord(p uint64) int32 { return int32(uint32(p)) }

// newIndex files rules, which are in the order of trying, under what they require, and tells of each whether it is tried
// always.
func newIndex(ordered []*Rule) (x *index, always []bool) {
	x = &index{rules: ordered, texts: make([]textIndex, len(normalizeNames)), byFlag: make([][]uint64, len(flags))}
	always = make([]bool, len(ordered))
	ids := make([]map[literal]uint32, len(x.texts))
	lits := make([][]literal, len(x.texts))
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
			t := &x.texts[f.normalize]
			p := post(rank, f.word)
			switch f.kind {
			case factLiteral:
				l := literal{f.value, f.fold}
				if ids[f.normalize] == nil {
					ids[f.normalize] = make(map[literal]uint32, len(requires))
				}
				id, ok := ids[f.normalize][l]
				if !ok {
					id = uint32(len(lits[f.normalize]))
					ids[f.normalize][l] = id
					lits[f.normalize] = append(lits[f.normalize], l)
					t.posts = append(t.posts, nil)
				}
				t.posts[id] = append(t.posts[id], p)
				t.used = true
			case factPrefix:
				m := &t.prefix[len(f.value)]
				if *m == nil {
					*m = make(map[string][]uint64)
				}
				(*m)[f.value] = append((*m)[f.value], p)
				t.used = true
			case factExact:
				t.exact.add(f.value, p)
				t.used = true
			case factCommand:
				t.command.add(f.value, p)
				t.used = true
			case factFlag:
				x.byFlag[f.flag] = append(x.byFlag[f.flag], p)
			default:
				if x.byValue[f.kind] == nil {
					x.byValue[f.kind] = make(map[string][]uint64)
				}
				x.byValue[f.kind][f.value] = append(x.byValue[f.kind][f.value], p)
			}
		}
	}
	for i, l := range lits {
		if len(l) > 0 {
			x.texts[i].literals = newLiterals(l, manyLiterals)
		}
	}
	return x, always
}

// candidates fills t.stages with the rules of p that the event may fire, in the order of trying.
func (x *index) candidates(t *trial, p *plan) {
	t.indexed, t.posts = true, t.posts[:0]
	if x.needs != 0 {
		x.facts(t)
		for i := range x.texts {
			if x.texts[i].used {
				x.texts[i].find(t, Normalize(i))
			}
		}
	}
	for i := range t.stages {
		t.stages[i] = t.stages[i][:0]
	}
	if len(t.posts) > 1 {
		slices.Sort(t.posts)
		t.posts = slices.Compact(t.posts)
	}
	always := p.always
	last := -1
	for _, post := range t.posts {
		rank := postRank(post)
		if rank == last || !p.has(rank) {
			continue
		}
		for len(always) > 0 && int(always[0]) < rank {
			t.candidate(x.rules[always[0]])
			always = always[1:]
		}
		last = rank
		t.candidate(x.rules[rank])
	}
	for _, rank := range always {
		t.candidate(x.rules[rank])
	}
}

func (t *trial) candidate(r *Rule) { t.stages[r.Stage] = append(t.stages[r.Stage], r) }

// words are the words of any_of that the index found for a rule, and all that can be there; nil when it was not found by
// them.
func (t *trial) words(r *Rule) []uint64 {
	if !t.indexed {
		return nil
	}
	first := sort.Search(len(t.posts), func(i int) bool { return postRank(t.posts[i]) >= r.rank })
	end := first
	for end < len(t.posts) && postRank(t.posts[end]) == r.rank {
		end++
	}
	if first == end || postWord(t.posts[first]) == noWord {
		return nil
	}
	return t.posts[first:end]
}

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

// find looks the text up.
func (x *textIndex) find(t *trial, normalize Normalize) {
	text := t.in.view(normalize).text
	if x.literals != nil {
		t.found = x.literals.scan(unsafe.Slice(unsafe.StringData(text), len(text)), t.found[:0])
		for _, id := range t.found {
			t.posts = append(t.posts, x.posts[id]...)
		}
	}
	if normalize == NormalizeNone {
		t.posts = x.exact.get(text, t.posts)
	} else if x.exact.posts != nil {
		t.posts = x.exact.get(strings.TrimSpace(text), t.posts)
	}
	start := text
	if normalize != NormalizeNone {
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
		for t.in.mentioned && rest != "" { // a name may have what folds to white space
			word, rest = cutWord(rest)
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
