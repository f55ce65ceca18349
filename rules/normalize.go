package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var normalizeKeys = []string{"profile", "pinyin", "aliases"}

// normalize reads normalize: the name of a profile, or a mapping with the profile strict and its options.
func (c *ruleCompiler) normalize(n *yaml.Node) *profile {
	r := c.r
	n = resolve(n)
	kind := func(n *yaml.Node, what string) *profile {
		word, _ := r.enum(n, what, normalizeNames...)
		switch word {
		case "none":
			return profileNone
		case "strict":
			return profileStrict
		}
		return profileChat
	}
	if n.Kind != yaml.MappingNode {
		return kind(n, "normalize")
	}
	entries, ok := r.mapping(n, "normalize")
	if !ok {
		return profileChat
	}
	base := profileStrict
	p := &profile{kind: NormalizeStrict}
	var option *yaml.Node
	for _, e := range entries {
		switch e.name {
		case "profile":
			base = kind(e.value, "profile")
		case "pinyin":
			p.pinyin = r.boolean(e.value, "pinyin")
			option = cmp.Or(option, e.key)
		case "aliases":
			c.aliases(e.value, p)
			option = cmp.Or(option, e.key)
		default:
			r.unknown(e, normalizeKeys)
		}
	}
	if base != profileStrict && option != nil {
		r.errorf(option, "%s is an option of the profile strict, not of %s", option.Value, base.normalize())
		return base
	}
	if p.plain() {
		return base
	}
	key := fmt.Sprintf("%t %q", p.pinyin, p.aliases)
	if done, ok := r.l.profiles[key]; ok {
		return done
	}
	r.l.profiles[key] = p
	return p
}

// The most aliases of a rule.
const maxAliases = 1000

// aliases reads a mapping from what is written to what it stands for.
func (c *ruleCompiler) aliases(n *yaml.Node, p *profile) {
	r := c.r
	entries, ok := r.mapping(n, "aliases")
	if !ok {
		return
	}
	if len(entries) > maxAliases {
		r.errorf(n, "%d aliases are too many: %d at most", len(entries), maxAliases)
		return
	}
	from := make(map[string]string)
	for _, e := range entries {
		to, ok := r.str(e.value, "an alias")
		if !ok {
			continue
		}
		a := alias{foldText(e.name, profileStrict), foldText(to, profileStrict)}
		first, twice := from[a.from]
		switch {
		case a.from == "":
			r.errorf(e.key, "alias %q: nothing is left of it once it is normalised", e.name)
		case a.to == "":
			r.errorf(resolve(e.value), "alias %q: nothing is left of %q once it is normalised", e.name, to)
		case a.from == a.to:
			r.errorf(e.key, "alias %q: strict takes it for %q without an alias", e.name, to)
		case twice:
			r.errorf(e.key, "alias %q is the same as %q once it is normalised", e.name, first)
		default:
			from[a.from] = e.name
			p.aliases = append(p.aliases, a)
			p.starts[a.from[0]] = true
		}
	}
	slices.SortFunc(p.aliases, func(a, b alias) int {
		return cmp.Or(cmp.Compare(len(b.from), len(a.from)), strings.Compare(a.from, b.from))
	})
}

// foldPhrases prepares words for looking. A list that several rules use is prepared once.
func (c *ruleCompiler) foldPhrases(p phrases, at []*yaml.Node, what string, m *matcher, list string) phrases {
	mode := m.mode
	if what == "except" && mode != MatchRegex { // what shields a word may stand anywhere
		mode = MatchContains
	}
	p.mode = mode
	key := fmt.Sprintf("%s/%p/%s", list, m.profile, mode)
	if list != "" {
		if done, ok := c.r.l.folded[key]; ok {
			return done
		}
	}
	var in input
	for i, phrase := range p.words {
		if mode == MatchRegex {
			re, err := compileRegexp(phrase, m.profile)
			if err != nil {
				c.r.errorf(at[i], "%s: %v", what, err)
				continue
			}
			p.regexps = append(p.regexps, newPattern(re))
			continue
		}
		w := in.word(phrase, m.profile)
		if strings.TrimSpace(w.text) == "" {
			c.r.errorf(at[i], "%s: nothing is left of %q once it is normalised: it would be in every text", what, phrase)
		}
		if (mode == MatchExact || mode == MatchPrefix) && m.profile != profileNone {
			w.text = strings.TrimSpace(w.text)
		}
		if mode == MatchCommand && strings.ContainsAny(w.text, " \t\n") {
			c.r.errorf(at[i], "%s: command %q has white space in it", what, phrase)
		}
		if n := utf8.RuneCountInString(w.text); mode == MatchFuzzy && n > maxFuzzy {
			c.r.errorf(at[i], "%s: a fuzzy phrase has at most %d characters, this one has %d", what, maxFuzzy, n)
			continue
		}
		p.folded = append(p.folded, w)
	}
	switch {
	case mode == MatchFuzzy && len(p.folded) == len(p.words):
		p.fuzzy = newFuzzyPieces(p.folded)
	case mode != MatchRegex && mode != MatchCommand && len(p.folded) >= tableWords:
		p.table = newWordTable(p.folded)
	}
	if list != "" {
		c.r.l.folded[key] = p
	}
	return p
}
