package sqlite

// Keys of the table number.
const (
	numMark    = 1    // the mark: what is done of the events up to it stands in open, what is done of those after it in blocks
	numLast    = 2    // at least the number of the newest event that was ever trimmed
	numTrimmed = 3    // how many events were trimmed
	numHollow  = 4    // done events up to this one have no data any more
	numTraces  = 1000 // and more: how many traces name a rule set
)

func (d *db) number(k int64) (uint64, error) {
	v, err := d.integer(`SELECT v FROM number WHERE k = ?`, k)
	return uint64(v), err
}

func (d *db) setNumber(k int64, v uint64) error {
	return d.exec(`INSERT INTO number VALUES (?, ?) ON CONFLICT DO UPDATE SET v = excluded.v`, k, v)
}
