// Package targets reads lists of who gets an announcement, a row at a time, so that a list may be longer than the memory.
//
// # Forms
//
// A file whose name ends in .csv has columns; the first row names them. The column "user" (or user_id, userid, id) holds a
// user's id, the column "group" (or group_id, groupid) a group's; a row may fill in both. Separators are commas. Any other
// file has one id a line, and what follows a # at the beginning of a line or after a blank is a comment.
//
// # Text
//
// Files are UTF-8, with or without a byte order mark, or UTF-16 with one. A file that is no UTF-8 at all is taken for GBK
// (GB18030), which Excel writes in China, and converted; one that is neither is refused with the line.
//
// # Bounds
//
// A row has at most 1 MiB and 200 columns, an id at most 256 bytes. A row in which nothing stands is passed over and counted; so
// is one that names nobody. A row with more or fewer fields than the first is refused with its line.
package targets
