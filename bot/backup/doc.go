// Package backup copies a bot's SQLite files into one file while the bot runs, and brings them back.
//
// A backup is a tar with a manifest and the databases. Each is what it was at one moment; the moments follow each other in
// the order in which the files are named. When the journal is named first, everything that it holds as done is in the
// others; what they hold beyond it is done again after a restore, and is known by the effect's id then.
package backup
