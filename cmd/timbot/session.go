package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/archive"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// session is a chat with a bot: the embedded chat, the bot on it, and the users that one person plays.
type session struct {
	chat    *local.Chat
	botUser string
	bot     *bot.Bot
	archive *archive.Archive
	plugins *host.Host
	journal journal.Journal // the bot's; nil until it is opened
	feed    *feed
	answer  func(entry) // shows what a command answers
	echo    bool        // what the person sends is shown too

	ctx       context.Context // ends with the session
	cancel    context.CancelCauseFunc
	listeners sync.WaitGroup

	mu     sync.Mutex
	people map[string]*local.Conn // users that are played

	// Where the person is; written by the person's own goroutine, under view.
	view sync.Mutex
	user string
	conv sdkconn.Conversation
}

// errLeft ends a session when its person leaves.
var errLeft = errors.New("left")

// openSession opens the chat file, logs the bot and the first user in, and starts the bot, whose journal is in the folder
// when keep is set. The caller closes the session.
func openSession(
	ctx context.Context, l *loaded, chatFile string, folder *bot.Folder, keep bool, user string, show func(*session, entry),
	logs logging, logTo io.Writer,
) (*session, error) {
	s := &session{
		botUser: bot.UserOf(l.set.Bot.Connection), people: make(map[string]*local.Conn), user: user,
		archive: archive.Open(archivePath(folder.Path())),
	}
	s.answer = func(e entry) { show(s, e) }
	s.feed = newFeed(s.answer)
	s.conv = sdkconn.C2C(s.botUser)
	if user == s.botUser {
		return nil, fmt.Errorf("%s is the bot: play somebody else", user)
	}
	chatLog, err := logs.logger(logTo)
	if err != nil {
		return nil, err
	}
	botLog, err := logs.logger(&feedLog{s.feed, logTo}) // not the chat's: it may log while somebody holds the feed
	if err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	if s.chat, err = local.Open(ctx, chatFile, local.Config{Logger: chatLog}); err != nil {
		s.cancel(err)
		return nil, err
	}
	fail := func(err error) (*session, error) {
		return nil, errors.Join(err, s.close())
	}
	conn, err := s.chat.Login(ctx, s.botUser)
	if err != nil {
		return fail(fmt.Errorf("the bot's login: %w", err))
	}
	if _, err := s.play(user); err != nil {
		return fail(err)
	}
	w := &witness{Conn: conn, feed: s.feed, settle: s.settleUsers}
	if keep {
		j, err := openJournal(ctx, folder, botLog)
		if err != nil {
			return fail(err)
		}
		s.journal = j
	} else {
		s.journal = journal.NewMemory(0)
	}
	if s.plugins, err = openPlugins(folder.Path(), nil, botLog); err != nil {
		return fail(err)
	}
	s.bot, err = bot.New(w, l.set, bot.WithPlugins(s.plugins), bot.WithJournal(s.journal), bot.WithActions(l.registry), bot.WithLogger(botLog),
		bot.WithDir(l.files.Dir, folder.Path()), bot.WithArchive(s.archive))
	if err != nil {
		return fail(err)
	}
	s.listeners.Go(func() {
		if err := s.bot.Run(s.ctx); err != nil {
			s.cancel(fmt.Errorf("the bot stopped: %w", err))
		}
	})
	return s, s.settle()
}

// close ends the session and waits for everything in it.
func (s *session) close() error {
	s.cancel(errLeft)
	s.listeners.Wait()
	if s.plugins != nil {
		if err := s.plugins.Close(); err != nil {
			return errors.Join(err, s.journal.Close(), s.archive.Close(), s.chat.Close())
		}
	}
	if s.journal == nil {
		return errors.Join(s.archive.Close(), s.chat.Close())
	}
	return errors.Join(s.journal.Close(), s.archive.Close(), s.chat.Close())
}

// play logs a user in, once, and listens to what the user is told.
func (s *session) play(user string) (*local.Conn, error) {
	s.mu.Lock()
	conn := s.people[user]
	s.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	if user == s.botUser {
		return nil, fmt.Errorf("%s is the bot: play somebody else", user)
	}
	conn, err := s.chat.Login(s.ctx, user)
	if err != nil {
		return nil, explain("log in as "+user, err)
	}
	s.listeners.Go(func() {
		err := conn.Subscribe(s.ctx, func(_ context.Context, events []sdkconn.Event) error {
			for i := range events {
				s.feed.event(user, &events[i])
			}
			return nil
		})
		if err != nil {
			s.cancel(fmt.Errorf("%s: %w", user, err))
		}
	})
	s.mu.Lock()
	s.people[user] = conn
	s.mu.Unlock()
	return conn, nil
}

func (s *session) me() *local.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people[s.user]
}

// settleUsers waits until the users have been told everything so far.
func (s *session) settleUsers(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)() // nobody listens any more
	s.mu.Lock()
	conns := slices.Collect(maps.Values(s.people))
	s.mu.Unlock()
	for _, conn := range conns {
		_ = conn.WaitIdle(ctx) // a login that was lost hears nothing more
	}
}

// settle waits until the bot has nothing left to do and everybody has been told.
func (s *session) settle() error {
	if err := s.bot.Idle(s.ctx); err != nil {
		if cause := context.Cause(s.ctx); cause != nil {
			return cause
		}
		return err
	}
	s.settleUsers(s.ctx)
	return context.Cause(s.ctx)
}

// settleFor settles, but waits no longer than d.
func (s *session) settleFor(d time.Duration) error {
	ctx, cancel := context.WithTimeout(s.ctx, d)
	defer cancel()
	if err := s.bot.Idle(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	s.settleUsers(ctx)
	return context.Cause(s.ctx)
}

// where is who speaks, and in which conversation.
func (s *session) where() (user string, conv sdkconn.Conversation) {
	s.view.Lock()
	defer s.view.Unlock()
	return s.user, s.conv
}

func (s *session) move(user string, conv sdkconn.Conversation) {
	s.view.Lock()
	defer s.view.Unlock()
	s.user, s.conv = user, conv
}

// say sends a text as the current user.
func (s *session) say(text string) error {
	user, conv := s.where()
	msg := textMessage(text)
	if conv.Type == sdkconn.ConvGroup {
		mentions, err := s.mentions(conv.ID, text)
		if err != nil {
			return explain("send to "+conv.ID, err)
		}
		msg.GroupAtUsers = mentions
	}
	return s.send(user, conv, msg)
}

func (s *session) send(user string, conv sdkconn.Conversation, msg *sdkconn.Message) (err error) {
	conn := s.me()
	s.feed.hold(func(add func(string, identity, entry, bool)) {
		var sent *sdkconn.Message
		if sent, err = conn.SendNewMsg(s.ctx, conv, msg); err == nil {
			add("message", identityOf(user, conv, sent.Locator()), messageEntry("message", user, sent), s.echo)
		}
	})
	return explain("send to "+conv.ID, err)
}

// mentions are the members that a text names with an @, and everyone for @all.
func (s *session) mentions(group, text string) ([]string, error) {
	if !strings.Contains(text, "@") {
		return nil, nil
	}
	members, err := s.me().GroupGetMemberInfoList(s.ctx, group)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, part := range strings.Split(text, "@")[1:] {
		for _, all := range []string{"all", "所有人"} {
			if named(part, all) && !slices.Contains(out, sdkconn.MentionAll) {
				out = append(out, sdkconn.MentionAll)
			}
		}
		for i := range members {
			if id := members[i].Identifier; named(part, id) && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out, nil
}

// named reports whether text begins with the name and the name ends there.
func named(text, name string) bool {
	rest, ok := strings.CutPrefix(text, name)
	if !ok {
		return false
	}
	for _, r := range rest {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	}
	return true
}
