package bot_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
	"github.com/timbot-go/timbot/internal/faultvfs"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// faultDisk is a disk with faults; journals are opened on it by its name.
type faultDisk struct{ *faultvfs.VFS }

func newFaultDisk(t *testing.T) *faultDisk {
	t.Helper()
	return &faultDisk{faultvfs.New(t)}
}

// fails lets every operation of a kind fail, of any kind for "", after the first n.
func (d *faultDisk) fails(kind string, n int, err error) {
	d.Set(func(op string, _ bool) error {
		if kind != "" && op != kind {
			return nil
		}
		if n--; n >= 0 {
			return nil
		}
		return err
	})
}

// counted is a connection that counts the messages that a bot's handler took.
type counted struct {
	*local.Conn
	taken atomic.Int64
}

func (c *counted) Subscribe(ctx context.Context, h sdkconn.Handler) error {
	return c.Conn.Subscribe(ctx, func(ctx context.Context, events []sdkconn.Event) error {
		err := h(ctx, events)
		for i := range events {
			if err == nil && events[i].Kind == sdkconn.EventNewMsg {
				c.taken.Add(1)
			}
		}
		return err
	})
}

// onDisk is a house whose bot has its journal in a file.
type onDisk struct {
	*house
	t    *testing.T
	conn *counted
	path string
	vfs  string
	b    *running
	said int
}

// countRule writes to the journal in all ways of a reply: what it remembers, that it is about to send, and that it has.
const countRule = `
  - id: count
    on: message
    do:
      - set: {user: {n: "${{ (state.user.n ?? 0) + 1 }}"}}
      - reply: "${{ state.user.n }}"
`

func newOnDisk(t *testing.T, path, vfs string) *onDisk {
	t.Helper()
	h := newHouse(t)
	d := &onDisk{house: h, t: t, conn: &counted{Conn: h.self.(*local.Conn)}, path: path, vfs: vfs}
	h.self = d.conn
	d.open()
	return d
}

func (d *onDisk) rules() *rules.Set { return d.set(countRule) }

// open opens the journal and starts a bot on it.
func (d *onDisk) open() {
	d.t.Helper()
	j, err := sqlite.Open(d.t.Context(), d.path, sqlite.Config{VFS: d.vfs})
	if err != nil {
		d.t.Fatal(err)
	}
	d.journal = j
	d.b = d.start(d.rules(), bot.WithGrace(5*time.Second))
}

// close stops the bot, and closes its journal; an error of that is the test's to judge.
func (d *onDisk) close() error {
	d.t.Helper()
	if err := d.b.stop(); err != nil {
		d.t.Errorf("Run = %v", err)
	}
	return d.journal.Close()
}

// talk lets somebody write n times.
func (d *onDisk) talk(n int) {
	d.t.Helper()
	for range n {
		d.said++
		d.say("alice", sdkconn.C2C(botUser), fmt.Sprint("m", d.said))
	}
}

// talkUntilItFails lets somebody write until the bot has met the disk's fault.
func (d *onDisk) talkUntilItFails() {
	d.t.Helper()
	for range 50 {
		d.talk(1)
		time.Sleep(time.Second)
		if problemOf(d.b, "journal") != "" {
			return
		}
	}
	d.t.Fatalf("the fault never showed\n%s", d.log)
}

// wantAnswers checks that every message was answered once, and in order.
func (d *onDisk) wantAnswers() {
	d.t.Helper()
	var want []string
	for i := range d.said {
		want = append(want, fmt.Sprint(i+1))
	}
	if got := d.heard("alice", sdkconn.C2C(botUser)); !slices.Equal(got, want) {
		d.t.Errorf("alice heard %q, want %d answers\n%s", got, d.said, d.log)
	}
}

// wantHeldBack checks that the bot tells that its disk fails, and takes nothing more, or at most so many of ten messages:
// those that fit on a disk which is full for larger ones.
func (d *onDisk) wantHeldBack(says string, most int64) {
	d.t.Helper()
	health := d.b.Health()
	if problem := problemOf(d.b, "journal"); health.Ready || !strings.Contains(problem, says) {
		d.t.Errorf("ready %v, and the journal's problem is %q, want one with %q", health.Ready, problem, says)
	}
	before := d.conn.taken.Load()
	d.talk(10)
	time.Sleep(time.Minute)
	if n := d.conn.taken.Load() - before; n > most {
		d.t.Errorf("%d messages were taken that cannot be kept", n)
	}
	if stats := d.b.Stats(); stats.Queued > 10 {
		d.t.Errorf("%d events are queued", stats.Queued)
	}
}

// wantTold checks that the log has the failure once for each time, and its end.
func (d *onDisk) wantTold(times int) {
	d.t.Helper()
	log := d.log.String()
	if n := strings.Count(log, "the bot takes no more messages until it can"); n != times {
		d.t.Errorf("the failure was told %d times, want %d:\n%s", n, times, log)
	}
	if n := strings.Count(log, "the journal works again, after"); n != times {
		d.t.Errorf("its end was told %d times, want %d:\n%s", n, times, log)
	}
	if strings.Contains(log, "given up") {
		d.t.Errorf("something was given up:\n%s", log)
	}
}

// wantEmpty checks that nothing is left open.
func (d *onDisk) wantEmpty() {
	d.t.Helper()
	stats, err := d.journal.Stats(d.t.Context())
	if err != nil || stats.Pending+stats.Runs+stats.Timers != 0 {
		d.t.Errorf("in the end the journal holds %+v, %v", stats, err)
	}
	for what, n := range d.b.Sizes() {
		if n != 0 {
			d.t.Errorf("in the end: %d %s", n, what)
		}
	}
}

type diskFault struct {
	op   string // "": any
	err  error
	says string
}

var diskFaults = []diskFault{
	{"write", sqlite3.FULL, "the disk is full"},
	{"write", sqlite3.IOERR_WRITE, "the disk fails"},
	{"sync", sqlite3.IOERR_FSYNC, "the disk fails"},
	{"", sqlite3.IOERR, "the disk fails"},
}

// faultAfter is how many operations work before the fault: it meets each of the commits of a reply, and its middle.
var faultAfter = []int{0, 1, 2, 3, 5, 7, 10, 13}

// A disk that fails at any of a bot's writes holds it up, and as soon as the disk is well the bot goes on by itself.
func TestADiskThatFailsIsWaitedOut(t *testing.T) {
	for _, fault := range diskFaults {
		for _, n := range faultAfter {
			t.Run(fmt.Sprint(fault.op, " ", fault.says, " after ", n), func(t *testing.T) {
				disk := newFaultDisk(t)
				path := filepath.Join(t.TempDir(), "journal.db")
				synctest.Test(t, func(t *testing.T) {
					d := newOnDisk(t, path, disk.Name())
					d.talk(2)
					d.b.idle()
					for range 2 {
						disk.fails(fault.op, n, fault.err)
						d.talkUntilItFails()
						d.wantHeldBack(fault.says, 0)
						disk.Set(nil)
						d.b.idle()
						if got := d.b.Health(); !got.Ready {
							t.Errorf("the disk is well, and the health is %+v", got)
						}
						d.wantAnswers()
					}
					d.wantEmpty()
					if err := d.close(); err != nil {
						t.Errorf("Close: %v", err)
					}
					if fault.op != "" { // else what fails first may be a read, which is told apart
						d.wantTold(2)
					}
				})
			})
		}
	}
}

// A bot that is stopped while the disk fails, and started again when it is well, goes on where it stood.
func TestABotThatIsStoppedWhileTheDiskFailsLosesNothing(t *testing.T) {
	for _, fault := range diskFaults {
		for _, n := range faultAfter {
			t.Run(fmt.Sprint(fault.op, " ", fault.says, " after ", n), func(t *testing.T) {
				disk := newFaultDisk(t)
				path := filepath.Join(t.TempDir(), "journal.db")
				synctest.Test(t, func(t *testing.T) {
					d := newOnDisk(t, path, disk.Name())
					d.talk(2)
					d.b.idle()
					disk.fails(fault.op, n, fault.err)
					d.talkUntilItFails()
					d.wantHeldBack(fault.says, 0)
					began := time.Now()
					_ = d.close() // what it cannot write is not lost: nobody was told that it is kept
					if took := time.Since(began); took > 10*time.Second {
						t.Errorf("the stop took %s, with a grace of 5s", took)
					}
					disk.Set(nil)
					d.open()
					d.b.idle()
					d.wantAnswers()
					d.talk(3)
					d.b.idle()
					d.wantAnswers()
					d.wantEmpty()
					if err := d.close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			})
		}
	}
}

// A disk on which everything takes its time only takes time.
func TestASlowDiskOnlyTakesTime(t *testing.T) {
	disk := newFaultDisk(t)
	path := filepath.Join(t.TempDir(), "journal.db")
	synctest.Test(t, func(t *testing.T) {
		d := newOnDisk(t, path, disk.Name())
		d.talk(2)
		d.b.idle()
		syncs := 0
		disk.Set(func(op string, _ bool) error {
			if op == "sync" {
				syncs++
				disk.Slow(func() { time.Sleep(7 * time.Second) })
			}
			return nil
		})
		began := time.Now()
		d.talk(20)
		d.b.idle()
		d.wantAnswers()
		if took := time.Since(began); took < 7*time.Second || took > 10*time.Minute {
			t.Errorf("20 answers took %s", took)
		}
		if syncs < 20 {
			t.Errorf("the disk was asked for %d syncs", syncs)
		}
		disk.Set(nil)
		d.wantEmpty()
		if err := d.close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if log := d.log.String(); strings.Contains(log, "level=ERROR") {
			t.Errorf("a slow disk is no error:\n%s", log)
		}
	})
}
