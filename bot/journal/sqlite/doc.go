// Package sqlite is the journal in one SQLite file, for one process.
//
// # Durability
//
// Append and Commit return when the write-ahead log is on the disk (WAL, synchronous=FULL). One goroutine writes. It commits
// at once what gathered while the last commit ran, up to 1,000 rows, and never waits for company: one caller alone pays one
// commit, many share it. Lazy changes wait in memory for the next commit, at most 1,000 of them; a read that must see them,
// and Close, write them first.
//
// An error of Append or Commit means that nothing of it was applied, and the journal goes on as soon as what was wrong is
// over. One case is left: a process that dies between a failed commit and the next good one may find the failed one done
// when it opens the file again.
//
// # What is kept how long
//
// Everything, keys of done events included, until Trim lets go of it. A rule set goes with the last open run or trace that
// names it.
//
// # Announcements
//
// A target is one row, in the order in which targets were added, and a second one that finds its name. What became of it
// is written into its row.
//
// # The file
//
// Beside the file stand its log (-wal, -shm) while it is open, and a lock (-lock) that keeps a second process out. Copy it
// with Backup, or when nobody has it open.
//
// Events are rows in the order in which they came, with one index on the key, which begins with the time: rows and index
// grow at their ends. What a commit finishes, traces included, is one row, a block, and no event is written again; see
// block.go.
package sqlite
