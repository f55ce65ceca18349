package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// batchMax is how many users one BatchSend takes: the service's own bound.
const batchMax = 500

// MaxResults is how many targets announce tells in its output; the ledger has all.
const MaxResults = 100

type announceIn struct {
	To       announceTo `arg:"to,required" doc:"Who gets the message."`
	outgoing `arg:",squash"`
	Key      string      `arg:"key" doc:"Names the announcement for good: the same key never reaches the same target twice, whoever asks again. Unless given, each run of the step has one of its own."`
	Pace     string      `arg:"pace" doc:"At most so many targets in so long, for instance 20/s; never more than bot.pace lets."`
	Quiet    *announceOf `arg:"quiet" doc:"The hours in which nobody is disturbed: what falls into them waits until they are over."`
}

type announceTo struct {
	Users  []string `arg:"users" doc:"User ids; each gets it in a conversation of its own."`
	Groups []string `arg:"groups" doc:"Group ids."`
	File   string   `arg:"file" doc:"A CSV file of the bot's folder, whose first row names the columns: user or group, and others for row. Or a text file with a user id a line."`
}

type announceOf struct {
	From string `arg:"from,required" doc:"When they begin, for instance \"22:00\"."`
	To   string `arg:"to,required" doc:"When they end, for instance \"08:00\"."`
	TZ   string `arg:"tz" doc:"The time zone, or the column of the file that has each target's; the bot's own unless given."`
}

type announceOut struct {
	Key     string     `arg:"key" doc:"The announcement's key."`
	State   string     `arg:"state" doc:"done, or cancelled when a person ended it before."`
	Total   int        `arg:"total" doc:"How many users and groups there were, each counted once."`
	Sent    int        `arg:"sent,value" doc:"How many got the message."`
	Failed  int        `arg:"failed" doc:"How many did not, or not for sure."`
	Skipped int        `arg:"skipped" doc:"How many were passed over: named more than once, blank, reached under this key before, or left out by a cancel."`
	Results []delivery `arg:"results" doc:"What became of each of the first 100, in their order; timbot announce report has all."`
	Text    string     `arg:"text,text" doc:"The text of the message."`
}

// delivery is what became of one target.
type delivery struct {
	To      string           `arg:"to" doc:"The conversation: c2c_USER or group_ID."`
	OK      bool             `arg:"ok" doc:"Whether it got the message."`
	MsgID   string           `arg:"msg_id" doc:"The id of its message."`
	Locator *sdkconn.Locator `arg:"locator" doc:"The identity of its message, to revoke it."`
	Code    int              `arg:"code" doc:"The service's error code; 0 for none."`
	Error   string           `arg:"error" doc:"Why it did not get the message."`
}

// Order is an announcement that a step asks for.
type Order struct {
	Key           string // "" for none
	Users, Groups []string
	File          string // the path of a file of targets; "" for none
	Message       *sdkconn.Message
	Pace          string
	Quiet         Quiet
}

// Quiet are the hours in which nobody is disturbed. From "" is none.
type Quiet struct {
	From string `json:"from,omitzero"` // "22:00"
	To   string `json:"to,omitzero"`
	TZ   string `json:"tz,omitzero"` // a zone, or a column with each target's; "": the bot's
}

// Announced is what came of an order. See announce's outputs.
type Announced struct {
	Key, State                   string
	Total, Sent, Failed, Skipped int
	Results                      []Delivered
	Text                         string
}

// Delivered is what became of one target.
type Delivered struct {
	To      sdkconn.Conversation
	OK      bool
	MsgID   string
	Locator *sdkconn.Locator
	Code    int
	Error   string
}

// Result is what a step leaves behind.
func (a Announced) Result() Result {
	out := announceOut{
		Key: a.Key, State: a.State, Total: a.Total, Sent: a.Sent, Failed: a.Failed, Skipped: a.Skipped, Text: a.Text,
	}
	for _, d := range a.Results {
		out.Results = append(out.Results, delivery{d.To.String(), d.OK, d.MsgID, d.Locator, d.Code, d.Error})
	}
	return Result{Out: out, Text: a.Text, Value: int64(a.Sent)}
}

// Orderer is an action whose steps the runtime does as announcements, with a ledger, in place of Run.
type Orderer interface {
	Action
	// Order reads the inputs. Errors: *InputError.
	Order(call *Call, args map[string]any) (*Order, error)
}

// OrderWatcher is an Orderer that is told what came of a step.
type OrderWatcher interface {
	Orderer
	// Ordered is called when an order is done; err is the step's error, or nil.
	Ordered(call *Call, result Result, err error)
}

// Announce sends one message to many.
var Announce Orderer = newAnnouncer()

type announcer struct {
	Action
	spec Spec
}

// Spec implements Action.
func (a *announcer) Spec() Spec { return a.spec }

// Order implements Orderer.
func (a *announcer) Order(call *Call, args map[string]any) (*Order, error) {
	var in announceIn
	if err := a.spec.decode(args, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", a.spec.Name, err)
	}
	for _, list := range []struct {
		input string
		ids   []string
	}{{"to.users", in.To.Users}, {"to.groups", in.To.Groups}} {
		for i, id := range list.ids {
			if id == "" {
				return nil, fmt.Errorf("%s: %w", a.spec.Name, inputErrorf(fmt.Sprintf("%s[%d]", list.input, i), "is empty: want an id"))
			}
		}
	}
	out := &Order{Key: in.Key, Users: in.To.Users, Groups: in.To.Groups, Pace: in.Pace}
	if in.To.File != "" {
		up, err := call.uploadOf("to.file", in.To.File)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.spec.Name, err)
		}
		out.File = up.path
	}
	if in.Quiet != nil {
		out.Quiet = Quiet{in.Quiet.From, in.Quiet.To, in.Quiet.TZ}
	}
	var err error
	if out.Message, err = in.message(call); err == nil {
		_, err = call.marked(out.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.spec.Name, err)
	}
	return out, nil
}

func newAnnouncer() *announcer {
	a := &announcer{Action: announce}
	a.spec = announce.Spec()
	a.spec.Inputs = slices.Clone(a.spec.Inputs)
	for i := range a.spec.Inputs {
		in := &a.spec.Inputs[i]
		switch in.Name {
		case "text":
			in.Rows = true
			in.Doc += " ${{ row.COLUMN }} in it is a column of to.file."
		case "pace":
			in.Form = "rate"
		case "quiet":
			in.Fields = slices.Clone(in.Fields)
			in.Fields[0].Form, in.Fields[1].Form = "clock", "clock"
		}
	}
	return a
}

// announce does it without a ledger, for callers that have none.
var announce = New(Spec{
	Name: "announce",
	Doc: "Sends one message to many users and groups, users in batches, groups one by one, at a pace under the service's " +
		"limits. The run waits until it is done; timbot announce shows, pauses, cancels and recalls it. Whoever is named " +
		"twice gets it once. Targets that fail do not stop the others; the step fails when nobody got it. With `approve` " +
		"among its inputs a person must agree first. The step's timeout does not count.",
	Example: `announce:
  key: maintenance/2026-10-10
  to:
    users: [alice, bob]
    groups: ["@TGS#news"]
  text: 今晚 22:00 停机维护
  pace: 20/s
  quiet: { from: "22:00", to: "08:00", tz: Asia/Shanghai }`,
	OneOf:      [][]string{contentNames},
	AtMostOne:  [][]string{{"mentions", "only_to"}},
	ActsOnChat: true,
	Approvable: true,      // what many get is worth a second look
	Settle:     SettleAsk, // target by target, as with send
}, func(ctx context.Context, call *Call, args announceIn) (announceOut, error) {
	a := &announcement{call: call}
	for name, given := range map[string]bool{"key": args.Key != "", "to.file": args.To.File != "", "quiet": args.Quiet != nil} {
		if given {
			return announceOut{}, inputErrorf(name, "needs a ledger: only a rule's own step has one")
		}
	}
	if err := a.plan(args.To); err != nil {
		return announceOut{}, err
	}
	msg, err := args.message(call)
	if err != nil {
		return announceOut{}, err
	}
	if msg, err = call.marked(msg); err != nil {
		return announceOut{}, err
	}
	a.out.Text, a.out.State = msg.Text(), "done"
	for chunk := range slices.Chunk(a.users, batchMax) {
		if err := a.toUsers(ctx, chunk, msg); err != nil {
			return announceOut{}, err
		}
	}
	for _, group := range a.groups {
		if err := a.toGroup(ctx, group, msg); err != nil {
			return announceOut{}, err
		}
	}
	call.Log.Info("announced", "total", a.out.Total, "sent", a.out.Sent, "failed", a.out.Failed, "skipped", a.out.Skipped)
	return a.out, a.err(ctx)
})

// announcement is one run of announce: what is planned, and then, target by target, what became of it. A target's result
// is noted once, as soon as it is known.
type announcement struct {
	call          *Call
	users, groups []string
	out           announceOut
	first         error // the first failure
}

// plan takes each target once.
func (a *announcement) plan(to announceTo) error {
	once := func(input string, ids []string) ([]string, error) {
		var kept []string
		seen := make(map[string]bool, len(ids))
		for i, id := range ids {
			switch {
			case id == "":
				return nil, inputErrorf(fmt.Sprintf("%s[%d]", input, i), "is empty: want an id")
			case seen[id]:
				a.out.Skipped++
			default:
				seen[id] = true
				kept = append(kept, id)
			}
		}
		return kept, nil
	}
	var err error
	if a.users, err = once("to.users", to.Users); err != nil {
		return err
	}
	if a.groups, err = once("to.groups", to.Groups); err != nil {
		return err
	}
	a.out.Total = len(a.users) + len(a.groups)
	a.out.Results = make([]delivery, 0, a.out.Total)
	return nil
}

// toUsers sends to a batch of users. Its error is ErrLater's only: nothing was sent.
func (a *announcement) toUsers(ctx context.Context, users []string, msg *sdkconn.Message) error {
	became := make(map[string]outcome, len(users))
	var rest []string
	for _, user := range users {
		if err := ctx.Err(); err != nil {
			became[user] = outcome{err: notTried(err)}
			continue
		}
		switch before, err := a.call.delivered(ctx, sdkconn.C2C(user), msg); {
		case err != nil:
			became[user] = outcome{err: err}
		case before != nil:
			became[user] = outcome{msg: before}
		default:
			rest = append(rest, user)
		}
	}
	if err := ctx.Err(); err != nil && len(rest) > 0 {
		for _, user := range rest {
			became[user] = outcome{err: notTried(err)}
		}
	} else if len(rest) > 0 {
		results, err := a.call.deliverToUsers(ctx, rest, msg)
		if errors.Is(err, ErrLater) {
			return err
		}
		if err == nil {
			err = errNoResult
		}
		for _, user := range rest {
			became[user] = outcome{err: err}
		}
		for _, r := range results {
			became[r.User] = outcome{r.Msg, r.Err()}
		}
	}
	for _, user := range users {
		a.note(sdkconn.C2C(user), became[user])
	}
	return nil
}

// toGroup sends to a group. Its error is ErrLater's only: nothing was sent.
func (a *announcement) toGroup(ctx context.Context, group string, msg *sdkconn.Message) error {
	conv := sdkconn.Group(group)
	if err := ctx.Err(); err != nil {
		a.note(conv, outcome{err: notTried(err)})
		return nil
	}
	sent, err := a.call.deliver(ctx, conv, msg)
	if errors.Is(err, ErrLater) {
		return err
	}
	a.note(conv, outcome{sent, err})
	return nil
}

// outcome is what became of one target: msg may be nil although it was sent.
type outcome struct {
	msg *sdkconn.Message
	err error
}

func (a *announcement) note(conv sdkconn.Conversation, o outcome) {
	if o.err != nil {
		a.failed(conv, o.err)
		return
	}
	a.sent(conv, o.msg)
}

func (a *announcement) sent(conv sdkconn.Conversation, msg *sdkconn.Message) {
	d := delivery{To: conv.String(), OK: true}
	if msg != nil {
		l := msg.Locator()
		d.MsgID, d.Locator = msg.MsgID, &l
	}
	a.out.Sent++
	a.out.Results = append(a.out.Results, d)
}

func (a *announcement) failed(conv sdkconn.Conversation, err error) {
	if a.first == nil {
		a.first = err
	}
	a.out.Failed++
	a.out.Results = append(a.out.Results, delivery{To: conv.String(), Code: int(sdkconn.CodeOf(err)), Error: err.Error()})
}

// err is the error of the whole step.
func (a *announcement) err(ctx context.Context) error {
	switch {
	case a.out.Failed == 0:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("the time was over after %d of %d, give the step a longer timeout: %w", a.out.Sent, a.out.Total, a.first)
	case a.out.Sent == 0:
		return explain("nobody got the message", a.first)
	}
	return nil
}

var errNoResult = errors.New("the service gave no result for this user")

func notTried(err error) error { return fmt.Errorf("not tried: %w", err) }
