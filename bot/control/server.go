package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	maxBody = 1 << 20
	maxPage = 1000 // entries of a list

	headTimeout  = 5 * time.Second
	readTimeout  = 10 * time.Second
	writeTimeout = 2 * time.Minute
	idleTimeout  = 30 * time.Second
)

// Desk is what people may ask of a running bot, and tell it. A func that is nil is answered with an error.
type Desk struct {
	Inspector *bot.Inspector
	Status    func(context.Context) (*Status, error)
	Reload    func(context.Context) (*Reloaded, error)
	Trim      func(context.Context) (*Trimmed, error)
	Signal    func(ctx context.Context, name string, data jsontext.Value) error
	Jobs      Jobs
	History   func(ctx context.Context, conv sdkconn.Conversation, since time.Time, limit int) ([]*bot.Traffic, error)
}

// Status is how a bot does, and what runs it.
type Status struct {
	bot.Status

	Version string `json:"version,omitzero"` // of the program
	PID     int    `json:"pid,omitzero"`
}

// Reloaded is what came of reading the bot's file again.
type Reloaded struct {
	Rules    int      `json:"rules"` // how many there are now
	RuleSet  string   `json:"rule_set"`
	Changed  bool     `json:"changed"`
	Mistakes []string `json:"mistakes,omitzero"` // the rules stay as they were
	Warnings []string `json:"warnings,omitzero"`
}

// Trimmed is what the journal forgot.
type Trimmed struct {
	Events int `json:"events"`
	Traces int `json:"traces"`
	Values int `json:"values"`
	Marks  int `json:"marks"`
}

// Server answers on a socket. Make one with NewServer.
type Server struct {
	mux *http.ServeMux
	log *slog.Logger

	mu      sync.Mutex
	closed  bool
	working sync.WaitGroup // answers that are being given
}

// NewServer makes a server that asks the desk. It starts nothing.
func NewServer(desk Desk, log *slog.Logger) *Server {
	s := &Server{mux: http.NewServeMux(), log: log}
	s.Handle("GET /v1/status", Answer(func(ctx context.Context, _ struct{}) (*Status, error) {
		if desk.Status == nil {
			return nil, errNoDesk
		}
		return desk.Status(ctx)
	}))
	s.Handle("POST /v1/reload", Answer(func(ctx context.Context, _ struct{}) (*Reloaded, error) {
		if desk.Reload == nil {
			return nil, errNoDesk
		}
		return desk.Reload(ctx)
	}))
	s.Handle("POST /v1/trim", Answer(func(ctx context.Context, _ struct{}) (*Trimmed, error) {
		if desk.Trim == nil {
			return nil, errNoDesk
		}
		return desk.Trim(ctx)
	}))
	s.Handle("POST /v1/signal", Answer(func(ctx context.Context, in signal) (signal, error) {
		if desk.Signal == nil {
			return in, errNoDesk
		}
		return signal{Name: in.Name}, desk.Signal(ctx, in.Name, in.Data)
	}))
	s.Handle("GET /v1/why", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		why := desk.Inspector.Why
		if all, _ := strconv.ParseBool(r.FormValue("all")); all {
			why = desk.Inspector.WhyAll
		}
		story, err := why(r.Context(), r.FormValue("ref"))
		reply(w, story, err)
	}))
	s.Handle("GET /v1/traces", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		filter, err := filterOf(r.URL.Query())
		if err != nil {
			reply(w, nil, err)
			return
		}
		found, err := desk.Inspector.Traces(r.Context(), filter)
		reply(w, found, err)
	}))
	s.Handle("GET /v1/follow", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		filter, err := filterOf(r.URL.Query())
		if err != nil {
			reply(w, nil, err)
			return
		}
		stream := http.NewResponseController(w)
		w.Header().Set("Content-Type", "application/jsonl")
		if errors.Join(stream.SetWriteDeadline(time.Time{}), stream.Flush()) != nil {
			return
		}
		_ = desk.Inspector.Follow(r.Context(), filter, func(s *bot.Summary) error { // its end is the stream's
			if err := json.MarshalWrite(w, s, lenient); err != nil {
				return err
			}
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
			return stream.Flush()
		})
	}))
	s.Handle("GET /v1/dead", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, err := numberOf(r.URL.Query(), "limit")
		if err != nil {
			reply(w, nil, err)
			return
		}
		if limit = min(limit, maxPage); limit == 0 {
			limit = maxPage
		}
		letters, err := desk.Inspector.DeadLetters(r.Context(), r.FormValue("after"), limit)
		reply(w, letters, err)
	}))
	s.Handle("GET /v1/dead/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		letter, err := desk.Inspector.DeadLetter(r.Context(), r.PathValue("id"))
		reply(w, letter, err)
	}))
	s.Handle("POST /v1/dead/retry", Answer(func(ctx context.Context, in deadIDs) (deadIDs, error) {
		return in, desk.Inspector.RetryDead(ctx, in.IDs...)
	}))
	s.Handle("POST /v1/dead/drop", Answer(func(ctx context.Context, in deadIDs) (deadIDs, error) {
		return in, desk.Inspector.DropDead(ctx, in.IDs...)
	}))
	s.Handle("GET /v1/handoffs", Answer(func(ctx context.Context, _ struct{}) ([]bot.Handoff, error) {
		return desk.Inspector.Handoffs(ctx)
	}))
	s.Handle("POST /v1/handoffs/resume", Answer(func(ctx context.Context, in resumption) (resumption, error) {
		return in, desk.Inspector.ResumeHandoff(ctx, in.Conversation, in.By)
	}))
	s.Handle("GET /v1/approvals", Answer(func(ctx context.Context, _ struct{}) ([]bot.Approval, error) {
		return desk.Inspector.Approvals(ctx)
	}))
	s.Handle("POST /v1/approvals/decide", Answer(func(ctx context.Context, in decision) (decision, error) {
		return in, desk.Inspector.Decide(ctx, in.Number, in.Approve, in.By)
	}))
	s.announcements(desk.Inspector)
	s.handleJobs(desk.Jobs)
	s.Handle("POST /v1/history", Answer(func(ctx context.Context, in history) ([]*bot.Traffic, error) {
		if desk.History == nil {
			return nil, errNoDesk
		}
		return desk.History(ctx, in.In, in.Since, in.Limit)
	}))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, nil, &Error{Kind: KindNotFound, Text: fmt.Sprintf("there is no %s %s here", r.Method, r.URL.Path)})
	})
	return s
}

// deadIDs are the dead letters that something is done with.
type deadIDs struct {
	IDs []string `json:"ids"`
}

// resumption gives a conversation back to the bot.
type resumption struct {
	Conversation string `json:"conversation"`
	By           string `json:"by,omitzero"` // who says so
}

// decision answers a request for consent.
type history struct {
	In    sdkconn.Conversation `json:"in"`
	Since time.Time            `json:"since,omitzero"`
	Limit int                  `json:"limit"`
}

type decision struct {
	Number  int    `json:"number"`
	Approve bool   `json:"approve"`
	By      string `json:"by,omitzero"`
}

// signal is something that rules are told of.
type signal struct {
	Name string         `json:"name"`
	Data jsontext.Value `json:"data,omitzero"`
}

var errNoDesk = &Error{Kind: KindUnavailable, Text: "this bot was started without that"}

// lenient takes texts of messages as they are.
var lenient = jsontext.AllowInvalidUTF8(true)

// Handle adds what is answered at a path, a pattern of http.ServeMux such as "POST /v1/backup". The request's body is
// bounded. Call it before Serve.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Answer makes a handler of a function: In is the request's body, nothing when that is empty; Out or the error is the
// answer.
func Answer[In, Out any](f func(context.Context, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		body, err := io.ReadAll(r.Body)
		if err == nil && len(body) > 0 {
			err = json.Unmarshal(body, &in, json.RejectUnknownMembers(true))
		}
		if err != nil {
			kind := KindInvalid
			if errors.As(err, new(*http.MaxBytesError)) {
				kind = KindTooLarge
			}
			reply(w, nil, &Error{Kind: kind, Text: "the request's body: " + err.Error()})
			return
		}
		out, err := f(r.Context(), in)
		reply(w, out, err)
	})
}

// Serve answers until ctx ends, once. It closes the listener, and waits for the answers that are being given, whose contexts end
// with ctx.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: headTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	ctx, cancel := context.WithCancel(ctx)
	var closer sync.WaitGroup
	closer.Go(func() {
		<-ctx.Done()
		server.Close()
	})
	err := server.Serve(l)
	asked := ctx.Err() != nil
	cancel()
	closer.Wait()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.working.Wait()
	if asked {
		return nil
	}
	return fmt.Errorf("control: %w", err)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.working.Add(1)
	s.mu.Unlock()
	defer s.working.Done()
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// reply writes a value or an error.
func reply(w http.ResponseWriter, value any, err error) {
	status := http.StatusOK
	if err != nil {
		e := errorOf(err)
		value, status = e, e.Kind.status()
	}
	data, err := json.Marshal(value, lenient)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written","kind":"failed"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // whoever asked may be gone
}

// queryOf and filterOf are each other's inverse.
func queryOf(f bot.TraceFilter) url.Values {
	q := make(url.Values)
	for name, value := range map[string]string{"in": f.In, "from": f.From, "rule": f.Rule, "only": f.Only} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.Format(time.RFC3339Nano))
	}
	if f.Limit != 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

func filterOf(q url.Values) (f bot.TraceFilter, err error) {
	f = bot.TraceFilter{In: q.Get("in"), From: q.Get("from"), Rule: q.Get("rule"), Only: q.Get("only")}
	switch f.Only {
	case "", "fired", "quiet", "failed":
	default:
		return f, &Error{Kind: KindInvalid, Text: fmt.Sprintf("only=%q: want fired, quiet or failed", f.Only)}
	}
	if since := q.Get("since"); since != "" {
		if f.Since, err = time.Parse(time.RFC3339Nano, since); err != nil {
			return f, &Error{Kind: KindInvalid, Text: fmt.Sprintf("since=%q: want a time like 2006-01-02T15:04:05Z", since)}
		}
	}
	f.Limit, err = numberOf(q, "limit")
	return f, err
}

// numberOf is a number of a query; 0 when it is not there.
func numberOf(q url.Values, name string) (int, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, &Error{Kind: KindInvalid, Text: fmt.Sprintf("%s=%q: want a number", name, text)}
	}
	return n, nil
}
