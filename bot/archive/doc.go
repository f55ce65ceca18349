// Package archive keeps the records that archive steps write, in one SQLite file.
//
// The bot's process writes (Open); any process may read meanwhile (OpenReader), and so may a person with any SQLite tool.
// A record that replaces another one takes its content away for good; what it replaced is not kept as a history.
package archive
