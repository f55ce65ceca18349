package rules

import "slices"

// FormKind says what sort of thing stands at a place of a file.
type FormKind int

// The kinds of forms.
const (
	FormAny     FormKind = iota // any value
	FormText                    // a scalar that is read as text; it may hold ${{ }}
	FormString                  // a string, and no number or boolean that looks like one
	FormWord                    // one of Words
	FormPattern                 // a string that Pattern describes
	FormExpr                    // a bare expression
	FormJoined                  // a string with ${{ }} in it
	FormBool                    // true or false
	FormInt                     // a whole number from Min to Max, if Max is not 0
	FormNumber                  // a number
	FormNull                    // nothing
	FormMapping                 // Keys and no others
	FormTable                   // a mapping from names to Item
	FormList                    // a list of Item
	FormEither                  // one of Either
)

// Form describes what may stand at a place of a bot's file: the keys of the language in one table, for the tools that read
// files without compiling them (the schema, the formatter). It says less than Load checks. Forms refer to themselves.
type Form struct {
	Name string // of a form that is used in several places; empty for others
	Doc  string
	Kind FormKind

	Keys   []FormKey // of FormMapping, in the order in which they are written
	Item   *Form     // of FormList and FormTable
	Either []*Form
	Words  []string

	Pattern  string // a regular expression of ECMA-262
	Min, Max int
	Least    int  // keys or items
	Free     bool // the order of Keys is the writer's

	OneOf     [][]string // groups of keys of which exactly one is given
	AtMostOne [][]string // groups of keys that exclude each other
	AnyOf     []string   // at least one of these is given
}

// FormKey is one key of a mapping.
type FormKey struct {
	Name, Doc string
	Form      *Form
	Required  bool
}

// Key returns the form of a key of a mapping, or nil.
func (f *Form) Key(name string) *Form {
	for _, k := range f.Keys {
		if k.Name == name {
			return k.Form
		}
	}
	return nil
}

const (
	durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+$`
	ratePattern     = `^\s*[0-9]+\s*/\s*([0-9]+(\.[0-9]+)?)?(ns|us|µs|ms|s|m|h|d|w)([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))*\s*$`
	sizePattern     = `^(0|[0-9.]+ *(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB))$`
)

func either(forms ...*Form) *Form { return &Form{Kind: FormEither, Either: forms} }
func named(name string, forms ...*Form) *Form {
	return &Form{Name: name, Kind: FormEither, Either: forms}
}
func itemsOf(item *Form) *Form { return &Form{Kind: FormList, Item: item, Least: 1} }
func oneWord(words ...string) *Form {
	return &Form{Kind: FormWord, Words: words}
}
func matching(pattern string) *Form         { return &Form{Kind: FormPattern, Pattern: pattern} }
func intFrom(lo, hi int) *Form              { return &Form{Kind: FormInt, Min: lo, Max: hi} }
func mappingOf(keys ...FormKey) *Form       { return &Form{Kind: FormMapping, Keys: keys} }
func key(name, doc string, f *Form) FormKey { return FormKey{Name: name, Doc: doc, Form: f} }
func must(name, doc string, f *Form) FormKey {
	return FormKey{Name: name, Doc: doc, Form: f, Required: true}
}

var (
	anyForm      = &Form{Kind: FormAny}
	textForm     = &Form{Kind: FormText}
	stringForm   = &Form{Kind: FormString}
	exprForm     = &Form{Kind: FormExpr}
	boolForm     = &Form{Kind: FormBool}
	joinedForm   = &Form{Kind: FormJoined}
	durationForm = matching(durationPattern)
	rateForm     = matching(ratePattern)
	sizeForm     = either(matching(sizePattern), &Form{Kind: FormInt})
)

// Language returns the form of a bot's file whose steps a catalog names.
func Language(catalog Catalog) *Form {
	b := &languageBuilder{catalog: catalog}
	return b.file()
}

type languageBuilder struct {
	catalog     Catalog
	steps       *Form // a list of steps
	replyInputs *Form
}

func (b *languageBuilder) file() *Form {
	b.steps = &Form{Name: "steps", Doc: "What the rule does, in this order.", Kind: FormList, Least: 1}
	b.replyInputs = either(textForm, mappingOf(b.replyKeys()...).free())
	b.steps.Item = b.step()
	list := either(&Form{Kind: FormList, Item: stringForm}, mappingOf(
		must("file", "A file with one phrase a line, or a .csv file.", stringForm),
		key("column", "Of a .csv file; the first one unless given.", stringForm)))
	f := mappingOf(
		key("version", "Always 1. An included file may leave it out.", &Form{Kind: FormInt, Min: 1, Max: 1}),
		key("bot", "The connection, and how the bot works. In the bot's own file only.", b.bot()),
		key("include", "Files with more rules: paths and patterns, relative to this file.", either(stringForm, itemsOf(stringForm))),
		key("secrets", "Where ${{ secrets.NAME }} comes from. In the bot's own file only.", mappingOf(
			key("from", "The environment.", oneWord("env")))),
		key("plugins", "Programs that bring actions, by the name that steps call them. In the bot's own file only.",
			&Form{Kind: FormTable, Item: b.plugin()}),
		key("lists", "Lists of words, which all files see.", &Form{Kind: FormTable, Item: list}),
		key("vars", "Plain values under a name, which all files see.", &Form{Kind: FormTable, Item: anyForm}),
		key("defaults", "What rules have that do not say otherwise: all of the bot, or those of an included file.", b.defaults()),
		key("blueprint", "Makes the file a blueprint: rules with inputs, which other files use.", b.blueprint()),
		key("calendars", "Calendars of working days by file, which all files see.", &Form{Kind: FormTable, Item: mappingOf(
			must("file", "A file with first, last, weekend, off and work.", stringForm))}),
		key("rules", "The rules, tried in this order inside a stage and priority.", &Form{Kind: FormList, Item: b.rule()}),
	)
	f.Name, f.Doc = "file", "A file of a timbot bot: https://github.com/timbot-go/timbot"
	return f
}

func (b *languageBuilder) bot() *Form {
	stages := oneWord(stageNames...)
	return mappingOf(
		must("connection", "The URL of the connection; it may hold ${{ secrets.NAME }}.", stringForm),
		key("name", "The bot's name, for people.", stringForm),
		key("admins", "User ids of those who look after the bot.", &Form{Kind: FormList, Item: stringForm}),
		key("ops_group", "The group where the bot reports what a person must know.", stringForm),
		key("catch_up", "What becomes of messages of the time the bot was away.", mappingOf(
			key("max_age", "Older ones are only stored; 24h unless given.", durationForm),
			key("stages", "The stages whose rules are tried on them; all unless given.", itemsOf(stages)))),
		key("keep", "How long the journal keeps what is done.", mappingOf(
			key("events", "14d unless given.", durationForm),
			key("traces", "Why the bot did what; as long as events unless given.", durationForm),
			key("dead", "Runs that stand still until a person decides; 30d unless given.", durationForm),
			key("size", "Of the journal; 2GiB unless given, 0: no bound.", sizeForm))),
		key("pace", "Bounds what the bot sends, below the service's limits.", mappingOf(
			key("total", "Over the connection.", rateForm),
			key("chat", "To one conversation.", rateForm))),
		key("language", "Of the bot's own texts; zh unless given.", oneWord(languageNames...)),
		key("help", "The command that lists the commands.", either(stringForm, mappingOf(
			must("command", "The word, for instance /help.", stringForm),
			key("aliases", "Other words for it.", itemsOf(stringForm))))),
		key("http", "Which web servers http steps may ask.", mappingOf(
			key("allow", "Hosts, *.DOMAIN for what is under one, with a port if it is not the usual one.",
				itemsOf(stringForm)),
			key("private", "Hosts may have addresses of this machine and of private networks.", boolForm))),
		key("webhooks", "Where others call the bot over HTTP, and what they must give.", mappingOf(
			key("listen", "The address, such as 127.0.0.1:8080.", stringForm),
			key("secret", "Of the webhooks that have none: ${{ secrets.NAME }}.", joinedForm),
			key("signature", "How callers show that they know it; any unless given.", oneWord(proofNames...)),
			key("max_size", "Of a body; 256KiB unless given.", sizeForm))),
		key("reload", "When a running bot goes on by its changed files.", mappingOf(
			key("tests", "Whether the bot's tests are run first, and must pass; off unless given.", oneWord(testModeNames...)))),
	)
}

// plugin is the form of a plugin, in the bot's file.
func (b *languageBuilder) plugin() *Form {
	names := &Form{Kind: FormList, Item: stringForm}
	return either(stringForm, mappingOf(
		must("path", "The folder of its plugin.yaml, relative to this file.", stringForm),
		key("command", "What starts it, in place of what plugin.yaml says.", itemsOf(stringForm)),
		key("checksum", "What its command and files must have: sha256:HEX.", matching(checksumForm.String())),
		key("env", "Variables of the bot's environment that it sees.", names),
		key("rights", "What it may do, of what it asks for; nothing unless given.", mappingOf(
			key("actions", "Actions of the bot.", names),
			key("conversations", "Where: event, c2c_USER, group_ID, c2c_*, group_*; event unless given.", names),
			key("signals", "Signals that it raises, without signal. before them.", names),
			key("state", "It keeps values of its own in the journal.", boolForm),
			key("network", "Hosts, for people to know.", names))),
		key("limits", "Bounds it.", mappingOf(
			key("timeout", "Of a call.", durationForm),
			key("concurrency", "Calls at once; 16 unless given.", intFrom(1, maxPluginConcurrency)),
			key("memory", "Resident; one that needs more is started anew. No bound unless given.", sizeForm))),
		key("restart", "When it ended by itself.", mappingOf(
			key("backoff", "Before it is started again; doubles. 1s unless given.", durationForm),
			key("crashes", "So many, and it stays down for a while; 5 unless given.", intFrom(1, maxPluginCrashes)),
			key("within", "In this time; 10m unless given.", durationForm))),
		key("start", "lazy (when it is first called) or at_once; lazy unless given.", oneWord(pluginStarts...))))
}

// normalize is how text and words are made alike.
func (b *languageBuilder) normalize() *Form {
	return named("normalize", oneWord(normalizeNames...), mappingOf(
		key("profile", "strict unless given.", oneWord(normalizeNames...)),
		key("pinyin", "Chinese characters are compared by their sound.", boolForm),
		key("aliases", "What is written for what, such as V: 微.", &Form{Kind: FormTable, Item: stringForm})))
}

func (b *languageBuilder) limit() *Form {
	return named("limit", oneWord(noLimit), mappingOf(
		key("per", "user, chat, or a text with ${{ }}; one limit for all unless given.", textForm),
		must("rate", "How many in how long, such as 1/30s.", rateForm),
		key("over", "What becomes of an event over the limit; drop unless given.", oneWord(overNames...)),
		key("reply", "What over: reply says.", b.replyInputs)))
}

func (b *languageBuilder) retry() *Form {
	return mappingOf(
		key("times", "After the first attempt; 1 unless given.", intFrom(0, maxRetries)),
		key("backoff", "Before the first retry; 1s unless given.", durationForm))
}

// blueprint is the form of what a blueprint says of itself.
func (b *languageBuilder) blueprint() *Form {
	input := &Form{Kind: FormMapping, Keys: ordered(inputKeys, map[string]FormKey{
		"type":        must("", "What may be given.", oneWord(inputTypes...)),
		"description": key("", "For people.", stringForm),
		"required":    key("", "Whether it must be given; true unless given, or default is.", boolForm),
		"default":     key("", "What it is when nothing is given.", anyForm),
		"choices":     key("", "Of the type choice: the texts that it may be.", itemsOf(stringForm)),
	})}
	return &Form{Kind: FormMapping, Keys: ordered(blueprintKeys, map[string]FormKey{
		"name":        key("", "For people.", stringForm),
		"description": key("", "For people.", stringForm),
		"inputs":      key("", "What a use may or must give: ${{ inputs.NAME }}.", &Form{Kind: FormTable, Item: input}),
	})}
}

// command is the form of a command.
func (b *languageBuilder) command() *Form {
	arg := &Form{Kind: FormMapping, Keys: ordered(argKeys, map[string]FormKey{
		"name":     must("", "args.NAME; small letters, or others, digits and _.", matching(`^[^A-Z\s]+$`)),
		"type":     key("", "What may be written; text unless given.", oneWord(argTypes...)),
		"doc":      key("", "For people.", stringForm),
		"required": key("", "Whether it must be there; false unless given.", boolForm),
		"default":  key("", "What it is when it is not there, as a person would write it.", textForm),
		"choices":  key("", "Of the type choice: the words that it may be.", itemsOf(stringForm)),
	})}
	return either(stringForm, &Form{Kind: FormMapping, Keys: ordered(commandKeys, map[string]FormKey{
		"name":    must("", "The word, for instance /remind.", stringForm),
		"aliases": key("", "Other words for it.", itemsOf(stringForm)),
		"doc":     key("", "What help says of it.", stringForm),
		"args":    key("", "What comes after it, in this order.", itemsOf(arg)),
		"usage":   key("", "What is said to wrong arguments; the error and the usage unless given.", b.replyInputs),
		"hidden":  key("", "help does not name it.", boolForm),
	})})
}

// use is the form of a use of a blueprint.
func (b *languageBuilder) use() *Form {
	return &Form{Kind: FormMapping, Keys: ordered(useKeys, map[string]FormKey{
		"blueprint": must("", "The blueprint's file, relative to this one.", stringForm),
		"with":      key("", "Its inputs.", &Form{Kind: FormTable, Item: anyForm}),
	})}
}

// defaults is the form of defaults. Its keys are those of defaultKeys, in their order.
func (b *languageBuilder) defaults() *Form {
	return &Form{Kind: FormMapping, Keys: ordered(defaultKeys, map[string]FormKey{
		"stage":     key("", "Of rules.", oneWord(stageNames...)),
		"priority":  key("", "Of rules.", intFrom(minPriority, maxPriority)),
		"run":       key("", "Of rules: live, shadow or off.", oneWord(modeNames...)),
		"limit":     key("", "Of rules, each for itself.", b.limit()),
		"normalize": key("", "Of match.", b.normalize()),
		"timeout":   key("", "Of actions.", durationForm),
		"retry":     key("", "Of actions.", b.retry()),
		"on_error":  key("", "Of actions: stop or continue.", oneWord(onErrorNames...)),
	})}
}

// rule is the form of a rule. Its keys are those of ruleKeys, in their order.
func (b *languageBuilder) rule() *Form {
	event := either(oneWord(slices.Concat(keys(eventGroups), EventTypes())...), matching(`^signal\.[a-z0-9_][a-z0-9_.-]*$`),
		scheduledForm(), mappingOf(must("webhook", "A path that others call over HTTP.", webhookForm())))
	words := either(stringForm, itemsOf(stringForm))
	normalize := b.normalize()
	match := mappingOf(
		key("any_of", "One of these words must be there.", words),
		key("all_of", "All of these words must be there.", words),
		key("none_of", "None of these words may be there.", words),
		key("except", "What stands inside one of these phrases does not count.", words),
		key("mode", "How words are looked for; contains unless given.", oneWord(matchModes...)),
		key("normalize", "How text and words are made alike; chat unless given.", normalize))
	match.AnyOf = []string{"any_of", "all_of", "none_of"}
	forms := map[string]FormKey{
		"id":      must("", "Small letters, digits, dots, - and _; no two rules have the same.", matching(ruleID.String())),
		"name":    key("", "For people.", textForm),
		"use":     key("", "Rules of a blueprint, in place of one rule's own keys. Beside it stand id and run.", b.use()),
		"on":      key("", "The events that the rule listens to.", either(event, itemsOf(event))),
		"match":   key("", "Which words the message must have.", match),
		"command": key("", "The first word of the message, with arguments behind it, in place of match.", b.command()),
		"faq": key("", "A table of questions and answers, in place of match; its answer is replied unless there is do.", either(stringForm,
			&Form{Kind: FormMapping, Keys: ordered(faqKeys, map[string]FormKey{
				"file":      must("", "A .csv file with the columns question, aliases, answer, mode.", stringForm),
				"mode":      key("", "Of rows that say none; contains unless given.", oneWord(faqModes...)),
				"normalize": key("", "How text and questions are made alike.", normalize),
			})})),
		"if":           key("", "An expression that must be true.", exprForm),
		"stage":        key("", "When the rule is tried; main unless given.", oneWord(stageNames...)),
		"priority":     key("", "Higher first, inside a stage; 0 unless given.", intFrom(minPriority, maxPriority)),
		"final":        key("", "A guard rule that fires keeps main and fallback from being tried.", boolForm),
		"continue":     key("", "The rules after this one are tried although it fires.", boolForm),
		"include_self": key("", "Messages of the bot's own count too.", boolForm),
		"run":          key("", "live, shadow (does nothing) or off; live unless given.", oneWord(modeNames...)),
		"limit":        key("", "How often the rule fires; none: without a limit, whatever the defaults say.", b.limit()),
		"concurrency": key("", "How many runs are open at once.", mappingOf(
			key("per", "user, chat, or a text with ${{ }}; all runs of the rule together unless given.", textForm),
			key("mode", "What becomes of an event while a run is open; single unless given.", oneWord(concurrencyModes...)),
			key("max", "Of queued, how many wait (10 unless given); of parallel, how many are open.", intFrom(1, MaxConcurrency)))),
		"batch": key("", "Gathers events into one run.", mappingOf(
			key("by", "user, chat, or a text with ${{ }}; all together unless given.", textForm),
			key("quiet", "The steps begin when no more came for so long; 15s unless given.", durationForm),
			key("max_wait", "And no later than this after the first; 1m unless given.", durationForm),
			key("max", "And at once when there are so many; 100 unless given.", intFrom(1, MaxBatch)))),
		"session": key("", "Makes the steps a dialogue.", mappingOf(
			key("per", "Who answers; user unless given.", oneWord(sessionPers...)),
			key("timeout", "How long an answer is waited for; 5m unless given.", durationForm),
			key("cancel", "Words that end the dialogue.", words),
			key("on_timeout", "Steps for an answer that did not come.", b.steps),
			key("on_cancel", "Steps for a dialogue that was ended.", b.steps))),
		"do": key("", "The steps.", b.steps),
	}
	f := &Form{Name: "rule", Doc: "One rule, or the use of a blueprint.", Kind: FormMapping, Keys: ordered(ruleKeys, forms)}
	f.AnyOf, f.OneOf = []string{"do", "use", "faq"}, [][]string{{"on", "use"}}
	return f
}

// scheduledForm is the form of an event that is the time of a schedule.
func scheduledForm() *Form {
	full := mappingOf(
		must("cron", "Five fields (minute, hour, day, month, weekday), six with seconds first, @daily and the like, or @every 90m.", stringForm),
		key("tz", "The time zone, such as Asia/Shanghai; the bot's unless given.", stringForm),
		key("calendar", "Only on its working days: cn-workday, or one of calendars.", stringForm),
		key("missed", "What becomes of slots of the time the bot was down; once unless given.", oneWord(missedNames...)),
		key("within", "How late a missed slot may still run; 1h unless given.", durationForm),
		key("jitter", "Each run begins up to so much later.", durationForm),
		key("from", "A date or time; slots begin there.", stringForm),
		key("until", "A date or time; the last that counts.", stringForm))
	one := either(stringForm, full)
	return mappingOf(must(EventSchedule, "A slot of a schedule has come.", either(stringForm, full, itemsOf(one))))
}

// ordered puts keys in the order of names. A name without a form of its own takes anything.
func ordered(names []string, forms map[string]FormKey) []FormKey {
	out := make([]FormKey, len(names))
	for i, name := range names {
		k, ok := forms[name]
		if !ok {
			k.Form = anyForm
		}
		k.Name = name
		out[i] = k
	}
	return out
}

// step is the form of a step: one action, and what is common to all beside it.
func (b *languageBuilder) step() *Form {
	common := map[string]FormKey{
		"id":       key("", "The name of the results under steps.", matching(identifier.String())),
		"if":       key("", "The step is left out when this expression is false.", exprForm),
		"timeout":  key("", "30s unless given.", durationForm),
		"retry":    key("", "How often a failed step is tried again.", b.retry()),
		"on_error": key("", "stop ends the run, continue goes on; stop unless given.", oneWord(onErrorNames...)),
	}
	before := []string{"id", "if"}
	f := &Form{Name: "step", Doc: "One step: an action, and what is common to all actions beside it.", Kind: FormMapping}
	f.Keys = ordered(before, common)
	var actions []string
	for _, k := range b.control() {
		actions = append(actions, k.Name)
		f.Keys = append(f.Keys, k)
	}
	if b.catalog != nil {
		for _, name := range b.catalog.Names() {
			spec, ok := b.catalog.Step(name)
			if !ok || slices.Contains(actions, name) {
				continue
			}
			actions = append(actions, name)
			f.Keys = append(f.Keys, FormKey{Name: name, Doc: spec.Doc, Form: b.action(spec)})
		}
	}
	after := slices.DeleteFunc(slices.Clone(commonKeys), func(name string) bool { return slices.Contains(before, name) })
	f.Keys = append(f.Keys, ordered(after, common)...)
	f.OneOf = [][]string{actions}
	return f
}

// control is the steps that steer a run.
func (b *languageBuilder) control() []FormKey {
	assigned := &Form{Kind: FormTable, Item: anyForm}
	set := mappingOf(
		key("vars", "For the rest of the run.", assigned),
		key("user", "For good: state.user.NAME.", assigned),
		key("chat", "For good: state.chat.NAME.", assigned),
		key("bot", "For good: state.bot.NAME.", assigned))
	set.Least = 1
	forms := map[string]FormKey{
		"set": key("", "Assigns values. null removes one.", set),
		"choose": key("", "Does the first choice whose if holds.", itemsOf(mappingOf(
			key("if", "One without if takes the rest and comes last.", exprForm),
			must("do", "The steps.", b.steps)))),
		"for_each": key("", "Does its steps for each item of a list.", mappingOf(
			must("in", "The list.", either(joinedForm, &Form{Kind: FormList, Item: anyForm})),
			key("as", "The item's name; item unless given.", matching(identifier.String())),
			must("do", "The steps.", b.steps))),
		"do":   key("", "A block of steps.", b.steps),
		"stop": key("", "Ends the run.", either(&Form{Kind: FormNull}, mappingOf())),
		"ask": key("", "Asks, and takes the next message as the answer. Needs session.", either(textForm,
			mappingOf(slices.Concat(b.replyKeys(), []FormKey{
				key("accept", "An expression that sees answer; an answer for which it is false is not taken.", exprForm),
				key("tries", "How many answers are looked at; 3 unless given.", intFrom(1, MaxTries)),
				key("retry_text", "What is said after an answer that was not taken.", textForm),
			})...).free())),
		"parallel": key("", "Does lists of steps at once; the step after it begins when all have ended.", &Form{
			Kind: FormList, Least: 2, Item: mappingOf(must("do", "The steps of a branch.", b.steps)),
		}),
		"count": key("", "Makes a mark under a key, and tells how many there are.", (&Form{Kind: FormMapping, Keys: []FormKey{
			must("key", "What is counted.", textForm),
			key("window", "How far back marks count.", durationForm),
			key("decay", "In this time, what was counted comes to half.", durationForm),
		}, OneOf: [][]string{{"window", "decay"}}})),
		"signal": key("", "Tells the rules on signal.NAME.", either(textForm, mappingOf(
			must("name", "Without signal. before it.", textForm),
			key("data", "Becomes event.data.", anyForm)))),
		"delay": key("", "The run goes on after so long.", either(durationForm, joinedForm)),
		"handoff": key("", "Gives the conversation to people until it is given back.", either(&Form{Kind: FormNull}, mappingOf(
			key("queue", "For people.", textForm),
			key("note", "For people.", textForm),
			key("resume", "When it is given back by itself.", &Form{Kind: FormMapping, Least: 1, Keys: []FormKey{
				key("after", "After so long.", durationForm),
				key("idle", "When nobody wrote for so long.", durationForm),
			}})))),
	}
	return ordered(controlKeys, forms)
}

func (b *languageBuilder) replyKeys() []FormKey {
	if b.catalog == nil {
		return nil
	}
	spec, ok := b.catalog.Step(replyAction)
	if !ok {
		return nil
	}
	return fieldForms(spec.Inputs)
}

// action is the form of an action's inputs.
func (b *languageBuilder) action(spec StepSpec) *Form {
	m := mappingOf(fieldForms(spec.Inputs)...).free()
	m.OneOf, m.AtMostOne = spec.OneOf, spec.AtMostOne
	if spec.Approvable {
		by := itemsOf(textForm)
		m.Keys = append(m.Keys, key("approve", "A person must agree before it is done.", mappingOf(
			key("in", "The group that is asked; bot.ops_group unless given.", textForm),
			key("by", "Who may agree; bot.admins unless given.", either(joinedForm, by)),
			key("timeout", "24h unless given.", durationForm),
			key("text", "What the request says besides.", textForm))))
	}
	forms := []*Form{m}
	if i := indexField(spec.Inputs, spec.Scalar); i >= 0 {
		forms = append(forms, fieldForm(spec.Inputs[i]))
	}
	if !slices.ContainsFunc(spec.Inputs, func(f Field) bool { return f.Required }) && len(spec.OneOf) == 0 {
		forms = append(forms, &Form{Kind: FormNull})
	}
	if len(forms) == 1 {
		return m
	}
	return either(forms...)
}

func (f *Form) free() *Form {
	f.Free = true
	return f
}

func fieldForms(fields []Field) []FormKey {
	out := make([]FormKey, len(fields))
	for i, f := range fields {
		out[i] = FormKey{Name: f.Name, Doc: f.Doc, Form: fieldForm(f), Required: f.Required}
	}
	return out
}

// fieldForm is what a file may give for an input: its type, or ${{ }} that gives it.
func fieldForm(f Field) *Form {
	switch f.Type.Kind {
	case KindString:
		if len(f.Enum) > 0 {
			return either(oneWord(f.Enum...), joinedForm)
		}
		return textForm
	case KindInt:
		return either(&Form{Kind: FormInt}, joinedForm)
	case KindFloat:
		return either(&Form{Kind: FormNumber}, joinedForm)
	case KindBool:
		return either(boolForm, joinedForm)
	case KindDuration:
		return either(durationForm, joinedForm)
	case KindMessage:
		return joinedForm
	case KindLocator:
		return either(joinedForm, mappingOf(
			must("time", "", fieldForm(Field{Type: Type{Kind: KindInt}})), must("seq", "", fieldForm(Field{Type: Type{Kind: KindInt}})),
			must("rand", "", fieldForm(Field{Type: Type{Kind: KindInt}})), must("is_self", "", fieldForm(Field{Type: Type{Kind: KindBool}})),
		).free())
	case KindList:
		return either(&Form{Kind: FormList, Item: fieldForm(Field{Type: f.Type.elem(), Enum: f.Enum})}, joinedForm)
	case KindObject:
		return either(mappingOf(fieldForms(f.Type.Fields)...).free(), joinedForm)
	case KindMap:
		return either(&Form{Kind: FormTable, Item: fieldForm(Field{Type: f.Type.elem()})}, joinedForm)
	}
	return anyForm
}
