package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal/sqlite"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// announceKey names the one announcement that is ordered again and again.
const announceKey = "news"

// campaign is an announcement to many while the bot is killed.
type campaign struct {
	v     *victim
	n     int
	users []string
	list  string
}

// announceKills orders an announcement to n targets, kills the bot while it goes out, and counts what each has heard.
func announceKills(ctx context.Context, dir, timbot string, kills, n int, seed uint64, settle time.Duration) error {
	c := &campaign{n: n, v: &victim{timbot: timbot, dir: dir, rand: rand.New(rand.NewPCG(seed, 7))}}
	// It lasts about as long as the bot lives between all kills.
	pace := max(n*10/(max(kills, 1)*3), 10)
	rules := fmt.Sprintf(`version: 1
bot:
  connection: local:chat.db?user=%s
  pace: { total: %d/s, chat: 500/s }
rules:
  - { id: quiet, on: message.c2c, match: { any_of: [nothing] }, do: [{ reply: x }] }
`, botUser, min(pace, 100_000))
	if err := os.WriteFile(filepath.Join(dir, "bot.yaml"), []byte(rules), 0o644); err != nil {
		return err
	}
	if err := c.people(ctx); err != nil {
		return err
	}
	for range kills {
		if err := c.liveAndDie(ctx); err != nil {
			return err
		}
	}
	if err := c.v.start(); err != nil {
		return err
	}
	if err := c.finish(ctx, settle); err != nil {
		return err
	}
	if err := c.v.stop(); err != nil {
		return err
	}
	lost, doubled, err := c.count(ctx)
	if err != nil {
		return err
	}
	problems, err := c.check(ctx)
	if err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Println(p)
	}
	fmt.Println(c.v.moments())
	fmt.Printf("kills %d targets %d lost %d doubled %d\n", kills, n, lost, doubled)
	if lost+doubled+len(problems) > 0 {
		return fmt.Errorf("the bot did not keep its word: run again with -seed %d -keep", seed)
	}
	return nil
}

// people makes the users, and the list of them.
func (c *campaign) people(ctx context.Context) error {
	chat, err := local.Open(ctx, filepath.Join(c.v.dir, "chat.db"), local.Config{})
	if err != nil {
		return err
	}
	defer chat.Close()
	if err := chat.AddUser(ctx, botUser, "Bot"); err != nil {
		return err
	}
	jobs := make(chan string)
	failed := make(chan error, 64)
	for range cap(failed) { // they share commits
		go func() {
			var err error
			for user := range jobs {
				if e := chat.AddUser(ctx, user, ""); e != nil && err == nil {
					err = e
				}
			}
			failed <- err
		}()
	}
	for i := range c.n {
		user := fmt.Sprintf("user%06d", i)
		c.users = append(c.users, user)
		jobs <- user
	}
	close(jobs)
	for range cap(failed) {
		if e := <-failed; e != nil && err == nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	c.list = filepath.Join(c.v.dir, "users.txt")
	return os.WriteFile(c.list, []byte(strings.Join(c.users, "\n")+"\n"), 0o644)
}

// command runs timbot announce.
func (c *campaign) command(verb string, args ...string) *exec.Cmd {
	return exec.Command(c.v.timbot, append([]string{"announce", verb, c.v.dir}, args...)...)
}

func (c *campaign) order() *exec.Cmd {
	return c.command("send", "--to", c.list, "--text", "news", "--key", announceKey, "--yes", "--no-wait")
}

// liveAndDie starts the bot, has it go on with the announcement, and kills it after a while.
func (c *campaign) liveAndDie(ctx context.Context) error {
	if err := c.v.start(); err != nil {
		return err
	}
	life := time.Duration(c.v.rand.IntN(600)) * time.Millisecond
	if c.v.rand.IntN(8) == 0 {
		life = time.Duration(c.v.rand.IntN(int(started)))
	}
	steer := c.v.rand.IntN(4)
	wait(ctx, started)
	var steering *exec.Cmd
	switch steer {
	case 0, 1: // the same again: the first is the order itself
		steering = c.order()
	case 2:
		steering = c.command("pause", announceKey)
	}
	if life >= started {
		c.v.living++
	} else {
		c.v.starting++
	}
	if steering != nil {
		if err := steering.Start(); err != nil {
			return err
		}
	}
	wait(ctx, life-started)
	if steer == 2 {
		_ = c.command("resume", announceKey).Run() // whatever it says: it may not be paused
	}
	err := c.v.kill()
	if steering != nil {
		_ = steering.Wait() // it loses the bot in the middle: whatever it says
	}
	return err
}

// finish waits until the announcement is done.
func (c *campaign) finish(ctx context.Context, patience time.Duration) error {
	until := time.Now().Add(patience)
	last := ""
	for time.Now().Before(until) && ctx.Err() == nil {
		wait(ctx, 200*time.Millisecond)
		out, err := c.command("status", announceKey, "--json").Output()
		var a struct {
			State  string `json:"state"`
			Total  int    `json:"total"`
			Sent   int    `json:"sent"`
			Failed int    `json:"failed"`
		}
		if err == nil {
			err = json.Unmarshal(out, &a)
		}
		last = fmt.Sprintf("%s, %d of %d sent, %d failed, %v", a.State, a.Sent, a.Total, a.Failed, err)
		switch {
		case err != nil || a.Total < c.n && a.State == "done": // no order has got through
			_ = c.order().Run()
		case a.State == "paused":
			_ = c.command("resume", announceKey).Run()
		case a.State == "done":
			if a.Sent != c.n || a.Failed != 0 {
				return fmt.Errorf("the ledger has %s, want %d sent", last, c.n)
			}
			return nil
		}
	}
	return fmt.Errorf("the announcement had not ended after %s: %s", patience, last)
}

// count looks what each user has heard.
func (c *campaign) count(ctx context.Context) (lost, doubled int, err error) {
	chat, err := local.Open(ctx, filepath.Join(c.v.dir, "chat.db"), local.Config{})
	if err != nil {
		return 0, 0, err
	}
	defer chat.Close()
	self, err := chat.Login(ctx, botUser)
	if err != nil {
		return 0, 0, err
	}
	defer self.Close()
	for _, user := range c.users {
		msgs, err := self.GetMsgList(ctx, sdkconn.C2C(user), sdkconn.GetMsgListParam{Count: 100})
		if err != nil {
			return lost, doubled, err
		}
		switch len(msgs) {
		case 0:
			lost++
		case 1:
		default:
			doubled += len(msgs) - 1
		}
	}
	return lost, doubled, nil
}

// check looks after the files.
func (c *campaign) check(ctx context.Context) (problems []string, err error) {
	found, err := local.Check(ctx, filepath.Join(c.v.dir, "chat.db"))
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		problems = append(problems, "chat: "+p)
	}
	j, err := sqlite.Open(ctx, filepath.Join(c.v.dir, ".timbot", "journal.db"), sqlite.Config{})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	bad, err := j.Check(ctx)
	for _, p := range bad {
		problems = append(problems, "journal: "+p)
	}
	return problems, err
}
