package main

import "fmt"

// rules is the bot's file. Each rule answers messages that carry a token of their own, in another way; version is in a
// comment, so that each file is a new rule set that does the same.
func rules(version int) string {
	return fmt.Sprintf("# version %d\n", version) + `version: 1

bot:
  connection: local:chat.db?user=bot
  pace: { total: 2000/s, chat: 500/s }

rules:
  - id: ping
    on: message
    match: { mode: regex, any_of: ['^ping (?P<n>\w+)$'] }
    do:
      - reply: pong ${{ match.groups.n }}

  - id: later
    on: message
    match: { mode: regex, any_of: ['^later (?P<n>\w+)$'] }
    do:
      - delay: 300ms
      - reply: late ${{ match.groups.n }}

  - id: tell
    on: message.c2c
    match: { mode: regex, any_of: ['^tell (?P<n>\w+)$'] }
    do:
      - send: { to_group: hall, text: "told ${{ match.groups.n }}" }
      - reply: passed ${{ match.groups.n }}

  - id: count
    on: message.c2c
    match: { mode: regex, any_of: ['^count (?P<n>\w+)$'] }
    do:
      - set:
          user: { n: "${{ (state.user.n ?? 0) + 1 }}" }
      - reply: counted ${{ match.groups.n }} as ${{ state.user.n }}

  - id: slow
    on: message.group
    match: { mode: regex, any_of: ['^slow (?P<n>\w+)$'] }
    limit: { per: chat, rate: 20/1s, over: wait }
    do:
      - reply: slowly ${{ match.groups.n }}

  - id: gather
    on: message.group
    match: { mode: regex, any_of: ['^gather \w+$'] }
    batch: { by: chat, quiet: 200ms, max_wait: 1s, max: 20 }
    do:
      - reply: gathered ${{ join(map(events, .msg.text), ";") }}

  - id: order
    on: message.c2c
    match: { mode: regex, any_of: ['^order (?P<n>\w+)$'] }
    session: { per: user, timeout: 10m }
    do:
      - id: number
        ask:
          text: number ${{ match.groups.n }}?
          accept: answer.text startsWith "no."
          tries: 3
          retry_text: again ${{ match.groups.n }}?
      - reply: ordered ${{ match.groups.n }} ${{ steps.number.text }}

  - id: tick
    on: { schedule: { cron: "* * * * * *", missed: all, within: 1d } }
    do:
      - send: { to_group: hall, text: "tick ${{ trigger.at.Unix() }}" }

  - id: keep
    stage: observe
    on: message
    do:
      - archive:
          to: all
          record: { text: "${{ msg.text }}" }
`
}
