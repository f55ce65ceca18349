package sqlite

import (
	"errors"
	"fmt"
)

// applicationID marks a journal file in SQLite's header.
const applicationID = 0x746d6a6c // "tmjl"

// migrations are the steps from each schema to the next one; a new file takes all of them. What people have on their disks
// depends on them: a step is never changed once a version with it is out.
var migrations = []string{
	`
	-- What was appended, in its order. data is NULL when only the key is kept.
	CREATE TABLE event (n INTEGER PRIMARY KEY, key TEXT NOT NULL, conversation TEXT NOT NULL, seq INTEGER NOT NULL,
		at INTEGER NOT NULL, data BLOB);
	CREATE UNIQUE INDEX event_key ON event (key);
	-- What commits finished: see block.go.
	CREATE TABLE block (hi INTEGER PRIMARY KEY, lo INTEGER NOT NULL, data BLOB NOT NULL);
	-- Traces that did not come with the end of their event, or that took another's place.
	CREATE TABLE trace (n INTEGER PRIMARY KEY, ruleset INTEGER NOT NULL, data BLOB NOT NULL);
	-- Events up to the mark that are not done.
	CREATE TABLE open (n INTEGER PRIMARY KEY);
	-- Open runs, each with one of its steps.
	CREATE TABLE run (r INTEGER PRIMARY KEY, id TEXT NOT NULL, event TEXT NOT NULL, ord INTEGER NOT NULL,
		ruleset INTEGER NOT NULL, data BLOB NOT NULL, step TEXT, result BLOB);
	-- Their other steps.
	CREATE TABLE step (r INTEGER, key TEXT, data BLOB NOT NULL, PRIMARY KEY (r, key)) WITHOUT ROWID;
	CREATE TABLE timer (id TEXT PRIMARY KEY, due INTEGER NOT NULL, r INTEGER NOT NULL) WITHOUT ROWID;
	CREATE TABLE state (scope TEXT, key TEXT, value BLOB NOT NULL, expire INTEGER, PRIMARY KEY (scope, key)) WITHOUT ROWID;
	CREATE INDEX state_expire ON state (expire) WHERE expire IS NOT NULL;
	CREATE TABLE mark (m INTEGER PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL, expire INTEGER NOT NULL);
	CREATE INDEX mark_key ON mark (key, at);
	-- Positions as of the mark.
	CREATE TABLE position (conversation TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
	-- data is NULL when something names a rule set whose text was never given.
	CREATE TABLE ruleset (s INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, data BLOB);
	-- Numbers that change with many commits; together, so that they cost one page. See number.go.
	CREATE TABLE number (k INTEGER PRIMARY KEY, v INTEGER NOT NULL);
	`,
	`
	CREATE TABLE announcement (a INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, targets INTEGER NOT NULL, data BLOB NOT NULL);
	-- Targets of announcements: see ledger.go.
	CREATE TABLE target (id INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT NULL, data BLOB NOT NULL);
	CREATE TABLE target_name (a INTEGER, hash INTEGER, n INTEGER, PRIMARY KEY (a, hash, n)) WITHOUT ROWID;
	`,
}

// schemaVersion is the number that Open writes into a new file (PRAGMA user_version) and expects in an old one.
var schemaVersion = int64(len(migrations))

// Errors of Open.
var (
	// ErrNotJournal says that the file holds something else.
	ErrNotJournal = errors.New("this is not a journal")

	// ErrNewerSchema says that a newer version of timbot wrote the file.
	ErrNewerSchema = errors.New("a newer version of timbot wrote this journal; use that version, or another data folder")

	// ErrInUse says that another process, or another Open in this one, has the journal open.
	ErrInUse = errors.New("another process has this journal open")
)

// checkSchema returns the schema of the file, 0 for a new one, and refuses one that is no journal or a newer one. It changes
// nothing.
func checkSchema(d *db) (version int64, err error) {
	if version, err = d.integer(`PRAGMA user_version`); err != nil {
		return 0, err
	}
	app, err := d.integer(`PRAGMA application_id`)
	if err != nil {
		return 0, err
	}
	tables, err := d.integer(`SELECT count(*) FROM sqlite_schema`)
	switch {
	case err != nil:
		return 0, err
	case tables > 0 && (app != applicationID || version < 1), tables == 0 && app != 0:
		return 0, ErrNotJournal
	case version > schemaVersion:
		return 0, fmt.Errorf("schema %d, known up to %d: %w", version, schemaVersion, ErrNewerSchema)
	}
	return version, nil
}

// migrate brings a file up to date, in one transaction: it stays as it was when a step fails.
func migrate(d *db, from int64) (err error) {
	if from == schemaVersion {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("migrating from schema %d to %d: %w", from, schemaVersion, err)
			if !d.conn.GetAutocommit() {
				err = errors.Join(err, d.conn.Exec(`ROLLBACK`))
			}
		}
	}()
	if err := d.conn.Exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	for _, step := range migrations[from:] {
		if err := d.conn.Exec(step); err != nil {
			return err
		}
	}
	return d.conn.Exec(fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT`, applicationID, schemaVersion))
}
