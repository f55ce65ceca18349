package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// tracesPath is where a collector takes spans, below its base URL.
const tracesPath = "/v1/traces"

// otlpTries is how often spans are offered to a collector that has no time, and otlpPause the first pause between.
const (
	otlpTries = 3
	otlpPause = time.Second
)

// otlpTimeout bounds one request.
const otlpTimeout = 10 * time.Second

// otlpClient sends spans by OTLP over HTTP, as protobuf. The library's own client would bring all of gRPC along, 7 MiB of
// program and 2 MiB of memory in every bot.
type otlpClient struct {
	url     string
	headers map[string]string
	http    *http.Client
	clock   clockwork.Clock
	log     *slog.Logger

	sending sync.Mutex
	failing bool // under sending

	ended context.Context // nothing is sent any more
	end   context.CancelFunc
}

func newOTLPClient(c Config) (*otlpClient, error) {
	u, err := url.Parse(c.OTLP)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("otlp: %q is no URL of a collector: want for instance http://localhost:4318", c.OTLP)
	}
	if !strings.HasSuffix(u.Path, tracesPath) {
		u.Path = path.Join("/", u.Path, tracesPath)
	}
	ended, end := context.WithCancel(context.Background())
	return &otlpClient{
		ended: ended, end: end, url: u.String(), headers: c.OTLPHeaders, clock: c.Clock, log: c.Log,
		http: &http.Client{Timeout: otlpTimeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}},
	}, nil
}

// Start implements otlptrace.Client.
func (*otlpClient) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *otlpClient) Stop(context.Context) error {
	c.end()
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. A failure is logged once, until it works again; the spans are lost.
func (c *otlpClient) UploadTraces(ctx context.Context, batch []*tracepb.ResourceSpans) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: batch}) // which is what an export request looks like
	if err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ended, cancel)()
	for try := range otlpTries {
		var again bool
		if again, err = c.post(ctx, body); err == nil || !again || try == otlpTries-1 {
			break
		}
		pause := c.clock.NewTimer(otlpPause << try)
		select {
		case <-pause.Chan():
		case <-ctx.Done():
			pause.Stop()
		}
	}
	switch {
	case err != nil && !c.failing:
		c.log.Warn("spans cannot be sent, and are lost until they can", "url", c.url, "err", err)
	case err == nil && c.failing:
		c.log.Info("spans are sent again")
	}
	c.failing = err != nil
	return nil
}

// abandon gives up what is being sent, and returns when that is told.
func (c *otlpClient) abandon() {
	c.end()
	c.sending.Lock()
	defer c.sending.Unlock()
}

// post sends one request; again says that the collector asks for another try.
func (c *otlpClient) post(ctx context.Context, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return ctx.Err() == nil, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)); err != nil { // so that the connection can be used again
		return true, err
	}
	if res.StatusCode/100 == 2 {
		return false, nil
	}
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, fmt.Errorf("the collector answered %s", res.Status)
}
