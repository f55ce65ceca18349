package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/timbot-go/timbot/bot"
)

const (
	progressEvery = 200 * time.Millisecond // a bar in a terminal, and a look at the running bot
	progressLines = 5 * time.Second        // between two lines elsewhere
	progressBar   = 24                     // cells
)

// progress shows how far an announcement is: a bar that moves in a terminal, a line now and then elsewhere.
type progress struct {
	w     io.Writer
	bar   bool
	began time.Time
	first uint64 // targets that were done before
	last  time.Time
	state string
	wide  int // cells of the bar's line
}

func newProgress(w io.Writer, a *bot.Announcement) *progress {
	f, ok := w.(*os.File)
	return &progress{
		w: w, bar: ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())), began: time.Now(), first: doneOf(a),
	}
}

// doneOf is how many targets need nothing more.
func doneOf(a *bot.Announcement) uint64 {
	if a.State == bot.AnnounceRecalling {
		return uint64(a.Revoked + a.Kept)
	}
	return a.Total - min(a.Queued, a.Total)
}

// allOf is how many targets there are to do.
func allOf(a *bot.Announcement) uint64 {
	if a.State == bot.AnnounceRecalling {
		return uint64(a.Sent + a.Revoked)
	}
	return a.Total
}

// show shows how far it is, if it is time.
func (p *progress) show(a *bot.Announcement) {
	now, state := time.Now(), stateOf(a)
	every := progressLines
	if p.bar {
		every = progressEvery
	}
	if now.Sub(p.last) < every && state == p.state {
		return
	}
	p.last, p.state = now, state
	line := progressLine(a, p.first, now.Sub(p.began))
	if !p.bar {
		fmt.Fprintln(p.w, line)
		return
	}
	filled := 0
	if all := allOf(a); all > 0 {
		filled = int(min(doneOf(a), all) * progressBar / all)
	}
	line = strings.Repeat("█", filled) + strings.Repeat("░", progressBar-filled) + " " + line
	pad := max(p.wide-len([]rune(line)), 0)
	p.wide = len([]rune(line))
	fmt.Fprint(p.w, "\r"+line+strings.Repeat(" ", pad))
}

// progressLine is how far an announcement is in words, spent after it began with first done.
func progressLine(a *bot.Announcement, first uint64, spent time.Duration) string {
	done, all := doneOf(a), allOf(a)
	s := fmt.Sprintf("%s  %d of %d", stateOf(a), done, all)
	if all > 0 {
		s += fmt.Sprintf(" (%d %%)", min(done, all)*100/all)
	}
	if done > first && spent > 0 && done < all {
		rate := float64(done-first) / spent.Seconds()
		left := time.Duration(float64(all-done) / rate * float64(time.Second)).Round(time.Second)
		s += fmt.Sprintf("  %.3g/s  %s left", rate, left)
	}
	if a.Failed > 0 {
		s += fmt.Sprintf("  %d failed", a.Failed)
	}
	return s
}

// end leaves the bar's line.
func (p *progress) end() {
	if p.bar && p.wide > 0 {
		fmt.Fprintln(p.w)
		p.wide = 0
	}
}
