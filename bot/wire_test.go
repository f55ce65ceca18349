package bot_test

import (
	"context"
	"slices"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// wire is a login to the embedded chat that behaves as one over a network: what happened while nobody was connected is not
// handed over later. A test cuts it, counts its calls and lets them fail.
type wire struct {
	*local.Conn

	mu      sync.Mutex
	calls   map[string]int
	fault   func(ctx context.Context, call, about string) error // before each call; nil: none
	cut     bool
	handing sync.Mutex // the handler is never called by two at once
	handler func(events []sdkconn.Event) error
	ready   chan struct{} // closed when there is a handler
}

// connect makes the house's own login a wire.
func (h *house) connect() *wire {
	h.t.Helper()
	h.self.Close()
	c, err := h.chat.Login(h.t.Context(), botUser)
	if err != nil {
		h.t.Fatal(err)
	}
	w := &wire{Conn: c, calls: make(map[string]int), ready: make(chan struct{})}
	h.self = w
	return w
}

func (w *wire) Subscribe(ctx context.Context, take sdkconn.Handler) error {
	w.handing.Lock()
	w.handler = func(events []sdkconn.Event) error { return take(ctx, events) }
	w.handing.Unlock()
	close(w.ready)
	return w.Conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
		w.handing.Lock()
		defer w.handing.Unlock()
		w.mu.Lock()
		cut := w.cut
		w.mu.Unlock()
		events = slices.DeleteFunc(events, func(e sdkconn.Event) bool { return cut || e.CaughtUp })
		if len(events) == 0 {
			return nil
		}
		return w.handler(events)
	})
}

// tell hands an event over as the service would.
func (w *wire) tell(e sdkconn.Event) error {
	<-w.ready
	w.handing.Lock()
	defer w.handing.Unlock()
	return w.handler([]sdkconn.Event{e})
}

// lose cuts the connection, and back brings it back, with its events of the network; at is in Unix seconds.
func (w *wire) lose(at int64) error {
	w.mu.Lock()
	w.cut = true
	w.mu.Unlock()
	return w.tell(sdkconn.Event{Kind: sdkconn.EventNetworkStatus, At: uint64(at), Network: sdkconn.NetworkDisconnected})
}

func (w *wire) back(at int64) error {
	w.mu.Lock()
	w.cut = false
	w.mu.Unlock()
	return w.tell(sdkconn.Event{Kind: sdkconn.EventNetworkStatus, At: uint64(at), Network: sdkconn.NetworkConnected})
}

func (w *wire) fails(fault func(ctx context.Context, call, about string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

func (w *wire) count(call string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[call]
}

func (w *wire) before(ctx context.Context, call, about string) error {
	w.mu.Lock()
	w.calls[call]++
	fault := w.fault
	w.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(ctx, call, about)
}

func (w *wire) GetMsgList(ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	if err := w.before(ctx, "history", conv.String()); err != nil {
		return nil, err
	}
	return w.Conn.GetMsgList(ctx, conv, p)
}

func (w *wire) ConvGetConvList(ctx context.Context) ([]sdkconn.ConvInfo, error) {
	if err := w.before(ctx, "list", ""); err != nil {
		return nil, err
	}
	return w.Conn.ConvGetConvList(ctx)
}

func (w *wire) GroupGetGroupInfoList(ctx context.Context, groups []string) ([]sdkconn.GroupInfo, error) {
	if err := w.before(ctx, "info", groups[0]); err != nil {
		return nil, err
	}
	return w.Conn.GroupGetGroupInfoList(ctx, groups)
}

func (w *wire) GroupGetMemberInfoList(ctx context.Context, group string) ([]sdkconn.GroupMemberInfo, error) {
	if err := w.before(ctx, "members", group); err != nil {
		return nil, err
	}
	return w.Conn.GroupGetMemberInfoList(ctx, group)
}

func (w *wire) GroupGetJoinedGroupList(ctx context.Context) ([]sdkconn.GroupInfo, error) {
	if err := w.before(ctx, "joined", ""); err != nil {
		return nil, err
	}
	return w.Conn.GroupGetJoinedGroupList(ctx)
}

func (w *wire) ProfileGetUserProfileList(ctx context.Context, users []string) ([]sdkconn.UserProfile, error) {
	if err := w.before(ctx, "profile", users[0]); err != nil {
		return nil, err
	}
	return w.Conn.ProfileGetUserProfileList(ctx, users)
}
