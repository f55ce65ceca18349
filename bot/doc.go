// Package bot is the runtime: it joins a connection, a journal, rules and actions, and owns every goroutine.
//
// # An event's journey
//
//	connection -> Event -> journal (durable, once) -> the conversation's queue -> rules.Match -> run
//	run: step -> (journal: begun) -> action -> Conn call -> (journal: result) -> next step -> done
//
// The connection hands events over in batches; the journal stores those that it does not know yet; each goes to the
// queue of its conversation. A rule that fires becomes a run: the rule's steps, a place in them, and the values so
// far, all in the journal. A run that waits (for a retry, an answer, a person's consent) is an entry in the journal,
// mostly with a timer, and no goroutine: it leaves its conversation's queue and comes back through it when what it waits
// for comes.
//
// # Order
//
// One conversation is handled in order: the runs of an event, in the order of the rules, are done or waiting before
// the next event of that conversation is looked at. Conversations are handled in parallel, bounded by WithWorkers.
// When WithQueue events wait, the connection is held back.
//
// # Failure
//
// A step that fails ends its run unless it says `on_error: continue`; the other runs of the event go on. When the step was
// to act, the run stands still instead, as a dead letter that a person retries or drops (see Inspector). A panic costs
// the event in which it happens.
//
// Every message carries the id of its effect. A step of which nobody knows whether it took effect (it was begun and a
// crash came, its time was over, the answer was lost) is settled as its action declares: done again where that does no
// harm; taken up again to find out, when a crash came at once or two seconds after it was begun, else by a timer and at
// least three times; or failed with the code "interrupted", which also is the end of a step that cannot find out.
//
// # Pace
//
// Messages leave one after the other in each conversation, in the order in which they came to be sent, within the limits
// of `bot.pace`. A short wait holds a worker, a longer one is a timer, and when too many messages wait the connection is
// held back. A refusal because of too many messages holds back the conversation, or the connection, with growing pauses
// and jitter that the run decides; the message keeps its place.
//
// A journal call that fails is tried again until it works or the bot stops; meanwhile the connection is held back. What
// came while the bot was down or without a connection is read back from the history where the connection can list its
// conversations, before live events of the same conversation are taken.
//
// # Stopping
//
// When Run's context ends, the bot takes no more events, finishes what it has been handed, and after the grace period
// (WithGrace) cancels what is left. Idle tells when nothing is left to do.
package bot
