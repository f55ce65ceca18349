// Package journal keeps what must survive a crash of the bot: the events it was handed, the runs that they started and
// how far each came, timers, state, counters, and the position reached in every conversation.
//
// There is one interface and one conformance suite (journaltest). What stands behind the interface may be memory, one
// file, or a cluster: nothing above knows.
//
// The rules that every journal keeps:
//
//   - Append and Commit return when what they were given is as durable as the journal can make it. A Change with Lazy
//     set may become durable later, but never after a later change does.
//   - A Change is applied whole or not at all, and changes are seen in the order in which they were committed.
//   - An event is stored once: a second Append of its key changes nothing, also long after it was done. How long the
//     keys of done events are remembered is the journal's own, documented, bound.
//   - What a journal returns belongs to the caller; what it was given may be changed by the caller afterwards.
package journal
