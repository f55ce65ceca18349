// Package rules reads the rule language: YAML files become a Set, and Set.Match says which rules an event fires and why.
//
// It is pure: it reads nothing but the fs.FS that it is given, has no clock and starts no goroutine. What steps there are
// comes from a Catalog; running them is the caller's work, with what Step gives it.
//
// This page is the reference of the language as this version has it. Its examples are loaded by a test.
//
// # Files
//
// A bot is one YAML file and what it includes:
//
//	version: 1
//	bot:
//	  connection: local:./data/chat.db?user=concierge
//	  admins: [alice]
//	  ops_group: "@TGS#ops"
//	  name: Concierge
//	secrets: { from: env }
//	lists:
//	  trusted: [alice, bob]
//	vars:
//	  greeting: 您好
//	rules:
//	  - id: hello
//	    on: message
//	    match: { any_of: [你好, hello] }
//	    do:
//	      - reply: ${{ vars.greeting }}，${{ user.name ?? "朋友" }}！
//
// The keys of the top level:
//
//   - version: always 1. An included file may leave it out.
//   - bot: connection (the URL that sdkconn.Open takes; it may hold ${{ secrets.NAME }}), admins (user ids), ops_group
//     (where the bot reports what a person must know), name. In the bot's own file only.
//   - include: a path or a list of paths, relative to the file that names them and inside the bot's folder. A pattern
//     (*, ?, [a-z]; no **) stands for what it finds, sorted, without the files that end in _test.yaml. A file is read
//     once; a cycle, a missing file and a pattern that finds nothing are errors.
//   - lists: lists of words, each a list of strings or {file: NAME}. All files see all lists.
//   - vars: plain values under a name. All files see all vars.
//   - secrets: {from: env}. ${{ secrets.NAME }} is then the environment's variable NAME. It may stand in bot.connection and
//     in inputs that are made for secrets, nowhere else. In the bot's own file only.
//   - rules: the rules, tried in the order of the files: a file's own first, then those of what it includes.
//
// A list file has one phrase a line. White space around it does not count, a phrase that comes again neither. A # at the
// start of a line or after white space begins a comment; \# is a # itself.
//
// YAML is read as 1.2 reads it: `on:` and `"on":` are both the key on. Anchors, aliases and merge keys (<<) work. A file
// is UTF-8 without a byte order mark, holds one document, and has at most 4 MiB, 500,000 entries and 100 levels (aliases
// expanded); a list file has at most 64 MiB. A key that is not in this page, or that comes twice, is an error. Where the
// language wants words (lists, match, on, ids), 12, 0xF, 1e3, 2026-01-01, true, null, yes, no, on and off must be quoted,
// because readers of YAML do not agree on what they are.
//
// # Rules
//
//	rules:
//	  - id: mod.ads
//	    name: 广告引流
//	    on: [message.group, message.edited]
//	    stage: guard
//	    priority: 10
//	    final: true
//	    run: shadow
//	    match:
//	      any_of: [加微信, 兼职]
//	      none_of: [不要加微信]
//	    if: user.role not in ["owner", "admin"]
//	    do:
//	      - revoke: {}
//
// The keys of a rule:
//
//   - id: small letters, digits, dots, - and _; no two rules have the same. Tests, traces and counters name it.
//   - name: for people.
//   - on: an event, or a list of events. See Events.
//   - match: which words the message must have. See Words.
//   - if: an expression that must be true. See Expressions.
//   - stage: guard, main (the default), fallback or observe.
//   - priority: a whole number, 0 unless given; higher first, inside a stage.
//   - final: a guard rule that fires keeps main and fallback from being tried.
//   - continue: a main or fallback rule that fires lets the ones after it be tried.
//   - include_self: messages of the bot's own count too. Otherwise they fire no rule on message, message.edited or
//     message.revoked.
//   - run: live (the default), shadow (evaluated, marked, does nothing) or off (not evaluated).
//   - do: the steps. See Steps.
//
// Order: the stages are tried in the order guard, main, fallback, observe; inside a stage the higher priority comes first,
// then the order of the files.
//
//	guard     every rule that matches fires. One that is final stops main and fallback; the rest of guard and observe go on
//	main      the first rule that matches fires; those after it are tried only if it says continue
//	fallback  like main, but tried only if no rule of main fired
//	observe   every rule that matches fires, whatever happened before; steps that act on the chat are refused at load
//
// A shadow rule fires, marked, where it would fire if it alone were live; it stops nothing and wins over nothing.
//
// # Events
//
// message stands for message.c2c and message.group, and for nothing else. The other names stand for themselves. Text: match
// can be used. msg, chat, user: the names of expressions that have something to say; user is whom the event is about.
//
//	message.c2c             a message to the bot                               text msg chat user (sender)
//	message.group           a message in a group                               text msg chat user (sender)
//	message.edited          a message was changed                              text msg chat user (sender)
//	message.revoked         a message was taken back                           msg chat user (who did it)
//	message.read            the peer has read                                  chat user (the peer, in C2C)
//	member.joined           once for each member who came in                   chat user (the member)
//	member.left             a member quit                                      chat user (the member)
//	member.removed          a member was put out                               chat user (the member)
//	member.muted            a member may not write                             chat user (the member)
//	member.unmuted          a member may write again                           chat user (the member)
//	member.promoted         a member became an admin                           chat user (the member)
//	member.demoted          a member is an admin no more                       chat user (the member)
//	group.changed           name, notice, owner, topics, pinned messages, ...  chat user (who did it)
//	group.requested         somebody asks to join, to admins                   chat user (who asks)
//	group.accepted          the bot's own request to join was accepted         chat user (who did it)
//	group.refused           the bot's own request to join was refused          chat user (who did it)
//	group.invited           the bot is asked to join                           chat user (who invites)
//	group.invite_accepted   an invitation of the bot's was accepted            chat user (who did it)
//	group.invite_refused    an invitation of the bot's was refused             chat user (who did it)
//	group.invite_requested  somebody wants to bring others in, to admins       chat user (who asks)
//	group.created           a group was made                                   chat user (who did it)
//	group.dissolved         a group is gone                                    chat user (who did it)
//	group.notice            a notice of the app's own                          chat user (who sent it)
//	bot.added               the bot was brought into a group                   chat user (who did it)
//	bot.removed             the bot was put out of a group                     chat user (who did it)
//	bot.left                the bot left a group, perhaps elsewhere            chat user (who did it)
//	bot.promoted            the bot became an admin                            chat user (who did it)
//	bot.demoted             the bot is an admin no more                        chat user (who did it)
//	bot.muted               the bot may not write in a group                   chat user (who did it)
//	bot.unmuted             the bot may write again                            chat user (who did it)
//	bot.banned              the bot was banned from a group                    chat user (who did it)
//	bot.unbanned            the ban ended                                      chat user (who did it)
//	conversation.changed    an entry of the conversation list changed          chat
//	bot.started             the bot began to run
//	bot.online              the connection stands
//	bot.offline             the connection is lost
//	bot.kicked              another login took the bot's place
//	bot.sig_expired         the bot's ticket is too old
//
// A message that is read back from the history and was taken back in the meantime is message.revoked. This version has no
// schedules, no webhooks and no signals.
//
// # Words
//
// match holds at least one of any_of (one must be there), all_of (all must be there) and none_of (none may be there), each a
// string or a list of strings, and
//
//   - mode: contains (the default: anywhere), exact (the whole text), prefix (at its start), word (anywhere, but not inside
//     a longer word), regex, command.
//   - normalize: chat (the default) or none.
//
// An entry may be ${{ lists.NAME }}, or another expression of lists and vars; it is evaluated when the file is loaded.
//
// With normalize: chat the text and the words are made alike before they are compared: NFKC (full width and half width,
// ligatures, circled digits), case folding, and removal of characters without width. With none their bytes are compared. Under
// chat, white space around the text does not count for exact and prefix.
//
// In mode word a hit may not touch another letter, digit or _ with its own letters and digits: cat is in 我的cat呢 but not in
// concatenate. Scripts that put no space between words, such as Chinese, have no such boundary: a Chinese word is where it
// stands.
//
// A regex is one of Go's regexp package, whose time is linear in the text; look-around does not exist. Under chat it sees the
// folded text, its own literals are folded and case does not count. match.groups holds its named groups.
//
//	rules:
//	  - id: order
//	    on: message
//	    match:
//	      mode: regex
//	      any_of: ['订单\s*(?P<number>[0-9]{12})']
//	    do:
//	      - reply: 订单 ${{ match.groups.number }}
//
// A command is the first word of a message, or of what follows @NAME in a message that mentions the bot. What comes after
// it is cut on white space into args; "…", '…', “…”, ‘…’, 「…」 and 『…』 keep an argument with spaces together.
//
//	rules:
//	  - id: weather
//	    on: message
//	    match: { mode: command, any_of: [/weather, 天气] }
//	    if: len(args) == 1
//	    do:
//	      - reply: ${{ args[0] }}：晴
//
// # Expressions
//
// An if holds a bare expression; in every other string ${{ … }} holds one, and the rest is literal text. A value that is one
// ${{ … }} and nothing else keeps its type; otherwise the parts are joined: nil is nothing, numbers and booleans are as
// written, times are RFC 3339, lists and mappings are JSON. To write ${{ itself, write ${{ "${{" }}. Values are never read
// again: what a user writes stays text, whatever it looks like.
//
// In YAML, quote ${{ … }} inside { … } and [ … ], and quote a value, or put it in a block scalar, that has `: ` or ` #` in it.
//
// The language is that of expr-lang (https://expr-lang.org/docs/language-definition), checked when the file is loaded:
// an unknown name, a wrong type or an if that is no boolean is an error with its place. The names:
//
//	event   type, key, time, caught_up; by (who did it), text (of a request, notice or revocation), muted_for,
//	        changes (of group.changed: what, value)
//	msg     id, text, time, sender, seq, elems, mentions, mentions_bot, mentions_all, is_self, custom (cloud custom
//	        data), revoked, revoke_reason, revoked_by, imported
//	        elems: kind (text, image, sound, file, video, face, location, custom, merge, ...), text, url, path, name,
//	        id, size (bytes), seconds, width, height, index, latitude, longitude, data, desc, ext, title
//	user    id; name, role ("owner", "admin", "member"): may be nil
//	chat    id, type ("c2c", "group"); name, group_type ("Public", "Work", "Meeting", "AVChatRoom", "Community"): may be nil
//	bot     id, name, admins
//	match   words, spans (start, end: bytes of msg.text), groups, text (of the first hit)
//	args    the arguments of a command
//	lists   lists.NAME; `x in lists.NAME` takes the same time for any length
//	vars    vars.NAME: of the files, or as a set step of the rule assigned it
//	state   state.user.NAME, state.chat.NAME, state.bot.NAME: what set steps kept; nil if nothing
//	steps   steps.ID.ok, out, error (code and text; nil, and both nil, without an error), text, value: of the steps
//	        before this one, in steps only
//	secrets secrets.NAME
//
// msg.id is the same in a message, its edits and its revocation. A fact that cannot be had is nil; write user.name ?? "您好".
// nil equals nothing, is in no list, and comparing it with < is an error. A guard rule whose `if` reads a nil fact does not
// fire, except where it says what to do: before ??, or beside == nil and != nil. An `if` that fails at run time is false.
//
// Besides the functions of expr-lang there are
//
//	now()                the time, in the bot's zone
//	left(text, n)        the first n characters
//	pick(list)           an item of the list, always the same for the same event
//	redact(text, kinds)  the text with stars in the place of kinds: "phone", "id_card", "bank_card", "email"
//	string(x)            x as it looks inside a text
//
// expr-lang's timezone is not there, [a:b] does not cut texts, and a weekday or month is compared by its name:
// now().Weekday().String() == "Sunday". Bounds: an expression has at most 16 KiB and 1,000 nodes, puts
// at most two of any, all, map, filter and the like inside one another, and makes lists of at most 100,000 items and texts of
// at most 1 MiB.
//
// # Steps
//
// A step is a mapping with one action and, beside it, what is common to all:
//
//	do:
//	  - id: page
//	    if: msg.text != ""
//	    history: { count: 20, within: 2d }
//	    timeout: 5s
//	    retry: { times: 2, backoff: 500ms }
//	    on_error: continue
//	  - log: ${{ len(steps.page.out.msgs) }} messages
//
// The keys beside an action:
//
//   - id: small letters, digits and _: the name of its results under steps.
//   - if: an expression; the step is left out when it is false.
//   - timeout: 30s unless given.
//   - retry: times (after the first attempt, 0 to 100), backoff (before the first retry, 1s unless given).
//   - on_error: stop (the default) ends the run, continue goes on; steps.ID.ok is false then.
//
// The inputs of an action, their types and what it gives are the Catalog's. A duration is a word such as 500ms, 5m, 1h30m,
// 2d; one without a unit is an error. A message is an expression such as ${{ msg }}; a locator is a message, or
// {time, seq, rand, is_self}. An action with a main input takes it without its name: `reply: hi`.
//
// The steps that steer a run take if beside them, and nothing else:
//
//	do:
//	  - set:
//	      vars: { count: "${{ len(msg.text) }}" }
//	      user: { lang: zh }
//	      chat: { last: "${{ msg.id }}" }
//	      bot: { seen: ~ }
//	  - choose:
//	      - if: vars.count > 100
//	        do: [log: long]
//	      - do: [log: short]
//	  - if: state.user.lang == "zh"
//	    do:
//	      - reply: 好的
//	  - for_each:
//	      in: ${{ msg.elems }}
//	      as: elem
//	      do:
//	        - log: ${{ elem.kind }}
//	  - stop: {}
//
// What they do:
//
//   - set assigns: vars for the rest of the run, user, chat and bot for good (state.user.lang). null removes.
//   - choose does the first choice whose if holds; one without if takes the rest and comes last.
//   - do, with or without if, is a block of steps.
//   - for_each does its steps once for each item of a list, at most 10,000; the item's name is item unless as names it.
//   - stop ends the run.
//
// # Errors
//
// Load returns every mistake at once, in the order of the files, each with its place, its source line and the nearest valid
// name:
//
//	rules/oncall.yaml:12:9: rule "page": unknown step "repyl" (did you mean "reply"?)
//	   12 |       - repyl: hi
//	      |         ^
//
// What is no mistake but probably not meant is in Set.Warnings: unused-list, empty-list, unreachable, shadow,
// always-candidate (nothing narrows the rule down, so its if is evaluated for every event), unset-secret.
package rules
