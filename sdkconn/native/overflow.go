package native

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/timbot-go/timbot/sdkconn"
)

// overflow is a file for the events that have no room in memory, in their order. It needs as much disk as they take, and is
// gone with the process: a program that ends reads them back from the history.
type overflow struct {
	dir         string
	file        *os.File // nil until it is needed
	read, write int64    // offsets
}

func (o *overflow) empty() bool { return o.read == o.write }

// add writes one event. When it fails, nothing was written.
func (o *overflow) add(e *sdkconn.Event) error {
	data, err := sdkconn.Marshal(e)
	if err != nil {
		return err
	}
	if o.file == nil {
		if o.file, err = os.CreateTemp(o.dir, "overflow-*"); err != nil {
			return err
		}
		_ = os.Remove(o.file.Name()) // so that nothing is left of it; where that cannot be, close does it
	}
	record := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)
	if _, err := o.file.WriteAt(record, o.write); err != nil {
		return err
	}
	o.write += int64(len(record))
	return nil
}

// take returns the next events, n of them or as many as there are.
func (o *overflow) take(n int) ([]sdkconn.Event, error) {
	var events []sdkconn.Event
	from := o.read
	for len(events) < n && from < o.write {
		var size [4]byte
		if _, err := o.file.ReadAt(size[:], from); err != nil {
			return nil, err
		}
		data := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(io.NewSectionReader(o.file, from+4, o.write-from), data); err != nil {
			return nil, err
		}
		var e sdkconn.Event
		if err := sdkconn.Unmarshal(data, &e); err != nil {
			return nil, err
		}
		events = append(events, e)
		from += 4 + int64(len(data))
	}
	if o.read = from; o.empty() && o.file != nil {
		o.read, o.write = 0, 0
		_ = o.file.Truncate(0) // what stays is written over
	}
	return events, nil
}

// close forgets what is there.
func (o *overflow) close() {
	if o.file != nil {
		_ = errors.Join(o.file.Close(), os.Remove(o.file.Name())) // mostly removed already
	}
	o.file, o.read, o.write = nil, 0, 0
}
