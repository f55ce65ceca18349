package archive

import (
	"errors"
	"fmt"
)

// Errors of Open and OpenReader.
var (
	// ErrNewerSchema says that a newer timbot has written the file.
	ErrNewerSchema = errors.New("the archive file was written by a newer timbot; use that one")

	// ErrNotArchive says that the file holds something else.
	ErrNotArchive = errors.New("the file is no archive file")
)

const (
	applicationID = 0x54694d61 // PRAGMA application_id: "TiMa"
	schemaVersion = 1
)

// schema makes a file of version 1. Times are Unix milliseconds. What a record replaced leaves its effect in spent, so that
// a step which is done again long after does not bring it back.
const schema = `
CREATE TABLE record (
	id        INTEGER PRIMARY KEY,    -- in the order of writing
	archive   TEXT NOT NULL,
	key       TEXT,                   -- NULL: nothing replaces it
	effect    TEXT NOT NULL UNIQUE,
	at        INTEGER NOT NULL,
	expire    INTEGER,                -- NULL: never
	event     TEXT NOT NULL,
	rule      TEXT NOT NULL,
	tombstone INTEGER NOT NULL,
	data      TEXT                    -- a JSON object; NULL for a tombstone
) STRICT;
CREATE UNIQUE INDEX record_key ON record (archive, key) WHERE key IS NOT NULL;
CREATE INDEX record_at ON record (archive, at);
CREATE INDEX record_expire ON record (expire) WHERE expire IS NOT NULL;

CREATE TABLE spent (
	effect TEXT PRIMARY KEY,
	expire INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_expire ON spent (expire);
`

// checkSchema reports whether the file is new, and refuses one that is no archive file or a newer one.
func checkSchema(d *db) (fresh bool, err error) {
	app, err := d.integer(`PRAGMA application_id`)
	if err != nil {
		return false, err
	}
	version, err := d.integer(`PRAGMA user_version`)
	if err != nil {
		return false, err
	}
	tables, err := d.integer(`SELECT count(*) FROM sqlite_schema`)
	switch {
	case err != nil:
		return false, err
	case tables > 0 && app != applicationID:
		return false, ErrNotArchive
	case version > schemaVersion:
		return false, fmt.Errorf("schema %d, known up to %d: %w", version, schemaVersion, ErrNewerSchema)
	}
	return tables == 0, nil
}

func makeSchema(d *db) error {
	err := d.conn.Exec(fmt.Sprintf(`BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT`,
		schema, applicationID, schemaVersion))
	if err != nil && !d.conn.GetAutocommit() {
		return errors.Join(err, d.conn.Exec(`ROLLBACK`))
	}
	return err
}
