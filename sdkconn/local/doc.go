// Package local is the embedded chat: many users, their C2C conversations and groups, in one SQLite file. It keeps the
// semantics of the TIM SDK, so that a bot that runs here runs there.
//
//	chat, err := local.Open(ctx, "chat.db", local.Config{})
//	alice, err := chat.Login(ctx, "alice")
//	sent, err := alice.SendNewMsg(ctx, sdkconn.C2C("bob"), msg)
//
// # URL
//
//	local:PATH?user=ID[&revoke_window=120s]
//
// PATH is absolute or relative to Config.Dir, its folder must be there; percent-escapes are undone. ID is made when it is
// new. revoke_window counts when this opens the file first. The path :memory: is a chat of its own in memory that is gone
// with its connection; it starts no watcher and reads no file, so that it runs inside a testing/synctest bubble.
//
// # Users
//
// Users are made at their first login or with Chat.AddUser; a message to anybody else is CodeSvrMsgInvalidID. There are no
// passwords. One user has one login, whichever process has it: the second one ends the first, which is told
// EventKickedOffline and whose calls then answer CodeNotLoggedIn. A login is held by a lock of the operating system on
// PATH-login, so that a killed process's is free at once; a process that is stopped keeps it.
//
// # Messages
//
// Time is Config.Clock's in whole seconds and never goes back; the client time and the server time of a sent message are
// the same. A C2C message's seq comes from a counter of the whole file, so that the order by (time, seq, rand) is the order of
// acceptance even within a second. A group's messages are numbered 1, 2, 3, ... without a gap; tips consume numbers,
// online-only messages do not (their seq in a group is 0). Message ids are TIM's: SENDER-TIME-RAND with an 18-digit number
// for the sender.
//
// Deleting and importing change the user's own view only; both are kept in the file. Imported and saved messages have
// StatusLocalImported, never count as unread and cannot be revoked. Time positions and ranges are those of
// sdkconn.GetMsgListParam; a TimePeriod of zero means no end. IsRamble makes no difference.
//
// A send whose cloud custom string carries an effect's id (sdkconn.WithEffect) happens once for each sender and
// conversation: repeated, in another process or after a crash, it is answered with the message of the first one, as that
// stands. The file remembers for good. Online-only messages are not remembered.
//
// An edit changes the message in place for all who have it; what it said before is not kept.
//
// A message counts as unread when somebody else wrote it, it is no tip, nobody took it back, and it is not excluded or
// for some members only. Reading counts by the second in a C2C conversation and by seq in a group. A receipt is told when
// something of the peer's became read by it.
//
// # Groups
//
// All types but BChatRoom's own rules are there. docs/embedded-chat.md has them as a table: who joins, who is invited, who
// may change the group, whether the owner may leave, what members see. Who must be approved waits as a pendency: joining a
// Public group is asked of its owner and administrators, being invited to one of the invited user, and an ordinary
// member's invitation of the administrators where the group says so. An administrator's approval brings in at once.
// Owner and administrators may revoke others' messages. What happens to members is a tip to everybody who is in the group
// after it, and a notice to whom it happens.
//
// # Events
//
// Each user has an inbox in the file: new messages, tips, notices, revocations and receipts wait there until his
// subscription's handler took them, also while he is not logged in. What is told from the time before the login is marked
// CaughtUp. Events of conversations and online-only messages are for those who are there; after an absence, or when a
// handler fell more than 4096 events behind, each changed conversation is told once, as it stands. AVChatRoom messages are
// not told late at all.
//
// How far a user took his events is kept in memory and written with one of the next commits and at Close. After a crash some
// are therefore told again, under the same Event.Key.
//
// A user's own messages are no event for him, the change of the conversation is. Of one message the recipient hears
// EventNewMsg, then EventConv.
//
// # Files
//
// Files of elements live in the chat file, in chunks, once for each content (SHA-256). The id of a file is that hash, its URL
// local-blob:ID. The large version and the thumbnail of a
// JPEG, PNG or GIF are made when it is sent, 720 and 198 pixels along the shorter side; of other pictures, small ones and
// those above 40 million pixels they are the original. Files never expire.
//
// # Durability and processes
//
// A call that succeeded is on the disk (WAL, synchronous=FULL). One goroutine writes: what gathers while a commit runs
// shares the next one. Several processes may use one file: writers take turns on PATH-lock, and a commit wakes the others
// through PATH-wake, which all of them watch; nobody polls. A user should be logged in in one process at a time.
//
// # Differences from the service
//
// No rate limits, no moderation, no push, no expiry of messages and files, no per-message
// receipts. A message whose identity is made by hand is found as any other.
package local
