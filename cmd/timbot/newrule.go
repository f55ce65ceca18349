package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rulestest"
)

// starterRule is a rule to begin with, and its tests; ID is the rule's id.
type starterRule struct{ doc, rule, tests string }

var starterRules = map[string]starterRule{
	"reply": {"answers a word", `version: 1

rules:
  - id: ID
    on: message
    match:
      any_of: [opening hours, 营业时间]
    if: chat.type == "c2c" || msg.mentions_bot
    limit: { per: chat, rate: 1/30s, over: drop }
    do:
      - reply: We are open from 09:00 to 21:00.
`, `version: 1

given:
  groups:
    team: { members: [ann] }

tests:
  - name: the hours are told, once in 30 seconds
    steps:
      - send: { from: ann, text: "your opening hours?" }
        expect: [reply: We are open from 09:00 to 21:00.]
      - send: { from: ann, text: 营业时间 }
        expect: []
      - advance: 30s
      - send: { from: ann, text: 营业时间 }
        expect: [reply]

  - name: in a group only who asks the bot is answered
    steps:
      - send: { in: team, from: ann, text: opening hours }
        expect: []
      - send: { in: team, from: ann, text: opening hours, mentions: [bot] }
        expect: [reply: { in: team }]

coverage: { rules: 100, branches: 80 }
`},
	"moderation": {"takes advertising back; it begins in shadow", `version: 1

lists:
  ID_words: [加微信, free money]
  ID_fine: [不要加微信]

rules:
  - id: ID
    stage: guard
    run: shadow # look at what it would do (timbot shadow report), then say live
    on: [message.group, message.edited]
    match:
      any_of: ${{ lists.ID_words }}
      none_of: ${{ lists.ID_fine }}
      normalize: strict
    if: user.role not in ["owner", "admin"]
    final: true
    do:
      - revoke: {}
      - send:
          to_user: ${{ user.id }}
          text: Your message was taken back, because of ${{ match.words[0] }}.
`, `version: 1

given:
  groups:
    team: { members: [ann, bob] }
  users:
    bob: { role: admin }

tests:
  - name: advertising is taken back, however it is spelled
    rule: ID
    run: live
    table: [{ text: 加微信 }, { text: "加 微·信" }, { text: FREE money }]
    steps:
      - send: { in: team, from: ann, text: "${{ row.text }}", as: m }
        expect: [revoke: { msg: m }, send: { to_user: ann, text: { contains: was taken back } }]

  - name: an edited message too
    rule: ID
    run: live
    steps:
      - send: { in: team, from: ann, text: hello, as: m }
        expect: []
      - edit: { msg: m, text: 加微信 }
        expect: [revoke: { msg: m }, send]

  - name: what is fine, and administrators, are left alone
    rule: ID
    run: live
    table:
      - { from: ann, text: 不要加微信, why: none_of }
      - { from: bob, text: 加微信, why: user.role }
    send: { in: team, from: "${{ row.from }}", text: "${{ row.text }}" }
    expect: []
    why: { ID: "${{ row.why }}" }

coverage: { rules: 100, branches: 80 }
`},
	"dialogue": {"asks, and goes on with the answer", `version: 1

rules:
  - id: ID
    on: message.c2c
    match: { any_of: [order status, 查订单] }
    session:
      timeout: 5m
      cancel: [cancel, 取消]
      on_timeout: [reply: That took too long. Ask again when you like.]
      on_cancel: [reply: All right.]
    do:
      - id: number
        ask:
          text: What is the number of your order?
          accept: answer.text matches "^[0-9]{6}$"
          tries: 2
          retry_text: The number has six digits.
      - reply: Order ${{ steps.number.text }} is on its way.
`, `version: 1

tests:
  - name: the order is told
    table: [{ text: order status }, { text: 查订单 }]
    steps:
      - send: { from: ann, text: "${{ row.text }}" }
        expect: [reply: "What is the number of your order?"]
      - send: { from: ann, text: "12345" }
        expect: [reply: The number has six digits.]
      - send: { from: ann, text: "123456" }
        expect: [reply: Order 123456 is on its way.]

  - name: after two wrong numbers it is over
    steps:
      - send: { from: ann, text: order status }
      - send: { from: ann, text: none }
      - send: { from: ann, text: none }
        expect: [reply, reply]
      - send: { from: ann, text: "123456" }
        expect: []

  - name: who cancels, and who does not answer
    steps:
      - send: { from: ann, text: order status }
      - send: { from: ann, text: 取消 }
        expect: [reply, reply: All right.]
      - send: { from: ann, text: order status }
      - advance: 5m
        expect: [reply, reply: That took too long. Ask again when you like.]

coverage: { rules: 100, branches: 80 }
`},
	"welcome": {"welcomes a wave of new members with one message", `version: 1

rules:
  - id: ID
    on: member.joined
    batch: { by: chat, quiet: 15s, max_wait: 60s, max: 5 }
    do:
      - send:
          text: Welcome, ${{ join(map(take(events, 5), .user.name ?? .user.id), ", ") }}!
`, `version: 1

given:
  groups:
    team: { members: [ann] }

tests:
  - name: who comes together is welcomed together
    steps:
      - invite: { in: team, users: [bea, cid] }
      - advance: 10s
      - invite: { in: team, user: dan }
      - advance: 14s
        expect: []
      - advance: 1s
        expect: [send: { in: team, text: "Welcome, bea, cid, dan!" }]

  - name: five are not kept waiting
    steps:
      - invite: { in: team, users: [bea, cid, dan, eve] }
        expect: []
      - invite: { in: team, user: fay }
        expect: [send: { in: team }]

coverage: { rules: 100, branches: 80 }
`},
}

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func newRuleCommand() *cobra.Command {
	var dir, kind string
	kinds := slices.Sorted(maps.Keys(starterRules))
	var docs strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&docs, "\n  %-12s %s", k, starterRules[k].doc)
	}
	cmd := &cobra.Command{
		Use:   "rule ID",
		Short: "Make a file with a rule and one with its tests",
		Long: "Make a file with a rule, rules/ID.yaml in a bot's folder, and one with its tests beside it. The tests pass, and\n" +
			"tell what to change. The kinds are" + docs.String(),
		Example: "  timbot new rule ads --kind moderation --bot examples/bots/hello",
		Args:    wantArgs(1, 1, "ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := args[0]
			if !ruleName.MatchString(id) {
				return &usageError{cmd, fmt.Sprintf("%q cannot be a rule's file: use small letters, digits and _, a letter first", id)}
			}
			k, ok := starterRules[kind]
			if !ok {
				return &usageError{cmd, fmt.Sprintf("unknown kind %q%s; there are %s", kind, didYouMean(kind, kinds), strings.Join(kinds, ", "))}
			}
			return newRule(cmd, dir, id, k)
		},
	}
	cmd.Flags().StringVar(&dir, "bot", ".", "the bot's folder")
	cmd.Flags().StringVar(&kind, "kind", "reply", "what the rule does: "+strings.Join(kinds, ", "))
	return cmd
}

func newRule(cmd *cobra.Command, dir, id string, k starterRule) error {
	folder := filepath.Join(dir, "rules")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("new rule: %w", err)
	}
	file := filepath.Join(folder, id+".yaml")
	tests := filepath.Join(folder, id+rulestest.FileSuffix)
	if _, err := os.Stat(tests); err == nil {
		return fmt.Errorf("new rule: there is a %s already, which is left as it is", tests)
	}
	for name, text := range map[string]string{file: k.rule, tests: k.tests} {
		if err := writeNew(name, strings.ReplaceAll(text, "ID", id)); err != nil {
			return fmt.Errorf("new rule: %w", err)
		}
	}
	out := fmt.Sprintf("%s\n%s\ntest it: timbot test %s\n", file, tests, file)
	if !includes(dir, "rules/"+id+".yaml") {
		out += fmt.Sprintf("%s does not include it yet: add `include: [rules/*.yaml]` there\n", filepath.Join(dir, bot.FileName))
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), out)
	return err
}

// includes reports whether the bot in a folder reads a file.
func includes(dir, name string) bool {
	files, err := bot.Find(dir)
	if err != nil {
		return false
	}
	set, err := files.Load(actions.NewRegistry(actions.Builtin()...))
	if err != nil {
		return true // its mistakes are told by lint
	}
	for _, src := range set.Sources() {
		if src.Name == name {
			return true
		}
	}
	return false
}

func newTestFileCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test PATH",
		Short: "Draft tests from what rules do by now",
		Long: "Draft a test file beside a rules file, or for a bot's folder: for each rule an event that fires it, and what the bot\n" +
			"does about it by now. Read it: it says what is, and you know what should be.",
		Example: "  timbot new test examples/bots/hello/bot.yaml",
		Args:    wantArgs(1, 1, "PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := args[0]
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(path, bot.FileName)
			}
			file := strings.TrimSuffix(path, filepath.Ext(path)) + rulestest.FileSuffix
			if _, err := os.Stat(file); err == nil {
				return fmt.Errorf("new test: there is a %s already, which is left as it is", file)
			}
			text, err := rulestest.Draft(cmd.Context(), path, actions.NewRegistry(actions.Builtin()...))
			if err != nil {
				return err
			}
			if err := writeNew(file, string(text)); err != nil {
				return fmt.Errorf("new test: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\nrun it: timbot test %s\n", file, file)
			return err
		},
	}
}
