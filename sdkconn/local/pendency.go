package local

import (
	"context"
	"math"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// joinRequests is the schema's step for requests to let somebody into a group, and for what groups say of themselves.
const joinRequests = `
ALTER TABLE room ADD COLUMN page TEXT NOT NULL DEFAULT '';

CREATE TABLE pendency (
	id      INTEGER PRIMARY KEY,
	room    INTEGER NOT NULL,
	kind    INTEGER NOT NULL,
	asker   INTEGER NOT NULL,         -- the applicant, or who invites
	subject INTEGER NOT NULL,         -- who is to come in
	at      INTEGER NOT NULL UNIQUE,  -- milliseconds
	text    TEXT NOT NULL,
	handler INTEGER NOT NULL,         -- who answered, 0 nobody yet
	result  INTEGER NOT NULL,
	answer  TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX pendency_open ON pendency (room, kind, asker, subject) WHERE handler = 0;
CREATE INDEX pendency_subject ON pendency (subject);

CREATE TABLE pendency_read (
	user INTEGER PRIMARY KEY,
	upto INTEGER NOT NULL             -- milliseconds
) STRICT;
`

// pendency is a row of the table of requests to let somebody into a group.
type pendency struct {
	id             int64
	room           *room
	kind           sdkconn.PendencyType
	asker, subject *user
	at             uint64
	text           string
	handler        int64
	result         uint32
	answer         string
}

// ask writes a request. One that stands open already is renewed.
func (t *tx) ask(r *room, asker, subject *user, kind sdkconn.PendencyType, text string) error {
	last, err := t.db.integer(`SELECT max(at) FROM pendency`)
	if err != nil {
		return err
	}
	at := max(int64(t.now)*1000, last+1) // no two at once, so that pages have no gaps
	return t.exec(`INSERT INTO pendency (room, kind, asker, subject, at, text, handler, result, answer)
		VALUES (?, ?, ?, ?, ?, ?, 0, 0, '')
		ON CONFLICT (room, kind, asker, subject) WHERE handler = 0 DO UPDATE SET at = excluded.at, text = excluded.text`,
		r.id, int(kind), asker.id, subject.id, at, text)
}

// askAdmins writes a request and tells the owner and the administrators of it.
func (t *tx) askAdmins(r *room, asker, subject *user, kind sdkconn.PendencyType, text string) error {
	if err := t.ask(r, asker, subject, kind, text); err != nil {
		return err
	}
	report := sdkconn.ReportAddRequest
	if kind == sdkconn.PendencyInviteAdmin {
		report = sdkconn.ReportInviteReqAdmin
	}
	for _, m := range r.inOrder() {
		if m.role < sdkconn.RoleAdmin {
			continue
		}
		if err := t.notice(r, m.user, asker, &sdkconn.GroupReportElem{ReportType: report, Msg: text}); err != nil {
			return err
		}
	}
	return nil
}

// invite asks the users, or the administrators about them.
func (t *tx) invite(r *room, by *user, users []*user, kind sdkconn.PendencyType) error {
	for _, u := range users {
		if kind == sdkconn.PendencyInviteAdmin {
			if err := t.askAdmins(r, by, u, kind, ""); err != nil {
				return err
			}
			continue
		}
		if err := t.ask(r, by, u, kind, ""); err != nil {
			return err
		}
		if err := t.notice(r, u, by, &sdkconn.GroupReportElem{ReportType: sdkconn.ReportInviteReq}); err != nil {
			return err
		}
	}
	return nil
}

// pendencies loads requests that a query selects.
func (l *lookup) pendencies(sql string, args ...any) ([]pendency, error) {
	var list []pendency
	var ids [][3]int64
	err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		list = append(list, pendency{
			id: s.ColumnInt64(0), kind: sdkconn.PendencyType(s.ColumnInt64(2)), at: uint64(s.ColumnInt64(5)), text: s.ColumnText(6),
			handler: s.ColumnInt64(7), result: uint32(s.ColumnInt64(8)), answer: s.ColumnText(9),
		})
		ids = append(ids, [3]int64{s.ColumnInt64(1), s.ColumnInt64(3), s.ColumnInt64(4)})
		return true, nil
	}, `SELECT id, room, kind, asker, subject, at, text, handler, result, answer FROM pendency `+sql, args...)
	for i := range list {
		p := &list[i]
		if err == nil {
			p.room, err = l.roomByID(ids[i][0])
		}
		if err == nil {
			p.asker, err = l.userByID(ids[i][1])
		}
		if err == nil {
			p.subject, err = l.userByID(ids[i][2])
		}
	}
	return list, err
}

// info is the request as one who may answer it sees it.
func (p *pendency) info(self *user) sdkconn.GroupPendency {
	info := sdkconn.GroupPendency{
		AddTime: p.at, ApplyInviteMsg: p.text, ApprovalMsg: p.answer, From: p.asker.name, FromNickName: p.asker.nick, FromFaceURL: p.asker.page.FaceURL,
		GroupID: p.room.name, HandleResult: p.result, Key: strconv.FormatInt(p.id, 10), Type: p.kind, Self: self.name,
	}
	if p.kind != sdkconn.PendencyJoin {
		info.To = p.subject.name
	}
	switch p.handler {
	case 0:
	case self.id:
		info.Handled = sdkconn.PendencyBySelf
	default:
		info.Handled = sdkconn.PendencyByOther
	}
	return info
}

// forAnswerer selects the requests that a user is asked, or was; it takes his id four times.
const forAnswerer = `(subject = ? AND kind = 1 OR asker <> ? AND subject <> ? AND kind <> 1 AND room IN
	(SELECT room FROM member WHERE user = ? AND until = 0 AND role >= 300)
	AND room IN (SELECT id FROM room WHERE gone = 0))`

// GroupGetPendencyList implements [sdkconn.GroupPendencies]. The owner and the administrators of a group see what is asked
// of it, a user what invites him. Requests of a group that was dissolved are gone.
func (c *Conn) GroupGetPendencyList(ctx context.Context, option sdkconn.GroupPendencyOption) (sdkconn.GroupPendencyResult, error) {
	const op = "GroupGetPendencyList"
	result := sdkconn.GroupPendencyResult{Pendencies: []sdkconn.GroupPendency{}}
	if option.MaxLimited == 0 {
		return result, fail(op, sdkconn.CodeInvalidParameters, "max_limited is zero")
	}
	before := min(option.StartTime, math.MaxInt64)
	if before == 0 {
		before = math.MaxInt64
	}
	me := c.user.id
	err := c.read(ctx, op, func(l *lookup) error {
		list, err := l.pendencies(`WHERE at < ? AND `+forAnswerer+` ORDER BY at DESC LIMIT ?`,
			before, me, me, me, me, int64(option.MaxLimited)+1)
		if err != nil {
			return err
		}
		for i := range list[:min(len(list), int(option.MaxLimited))] {
			result.Pendencies = append(result.Pendencies, list[i].info(c.user))
			if i+1 < len(list) && i+1 == int(option.MaxLimited) {
				result.NextStartTime = list[i].at
			}
		}
		read, err := l.db.integer(`SELECT upto FROM pendency_read WHERE user = ?`, me)
		if err != nil {
			return err
		}
		unread, err := l.db.integer(`SELECT count(*) FROM pendency WHERE at > ? AND handler = 0 AND `+forAnswerer, read, me, me, me, me)
		result.ReadTimeSeq, result.UnreadNum = uint64(read), uint32(unread)
		return err
	})
	return result, err
}

// GroupReportPendencyReaded implements [sdkconn.GroupPendencies].
func (c *Conn) GroupReportPendencyReaded(ctx context.Context, timeStamp uint64) error {
	return c.write(ctx, "GroupReportPendencyReaded", func(t *tx) error {
		return t.exec(`INSERT INTO pendency_read VALUES (?, ?) ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)`,
			c.user.id, timeStamp)
	})
}

// GroupHandlePendency implements [sdkconn.GroupPendencies]. A member's invitation that an administrator approves brings the
// user in at once.
func (c *Conn) GroupHandlePendency(ctx context.Context, param sdkconn.HandlePendencyParam) error {
	const op = "GroupHandlePendency"
	if param.Pendency == nil {
		return fail(op, sdkconn.CodeJSON, "no pendency")
	}
	asked := *param.Pendency
	return c.write(ctx, op, func(t *tx) error {
		r, err := t.liveGroup(op, asked.GroupID)
		if err != nil {
			return err
		}
		p, err := t.pendency(r, &asked)
		if err != nil {
			return err
		}
		if p == nil {
			return fail(op, sdkconn.CodeGroupInvalidReq, "no such request in %s", asked.GroupID)
		}
		me := r.members[c.user.id]
		switch {
		case p.kind == sdkconn.PendencyInvited && p.subject.id != c.user.id,
			p.kind != sdkconn.PendencyInvited && (!me.in() || me.role < sdkconn.RoleAdmin):
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s is not asked", c.user.name)
		case p.handler != 0:
			return fail(op, sdkconn.CodeGroupReqAlreadyHandled, "the request was answered")
		case param.IsAccept && r.members[p.subject.id].in():
			return fail(op, sdkconn.CodeGroupAlreadyMember, "%s is a member of %s", p.subject.name, asked.GroupID)
		case param.IsAccept && r.full(0):
			return fail(op, sdkconn.CodeGroupFullMemberCount, "%s is full", asked.GroupID)
		}
		return t.answer(p, c.user, param.IsAccept, param.HandleMsg)
	})
}

// pendency finds the request that somebody answers: the newest of those between the two, or the one of that time.
func (t *tx) pendency(r *room, asked *sdkconn.GroupPendency) (*pendency, error) {
	from, err := t.anyUser(asked.From)
	if err != nil || from == nil {
		return nil, err
	}
	to := from
	if asked.Type != sdkconn.PendencyJoin {
		if to, err = t.anyUser(asked.To); err != nil || to == nil {
			return nil, err
		}
	}
	list, err := t.pendencies(`WHERE room = ? AND kind = ? AND asker = ? AND subject = ? AND (? = 0 OR at = ?)
		ORDER BY at DESC LIMIT 1`, r.id, int64(asked.Type), from.id, to.id, asked.AddTime, asked.AddTime)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// answer writes what became of a request and tells whom it concerns.
func (t *tx) answer(p *pendency, by *user, accept bool, text string) error {
	err := t.exec(`UPDATE pendency SET handler = ?, result = ?, answer = ? WHERE id = ?`, by.id, accept, text, p.id)
	if err != nil {
		return err
	}
	report := map[bool]sdkconn.ReportType{true: sdkconn.ReportAddAccept, false: sdkconn.ReportAddRefuse}[accept]
	if p.kind == sdkconn.PendencyInvited {
		report = map[bool]sdkconn.ReportType{true: sdkconn.ReportInviteAccept, false: sdkconn.ReportInviteRefuse}[accept]
	}
	switch {
	case !accept:
	case p.kind == sdkconn.PendencyJoin:
		err = t.letIn(p.room, p.subject, by)
	case p.kind == sdkconn.PendencyInvited:
		err = t.welcome(p.room, p.asker, []*user{p.subject})
	default:
		err = t.bringIn(p.room, p.asker, []*user{p.subject})
	}
	if err != nil {
		return err
	}
	return t.notice(p.room, p.asker, by, &sdkconn.GroupReportElem{ReportType: report, Msg: text})
}
