package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// load lets the users write until ctx ends; the channel is closed when the last one has stopped. A dialogue in the middle
// is brought to its end, for which the bot must live.
func (w *world) load(ctx context.Context, rate int) <-chan struct{} {
	done := make(chan struct{})
	var writers sync.WaitGroup
	for i, user := range people {
		writers.Go(func() { w.write(ctx, i, user, time.Second*time.Duration(len(people))/time.Duration(rate)) })
	}
	for _, user := range talkers {
		writers.Go(func() { w.talk(ctx, user) })
	}
	go func() {
		writers.Wait()
		close(done)
	}()
	return done
}

// write sends one message after another, of all kinds in turn.
func (w *world) write(ctx context.Context, i int, user string, pause time.Duration) {
	me := sdkconn.C2C(botUser)
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	counted := 0
	for n := 0; ; n++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		token := fmt.Sprintf("%s%d", user, n)
		switch (n + i) % 7 {
		case 0:
			w.expect("ping", user, me, "pong "+token)
			w.say(user, me, "ping "+token)
		case 1:
			w.expect("group ping", people[0], hall, "pong "+token)
			w.say(user, hall, "ping "+token)
		case 2:
			w.expect("delay", user, me, "late "+token)
			w.say(user, me, "later "+token)
		case 3:
			w.expect("two sends", people[0], hall, "told "+token)
			w.expect("two sends", user, me, "passed "+token)
			w.say(user, me, "tell "+token)
		case 4:
			counted++
			w.expect("state", user, me, fmt.Sprintf("counted %s as %d", token, counted))
			w.say(user, me, "count "+token)
		case 5:
			w.expect("limit", people[0], hall, "slowly "+token)
			w.say(user, hall, "slow "+token)
		case 6:
			w.expect("batch", people[0], hall, "gathered gather "+token)
			w.say(user, hall, "gather "+token)
		}
	}
}

// talk has one dialogue after another: a wrong answer first, then the right one.
func (w *world) talk(ctx context.Context, user string) {
	me := sdkconn.C2C(botUser)
	for n := 0; ctx.Err() == nil; n++ {
		token := fmt.Sprintf("%s%d", user, n)
		say := "order " + token
		for _, turn := range []struct{ bot, user string }{
			{"number " + token + "?", "what?"}, {"again " + token + "?", "no.7"}, {"ordered " + token + " no.7", ""},
		} {
			w.expect("dialogue", user, me, turn.bot)
			w.say(user, me, say)
			say = turn.user
			if !w.await(w.ctx, user, me, turn.bot) {
				return
			}
		}
		wait(ctx, 50*time.Millisecond)
	}
}
