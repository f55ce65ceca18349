package control

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/timbot-go/timbot/bot"
)

// steering is what a person wants of an announcement.
type steering struct {
	Key  string           `json:"key"`
	Verb bot.AnnounceVerb `json:"verb"`
}

// announcements answers what is asked about announcements, and done with them.
func (s *Server) announcements(in *bot.Inspector) {
	s.Handle("POST /v1/announcements", Answer(func(ctx context.Context, o bot.AnnounceOrder) (bot.Announcement, error) {
		return in.Announce(ctx, o)
	}))
	s.Handle("POST /v1/announcements/steer", Answer(func(ctx context.Context, x steering) (bot.Announcement, error) {
		return in.SteerAnnouncement(ctx, x.Key, x.Verb)
	}))
	s.Handle("GET /v1/announcements", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, err := limitOf(r)
		if err != nil {
			reply(w, nil, err)
			return
		}
		all, err := in.Announcements(r.Context(), r.FormValue("before"), limit)
		reply(w, all, err)
	}))
	s.Handle("GET /v1/announcements/one", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one, err := in.Announcement(r.Context(), r.FormValue("key"))
		reply(w, one, err)
	}))
	s.Handle("GET /v1/announcements/targets", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, err := limitOf(r)
		after := 0
		if err == nil {
			after, err = numberOf(r.URL.Query(), "after")
		}
		if err != nil {
			reply(w, nil, err)
			return
		}
		page, err := in.AnnouncedTargets(r.Context(), r.FormValue("key"), uint64(after), limit)
		reply(w, page, err)
	}))
}

// limitOf is how many entries a request wants, at most maxPage.
func limitOf(r *http.Request) (int, error) {
	limit, err := numberOf(r.URL.Query(), "limit")
	if limit = min(limit, maxPage); limit == 0 {
		limit = maxPage
	}
	return limit, err
}

// Announce is bot.Bot.Announce.
func (c *Client) Announce(ctx context.Context, o bot.AnnounceOrder) (bot.Announcement, error) {
	return Post[bot.Announcement](ctx, c, "/v1/announcements", o)
}

// SteerAnnouncement is bot.Inspector.SteerAnnouncement.
func (c *Client) SteerAnnouncement(ctx context.Context, key string, verb bot.AnnounceVerb) (bot.Announcement, error) {
	return Post[bot.Announcement](ctx, c, "/v1/announcements/steer", steering{key, verb})
}

// Announcements is bot.Inspector.Announcements.
func (c *Client) Announcements(ctx context.Context, before string, limit int) ([]bot.Announcement, error) {
	return Get[[]bot.Announcement](ctx, c, "/v1/announcements", url.Values{"before": {before}, "limit": {strconv.Itoa(limit)}})
}

// Announcement is bot.Inspector.Announcement.
func (c *Client) Announcement(ctx context.Context, key string) (bot.Announcement, error) {
	return Get[bot.Announcement](ctx, c, "/v1/announcements/one", url.Values{"key": {key}})
}

// AnnouncedTargets is bot.Inspector.AnnouncedTargets.
func (c *Client) AnnouncedTargets(ctx context.Context, key string, after uint64, limit int) ([]bot.AnnouncedTarget, error) {
	return Get[[]bot.AnnouncedTarget](ctx, c, "/v1/announcements/targets", url.Values{
		"key": {key}, "after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(limit)},
	})
}
