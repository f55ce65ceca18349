package bot

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
)

// The scopes of the journal's state in which what waits for people is kept, each entry written with the commit that makes
// it so.
const (
	scopeDialogue = "wait"     // open dialogues; key: dialogueRecord.key
	scopeHandoff  = "handoff"  // conversations in people's hands; key: the conversation
	scopeApproval = "approval" // requests; key: the number
	scopeNumber   = "number"   // the number given last; key: "last"
)

// everybody stands for the user of a dialogue with a whole conversation.
const everybody = "*"

// smallNumbers is how far numbers of handoffs and approvals go before they begin again. A number is used again late, so that
// a late answer does not meet another request.
const smallNumbers = 99

// dialogueRecord is an open dialogue: a run of a rule with a session, from its beginning to its end.
type dialogueRecord struct {
	Conversation string `json:"conversation"`
	User         string `json:"user"` // or everybody
	Run          string `json:"run"`
	Rule         string `json:"rule"`
	Step         string `json:"step,omitzero"`   // the ask that waits for an answer, as people call it; "" for none
	Answer       string `json:"answer,omitzero"` // the key under which the answer goes to the run's steps
	Since        uint64 `json:"since,omitzero"`  // Unix seconds of the service: a message from before is no answer
	Due          int64  `json:"due,omitzero"`    // when the time of the answer is over, Unix milliseconds
	Answered     bool   `json:"answered,omitzero"`

	overdue bool // the time of the answer was over once already
}

func (d *dialogueRecord) key() string { return d.Conversation + "\t" + d.User }

// handoffRecord is a conversation in people's hands.
type handoffRecord struct {
	Conversation string `json:"conversation"`
	Number       int    `json:"number"`
	Run          string `json:"run"`
	Rule         string `json:"rule"`
	Queue        string `json:"queue,omitzero"`
	Note         string `json:"note,omitzero"`
	Since        int64  `json:"since"`            // Unix milliseconds
	After        int64  `json:"after,omitzero"`   // milliseconds; 0: never by itself
	Idle         int64  `json:"idle,omitzero"`    // milliseconds
	Resumed      bool   `json:"resumed,omitzero"` // the run is to go on
	By           string `json:"by,omitzero"`      // who gave it back

	spoke time.Time // when somebody wrote last, as far as this process knows
}

// due is when the conversation is given back by itself; zero for never.
func (h *handoffRecord) due() time.Time {
	var due time.Time
	since := time.UnixMilli(h.Since)
	if h.After > 0 {
		due = since.Add(time.Duration(h.After) * time.Millisecond)
	}
	if h.Idle > 0 {
		last := since
		if h.spoke.After(last) {
			last = h.spoke
		}
		if idle := last.Add(time.Duration(h.Idle) * time.Millisecond); due.IsZero() || idle.Before(due) {
			due = idle
		}
	}
	return due
}

// approvalRecord is a request for consent.
type approvalRecord struct {
	Number       int      `json:"number"`
	Conversation string   `json:"conversation,omitzero"` // where the run belongs
	Run          string   `json:"run"`
	Rule         string   `json:"rule"`
	Action       string   `json:"action"`
	Group        string   `json:"group"` // where it was asked
	By           []string `json:"by"`    // who may answer
	What         string   `json:"what"`  // the text of the request
	Since        int64    `json:"since"` // Unix milliseconds
	Due          int64    `json:"due"`   // Unix milliseconds
	End          string   `json:"end,omitzero"`
	Decider      string   `json:"decider,omitzero"`
}

// people is what waits for people, as the journal keeps it: a bot owns its journal, so that it need not ask for each
// message. What is changed here goes into the journal with the caller's commit.
type people struct {
	mu        sync.Mutex
	loaded    bool
	dialogues map[string]map[string]*dialogueRecord // by conversation and user
	handoffs  map[string]*handoffRecord             // by conversation
	approvals map[int]*approvalRecord
	runs      map[string]*held // what each run has open
	last      int              // the number given last
}

// held is what one run has open. It is at one step, so that there is at most one of each.
type held struct {
	dialogue *dialogueRecord
	handoff  *handoffRecord
	approval *approvalRecord
}

func newPeople() *people {
	return &people{
		dialogues: make(map[string]map[string]*dialogueRecord), handoffs: make(map[string]*handoffRecord),
		approvals: make(map[int]*approvalRecord), runs: make(map[string]*held),
	}
}

// load reads the journal, once. An entry whose run is gone is passed over.
func (p *people) load(ctx context.Context, j journal.Journal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loaded {
		return nil
	}
	for _, part := range []struct {
		scope string
		add   func(data []byte) error
	}{
		{scopeDialogue, func(data []byte) error {
			d := new(dialogueRecord)
			return p.decode(ctx, j, data, d, &d.Run, func() error { p.put(d); return nil })
		}},
		{scopeHandoff, func(data []byte) error {
			h := new(handoffRecord)
			return p.decode(ctx, j, data, h, &h.Run, func() error {
				at, _, err := j.Position(ctx, h.Conversation)
				h.spoke = at.At
				p.putHandoff(h)
				return err
			})
		}},
		{scopeApproval, func(data []byte) error {
			a := new(approvalRecord)
			return p.decode(ctx, j, data, a, &a.Run, func() error { p.putApproval(a); return nil })
		}},
		{scopeNumber, func(data []byte) error {
			var err error
			p.last, err = strconv.Atoi(string(data))
			return err
		}},
	} {
		entries, err := j.State(ctx, part.scope)
		if err != nil {
			return err
		}
		for key, data := range entries {
			if err := part.add(data); err != nil {
				return fmt.Errorf("state %s %s: %w", part.scope, key, err)
			}
		}
	}
	p.loaded = true
	return nil
}

// decode reads an entry into rec and adds it when its run is open.
func (p *people) decode(ctx context.Context, j journal.Journal, data []byte, rec any, run *string, add func() error) error {
	if err := json.Unmarshal(data, rec); err != nil {
		return err
	}
	if strings.HasPrefix(*run, announceRun) { // it takes the entry back when it goes on
		return add()
	}
	_, open, err := j.Run(ctx, *run)
	if err != nil || !open {
		return err
	}
	return add()
}

// any reports whether anything waits for people.
func (p *people) any() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.dialogues)+len(p.handoffs)+len(p.approvals) > 0
}

// ready reports whether what the run waits for has come.
func (p *people) ready(run string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.runs[run]
	return of != nil && (of.dialogue != nil && of.dialogue.Answered || of.handoff != nil && of.handoff.Resumed ||
		of.approval != nil && of.approval.End != "")
}

// end lets go of what a run that ends has open: in memory now, in the journal with the change.
func (p *people) end(change *journal.Change, run string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endRun(change, run)
}

// endEvent lets go of what the runs of an event have open, even of those that never came to be.
func (p *people) endEvent(change *journal.Change, key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for run := range p.runs {
		if strings.HasPrefix(run, key+"/") {
			p.endRun(change, run)
		}
	}
}

func (p *people) endRun(change *journal.Change, run string) {
	of := p.runs[run]
	if of == nil {
		return
	}
	if d := of.dialogue; d != nil && p.dialogues[d.Conversation][d.User] == d {
		change.State = append(change.State, journal.StateWrite{Scope: scopeDialogue, Key: d.key()})
		users := p.dialogues[d.Conversation]
		if delete(users, d.User); len(users) == 0 {
			delete(p.dialogues, d.Conversation)
		}
	}
	p.endHandoff(change, of)
	p.endApproval(change, of)
	delete(p.runs, run)
}

func (p *people) endHandoff(change *journal.Change, of *held) {
	if h := of.handoff; h != nil {
		change.State = append(change.State, journal.StateWrite{Scope: scopeHandoff, Key: h.Conversation})
		delete(p.handoffs, h.Conversation)
		of.handoff = nil
	}
}

func (p *people) endApproval(change *journal.Change, of *held) {
	if a := of.approval; a != nil {
		change.State = append(change.State, journal.StateWrite{Scope: scopeApproval, Key: strconv.Itoa(a.Number)})
		delete(p.approvals, a.Number)
		of.approval = nil
	}
}

// handedBack lets go of a run's handoff, consented of its request; the run goes on.
func (p *people) handedBack(change *journal.Change, run string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endHandoff(change, p.of(run))
}

func (p *people) consented(change *journal.Change, run string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endApproval(change, p.of(run))
}

// of returns what a run has open.
func (p *people) of(run string) *held {
	of := p.runs[run]
	if of == nil {
		of = new(held)
		p.runs[run] = of
	}
	return of
}

// put opens or changes a dialogue.
func (p *people) put(d *dialogueRecord) {
	if p.dialogues[d.Conversation] == nil {
		p.dialogues[d.Conversation] = make(map[string]*dialogueRecord)
	}
	p.dialogues[d.Conversation][d.User] = d
	p.of(d.Run).dialogue = d
}

// keepDialogue opens or changes a dialogue and returns what writes it down.
func (p *people) keepDialogue(d dialogueRecord) (journal.StateWrite, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(&d)
	return entry(scopeDialogue, d.key(), d)
}

// dialogue returns the open dialogue that is with a user in a conversation: the user's own, else everybody's.
func (p *people) dialogue(conversation, user string) (dialogueRecord, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	users := p.dialogues[conversation]
	for _, key := range []string{user, everybody} {
		if d := users[key]; d != nil {
			return *d, true
		}
	}
	return dialogueRecord{}, false
}

// overdue notes that the time of a run's dialogue is over; it reports whether that is news.
func (p *people) overdue(run string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.runs[run]
	if of == nil || of.dialogue == nil || of.dialogue.overdue {
		return false
	}
	of.dialogue.overdue = true
	return true
}

// inTheWay returns the open dialogue for which none may begin with a user, or with everybody.
func (p *people) inTheWay(conversation, user string) (dialogueRecord, bool) {
	if user != everybody {
		return p.dialogue(conversation, user)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var first *dialogueRecord
	for _, d := range p.dialogues[conversation] {
		if first == nil || d.User < first.User {
			first = d
		}
	}
	if first == nil {
		return dialogueRecord{}, false
	}
	return *first, true
}

// handoff returns the handoff of a conversation.
func (p *people) handoff(conversation string) (handoffRecord, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.handoffs[conversation]
	if h == nil {
		return handoffRecord{}, false
	}
	return *h, true
}

// openHandoffs returns those that nobody has given back yet, by number.
func (p *people) openHandoffs() []handoffRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []handoffRecord
	for _, h := range p.handoffs {
		if !h.Resumed {
			out = append(out, *h)
		}
	}
	slices.SortFunc(out, func(a, b handoffRecord) int { return a.Number - b.Number })
	return out
}

// spoke notes that somebody wrote in a conversation.
func (p *people) spoke(conversation string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.handoffs[conversation]; h != nil && at.After(h.spoke) {
		h.spoke = at
	}
}

// resume gives a conversation back, once, and returns what writes that down.
func (p *people) resume(conversation, by string) (handoffRecord, journal.StateWrite, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.handoffs[conversation]
	if h == nil || h.Resumed {
		return handoffRecord{}, journal.StateWrite{}, false, nil
	}
	h.Resumed, h.By = true, by
	w, err := entry(scopeHandoff, conversation, h)
	return *h, w, true, err
}

// approval returns a request.
func (p *people) approval(number int) (approvalRecord, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.approvals[number]
	if a == nil {
		return approvalRecord{}, false
	}
	return *a, true
}

// openApprovals returns those that nobody has answered yet, by number; group "" stands for any.
func (p *people) openApprovals(group string) []approvalRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []approvalRecord
	for _, a := range p.approvals {
		if a.End == "" && (group == "" || a.Group == group) {
			out = append(out, *a)
		}
	}
	slices.SortFunc(out, func(a, b approvalRecord) int { return a.Number - b.Number })
	return out
}

// decide answers a request, once, and returns what writes that down.
func (p *people) decide(number int, end, by string) (approvalRecord, journal.StateWrite, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.approvals[number]
	if a == nil || a.End != "" {
		return approvalRecord{}, journal.StateWrite{}, false, nil
	}
	a.End, a.Decider = end, by
	w, err := entry(scopeApproval, strconv.Itoa(number), a)
	return *a, w, true, err
}

// reopenHandoff and reopenApproval take back what could not be written down.
func (p *people) reopenHandoff(conversation string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.handoffs[conversation]; h != nil {
		h.Resumed, h.By = false, ""
	}
}

func (p *people) reopenApproval(number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.approvals[number]; a != nil {
		a.End, a.Decider = "", ""
	}
}

// number gives a handoff or an approval the number by which people call it: small, and no other open one's.
func (p *people) number() (int, journal.StateWrite) {
	p.mu.Lock()
	defer p.mu.Unlock()
	used := make(map[int]bool, len(p.handoffs)+len(p.approvals))
	for _, h := range p.handoffs {
		used[h.Number] = true
	}
	for n := range p.approvals {
		used[n] = true
	}
	n := p.last%smallNumbers + 1
	for range smallNumbers {
		if !used[n] {
			break
		}
		n = n%smallNumbers + 1
	}
	for used[n] { // all of the small ones are open
		n++
	}
	p.last = n
	return n, journal.StateWrite{Scope: scopeNumber, Key: "last", Value: []byte(strconv.Itoa(n))}
}

// addHandoff shows a handoff that the journal holds to the other conversations.
func (p *people) addHandoff(h handoffRecord) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.putHandoff(&h)
}

func (p *people) putHandoff(h *handoffRecord) {
	p.handoffs[h.Conversation] = h
	p.of(h.Run).handoff = h
}

// addApproval shows a request that the journal holds to the other conversations.
func (p *people) addApproval(a approvalRecord) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.putApproval(&a)
}

func (p *people) putApproval(a *approvalRecord) {
	p.approvals[a.Number] = a
	p.of(a.Run).approval = a
}

// entry is what writes a record into the state.
func entry(scope, key string, rec any) (journal.StateWrite, error) {
	data, err := json.Marshal(rec)
	if err != nil {
		return journal.StateWrite{}, fmt.Errorf("state %s %s: %w", scope, key, err)
	}
	return journal.StateWrite{Scope: scope, Key: key, Value: data}, nil
}
