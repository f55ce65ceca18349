package local

import "fmt"

// schemaVersion is the number that Open writes into a new file (PRAGMA user_version) and expects in an old one. A change of
// the schema is a new number, the new text in schema, and the step that brings an older file there.
const schemaVersion = 2

// steps[n] brings a file from schema n+1 to n+2. What people have on their disks depends on them: none is ever changed.
var steps = [schemaVersion - 1]string{
	loginSchema,
}

// migrate brings an older file up to date, in one transaction: it stays as it was when a step fails. The caller holds the
// lock file.
func migrate(d *db) (from int64, err error) {
	if from, err = d.integer(`PRAGMA user_version`); err != nil || from == schemaVersion {
		return from, err
	}
	if from < 1 || from > schemaVersion {
		return from, fmt.Errorf("schema %d: %w", from, ErrNotChat)
	}
	if err := d.conn.Exec(`BEGIN IMMEDIATE`); err != nil {
		return from, fmt.Errorf("migrating from schema %d: %w", from, err)
	}
	defer func() {
		if err != nil && !d.conn.GetAutocommit() {
			d.conn.Exec(`ROLLBACK`)
		}
	}()
	for n := from; n < schemaVersion; n++ {
		if err := d.conn.Exec(steps[n-1]); err != nil {
			return from, fmt.Errorf("migrating from schema %d to %d: %w", n, n+1, err)
		}
	}
	if err := d.conn.Exec(fmt.Sprintf(`PRAGMA user_version = %d; COMMIT`, schemaVersion)); err != nil {
		return from, fmt.Errorf("migrating from schema %d: %w", from, err)
	}
	return from, nil
}
