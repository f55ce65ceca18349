// Package rulestest runs users' test files: a bot's rules on the very runtime that timbot run has, on the embedded chat in
// memory, with a virtual clock.
//
// One worker handles one event after another, and what waits for a time goes on in the order of (due, id), so that a test has
// the same outcome every time, however fast the machine is.
//
// # Test files
//
// x_test.yaml lies beside x.yaml and tests it; a folder's bot_test.yaml tests its bot. A file:
//
//	version: 1
//	rules: [moderation.yaml]             # what is tested; x.yaml unless given
//	clock: 2026-10-10T08:30:00+08:00     # the virtual time at which each test begins; 2026-01-01T00:00:00Z unless given
//	zone: Asia/Shanghai                  # of now() and of the clock; UTC unless given
//	given:
//	  lists: {ads: [加微信]}
//	  groups: {"@TGS#shop": {name: 好物群, members: [mallory, alice]}}
//	  users: {alice: {role: admin}}
//	mocks:
//	  http: [{return: {json: {ok: true}}}]
//	tests:
//	  - name: 广告会被撤回
//	    rule: mod.ads
//	    run: live
//	    steps:
//	      - send: {in: "@TGS#shop", from: mallory, text: 加微信}
//	        expect: [revoke]
//	coverage: {rules: 100, branches: 80}
//
// The keys of the top level:
//
//   - version: always 1.
//   - rules: the files that are tested, relative to this one. When one of them has a bot section it is the bot's file; else a
//     bot is made around them.
//   - clock, zone: see above.
//   - given: what there is when a test begins. See Given.
//   - mocks: what actions answer in place of doing what they do. See Mocks.
//   - tests: the tests, each in a world of its own.
//   - unnoticed: [{rule: ID, what: TEXT, because: TEXT}]: changes of the rules that timbot test --mutate makes and that the
//     tests need not notice: those of the rule whose description has the text in it, and why.
//   - coverage: the least share, in percent, of rules and branches that the tests of this file must reach. See Coverage.
//
// # Tests
//
// A test has a name and steps; or one step's keys beside the name:
//
//   - name: for people. No two tests of a file have the same.
//   - rule: the rule that it is about.
//   - run: live or shadow or off: as what that rule runs, whatever the file says.
//   - given, mocks: what this test has besides, or in place of, the file's.
//   - table: a list of rows; the test is run once for each, with ${{ row.NAME }} in its texts.
//   - repeat: how often the test is run, to see that it always does the same.
//   - steps: what happens, one after the other.
//
// # Steps
//
// A step does one thing, or only checks:
//
//   - send: {in: GROUP, from: USER, text: …, as: NAME}: somebody writes; to the bot when in is left out. All inputs of the send
//     action can be given (elements, mentions, custom_data, …). as names the message for later steps.
//   - edit: {msg: NAME, text: …}, revoke: {msg: NAME, from: USER}, read: {in: GROUP, from: USER}.
//   - join, leave: {in: GROUP, user: USER or users: [USERS]}, invite: {in, from, users}, remove: {in, from, users}.
//   - advance: DURATION, at: TIME: the time passes; what is due meanwhile happens.
//   - signal: {name: NAME, data: …}: tells rules on signal.NAME.
//   - fire: RULE: a scheduled rule runs for its latest slot, as timbot jobs run does.
//   - webhook: {path: /deploy, method: POST, headers, query, json or form or body}: a call of a webhook; no secret is asked for.
//   - restart: the bot is ended and started again on the same journal, after so long: {after: 10m}, or true.
//
// and beside it:
//
//   - expect: what the bot does to the chat, in this order and nothing else. See Expectations. What it did in steps without
//     expect counts for the next one that has it; what is left at the end of the test is an error. [] is silence.
//   - quietly: what the bot does that nobody else notices (history, find, save, import, delete, download, http, archive, log):
//     these, in this order; more may come between. [] is nothing at all.
//   - archived: {ARCHIVE: [records]}: what the archives hold by then, as matchers; a record
//     that was taken back is {tombstone: true}.
//   - state: {user: {ID: {KEY: value}}, chat: {GROUP: …}, bot: {…}}: what rules have set by then.
//   - why: {RULE: TEXT}: the rule did not fire on this step's event, and the reason has this text in it; or {RULE: fired}.
//   - repeat: how often the step is done.
//
// # Expectations
//
// expect is a list. An entry is the name of an action (revoke), or one with what is known of it:
//
//	expect:
//	  - revoke: {msg: m1}
//	  - send: {to_user: mallory, text: {contains: 第 1 次}}
//
// What can be asked for are the action's inputs and outputs, and in (the group, or c2c_USER), user, msg (by its name), rule,
// step, error and code. A failed action is in the list too, with its error, and an entry that does not ask for error does not
// accept it. Notices of the bot's own (requests for approval, reports to the ops group, notices of handoffs) need not be
// listed, and can be: notice: {in: GROUP, text: …}.
//
// An announcement is one act, when it is over, with what came of it (total, sent, failed, skipped, key, state); each copy is a
// notice.
//
// A value is compared as it stands; a mapping with one of these keys asks for more: contains, not_contains, regex, one_of,
// not, expr (with value). A list is compared entry by entry.
//
// # Given
//
//   - lists: {NAME: [entries]} in place of what the files say.
//   - groups: {ID: {name, type: Public, owner: USER, members: [USERS] or {USER: {role, name_card}}}}. The bot is a member of all,
//     an administrator unless bot: member says otherwise, or bot: none. Everybody may join and invite, unless join: type
//     leaves it to the type of the group. Ids may be as the service makes them (@TGS#…).
//   - users: {ID: {nick, role}}; role is the user's in all groups.
//   - state: as in the check.
//   - history: [{in, from, text, ago: 5m}]: messages of the time before the test.
//
// Secrets are not looked up: each is the text "secret".
//
// # Mocks
//
// The world outside is not asked: http and the actions of plugins answer what the test says, and fail when it says nothing.
// Any other action may be mocked too. An action has a list of answers; the first whose when holds is taken, one without when
// is the default:
//
//	mocks:
//	  http:
//	    - when: args.url contains "brief"
//	      return: {json: {headline: 你好}}
//	    - error: no such page
//	      code: http_404
//
// An answer is return (the action's outputs), or error with an optional code; times bounds how often it is given, and after
// lets so much time pass before.
//
// # Tests that say nothing
//
// A test that would pass whatever the rules say is an error: one that expects nothing, one whose rule does not act because it
// runs as shadow or off, one whose rule listens to none of the test's events (but for a schedule, which may be before its time),
// one with a table whose rows nothing reads. One with a why about the rule asks for just that.
//
// # Coverage
//
// What the tests of a file reach of the rules is read out of the traces of their events, the same that timbot why tells. Of
// each rule these can be reached:
//
//   - the rule fires, live or in shadow;
//   - each operand of && and || in its if is true, and is false;
//   - a step with an if is done, and is skipped;
//   - each branch of a choose is taken; none is, when the last one has an if;
//   - a dialogue times out, and is cancelled when there are words for it; each question is answered, and is given up when
//     it has accept and no answer is accepted.
//
// All but the first are branches. Entries of a list that any_of or all_of looks for are counted beside them, and bound by
// nothing: of a mode regex they are not known. Coverage is noted when timbot test is asked for it (--cover, --min, --html), and
// for a file with a coverage section always; a part of the tests (--run) says nothing about it.
//
// # Reports
//
// Text, JSON, JUnit, TAP and GitHub write what came of the tests, WriteHTML shows coverage on the text of the rules.
//
// # Speed
//
// A test takes less than a millisecond, however much virtual time passes. BenchmarkThousandTests: 1,000 tests of one message
// each, loading included, take 0.5 s of one core; noting what they reach takes a tenth more. The budget is 2 s.
// # Replay
//
// Replay sends recorded traffic (bot.Traffic) through two sets of rules, on the runtime, a virtual clock and a connection
// that goes nowhere, and compares what they do; Shadow tells what shadow rules would do, FalsePositive makes a test of a
// message.
package rulestest
