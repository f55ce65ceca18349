// Package bot is the runtime: it joins a connection, a journal, rules and actions, and owns every goroutine.
//
// # An event's journey
//
//	connection -> Event -> journal (durable, once) -> the conversation's queue -> rules.Match -> run
//	run: step -> (journal: begun) -> action -> Conn call -> (journal: result) -> next step -> done
//
// The connection hands events over in batches; the journal stores those that it does not know yet; each goes to the
// queue of its conversation. A rule that fires becomes a run: the rule's steps, a place in them, and the values so
// far, all in the journal. A run that waits (for a retry, later for an answer) is a timer in the journal and no
// goroutine: it leaves its conversation's queue and comes back through it when the timer is due.
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
// the event in which it happens. A step that was begun and has no result when its run is taken up again is settled as
// its action declares: repeated where that does no harm, else it fails with the code "interrupted".
//
// # Stopping
//
// When Run's context ends, the bot takes no more events, finishes what it has been handed, and after the grace period
// (WithGrace) cancels what is left. Idle tells when nothing is left to do.
package bot
