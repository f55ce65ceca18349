package bot

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/agext/levenshtein"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/targets"
	"github.com/timbot-go/timbot/sdkconn"
)

// readBatch is how many rows go into the ledger with one commit.
const readBatch = 1000

// check reads a file of targets through, and wants these columns in it.
func (f AnnounceTargets) check(columns []string) (*announceSource, error) {
	s, err := targets.Check(f.Path, f.Kind, 0)
	if err != nil {
		return nil, err
	}
	for _, name := range columns {
		if _, ok := s.Columns[name]; !ok {
			near := ""
			for have := range s.Columns {
				if d := levenshtein.Distance(name, have, nil); d <= 1+len(name)/3 && (near == "" || have < near) {
					near = have
				}
			}
			if near != "" {
				near = fmt.Sprintf(" (did you mean %q?)", near)
			}
			return nil, fmt.Errorf("%s has no column %q%s", f.Path, name, near)
		}
	}
	if s.Users+s.Groups == 0 {
		return nil, fmt.Errorf("%s names nobody", f.Path)
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		return nil, err
	}
	return &announceSource{Path: f.Path, Kind: f.Kind, Size: info.Size(), Time: info.ModTime().UnixNano()}, nil
}

// addTargets puts targets of a request into the ledger, with the record as it is after them.
func (a *announcer) addTargets(ctx context.Context, j *announceJob, req *announceRequest, list []journal.Target) error {
	req.Named += len(list)
	x, err := j.rec.encode(j.key)
	var numbers []uint64
	if err == nil {
		numbers, err = a.b.journal.AddTargets(ctx, x, list)
	}
	if err != nil {
		a.drop(j)
		return err
	}
	known := make(map[uint64]bool) // each once, at least of one batch
	for _, n := range numbers {
		if n <= req.From && !known[n] {
			known[n] = true
			req.Known++
		}
		j.targets = max(j.targets, n)
	}
	req.To = j.targets
	return nil
}

// readInline puts the targets that an order names itself into the ledger. Who crashes in the middle orders again.
func (a *announcer) readInline(ctx context.Context, j *announceJob, req *announceRequest, o AnnounceOrder) error {
	all := len(o.Users) + len(o.Groups)
	if req.Loaded {
		return nil
	}
	req.Inlines = all
	target := func(i int) journal.Target {
		to := sdkconn.C2C
		id := ""
		if i < len(o.Users) {
			id = o.Users[i]
		} else {
			to, id = sdkconn.Group, o.Groups[i-len(o.Users)]
		}
		return journal.Target{Name: to(id).String()}
	}
	for req.Inline < all {
		var batch []journal.Target
		for len(batch) < readBatch && req.Inline+len(batch) < all {
			batch = append(batch, target(req.Inline+len(batch)))
		}
		req.Inline += len(batch)
		if err := a.addTargets(ctx, j, req, batch); err != nil {
			return err
		}
	}
	if len(req.Sources) > 0 {
		return nil
	}
	return a.finishReading(ctx, j, req)
}

// finishReading notes that all targets of a request are in the ledger.
func (a *announcer) finishReading(ctx context.Context, j *announceJob, req *announceRequest) error {
	req.Loaded, req.Sources = true, nil
	change := new(journal.Change)
	now := a.b.clock.Now()
	if j.rec.State == AnnounceRunning {
		j.rec.conclude(change, now)
	}
	return a.commit(ctx, j, change)
}

// read puts the next rows of a file into the ledger.
func (a *announcer) read(ctx context.Context, j *announceJob) (due time.Time, err error) {
	req := j.rec.unloaded()
	now := a.b.clock.Now()
	var source *announceSource
	for _, s := range req.Sources {
		if !s.Read {
			source = s
			break
		}
	}
	if req.cutShort() {
		if waits, err := a.awaited(ctx, req); err != nil || waits {
			return now.Add(time.Minute), err
		}
	}
	if source == nil {
		return now, a.finishReading(ctx, j, req)
	}
	if j.reader == nil {
		if err := a.openSource(j, source); err != nil {
			return time.Time{}, a.pause(ctx, j, err.Error())
		}
	}
	columns, all, err := j.columns(req)
	if err != nil {
		return time.Time{}, a.pause(ctx, j, err.Error())
	}
	var batch []journal.Target
	rows, blank, last := 0, 0, false
	for rows < readBatch {
		row, err := j.reader.Next()
		if err == io.EOF {
			last = true
			break
		}
		if err != nil {
			return time.Time{}, a.pause(ctx, j, err.Error())
		}
		rows++
		if len(row.To) == 0 {
			blank++
		}
		for _, to := range row.To {
			batch = append(batch, a.target(req, to, row.Columns, columns, all))
		}
	}
	source.Rows += rows
	req.Blank += blank
	if source.Read = last; last {
		j.close()
	}
	return now, a.addTargets(ctx, j, req, batch)
}

// openSource opens a file where it was left.
func (a *announcer) openSource(j *announceJob, s *announceSource) error {
	info, err := os.Stat(s.Path)
	if err != nil {
		return err
	}
	if info.Size() != s.Size || info.ModTime().UnixNano() != s.Time {
		return fmt.Errorf("%s was changed before all of it was read: cancel it, and order it under another key", s.Path)
	}
	r, err := targets.Open(s.Path, s.Kind)
	if err != nil {
		return err
	}
	for range s.Rows {
		if _, err := r.Next(); err != nil {
			r.Close()
			return err
		}
	}
	j.reader = r
	return nil
}

// columns are those that a request's text reads.
func (j *announceJob) columns(req *announceRequest) (names []string, all bool, err error) {
	t, err := j.template(req)
	if err != nil || t == nil {
		return nil, false, err
	}
	names, all = t.Columns()
	return names, all, nil
}

// target is one row as the ledger keeps it.
func (a *announcer) target(req *announceRequest, to sdkconn.Conversation, row map[string]string, columns []string, all bool) journal.Target {
	var d targetData
	if all {
		d.Row = row
	} else if len(columns) > 0 {
		d.Row = make(map[string]string, len(columns))
		for _, name := range columns {
			d.Row[name] = row[name]
		}
	}
	if req.Quiet.TZ != "" {
		d.Zone = req.Quiet.TZ
		if _, err := a.zones.zone(d.Zone, nil); err != nil { // a column
			d.Zone = row[req.Quiet.TZ]
		}
		if _, err := a.zones.zone(d.Zone, time.UTC); err != nil {
			d.Code, d.Text = codeInput, err.Error() // it fails when its turn comes
		}
		if d.Zone == req.Quiet.TZ {
			d.Zone = ""
		}
	}
	out := journal.Target{Name: to.String()}
	if d.Row != nil || d.Zone != "" || d.Code != "" {
		out.Data = d.encode()
	}
	return out
}
