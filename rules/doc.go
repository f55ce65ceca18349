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
//     (where the bot reports what a person must know), name, catch_up, keep, pace, http, webhooks, reload (see The bot's section),
//     language and help (see Commands). In the bot's own file only.
//   - include: a path or a list of paths, relative to the file that names them and inside the bot's folder. A pattern
//     (*, ?, [a-z]; no **) stands for what it finds, sorted, without the files that end in _test.yaml. A file is read
//     once; a cycle, a missing file and a pattern that finds nothing are errors.
//   - plugins: programs that bring actions, by the name that steps call them. See Plugins. In the bot's own file only.
//   - lists: lists of words, each a list of strings, {file: NAME}, or {file: NAME.csv, column: NAME}. All files see all
//     lists.
//   - vars: values under a name: texts, numbers, booleans, lists, mappings. All files see all vars. ${{ }} in them is
//     evaluated when the files are loaded; it sees all lists, and the vars before it in the order of reading.
//   - defaults: what rules have that do not say otherwise. See Defaults.
//   - calendars: calendars of working days, each {file: NAME}. All files see all calendars. See Schedules.
//   - secrets: {from: env}. ${{ secrets.NAME }} is then the environment's variable NAME. It may stand in bot.connection and
//     in inputs that are made for secrets, nowhere else. In the bot's own file only.
//   - rules: the rules, tried in the order of the files: a file's own first, then those of what it includes. An entry may also
//     be the use of a blueprint. See Blueprints.
//
// A list file has one phrase a line. White space around it does not count, a phrase that comes again neither. A # at the
// start of a line or after white space begins a comment; \# is a # itself. A file that ends in .csv is a table (RFC 4180)
// whose first row names the columns; the list is the column of that name, or the first one. Rows in which nothing stands
// there, and words that come again, do nothing and are warnings.
//
// YAML is read as 1.2 reads it: `on:` and `"on":` are both the key on. Anchors, aliases and merge keys (<<) work. All files
// are UTF-8, one of YAML without a byte order mark. It holds one document, and has at most 4 MiB, 500,000 entries and 100 levels (aliases
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
//   - faq: a table of questions and answers, in place of match. See Questions and answers.
//   - command: the first word of the message, with typed arguments behind it, in place of match. See Commands.
//   - if: an expression that must be true. See Expressions.
//   - stage: guard, main (the default), fallback or observe.
//   - priority: a whole number, 0 unless given; higher first, inside a stage.
//   - final: a guard rule that fires keeps main and fallback from being tried.
//   - continue: a main or fallback rule that fires lets the ones after it be tried.
//   - include_self: messages of the bot's own count too. Otherwise they fire no rule on message, message.edited or
//     message.revoked.
//   - run: live (the default), shadow (evaluated, marked, does nothing) or off (not evaluated).
//   - limit: how often the rule fires. See Limits.
//   - concurrency: how many runs are open at once. See Concurrency.
//   - batch: gathers events into one run. See Batches.
//   - session: makes the steps a dialogue. See Dialogues.
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
// A shadow rule fires, marked, where it would fire if it alone were live; it stops nothing and wins over nothing. Neither
// does a rule that matched and was not let through by its limit, its concurrency or an open dialogue: it did not fire.
//
// # Defaults
//
//	version: 1
//	defaults:
//	  run: shadow
//	  limit: { per: user, rate: 1/30s }
//	  normalize: strict
//	  timeout: 10s
//	  retry: { times: 2 }
//	  on_error: continue
//	rules:
//	  - id: hours
//	    on: message
//	    match: { any_of: [营业时间] }
//	    do:
//	      - reply: 09:00–21:00
//	  - id: log
//	    on: message
//	    stage: observe
//	    run: live
//	    limit: none
//	    do:
//	      - log: ${{ msg.text }}
//
// defaults of the bot's own file are for all rules, those of an included file for the rules of that file; key for key, what
// a rule or step says goes before what its file says, and that before what the bot's file says. `timbot explain` tells where
// a value comes from. The keys of defaults:
//
//   - stage, priority, run, limit: of rules. A rule that wants no limit says limit: none.
//   - normalize: of match. strict is not for the modes regex and command, which stay with chat.
//   - timeout, retry, on_error: of the steps that are actions.
//
// # Blueprints
//
// A blueprint is a file of rules with inputs, which bots use with values of their own:
//
//	version: 1
//	blueprint:
//	  name: 广告拦截
//	  description: Takes messages with certain words back.
//	  inputs:
//	    words: { type: list, description: The words. }
//	    notice: { type: text, default: 您的消息含广告内容，已撤回。 }
//	    rate: { type: text, default: 1/30s }
//	    boss: { type: user, required: false }
//	rules:
//	  - id: hit
//	    stage: guard
//	    on: message.group
//	    match: { any_of: "${{ inputs.words }}" }
//	    if: user.id != (inputs.boss ?? "")
//	    limit: { per: chat, rate: "${{ inputs.rate }}" }
//	    do:
//	      - revoke: {}
//	      - reply: ${{ inputs.notice }}
//
// An entry of rules uses it:
//
//	version: 1
//	lists:
//	  ads: [加微信, 兼职]
//	rules:
//	  - id: shop
//	    run: shadow
//	    use:
//	      blueprint: blueprints/ads.yaml
//	      with:
//	        words: ${{ lists.ads }}
//	        boss: alice
//
// id stands before the ids of its rules (shop.hit), so that a blueprint may be used several times; run, if it is there, goes
// before what they say. The rules have the place of the entry in the order. The path is relative to the file that names it.
//
// The keys of an input:
//
//   - type: text, number, integer (a whole number), boolean, duration, list (of texts), user, group (ids), or choice.
//   - choices: of the type choice: the texts that it may be.
//   - description: for people.
//   - default: what it is when nothing is given.
//   - required: true unless there is a default. An input with required: false that is not given is an empty list, or nil.
//
// with gives plain values, or ${{ }} of lists and vars. In the blueprint inputs.NAME is such a value in every expression; a key
// that takes no expression, such as stage or rate, takes ${{ inputs.NAME }} alone. A value is never read again, whatever it
// looks like. A blueprint has version, blueprint, defaults and rules; it sees no lists and vars, and its rules may use other
// blueprints, up to 8 inside one another. Blueprints bring at most 10,000 rules into a bot.
//
// # The bot's section
//
//	version: 1
//	bot:
//	  connection: local:./data/chat.db?user=concierge
//	  catch_up: { max_age: 12h, stages: [guard, main] }
//	  keep: { events: 14d, traces: 7d, dead: 30d, size: 2GiB }
//	  pace: { total: 100/s, chat: 40/s }
//	  http: { allow: [brief.example.com, "*.corp.example"], private: false }
//	  reload: { tests: require }
//
// What was sent while the bot was away is looked at when it is back, as far as catch_up says: max_age (24h unless given;
// older events are only stored; 0s: none is looked at) and stages (whose rules are tried on them; all unless given).
//
// The bot's journal keeps what is done for as long as keep says: events (14d unless given, and at least catch_up.max_age and
// a day, so that nothing is answered twice), traces (why the bot did what; as long as events unless given, and never
// longer), dead (runs that stand still until a person decides; 30d unless given), and is kept at a size in bytes (2GiB
// unless given; 0: no bound).
//
// What the bot sends goes out at the pace of the service's published limits, unless pace bounds it more: total over the
// connection, chat to one conversation.
//
// Steps with the action http ask the hosts of http.allow and no others: a name or an address, or *. and a domain for all
// below it, either with a port, which is any unless given. Their addresses may be of this machine or of a private network
// only with private: true; redirects are checked in the same way.
//
// webhooks is about all webhooks of the rules: see Webhooks.
//
// A running bot goes on by its files when they change. With reload.tests its tests (the files that end in _test.yaml, see
// package rulestest) are run first: require keeps the rules at work when one fails, or when there is none, warn only reports
// it, and off, which it is unless given, does not run them. Of the rules at work and the changed ones the stricter counts.
//
// A rate is how many in how long: 20/s, 1/30s, 3/1m. A size is a number with a unit: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.
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
// A message that is read back from the history and was taken back in the meantime is message.revoked. signal.NAME is what a
// signal step, or `timbot signal`, tells the rules (see Signals). {schedule: ...} is the time of a schedule (see Schedules),
// {webhook: /path} a call over HTTP (see Webhooks).
//
// # Schedules
//
//	rules:
//	  - id: brief.daily
//	    on:
//	      schedule:
//	        cron: "0 9 * * *"
//	        tz: Asia/Shanghai
//	        calendar: cn-workday
//	        missed: once
//	        within: 2h
//	    do:
//	      - send:
//	          to_group: "@TGS#ops"
//	          text: 【${{ trigger.date }}】早上好！
//	  - id: tick
//	    on: [{schedule: "@every 90m"}, {schedule: {cron: "30 8 * * 1-5", jitter: 5m, from: "2026-05-01", until: "2026-12-31"}}]
//	    do:
//	      - log: ${{ trigger.slot }}
//
// A schedule fires its own rule at its slots. The rule has no msg, user and chat (so that it sends and does not reply), and
// sees trigger. `schedule: "0 9 * * *"` is short for a mapping with cron alone; a list of schedules may stand there too. The
// keys of schedule:
//
//   - cron: needed. Five fields (minute, hour, day of the month, month, weekday; 0 is Sunday), six with the seconds first,
//     @yearly, @monthly, @weekly, @daily, @hourly, or @every with whole seconds, such as @every 90m, which counts from `from`
//     or else from 1970-01-01T00:00:00Z. When day and weekday are both given, either is enough.
//   - tz: a zone such as Asia/Shanghai; the bot's unless given. It does not stand in the cron text.
//   - calendar: slots are on its working days only. cn-workday (short: cn) is mainland China's, with the holidays and the
//     weekends worked in exchange from 2023 to 2026; calendars names others.
//   - missed: what becomes of slots that no bot was there for, and of those that it comes to more than a minute late. once
//     (the default): the last of them runs, unless a later one does. skip: none runs. all: each runs, at most the newest 1,000.
//   - within: how late a missed slot may still run; 1h unless given, at most 31d.
//   - jitter: each run begins up to so much later, drawn from the slot; at most 24h.
//   - from, until: a date, a date and a time in the schedule's zone, or a moment such as 2026-05-01T09:00:00+08:00. A date as
//     until counts whole.
//
// A slot is written down before it runs, and runs once, over crashes, restarts and reloads. Slots of one rule are handled in
// their order. A slot that does not run, or whose run fails, is told in bot.ops_group. A rule is new, or is changed, from the
// moment on at which the bot sees it so.
//
// When the clocks are put forward, a slot in the gap is had at its end, once; when they are put back, a slot that comes twice
// is had the first time. A schedule whose hour is * goes on with the time that passes instead.
//
// A calendar's file says which days it knows, and which of them are not as the weekday says. Of other days the weekday
// decides; timbot lint fails a month before a schedule gets there. One that is called cn-workday adds its days to those in
// the program:
//
//	source: https://www.gov.cn/zhengce/
//	first: 2027-01-01
//	last: 2027-12-31
//	weekend: [saturday, sunday]
//	off:
//	  - 2027-01-01..2027-01-03 元旦
//	  - 2027-04-05
//	work:
//	  - 2027-01-09 调休
//
// It is named on the top level, `calendars: {shop: {file: calendars/shop.yaml}}`, and workday(now(), "shop") asks it in
// expressions.
//
// # Limits
//
//	rules:
//	  - id: hours
//	    on: message
//	    match: { any_of: [营业时间] }
//	    limit: { per: chat, rate: 1/30s, over: drop }
//	    do:
//	      - reply: 09:00–21:00
//	  - id: draw
//	    on: message.group
//	    match: { mode: command, any_of: [/draw] }
//	    limit:
//	      per: ${{ chat.id }}/${{ user.id }}
//	      rate: 3/1d
//	      over: reply
//	      reply: 今天的三次机会已用完，明天再来。
//	    do:
//	      - reply: ${{ pick(["一等奖", "谢谢参与"]) }}
//
// The keys of limit:
//
//   - per: user, chat, or a text with ${{ }} (before any step has run): each has a limit of its own. Without per there is
//     one limit for all.
//   - rate: needed. At most 1,000 in its time, which slides: in no 30 seconds does a rule with 1/30s fire twice.
//   - over: what becomes of an event over the limit. drop (the default): the rule does not fire, and the rules after it are
//     tried. wait: it fires, and its run waits for its turn. reply: it fires, and says reply in place of its steps, once in
//     the time of the rate and then nothing.
//   - reply: with over: reply; a text, or the inputs of the action reply.
//
// With batch, the limit counts batches. A shadow rule is never limited.
//
// # Concurrency
//
//	rules:
//	  - id: remind
//	    on: message.c2c
//	    match: { mode: command, any_of: [/remind] }
//	    concurrency: { per: user, mode: restart }
//	    do:
//	      - delay: 10m
//	      - reply: ${{ join(args, " ") }}
//	  - id: build
//	    on: signal.build
//	    concurrency:
//	      per: ${{ event.data.branch }}
//	      mode: queued
//	      max: 3
//	    do:
//	      - http: { url: https://ci.example.com/build }
//	        timeout: 5m
//
// A run is open from its beginning to its end, also while it waits: for a delay, an approval, people who have the
// conversation, a retry, its turn. concurrency says how many runs of the rule are open at once. Its keys, all of which may
// be left out (concurrency: {}):
//
//   - per: user, chat, or a text with ${{ }} (before any step has run): each has runs of its own. Without per it is about
//     all runs of the rule.
//   - mode: what becomes of an event that would fire the rule while a run is open. single (the default): the rule does not
//     fire, and the rules after it are tried. restart: it fires, and the open run ends with the outcome "restarted": a run
//     that waits at once, one that is doing a step after that step. queued: it fires, and its run waits until those before
//     it have ended, one after another. parallel: it fires as long as fewer than max runs are open.
//   - max: of queued, how many wait, 10 unless given; of parallel, how many are open, 1,000 unless given; at most 1,000. An
//     event beyond it does not fire the rule.
//
// A run that stands still because a step failed for good (a dead letter) is open too: nothing else of the rule may happen
// between its steps, which a person may have done again. single and queued then hold the rule up until `timbot dead` drops
// or retries it, or bot.keep.dead is over; `timbot why` names the dead letter. restart drops it.
//
// Steps of one conversation come one after another anyway: an event is looked at when the one before it in its
// conversation has ended or waits. The limit is asked last, so that it counts what concurrency let through. Concurrency
// does not go with batch, and where it restarts or queues neither with session nor with limit's over: wait. A shadow rule
// has no runs. Runs in progress keep their place when the rules are loaded anew.
//
// # Batches
//
//	rules:
//	  - id: welcome
//	    on: member.joined
//	    batch: { by: chat, quiet: 15s, max_wait: 60s, max: 100 }
//	    do:
//	      - send:
//	          text: 欢迎 ${{ join(map(take(events, 5), .user.name ?? .user.id), "、") }} 等 ${{ len(events) }} 位新朋友！
//
// The events that fire the rule are gathered, and its steps are done once for all of them, which they see as events; event,
// msg, user, chat and match are those of the first. The keys of batch:
//
//   - by: user, chat, or a text with ${{ }}: each is gathered apart. Without by all are gathered together.
//   - quiet: the steps begin when no more came for so long; 15s unless given.
//   - max_wait: and no later than this after the first event; 1m unless given. quiet may not be longer.
//   - max: and at once when there are so many; 100 unless given, at most 1,000.
//
// # Dialogues
//
//	rules:
//	  - id: order
//	    on: message.c2c
//	    match: { any_of: [查订单] }
//	    session:
//	      per: user
//	      timeout: 5m
//	      cancel: [取消, 算了]
//	      on_timeout:
//	        - reply: 查询已超时，需要时再发送「查订单」。
//	      on_cancel:
//	        - reply: 好的。
//	    do:
//	      - id: number
//	        ask:
//	          text: 请发送 12 位订单号。
//	          accept: answer.text matches "^[0-9]{12}$"
//	          tries: 2
//	          retry_text: 订单号应为 12 位数字，请再试一次。
//	      - reply: 订单 ${{ steps.number.text }} 已发货。
//
// An ask step says something, as reply does, and the next message of the user in that conversation is the answer: no rule of
// main and fallback is tried on it, unless a final guard rule takes it before. There is at most one open dialogue for a user
// in a conversation; while it is open, no rule with a session fires there for that user. The keys of session, all of which
// may be left out (session: {}):
//
//   - per: user (the default: who wrote answers) or chat (anybody in the conversation answers, and there is one dialogue for
//     all).
//   - timeout: how long an answer is waited for; 5m unless given. A timeout beside ask goes before it.
//   - cancel: words, each of which ends the dialogue when it is the whole answer.
//   - on_timeout, on_cancel: steps for those ends. They see what the steps before the end gave, and may not ask, delay, hand
//     off, loop or wait for approval.
//
// A session needs events that somebody wrote (message and message.edited), and goes with neither batch, include_self nor
// limit's over: wait. Inside ask stand the inputs of the action reply, and
//
//   - accept: an expression that sees answer (text, msg, user); an answer for which it is false is not taken. Without it any
//     is.
//   - tries: how many answers are looked at, 3 unless given, at most 20. After the last the step fails with the code
//     not_accepted.
//   - retry_text: what is said after an answer that was not taken; unless given, the question again.
//
// steps.ID.text and value are the answer's text, steps.ID.out is text, msg and tries.
//
// # Handoff
//
//	rules:
//	  - id: human
//	    on: message.c2c
//	    match: { any_of: [人工] }
//	    do:
//	      - reply: 正在为您转接。
//	      - handoff:
//	          queue: after-sales
//	          note: ${{ user.name ?? user.id }} 要求人工服务
//	          resume: { after: 30m, idle: 10m }
//	      - reply: 我回来了，有什么可以帮您？
//
// handoff gives the event's conversation to people: main and fallback are silent there until it is given back, and then the
// steps after it go on. It is given back by `timbot handoff resume`, by an admin or a member of bot.ops_group who writes
// 恢复 N or resume N there, after resume.after, and when nobody wrote in the conversation for resume.idle. queue and note are
// texts for people; when there is a bot.ops_group, they are told there.
//
// # Approval
//
//	rules:
//	  - id: brief
//	    on: message.c2c
//	    match: { mode: command, any_of: [/brief] }
//	    do:
//	      - announce:
//	          to: { groups: ["@TGS#a", "@TGS#b"] }
//	          text: ${{ join(args, " ") }}
//	          approve:
//	            in: "@TGS#ops"
//	            by: [alice, bob]
//	            timeout: 30m
//	            text: 今日简报
//
// approve stands among the inputs of an action that allows it (announce): the step is not done before a person agrees. A
// request is made in the group in (bot.ops_group unless given), which those of by (bot.admins unless given) answer with 同意
// or approve, 拒绝 or reject: quoting the request, with its number when several are open, or alone when one is. text is what
// the request says besides what is to be done. A refusal fails the step with the code refused, and no answer within timeout
// (24h unless given) with no_approval.
//
// # Words
//
// match holds at least one of any_of (one must be there), all_of (all must be there) and none_of (none may be there), each a
// string or a list of strings, and
//
//   - except: phrases in which a word does not count: 加微信 is no hit inside 不要加微信, and still is one beside it. Except
//     for regular expressions they may stand anywhere, whatever the mode.
//   - mode: contains (the default: anywhere), exact (the whole text), prefix (at its start), word (anywhere, but not inside
//     a longer word), fuzzy (anywhere, with mistakes), regex, command.
//   - normalize: chat (the default), strict or none.
//
// An entry may be ${{ lists.NAME }}, or another expression of lists and vars; it is evaluated when the file is loaded.
// A list may have 100,000 phrases.
//
// With normalize: chat the text and the words are made alike before they are compared: NFKC (full width and half width,
// ligatures, circled digits), case folding, traditional Chinese as simplified, and removal of characters without width.
// With none their bytes are compared. Under chat, white space around the text does not count for exact and prefix.
//
// With strict they are made alike further: without white space, punctuation, symbols, emoji and accents, a character that
// is repeated counts as one (not digits), and what looks like a character or is written for it is that character (Cyrillic
// а, ➕ for 加, 薇 for 微). A word is not put together over the end of a clause, unless all of it is spelled out:
// 加。微。信 is a hit, 多加。微信里 is not; and not from parts of other Latin words: dev xml holds no vx. Two options stand in
// a mapping:
//
//	rules:
//	  - id: ads
//	    stage: guard
//	    on: message.group
//	    match:
//	      any_of: [加微信, 进群]
//	      except: [请勿加微信, 欢迎进群]
//	      normalize:
//	        profile: strict
//	        pinyin: true
//	        aliases: { 裙: 群, 威: 微, wx: 微信 }
//	    do:
//	      - revoke: {}
//
// aliases say what else is written for something, at most 1,000; the longest that fits counts. With pinyin a Chinese
// character is its syllable without the tone, so that 加威信, jia wei xin and 加wei信 are 加微信, and so is every other word
// that sounds alike. profile may be left out where there is an option.
//
// match.spans are places of msg.text as it was written, on the boundaries of its characters, from the first character of
// the word to its last, with what was removed between them. Of any_of the longest words count: where 加微信 stands, 微信
// alone is not named.
//
// A fuzzy word may differ from the text in one character, left out, put in or another one, for each four of its own;
// shorter ones must be there as they are. It has at most 64 characters.
//
// In mode word a hit may not touch another letter, digit or _ with its own letters and digits: cat is in 我的cat呢 but not in
// concatenate. Scripts that put no space between words, such as Chinese, have no such boundary: a Chinese word is where it
// stands.
//
// A regex is one of Go's regexp package, whose time is linear in the text; look-around does not exist. Under chat it sees
// the folded text, its own literals are folded and case does not count. match.groups holds its named groups. A regex and
// a command do not go with strict, which leaves no separators.
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
// # Commands
//
//	version: 1
//	bot:
//	  connection: local:./data/chat.db?user=concierge
//	  language: zh
//	  help: { command: /help, aliases: [帮助] }
//	rules:
//	  - id: remind
//	    on: message
//	    command:
//	      name: /remind
//	      aliases: [提醒]
//	      doc: 到时提醒我
//	      args:
//	        - { name: when, type: duration, required: true, doc: 多久以后 }
//	        - { name: quiet, type: flag }
//	        - { name: text, type: rest }
//	      usage: ${{ command.error }}。${{ command.usage }}
//	    do:
//	      - delay: ${{ args.when }}
//	      - reply: ${{ args.text ?? "时间到" }}
//	  - id: kick
//	    on: message.group
//	    command: { name: /kick, args: [{ name: who, type: user, required: true }] }
//	    if: user.role in ["owner", "admin"]
//	    do:
//	      - remove_member: {}
//
// The word is looked for as in mode command; command: /status is one without arguments. The keys of command:
//
//   - name, aliases: the word, and others for it.
//   - doc: what help says of it. hidden: true keeps it out of help.
//   - args: what comes after the word, in this order.
//   - usage: what is said when the arguments are wrong, in place of the steps: a text, or the inputs of the action reply. It
//     sees command.name, command.usage (how the command is written) and command.error (what is wrong); unless given it is
//     the error and the usage. Limits count it.
//
// The keys of an argument:
//
//   - name: small letters, or those of a script without, digits and _. args.NAME is the argument, with its type.
//   - type: text (the default: a word, or what quotation marks hold together), number, integer, duration (5m, 1h30m, 2小时),
//     date (2026-10-01, 2026年10月1日, today, 明天; a time at midnight in the bot's zone), user (a mention or an id; the id),
//     choice (one of choices, whatever its case), rest (all that is left), flag (--NAME, true or false).
//   - required: false unless given; after an argument that need not be there none is required.
//   - default: what it is when it is not there; without it that is nil.
//   - choices: of the type choice.
//   - doc: for the usage.
//
// Full-width letters, digits and spaces count as others do. A flag may stand anywhere before rest; -- ends the flags. A name with
// a blank in it cannot be told from two arguments: mention those people alone, or write the id. When arguments are wrong, the
// part of if that reads none decides whether the usage is said.
//
// help() is a text, for steps: the commands that the event's user may use in its conversation, as far as the parts of their
// if that do not look at the message say; help("/remind") tells how one of them is written. bot.help makes a rule bot.help of
// that, which comes before all others: a word, or command and aliases. bot.language is that of these texts, zh (the default)
// or en.
//
// # Questions and answers
//
//	rules:
//	  - id: faq
//	    on: message
//	    faq: { file: faq.csv, mode: contains, normalize: chat }
//
// faq.csv is a table (see Files); faq: faq.csv says the file alone. A question of it that is in the message fires the rule,
// which replies the row's answer unless it has do. The columns, in any order, others do not count:
//
//	question (问题)              what is asked
//	aliases (别名, 相似问法)     what else means the same, with | or line breaks between
//	answer (答案, 回答)          the answer; it is a text, in which ${{ }} is nothing special
//	answers                      in place of answer: several, with | between; one is picked
//	mode (匹配方式)              contains, exact, prefix, word or fuzzy; that of faq unless given, which is contains
//
// Of several questions in one message an exact one goes before others, then the longest, then the first row. Steps see the
// row as faq.question, faq.answer and faq.line. Questions that come twice in one mode, and rows without a question or an
// answer, are errors; a question that another row's question is in is a warning. Ten thousand rows cost a message no more
// than ten.
//
// # Expressions
//
// An if holds a bare expression; in every other string ${{ … }} holds one, and the rest is literal text. A value that is one
// ${{ … }} and nothing else keeps its type; otherwise the parts are joined: nil is nothing, numbers and booleans are as
// written, times are RFC 3339, lists and mappings are JSON. To write ${{ itself, write ${{ "${{" }}. Values are never read
// again: what a user writes stays text, whatever it looks like.
//
// In YAML, quote ${{ … }} inside { … } and [ … ], and quote a value, or put it in a block scalar, that has `: ` or ` #` in
// it.
//
// The language is that of expr-lang (https://expr-lang.org/docs/language-definition), checked when the file is loaded:
// an unknown name, a wrong type or an if that is no boolean is an error with its place. The names:
//
//	trigger of a webhook: path, method, headers, query, json, form, body, id
//	event   type, key, time, caught_up; data (of a signal); by (who did it), text (of a request, notice or revocation), muted_for,
//	        changes (of group.changed: what, value)
//	msg     id, text, time, sender, seq, elems, mentions, mentions_bot, mentions_all, is_self, custom (cloud custom
//	        data), revoked, revoke_reason, revoked_by, imported
//	        elems: kind (text, image, sound, file, video, face, location, custom, merge, ...), text, url, path, name,
//	        id, size (bytes), seconds, width, height, index, latitude, longitude, data, desc, ext, title
//	user    id; name, role ("owner", "admin", "member"): may be nil
//	chat    id, type ("c2c", "group"); name, group_type ("Public", "Work", "Meeting", "AVChatRoom", "Community"): may be nil
//	bot     id, name, admins
//	match   words, spans (start, end: bytes of msg.text), groups, text (of the first hit)
//	args    the arguments of a command: a list of texts in mode command, args.NAME for those of command
//	faq     in the steps of a rule with faq: question, answer, line
//	command in the usage of a command only: name, usage, error
//	inputs  inputs.NAME, in a blueprint
//	lists   lists.NAME; `x in lists.NAME` takes the same time for any length
//	vars    vars.NAME: of the files, or as a set step of the rule assigned it
//	state   state.user.NAME, state.chat.NAME, state.bot.NAME: what set steps kept; nil if nothing
//	steps   steps.ID.ok, out, error (code and text; nil, and both nil, without an error), text, value: of the steps
//	        before this one, in steps only
//	secrets secrets.NAME
//	events  in steps only: a list of the batch's events, or of the one event; each has type, key, time, by, text, user,
//	        chat, msg
//	answer  in accept only: text, msg, user (who answered)
//	trigger of a rule with a schedule: rule (its id), slot (its time as RFC 3339, in the schedule's zone), date (2006-01-02),
//	        at (the time itself), missed (it runs late), manual (a person had it run)
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
//	help()               in steps: the commands that the user may use
//	workday(t, "cn")     whether the day of a time is a working day of a calendar
//	count(key, "24h")    in steps: how many marks count steps made under the key in that time
//
// expr-lang's timezone is not there, [a:b] does not cut texts, and a weekday or month is compared by its name:
// now().Weekday().String() == "Sunday". Bounds: an expression has at most 16 KiB and 1,000 nodes, puts at most two of any,
// all, map, filter and the like inside one another, and makes lists of at most 100,000 items and texts of at most 1 MiB.
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
//     Of what several conversations set at once the last value stays: to count there is count.
//   - choose does the first choice whose if holds; one without if takes the rest and comes last.
//   - do, with or without if, is a block of steps.
//   - for_each does its steps once for each item of a list, at most 10,000; the item's name is item unless as names it.
//   - stop ends the run.
//
// An action that takes a file of targets lets its text differ from row to row: ${{ row.name }} is the column name of the
// target's row. Such an expression knows nothing but row, and is evaluated when the message goes out; all others are
// evaluated when the step begins.
//
//	do:
//	  - announce:
//	      to: { file: customers.csv }
//	      text: ${{ row.name }}，您好！${{ msg.text }}
//
// parallel does lists of steps at once:
//
//	do:
//	  - id: both
//	    parallel:
//	      - do:
//	          - id: page
//	            http: { url: https://brief.example.com/today.json }
//	      - do:
//	          - reply: 请稍候。
//	          - delay: 10s
//	          - reply: 马上就好。
//	    on_error: continue
//	  - reply: ${{ steps.page.text }}
//
// It has 2 to 10 branches. Each goes on until it waits, in their order, and then the next one does; the step after parallel
// begins when all have ended. A branch sees the steps before parallel and its own, the steps after see those of all. A
// branch that fails does not stop the others; when they have ended the run ends, unless on_error says continue, and
// steps.ID.error is the first one's. In a branch are neither ask nor stop, and set sets no vars there.
//
// Three more hold a run up, for as long as it takes, over restarts of the bot too: ask (see Dialogues), handoff (see
// Handoff), and
//
//	do:
//	  - delay: 5m
//	  - reply: 五分钟到了。
//
// # Counts
//
//	rules:
//	  - id: mod.links
//	    on: message.group
//	    match: { any_of: ["http://", "https://"] }
//	    do:
//	      - id: strikes
//	        count:
//	          key: links/${{ chat.id }}/${{ user.id }}
//	          window: 24h
//	      - if: steps.strikes.value >= 3
//	        do:
//	          - revoke: {}
//	      - if: count("links/" + chat.id + "/" + user.id, "10m") > 1
//	        do:
//	          - reply: 请不要连续发送链接。
//
// count makes a mark under key, a text that all rules share, and gives in steps.ID.value how many there are, this one
// included. A mark is made once, whatever crashes. Beside key stands one of
//
//   - window: marks of so long ago and since then count. It slides.
//   - decay: what was counted so far comes to half in this time, and again to half in the same time; the value is a number
//     such as 1.5. It is a count of its own, apart from that of window.
//
// Either is from 1s to 366d. on_error may stand beside it; timeout and retry may not. The function count(key, "24h") reads
// the marks of count steps with window without making one; its window is a plain text, and it is for steps only: in the if
// of a rule it would cost a look into the journal at every message.
//
// # Signals
//
//	rules:
//	  - id: report
//	    on: message.c2c
//	    match: { mode: command, any_of: [/report] }
//	    do:
//	      - signal:
//	          name: report.filed
//	          data: { from: "${{ user.id }}", text: "${{ join(args, ' ') }}" }
//	  - id: report.tell
//	    on: signal.report.filed
//	    do:
//	      - send:
//	          to_group: "@TGS#ops"
//	          text: ${{ event.data.from }} 举报：${{ event.data.text }}
//
// A signal step is an event for other rules, in a run of their own: signal.NAME, without msg, user and chat, with what data
// says (anything that JSON holds, a message too; at most 64 KiB) as event.data, or nil. The name is a plain text. It is
// written down with the step, so that it comes once, whatever crashes, after the step and in the order of the steps.
// `signal: NAME` carries nothing. `timbot signal BOT NAME JSON` does the same from outside. At most 16 signals follow
// from one another: one more fails with the code loop.
//
// # Plugins
//
// A plugin is a program of its own that brings actions; a step calls them as PLUGIN.ACTION. Its folder holds plugin.yaml, its
// manifest, against which the rules are checked; the program is not started for that.
//
//	version: 1
//	bot: { connection: "local:./data/chat.db?user=concierge" }
//	plugins:
//	  shop:
//	    path: plugins/shop
//	    command: [./shop, --fast]
//	    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//	    env: [SHOP_URL, SHOP_TOKEN]
//	    rights:
//	      actions: [reply, send]
//	      conversations: [event, "group_@TGS#ops"]
//	      signals: [order_changed]
//	      state: true
//	      network: [shop.example.com]
//	    limits: { timeout: 10s, concurrency: 16, memory: 256MiB }
//	    restart: { backoff: 1s, crashes: 5, within: 10m }
//	    start: at_once
//	rules:
//	  - id: order
//	    on: message.c2c
//	    do:
//	      - id: found
//	        shop.order_lookup: { number: "${{ msg.text }}" }
//	        timeout: 3s
//	        on_error: continue
//	      - reply: "${{ steps.found.ok ? steps.found.out.status : steps.found.error.code }}"
//
// The keys of a plugin; `shop: plugins/shop` is short for one with path alone:
//
//   - path: the folder of its plugin.yaml, inside the bot's folder and relative to the bot's file.
//   - command: the program and its arguments, in place of what plugin.yaml says. A program with a / in it is relative to path.
//   - checksum: sha256:HEX that the program must have, beside the manifest's own. `timbot plugin check` prints it.
//   - env: variables of the bot's environment that it sees. Otherwise it sees PATH, LANG, LC_ALL and TZ.
//   - rights: what it may do, of what it asks for in plugin.yaml; nothing unless given. actions: of the bot (reply, send, mark_read,
//     mute, unmute, remove_member); conversations: where, event (that of the step's event; the default), c2c_USER, group_ID,
//     c2c_* or group_*; signals: those that it raises; state: it keeps values in the journal, which nobody else sees; network:
//     hosts, for people to know.
//   - limits: timeout (of a call, when the step's and the action's own are longer), concurrency (calls at once, 16 unless given;
//     more wait), memory (resident, where the system tells; one that needs more is started anew).
//   - restart: a plugin that ended by itself is started again at once, then after backoff (1s unless given), which doubles up to
//     a minute; and after so many crashes (5) within a time (10m) not before the first of them is older.
//   - start: lazy (when it is first called, the default) or at_once (with the bot, and whenever it ended).
//
// plugin.yaml has name, version, protocol (1), doc, command (a list, or lists by system such as linux/amd64, linux, default), files
// (what belongs to the program beside its command), checksum, rights (actions, signals, state, network) and actions:
//
//	name: shop
//	version: 1.2.0
//	protocol: 1
//	command: [./shop]
//	rights: { actions: [reply, send], signals: [order_changed], state: true, network: [shop.example.com] }
//	actions:
//	  order_lookup:
//	    doc: Looks an order up.
//	    idempotent: true
//	    acts_on_chat: true
//	    timeout: 5s
//	    inputs:
//	      number: { type: text, required: true, doc: The order's number. }
//	      lang: { type: text, enum: [de, en] }
//	    outputs:
//	      status: { type: text, required: true }
//	      items: { type: list, of: { type: object, fields: { name: text, count: int } } }
//	    scalar: number
//	    text: status
//	    value: status
//
// Types are text, int, number, bool, duration, any, list and map (of another), object (with fields). idempotent says that doing it
// twice is doing it once: after a crash such a call is made again, with the same effect, and another fails with the code
// interrupted. acts_on_chat says that others may notice it: only such an action replies or sends, and stage observe refuses it.
//
// A step of a plugin fails with the code that the plugin gives, or with plugin_down (it does not run, and is not started now),
// plugin_crashed (it ended in the middle of the call), plugin_fault (its answer is not what plugin.yaml says), timeout or
// interrupted.
//
// # Webhooks
//
//	version: 1
//	bot:
//	  connection: local:./data/chat.db?user=concierge
//	  webhooks: { listen: "127.0.0.1:8080", secret: "${{ secrets.HOOK }}", max_size: 256KiB }
//	secrets: { from: env }
//	rules:
//	  - id: deployed
//	    on:
//	      webhook:
//	        path: /deploy
//	        secret: ${{ secrets.DEPLOY_HOOK }}
//	        signature: github
//	        max_size: 1MiB
//	        methods: [POST]
//	    if: trigger.headers["x-github-event"] == "push" && trigger.json.ref == "refs/heads/main"
//	    do:
//	      - send:
//	          to_group: "@TGS#ops"
//	          text: ${{ trigger.json.pusher.name }} 发布了 ${{ left(trigger.json.after, 7) }}
//	  - id: alarm
//	    on: [{ webhook: /alarm }, signal.alarm]
//	    do:
//	      - send: { to_group: "@TGS#ops", text: "${{ event.type }}" }
//
// A call of the path over HTTP is an event, without msg, user and chat: what the steps send needs a target of its own.
// `timbot run` listens at bot.webhooks.listen, or where --webhooks says. Under webhook stands the path, or a mapping with path
// and, all of which may be left out,
//
//   - secret: ${{ secrets.NAME }}, what callers must know; that of bot.webhooks unless given. A webhook without any takes only
//     calls that this machine makes itself.
//   - signature: how callers show that they know it. github: X-Hub-Signature-256 is sha256= and the HMAC-SHA256 of the body.
//     token: the secret stands in X-Timbot-Token, X-Gitlab-Token, or Authorization: Bearer. any (the default): either.
//   - max_size: of the body, at most 1MiB; 256KiB unless given.
//   - methods: of POST, PUT, PATCH, DELETE and GET; POST unless given.
//
// All rules on a path share its options; one of them gives them. The names under trigger:
//
//   - path, method: of the call.
//   - headers, query, form: texts by name; "" for one that is not there. Names of headers are in small letters. Headers with
//     signatures, tokens, cookies and the like are left out.
//   - json: of a body that says it is JSON (or a form whose field payload is), else nil.
//   - form: of a body that says it is a form.
//   - body: the body as a text.
//   - id: that of the delivery, from X-GitHub-Delivery or Idempotency-Key, else made up. What comes again under the same id is
//     dropped for as long as bot.keep.events.
//
// The caller is answered 202 as soon as the event is in the journal, before any rule is tried. What the call carries is never
// evaluated.
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
// What is no mistake but probably not meant is in Set.Warnings: unused-list, empty-list, csv-blank, csv-duplicate,
// faq-overlap, unreachable, shadow,
// always-candidate (nothing narrows the rule down, so its if is evaluated for every event), unset-secret, idle-session (a
// session whose steps ask nothing), silent-handoff (nobody is told, and nothing gives the conversation back by itself),
// unheard-signal (a signal that no rule listens to), never-due (a schedule without slots), open-webhook (a webhook without
// a secret), fuzzy-cost (what fuzzy words cost), short-word (one character is left
// of a word under strict). Set.Overlaps finds rules that get in each other's way: never-fires, shadowed. Findings documents
// each id, and those of the mistakes that YAML and expressions lead people into.
package rules
