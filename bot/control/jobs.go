package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/timbot-go/timbot/bot"
)

// Jobs is what is asked of a bot's schedules, and told them. A *bot.Bot is one, and so is a Client.
type Jobs interface {
	Jobs(ctx context.Context) ([]bot.Job, error)
	UpcomingJobs(ctx context.Context, rule string, from time.Time, count int) ([]bot.JobDate, error)
	JobHistory(ctx context.Context, rule string, limit int) ([]bot.JobSlot, error)
	RunJob(ctx context.Context, rule string) (bot.JobSlot, error)
	PauseJob(ctx context.Context, rule, by string) error
	ResumeJob(ctx context.Context, rule string) error
}

// jobOrder is what is to be done with a rule's schedules.
type jobOrder struct {
	Rule string `json:"rule"`
	By   string `json:"by,omitzero"` // who says so
}

// handleJobs answers for schedules.
func (s *Server) handleJobs(jobs Jobs) {
	get := func(path string, f func(ctx context.Context, q url.Values) (any, error)) {
		s.Handle("GET "+path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if jobs == nil {
				reply(w, nil, errNoDesk)
				return
			}
			out, err := f(r.Context(), r.URL.Query())
			reply(w, out, err)
		}))
	}
	post := func(path string, f func(ctx context.Context, in jobOrder) (any, error)) {
		s.Handle("POST "+path, Answer(func(ctx context.Context, in jobOrder) (any, error) {
			if jobs == nil {
				return nil, errNoDesk
			}
			return f(ctx, in)
		}))
	}
	get("/v1/jobs", func(ctx context.Context, _ url.Values) (any, error) { return jobs.Jobs(ctx) })
	get("/v1/jobs/next", func(ctx context.Context, q url.Values) (any, error) {
		var from time.Time
		count, err := numberOf(q, "count")
		if text := q.Get("from"); text != "" && err == nil {
			if from, err = time.Parse(time.RFC3339Nano, text); err != nil {
				err = &Error{Kind: KindInvalid, Text: fmt.Sprintf("from=%q: want a time like 2006-01-02T15:04:05Z", text)}
			}
		}
		if err != nil {
			return nil, err
		}
		return jobs.UpcomingJobs(ctx, q.Get("rule"), from, count)
	})
	get("/v1/jobs/history", func(ctx context.Context, q url.Values) (any, error) {
		limit, err := numberOf(q, "limit")
		if err != nil {
			return nil, err
		}
		return jobs.JobHistory(ctx, q.Get("rule"), limit)
	})
	post("/v1/jobs/run", func(ctx context.Context, in jobOrder) (any, error) { return jobs.RunJob(ctx, in.Rule) })
	post("/v1/jobs/pause", func(ctx context.Context, in jobOrder) (any, error) { return in, jobs.PauseJob(ctx, in.Rule, in.By) })
	post("/v1/jobs/resume", func(ctx context.Context, in jobOrder) (any, error) { return in, jobs.ResumeJob(ctx, in.Rule) })
}

// Jobs is bot.Bot.Jobs.
func (c *Client) Jobs(ctx context.Context) ([]bot.Job, error) {
	return Get[[]bot.Job](ctx, c, "/v1/jobs", nil)
}

// UpcomingJobs is bot.Bot.UpcomingJobs.
func (c *Client) UpcomingJobs(ctx context.Context, rule string, from time.Time, count int) ([]bot.JobDate, error) {
	q := url.Values{"rule": {rule}, "count": {strconv.Itoa(count)}}
	if !from.IsZero() {
		q.Set("from", from.Format(time.RFC3339Nano))
	}
	return Get[[]bot.JobDate](ctx, c, "/v1/jobs/next", q)
}

// JobHistory is bot.Bot.JobHistory.
func (c *Client) JobHistory(ctx context.Context, rule string, limit int) ([]bot.JobSlot, error) {
	return Get[[]bot.JobSlot](ctx, c, "/v1/jobs/history", url.Values{"rule": {rule}, "limit": {strconv.Itoa(limit)}})
}

// RunJob is bot.Bot.RunJob.
func (c *Client) RunJob(ctx context.Context, rule string) (bot.JobSlot, error) {
	return Post[bot.JobSlot](ctx, c, "/v1/jobs/run", jobOrder{Rule: rule})
}

// PauseJob is bot.Bot.PauseJob.
func (c *Client) PauseJob(ctx context.Context, rule, by string) error {
	_, err := Post[jobOrder](ctx, c, "/v1/jobs/pause", jobOrder{Rule: rule, By: by})
	return err
}

// ResumeJob is bot.Bot.ResumeJob.
func (c *Client) ResumeJob(ctx context.Context, rule string) error {
	_, err := Post[jobOrder](ctx, c, "/v1/jobs/resume", jobOrder{Rule: rule})
	return err
}
