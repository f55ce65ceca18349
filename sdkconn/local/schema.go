package local

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNewerSchema is returned by Open for a chat file that a newer timbot has written.
var ErrNewerSchema = errors.New("the chat file was written by a newer timbot; use that one, or start a new file")

// ErrNotChat is returned by Open for an SQLite file that holds something else.
var ErrNotChat = errors.New("the file is an SQLite database but not a chat")

// applicationID marks the file as a chat (PRAGMA application_id): "TiMb".
const applicationID = 0x54694d62

// schema makes a file of version 1; migrations bring it to the present one, in a new file too.
//
// The log positions of msg and event come from one counter, so that together they are one log in commit order. A group's
// message is one row whoever reads it; what differs from user to user is in member, view, hidden and own.
const schema = `
CREATE TABLE meta (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	epoch INTEGER NOT NULL            -- changes whenever user, room or member does
) STRICT;
INSERT INTO meta VALUES (1, 1);

CREATE TABLE user (
	id    INTEGER PRIMARY KEY,
	name  TEXT NOT NULL UNIQUE,
	nick  TEXT NOT NULL,
	known INTEGER NOT NULL,           -- 0: only named by imported messages
	made  INTEGER NOT NULL
) STRICT;

CREATE TABLE position (
	user INTEGER PRIMARY KEY,
	pos  INTEGER NOT NULL             -- all events up to here have been taken
) STRICT;

CREATE TABLE room (
	id    INTEGER PRIMARY KEY,
	kind  INTEGER NOT NULL,           -- 1 two users, 2 group
	a     INTEGER NOT NULL,           -- the two users, a <= b; a group's owner is a
	b     INTEGER NOT NULL,
	name  TEXT NOT NULL,              -- group id
	title TEXT NOT NULL,
	type  INTEGER NOT NULL,
	made  INTEGER NOT NULL,           -- 0: only named by imported messages
	gone  INTEGER NOT NULL            -- dissolved at
) STRICT;
CREATE UNIQUE INDEX room_pair ON room (a, b) WHERE kind = 1;
CREATE INDEX room_name ON room (name) WHERE kind = 2;

CREATE TABLE member (
	room   INTEGER NOT NULL,
	user   INTEGER NOT NULL,
	since  INTEGER NOT NULL,          -- log position; one row for each stay
	until  INTEGER NOT NULL,          -- log position, 0 still there
	role   INTEGER NOT NULL,
	joined INTEGER NOT NULL,          -- seconds
	muted  INTEGER NOT NULL,          -- until, seconds
	card   TEXT NOT NULL,
	PRIMARY KEY (room, user, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_user ON member (user);

CREATE TABLE msg (
	id      INTEGER PRIMARY KEY,      -- log position
	room    INTEGER NOT NULL,
	time    INTEGER NOT NULL,
	seq     INTEGER NOT NULL,
	rand    INTEGER NOT NULL,
	sender  INTEGER NOT NULL,         -- 0 the service
	grp     INTEGER NOT NULL,
	status  INTEGER NOT NULL,
	flags   INTEGER NOT NULL,
	types   INTEGER NOT NULL,         -- one bit for each element type
	body    TEXT NOT NULL,
	revoker INTEGER
) STRICT;
CREATE INDEX msg_order ON msg (room, time, seq, rand);
CREATE UNIQUE INDEX msg_seq ON msg (room, seq) WHERE grp = 1;

CREATE TABLE own (
	id     INTEGER PRIMARY KEY,       -- imported and saved messages: one user's alone
	user   INTEGER NOT NULL,
	room   INTEGER NOT NULL,
	time   INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	rand   INTEGER NOT NULL,
	self   INTEGER NOT NULL,
	sender TEXT NOT NULL,
	client INTEGER NOT NULL,
	status INTEGER NOT NULL,
	flags  INTEGER NOT NULL,
	types  INTEGER NOT NULL,
	body   TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX own_order ON own (user, room, time, seq, rand, self);

CREATE TABLE view (
	user      INTEGER NOT NULL,
	room      INTEGER NOT NULL,
	since     INTEGER NOT NULL,       -- log position at which the conversation began for this user
	read      INTEGER NOT NULL,       -- log position up to which everything is read
	read_time INTEGER NOT NULL,
	read_seq  INTEGER NOT NULL,
	cleared   INTEGER NOT NULL,       -- log position up to which everything is deleted
	PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;

CREATE TABLE hidden (
	user INTEGER NOT NULL,
	msg  INTEGER NOT NULL,
	PRIMARY KEY (user, msg)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
	id    INTEGER PRIMARY KEY,        -- log position
	at    INTEGER NOT NULL,
	kind  INTEGER NOT NULL,
	room  INTEGER NOT NULL,
	user  INTEGER NOT NULL,           -- to whom; 0 everybody in the room
	actor INTEGER NOT NULL,           -- by whom, who is not told
	msg   INTEGER NOT NULL,
	data  TEXT NOT NULL
) STRICT;
CREATE INDEX event_online ON event (at) WHERE kind = 4;

CREATE TABLE blob (
	id   INTEGER PRIMARY KEY,
	sha  TEXT UNIQUE,                 -- hex; NULL while the upload runs
	size INTEGER NOT NULL,
	made INTEGER NOT NULL
) STRICT;

CREATE TABLE chunk (
	id   INTEGER PRIMARY KEY,
	blob INTEGER NOT NULL,
	n    INTEGER NOT NULL,
	data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunk_order ON chunk (blob, n);
`

// checkSchema reports whether the file is new, and refuses one that is no chat or a newer one. It changes nothing.
func checkSchema(d *db) (fresh bool, err error) {
	version, err := d.integer(`PRAGMA user_version`)
	if err != nil {
		return false, err
	}
	app, err := d.integer(`PRAGMA application_id`)
	if err != nil {
		return false, err
	}
	tables, err := d.integer(`SELECT count(*) FROM sqlite_schema`)
	switch {
	case err != nil:
		return false, err
	case tables > 0 && app != applicationID:
		return false, ErrNotChat
	case version > schemaVersion:
		return false, fmt.Errorf("schema %d, known up to %d: %w", version, schemaVersion, ErrNewerSchema)
	}
	return tables == 0, nil
}

// makeSchema makes a new file a chat. The caller holds the lock file.
func makeSchema(d *db) error {
	err := d.conn.Exec(fmt.Sprintf(`BEGIN IMMEDIATE; %s %s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT`,
		schema, strings.Join(migrations, "\n"), applicationID, schemaVersion))
	if err != nil && !d.conn.GetAutocommit() {
		return errors.Join(err, d.conn.Exec(`ROLLBACK`))
	}
	return err
}
