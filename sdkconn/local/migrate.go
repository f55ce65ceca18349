package local

import "fmt"

// migrations are the steps from each schema to the next one: the first leads from 1, which schema makes, to 2. A new file
// takes all of them too, so that old and new files cannot differ. What people have on their disks depends on them: a step
// is never changed once a version with it is out.
var migrations = []string{
	joinRequests,
	userProfiles,
	listEntries,
	relations,
	sentEffects,
	notes,
	loginWishes,
	loginSecret,
}

// schemaVersion is the number that Open writes into a new file (PRAGMA user_version) and expects in an old one.
var schemaVersion = int64(1 + len(migrations))

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
		if err := d.conn.Exec(migrations[n-1]); err != nil {
			return from, fmt.Errorf("migrating from schema %d to %d: %w", n, n+1, err)
		}
	}
	if err := d.conn.Exec(fmt.Sprintf(`PRAGMA user_version = %d; COMMIT`, schemaVersion)); err != nil {
		return from, fmt.Errorf("migrating from schema %d: %w", from, err)
	}
	return from, nil
}
