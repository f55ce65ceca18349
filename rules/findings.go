package rules

import "strings"

// Finding documents a kind of warning or mistake that has an id.
type Finding struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Doc   string `json:"doc"`
	Wrong string `json:"wrong,omitzero"` // a file that has it
	Right string `json:"right,omitzero"` // how it is written then

	// Mistake says that the file does not load. Others are warnings.
	Mistake bool `json:"mistake"`
	// Asked says that it is looked for only when it is asked for, with Set.Overlaps.
	Asked bool `json:"asked,omitzero"`

	marks []string // of a mistake: what its message holds
}

// Findings returns what is known of every id, mistakes first.
func Findings() []Finding { return findings }

// FindingOf returns what is known of an id.
func FindingOf(id string) (Finding, bool) {
	for _, f := range findings {
		if f.ID == id {
			return f, true
		}
	}
	return Finding{}, false
}

// mistakeID is the id of the mistake that a message is about, or "".
func mistakeID(msg string) string {
	for _, f := range findings {
		for _, mark := range f.marks {
			if strings.Contains(msg, mark) {
				return f.ID
			}
		}
	}
	return ""
}

// inRule wraps lines of a rule into a file.
func inRule(lines ...string) string {
	out := "version: 1\nrules:\n  - id: r\n"
	for _, line := range lines {
		out += "    " + line + "\n"
	}
	return out
}

var findings = []Finding{
	{
		ID: "yaml-on", Mistake: true, Title: "the key on became the boolean true",
		Doc: "Readers of YAML 1.1 take a plain on for true; a tool of that kind that writes the file again leaves the key true\n" +
			"behind. timbot reads YAML 1.2: on: and \"on\": are the same key.",
		Wrong: inRule("true: message", "do: [reply: hi]"), Right: inRule(`"on": message`, "do: [reply: hi]"),
		marks: []string{"a rule's events are under `on:`"},
	},
	{
		ID: "yaml-flow-expression", Mistake: true, Title: "an expression inside { } or [ ] without quotes",
		Doc:   "Inside a flow mapping or list the braces of ${{ }} are YAML's own. Quote the value.",
		Wrong: inRule("on: message", "do: [reply: { text: ${{ msg.text }} }]"),
		Right: inRule("on: message", `do: [reply: { text: "${{ msg.text }}" }]`),
		marks: []string{"inside { … } or [ … ] must be quoted"},
	},
	{
		ID: "yaml-colon", Mistake: true, Title: "a colon with a blank in a value without quotes",
		Doc:   "A plain value ends for YAML where `: ` stands in it, as in a ? b : c. Quote it, or use a block scalar.",
		Wrong: inRule("on: message", "if: msg.is_self ? true : false", "do: [reply: hi]"),
		Right: inRule("on: message", `if: "msg.is_self ? true : false"`, "do: [reply: hi]"),
		marks: []string{"a value with `: ` in it must be quoted"},
	},
	{
		ID: "yaml-hash", Mistake: true, Title: "a # after a blank in a value without quotes",
		Doc:   "What follows ` #` is a comment for YAML, as in any(x, # > 1). Quote the value, or use a block scalar.",
		Wrong: inRule("on: message", "if: any(msg.elems, # != nil)", "do: [reply: hi]"),
		Right: inRule("on: message", `if: "any(msg.elems, # != nil)"`, "do: [reply: hi]"),
		marks: []string{"YAML takes what follows ` #` for a comment"},
	},
	{
		ID: "yaml-word", Mistake: true, Title: "a word that some readers of YAML take for something else",
		Doc: "12, 0xF, 1e3, 2026-01-01, true, null, yes, no, on and off are numbers, dates and booleans for some readers of YAML.\n" +
			"Where the language wants words they must be quoted.",
		Wrong: inRule("on: message", "match: { any_of: [12, no] }", "do: [reply: hi]"),
		Right: inRule("on: message", `match: { any_of: ["12", "no"] }`, "do: [reply: hi]"),
		marks: []string{"must be a string: "},
	},
	{
		ID: "yaml-tab", Mistake: true, Title: "a tab at the start of a line",
		Doc:   "YAML is indented with spaces only.",
		Wrong: "version: 1\nrules:\n\t- id: r\n", Right: inRule("on: message", "do: [reply: hi]"),
		marks: []string{"tabs cannot indent YAML"},
	},
	{
		ID: "expr-slice", Mistake: true, Title: "a text that is cut with [a:b]",
		Doc:   "An index counts bytes, of which a Chinese character has three: a cut can go through its middle. left(text, n) counts\ncharacters.",
		Wrong: inRule("on: message", "do: [reply: \"${{ msg.text[0:10] }}\"]"),
		Right: inRule("on: message", "do: [reply: \"${{ left(msg.text, 10) }}\"]"),
		marks: []string{"would cut characters in half", "cuts characters in half"},
	},
	{
		ID: "expr-clock", Mistake: true, Title: "a function that reads the machine it runs on",
		Doc: "Expressions see one clock and one zone, the bot's, so that tests and replays can move them: now() is timbot's own, and\n" +
			"timezone does not exist. now() is in the bot's zone already.",
		Wrong: inRule("on: message", "if: now().In(timezone(\"Asia/Shanghai\")).Hour() > 8", "do: [reply: hi]"),
		Right: inRule("on: message", "if: now().Hour() > 8", "do: [reply: hi]"),
		marks: []string{"zones are files"},
	},
	{
		ID: "expr-bounds", Mistake: true, Title: "an expression that could take too long",
		Doc: "The time of an expression is bounded by its form: at most 16 KiB and 1,000 nodes, and at most two of any, all, map,\n" +
			"filter and the like inside one another.",
		Wrong: inRule("on: message", `if: "any(msg.elems, any(msg.elems, any(msg.elems, true)))"`, "do: [reply: hi]"),
		Right: inRule("on: message", `if: "any(msg.elems, .kind == 'image')"`, "do: [reply: hi]"),
		marks: []string{"inside one another", "expression is longer than", "exceeds maximum allowed nodes"},
	},
	{
		ID: "expr-braces", Mistake: true, Title: "${{ }} where an expression stands already",
		Doc:   "if and accept hold a bare expression.",
		Wrong: inRule("on: message", `if: "${{ msg.mentions_bot }}"`, "do: [reply: hi]"),
		Right: inRule("on: message", "if: msg.mentions_bot", "do: [reply: hi]"),
		marks: []string{"is an expression already"},
	},
	{
		ID: "regex-look-around", Mistake: true, Title: "a regular expression that looks around",
		Doc: "Regular expressions are Go's, whose time is linear in the text: a bad one cannot hang the bot. Look-around and\n" +
			"back-references do not exist. Put what must not be there into none_of, or into the if.",
		Wrong: inRule("on: message", "match: { mode: regex, any_of: ['订单(?!号)'] }", "do: [reply: hi]"),
		Right: inRule("on: message", "match: { mode: regex, any_of: ['订单'], none_of: ['订单号'] }", "do: [reply: hi]"),
		marks: []string{"invalid or unsupported Perl syntax"},
	},
	{
		ID: "faq-duplicate", Mistake: true, Title: "a question that a table has twice",
		Doc:   "Two rows of a faq have the same question, or alias, in the same mode. Only one of their answers would ever be given.",
		marks: []string{"only one of the answers would ever be given", "comes twice in this row"},
	},
	{
		ID: "faq-blank", Mistake: true, Title: "a row of a table without a question or an answer",
		Doc:   "Each row of a faq has both.",
		marks: []string{"row has no question", "row has no answer"},
	},
	{
		ID: "unused-list", Title: "a list that nothing reads",
		Doc:   "No rule names the list.",
		Wrong: "version: 1\nlists: { a: [x] }\n",
	},
	{
		ID: "empty-list", Title: "a list without words",
		Doc:   "A rule whose any_of is this list fires on nothing.",
		Wrong: "version: 1\nlists: { a: [] }\nrules:\n  - id: r\n    on: message\n    if: msg.text in lists.a\n    do: [reply: hi]\n",
	},
	{
		ID: "csv-duplicate", Title: "a word that a CSV list has twice",
		Doc: "The row does nothing. Told with its line in the file.",
	},
	{
		ID: "csv-blank", Title: "a row of a CSV list without a word",
		Doc: "Nothing stands in the list's column. Told with its line in the file.",
	},
	{
		ID: "faq-overlap", Title: "a question that another row's question is in",
		Doc: "A text that holds both is answered by the exact one, else by the longest, else by the first row. Told with the line of\n" +
			"the row in the file.",
	},
	{
		ID: "unset-secret", Title: "secrets that were not looked up",
		Doc: "The files were checked without an environment.",
	},
	{
		ID: "shadow", Title: "a rule that runs in shadow",
		Doc:   "run: shadow evaluates a rule and does nothing. When its hits look right, make it live.",
		Wrong: inRule("on: message", "run: shadow", "do: [reply: hi]"),
	},
	{
		ID: "always-candidate", Title: "an if that is evaluated for every event",
		Doc: "Nothing in the rule that can be looked up ahead (a word of match, an equality, in) narrows it down. It costs little, and\n" +
			"many such rules cost more.",
		Wrong: inRule("on: message", "if: len(msg.text) > 100", "do: [reply: hi]"),
		Right: inRule("on: message", `if: chat.type == "c2c" && len(msg.text) > 100`, "do: [reply: hi]"),
	},
	{
		ID: "unreachable", Title: "a rule behind one that takes everything",
		Doc:   "A rule before it has neither match nor if, listens to the same events and does not continue.",
		Wrong: inRule("on: message", "do: [reply: hi]") + "  - id: s\n    on: message\n    do: [reply: ho]\n",
	},
	{
		ID: "idle-session", Title: "a session whose steps ask nothing",
		Doc:   "A dialogue begins with an ask step; without one session does nothing.",
		Wrong: inRule("on: message", "session: {}", "do: [reply: hi]"),
	},
	{
		ID: "unheard-signal", Title: "a signal that no rule listens to",
		Doc: "The step tells nobody. A rule hears it with `on: signal.NAME`; a signal that only other programs send needs no\n" +
			"step.",
		Wrong: inRule("on: message", "do: [{signal: filed}]"),
		Right: inRule("on: message", "do: [{signal: filed}]") + "  - {id: heard, on: signal.filed, do: [{log: heard}]}\n",
	},
	{
		ID: "open-webhook", Title: "a webhook without a secret",
		Doc: "Whoever reaches the address could call it, so that only calls are taken that this machine makes itself, and not those\n" +
			"that a proxy passes on. Give it a secret, or all of them one with bot.webhooks.secret.",
		Wrong: inRule("on: { webhook: /deploy }", "do: [{ log: x }]"),
		Right: "secrets: { from: env }\n" + inRule("on: { webhook: { path: /deploy, secret: \"${{ secrets.HOOK }}\" } }", "do: [{ log: x }]"),
	},
	{
		ID: "fuzzy-cost", Title: "what fuzzy words cost",
		Doc: "Words with mode: fuzzy are looked for with some characters wrong, in each message that has a piece of one of them: a\n" +
			"half of a word of four characters, a third of one of eight. The warning says what that costs; many or short ones\n" +
			"cost more, and short pieces are in more messages.",
		Wrong: inRule("on: message", "match: {mode: fuzzy, any_of: [会员续费优惠]}", "do: [{log: x}]"),
		Right: inRule("on: message", "match: {any_of: [会员续费优惠]}", "do: [{log: x}]"),
	},
	{
		ID: "short-word", Title: "one character is left of a word",
		Doc: "Under normalize: strict separators and repetitions go, and one character is left of this word: it is found in\n" +
			"many texts that mean nothing by it.",
		Wrong: inRule("on: message", "match: {normalize: strict, any_of: [a.]}", "do: [{log: x}]"),
		Right: inRule("on: message", "match: {normalize: strict, any_of: [a.b.c]}", "do: [{log: x}]"),
	},
	{
		ID: "silent-handoff", Title: "a handoff that nobody is told of",
		Doc:   "Without bot.ops_group nobody is told, and without resume nothing gives the conversation back by itself.",
		Wrong: inRule("on: message", "do: [handoff: {}]"),
		Right: inRule("on: message", "do: [handoff: { resume: { idle: 10m } }]"),
	},
	{
		ID: "never-fires", Asked: true, Title: "a rule that can fire on no event",
		Doc:   "What its match or if asks for excludes itself. Told by timbot lint --overlap.",
		Wrong: inRule("on: message.c2c", `if: chat.type == "group"`, "do: [reply: hi]"),
	},
	{
		ID: "shadowed", Asked: true, Title: "a rule that an earlier one always goes before",
		Doc: "Whenever this rule would fire, an earlier one of its stage fires and does not continue, or a final guard rule does: its\n" +
			"words are among the other's, its if asks for more. Put the narrower rule first, or give it a higher priority. Told by\n" +
			"timbot lint --overlap.",
		Wrong: inRule("on: message", "match: { any_of: [退款] }", "do: [reply: hi]") +
			"  - id: s\n    on: message\n    match: { any_of: [退款进度] }\n    do: [reply: ho]\n",
	},
}

// Markdown is the finding's documentation, without its id.
func (f Finding) Markdown() string {
	out := strings.ToUpper(f.Title[:1]) + f.Title[1:] + ".\n\n" + f.Doc + "\n"
	for _, part := range []struct{ title, text string }{{"Wrong:", f.Wrong}, {"Right:", f.Right}} {
		if part.text != "" {
			out += "\n" + part.title + "\n\n```yaml\n" + part.text + "```\n"
		}
	}
	return out
}
