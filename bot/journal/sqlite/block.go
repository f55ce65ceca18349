package sqlite

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/ncruces/go-sqlite3"
)

// A block is one row for many events that were finished by one commit: their numbers and their traces. Beside an insert for
// each trace and an update for each event it costs next to nothing. An event is in one block at most. Blocks go by the
// highest number in them, and no other number in one is lower by blockSpan or more, so that a look-up of n reads those
// from n to n+blockSpan-1.
const (
	blockSpan  = 1024
	blockBytes = 32 << 10 // of traces, after which another block is begun
)

// member is one event in a block.
type member struct {
	n     uint64
	trace bool  // false: it is done, and its trace is none or in the table trace
	set   int64 // its rule set; 0: none
	data  []byte
}

var errBlock = errors.New("a block of traces is damaged")

// appendMember encodes one member of the block with the highest number hi.
func appendMember(out []byte, hi uint64, m member) []byte {
	out = binary.AppendUvarint(out, hi-m.n)
	if !m.trace {
		return binary.AppendUvarint(out, 0)
	}
	out = binary.AppendUvarint(out, uint64(m.set)+1)
	out = binary.AppendUvarint(out, uint64(len(m.data)))
	return append(out, m.data...)
}

// decodeBlock returns a block's members, the newest first; their data are parts of data.
func decodeBlock(hi uint64, data []byte) (out []member, err error) {
	next := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			err, data = errBlock, nil
			return 0
		}
		data = data[n:]
		return v
	}
	for len(data) > 0 && err == nil {
		m := member{n: hi - next()}
		if s := next(); s > 0 {
			m.trace, m.set = true, int64(s-1)
			size := next()
			if size > uint64(len(data)) {
				return nil, errBlock
			}
			m.data, data = data[:size:size], data[size:]
		}
		out = append(out, m)
	}
	return out, err
}

// writeBlocks stores members, in any order, each for the first time.
func (d *db) writeBlocks(members []member, buf []byte) ([]byte, error) {
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(b.n, a.n) })
	for len(members) > 0 {
		hi, k := members[0].n, 0
		buf = buf[:0]
		for k < len(members) && hi-members[k].n < blockSpan && len(buf) < blockBytes {
			buf = appendMember(buf, hi, members[k])
			k++
		}
		if err := d.putBlock(hi, members[k-1].n, buf); err != nil {
			return buf, err
		}
		members = members[k:]
	}
	return buf, nil
}

func (d *db) putBlock(hi, lo uint64, data []byte) error {
	return d.exec(`INSERT INTO block VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET lo = excluded.lo, data = excluded.data`,
		hi, lo, data)
}

// blockOf returns the block that holds n.
func (d *db) blockOf(n uint64) (hi uint64, members []member, err error) {
	err = d.each(func(s *sqlite3.Stmt) (bool, error) {
		h := uint64(s.ColumnInt64(0))
		found, err := decodeBlock(h, s.ColumnBlob(1, nil))
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(found, func(m member) bool { return m.n == n }) {
			return true, nil
		}
		hi, members = h, found
		return false, nil
	}, `SELECT hi, data FROM block WHERE hi BETWEEN ? AND ? AND lo <= ?`, n, n+blockSpan-1, n)
	return hi, members, err
}
