package control

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

// maxAnswer bounds an answer, and a line of a stream, in bytes.
const maxAnswer = 256 << 20

// Client asks a running bot. Make one with Dial; its methods may be called from many goroutines at once, and block until
// the answer is there or ctx ends. Errors: *Error, *bot.NotFoundError, an error that wraps bot.ErrNotRunning when the bot
// is gone.
type Client struct {
	http *http.Client
}

// Dial returns a client of the bot that holds the data folder. Errors: one that wraps bot.ErrNotRunning when nobody
// answers there.
func Dial(ctx context.Context, folder string) (*Client, error) {
	path, err := socketOf(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bot.ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || len(path) > maxPath && err != nil {
			return nil, bot.ErrNotRunning
		}
		return conn, err
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, err
	}
	c := &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
	return c, conn.Close()
}

// Status tells how the bot does.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return Get[*Status](ctx, c, "/v1/status", nil)
}

// Reload makes the bot read its file again.
func (c *Client) Reload(ctx context.Context) (*Reloaded, error) {
	return Post[*Reloaded](ctx, c, "/v1/reload", struct{}{})
}

// Trim makes the bot forget what its file lets it forget.
func (c *Client) Trim(ctx context.Context) (*Trimmed, error) {
	return Post[*Trimmed](ctx, c, "/v1/trim", struct{}{})
}

// Signal is bot.Bot.Signal.
func (c *Client) Signal(ctx context.Context, name string, data jsontext.Value) error {
	_, err := Post[signal](ctx, c, "/v1/signal", signal{name, data})
	return err
}

// Why is bot.Inspector.Why.
func (c *Client) Why(ctx context.Context, ref string) (*bot.Story, error) {
	return Get[*bot.Story](ctx, c, "/v1/why", url.Values{"ref": {ref}})
}

// WhyAll is bot.Inspector.WhyAll.
func (c *Client) WhyAll(ctx context.Context, ref string) (*bot.Story, error) {
	return Get[*bot.Story](ctx, c, "/v1/why", url.Values{"ref": {ref}, "all": {"true"}})
}

// Traces is bot.Inspector.Traces.
func (c *Client) Traces(ctx context.Context, f bot.TraceFilter) ([]bot.Summary, error) {
	return Get[[]bot.Summary](ctx, c, "/v1/traces", queryOf(f))
}

// Follow is bot.Inspector.Follow; it returns an error that wraps bot.ErrNotRunning when the bot stops.
func (c *Client) Follow(ctx context.Context, f bot.TraceFilter, tell func(*bot.Summary) error) error {
	resp, err := c.do(ctx, http.MethodGet, "/v1/follow?"+queryOf(f).Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		var s bot.Summary
		if err := json.Unmarshal(lines.Bytes(), &s, lenient); err != nil {
			return fmt.Errorf("control: %w", err)
		}
		if err := tell(&s); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w any more", bot.ErrNotRunning)
}

// DeadLetters is bot.Inspector.DeadLetters.
func (c *Client) DeadLetters(ctx context.Context, after string, limit int) ([]bot.DeadLetter, error) {
	return Get[[]bot.DeadLetter](ctx, c, "/v1/dead", url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}})
}

// DeadLetter is bot.Inspector.DeadLetter.
func (c *Client) DeadLetter(ctx context.Context, id string) (bot.DeadLetter, error) {
	return Get[bot.DeadLetter](ctx, c, "/v1/dead/"+url.PathEscape(id), nil)
}

// RetryDead is bot.Inspector.RetryDead.
func (c *Client) RetryDead(ctx context.Context, ids ...string) error {
	_, err := Post[deadIDs](ctx, c, "/v1/dead/retry", deadIDs{ids})
	return err
}

// DropDead is bot.Inspector.DropDead.
func (c *Client) DropDead(ctx context.Context, ids ...string) error {
	_, err := Post[deadIDs](ctx, c, "/v1/dead/drop", deadIDs{ids})
	return err
}

// Handoffs is bot.Inspector.Handoffs.
func (c *Client) Handoffs(ctx context.Context) ([]bot.Handoff, error) {
	return Get[[]bot.Handoff](ctx, c, "/v1/handoffs", nil)
}

// ResumeHandoff is bot.Inspector.ResumeHandoff.
func (c *Client) ResumeHandoff(ctx context.Context, conversation, by string) error {
	_, err := Post[resumption](ctx, c, "/v1/handoffs/resume", resumption{conversation, by})
	return err
}

// Approvals is bot.Inspector.Approvals.
func (c *Client) Approvals(ctx context.Context) ([]bot.Approval, error) {
	return Get[[]bot.Approval](ctx, c, "/v1/approvals", nil)
}

// Decide is bot.Inspector.Decide.
func (c *Client) Decide(ctx context.Context, number int, approve bool, by string) error {
	_, err := Post[decision](ctx, c, "/v1/approvals/decide", decision{number, approve, by})
	return err
}

// History is bot.Bot.History.
func (c *Client) History(ctx context.Context, conv sdkconn.Conversation, since time.Time, limit int) ([]*bot.Traffic, error) {
	return Post[[]*bot.Traffic](ctx, c, "/v1/history", history{conv, since, limit})
}

// Get asks for a value.
func Get[Out any](ctx context.Context, c *Client, path string, query url.Values) (Out, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return answer[Out](c.do(ctx, http.MethodGet, path, nil))
}

// Post tells the bot something.
func Post[Out any](ctx context.Context, c *Client, path string, in any) (Out, error) {
	body, err := json.Marshal(in, lenient)
	if err != nil {
		var none Out
		return none, err
	}
	return answer[Out](c.do(ctx, http.MethodPost, path, body))
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://bot"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the URL says nothing
		}
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			err = fmt.Errorf("%w any more", bot.ErrNotRunning)
		}
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var e Error
	if err := json.UnmarshalRead(io.LimitReader(resp.Body, maxBody), &e, lenient); err != nil || e.Text == "" {
		return nil, fmt.Errorf("control: the bot answered %s", resp.Status)
	}
	return nil, e.arrived()
}

func answer[Out any](resp *http.Response, err error) (out Out, _ error) {
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.UnmarshalRead(io.LimitReader(resp.Body, maxAnswer), &out, lenient); err != nil {
		return out, fmt.Errorf("control: %w", err)
	}
	return out, nil
}
