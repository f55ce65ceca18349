package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/bot/targets"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// announcing is what the command line says of an announcement.
type announcing struct {
	to, groups, elems          []string
	text, key, pace, quiet, tz string
	dryRun, approve, yes       bool
	noWait, asJSON             bool
	report                     string
}

func newAnnounceSendCommand() *cobra.Command {
	var (
		of whose
		a  announcing
	)
	cmd := &cobra.Command{
		Use:   "send BOT {--to FILE | --groups FILE} {--text TEXT | --elem FILE}",
		Short: "Send one message to many",
		Long: "Send one message to many. A .csv file names its columns in its first row, one of which is user or group; any\n" +
			"other file has one id a line. In --text, ${{ row.COLUMN }} is a column of the file. With a --key that was used\n" +
			"before, only targets that are new under it get the message.\n\n" +
			"--dry-run sends nothing and tells how many there are, what the first get, and how long it will take. Else the\n" +
			"command asks before it sends, unless --yes says not to, or --approve has the admins asked in bot.ops_group.\n\n" +
			"A running bot sends; the command shows how far it is, and may be ended: the bot goes on. The exit code is 1 when\n" +
			"targets failed.",
		Example: "  timbot announce send examples/bots/announce --to customers.csv --text '${{ row.name }}，您好！' --pace 20/s --yes",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, args[0], &of)
		},
	}
	of.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&a.to, "to", nil, "a file of users, or with columns of users and groups")
	f.StringArrayVar(&a.groups, "groups", nil, "a file of groups")
	f.StringVar(&a.text, "text", "", "the text; @FILE reads it from a file")
	f.StringArrayVar(&a.elems, "elem", nil, "a picture or another file that the message carries")
	f.StringVar(&a.key, "key", "", "the announcement's key (default one made of the time)")
	f.StringVar(&a.pace, "pace", "", "at most so many in so long, for instance 20/s (default bot.pace)")
	f.StringVar(&a.quiet, "quiet", "", "hours in which nobody is disturbed, for instance 22:00-08:00")
	f.StringVar(&a.tz, "tz", "", "the time zone of --quiet, or the column that has each target's (default this machine's)")
	f.BoolVar(&a.dryRun, "dry-run", false, "send nothing; tell what would be done")
	f.BoolVar(&a.approve, "approve", false, "have bot.admins asked in bot.ops_group before anything is sent")
	f.BoolVar(&a.yes, "yes", false, "do not ask")
	f.BoolVar(&a.noWait, "no-wait", false, "end when the running bot has taken it over")
	f.BoolVar(&a.asJSON, "json", false, "print a JSON object at the end")
	f.StringVar(&a.report, "report", "", "write what became of each target to this CSV file")
	return cmd
}

func (a *announcing) run(cmd *cobra.Command, path string, of *whose) error {
	switch {
	case len(a.to)+len(a.groups) == 0:
		return &usageError{cmd, "missing flag: --to or --groups, a file of targets"}
	case a.text == "" && len(a.elems) == 0:
		return &usageError{cmd, "missing flag: --text or --elem, what is sent"}
	}
	order, err := a.order(cmd)
	if err != nil {
		return err
	}
	l, err := load(cmd, path)
	if err != nil {
		return err
	}
	plan, err := a.plan(order, l.set)
	if err != nil {
		return err
	}
	if a.dryRun {
		if a.asJSON {
			return printJSON(cmd, plan)
		}
		plan.tell(cmd.OutOrStdout())
		return nil
	}
	if !a.yes && !a.approve {
		plan.tell(cmd.ErrOrStderr())
		if err := confirm(cmd, plan.Users+plan.Groups); err != nil {
			return err
		}
	}
	s, err := openSender(cmd, path, of)
	if err != nil {
		return err
	}
	return errors.Join(a.send(cmd, s, order), s.close())
}

func (a *announcing) send(cmd *cobra.Command, s *sender, order *bot.AnnounceOrder) error {
	if a.approve && s.client == nil {
		return errors.New("nobody can approve it while the bot is down: start it with timbot run, or send with --yes")
	}
	view, err := s.order(cmd.Context(), *order)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "key %s\n", clean(order.Key))
	if !a.noWait || s.client == nil {
		if view, err = s.finish(cmd, view); err != nil {
			return err
		}
	}
	if a.report != "" {
		if err := writeReport(cmd.Context(), cmd.OutOrStdout(), s, order.Key, a.report); err != nil {
			return err
		}
	}
	if err := tellSteered(cmd, &view, a.asJSON); err != nil {
		return err
	}
	if view.Failed > 0 || view.State == bot.AnnouncePaused || view.State == bot.AnnounceRefused {
		if view.Reason != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "timbot: "+clean(view.Reason))
		}
		return errFindings
	}
	return nil
}

// order is what the flags ask for.
func (a *announcing) order(cmd *cobra.Command) (*bot.AnnounceOrder, error) {
	o := &bot.AnnounceOrder{Key: a.key, Pace: a.pace, Approve: a.approve, Rows: true, Message: new(sdkconn.Message)}
	if o.Key == "" {
		var salt [2]byte
		_, _ = rand.Read(salt[:]) // it never fails
		o.Key = time.Now().Format("20060102-150405-") + hex.EncodeToString(salt[:])
	}
	if who, err := user.Current(); err == nil {
		o.By = who.Username
	}
	if a.quiet != "" {
		from, to, ok := strings.Cut(a.quiet, "-")
		if !ok {
			return nil, &usageError{cmd, fmt.Sprintf("--quiet %q: want for instance 22:00-08:00", a.quiet)}
		}
		o.Quiet = actions.Quiet{From: strings.TrimSpace(from), To: strings.TrimSpace(to), TZ: a.tz}
	} else if a.tz != "" {
		return nil, &usageError{cmd, "--tz is the zone of --quiet: give that too"}
	}
	for _, list := range []struct {
		files []string
		kind  sdkconn.ConvType
	}{{a.to, sdkconn.ConvC2C}, {a.groups, sdkconn.ConvGroup}} {
		for _, name := range list.files {
			path, err := filepath.Abs(name)
			if err != nil {
				return nil, err
			}
			o.Files = append(o.Files, bot.AnnounceTargets{Path: path, Kind: list.kind})
		}
	}
	text := a.text
	if name, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--text: %w", err)
		}
		text = strings.TrimRight(strings.TrimPrefix(string(data), "\uFEFF"), "\r\n")
	}
	if text != "" {
		o.Message.Elems = append(o.Message.Elems, &sdkconn.TextElem{Text: text})
	}
	for _, name := range a.elems {
		e, err := elemOf(name)
		if err != nil {
			return nil, fmt.Errorf("--elem: %w", err)
		}
		o.Message.Elems = append(o.Message.Elems, e)
	}
	return o, nil
}

var pictures = map[string]int32{
	".jpg": sdkconn.ImageJPG, ".jpeg": sdkconn.ImageJPG, ".gif": sdkconn.ImageGIF, ".png": sdkconn.ImagePNG,
	".bmp": sdkconn.ImageBMP,
}

// elemOf is a file as part of a message.
func elemOf(name string) (sdkconn.Elem, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() == 0:
		return nil, fmt.Errorf("%s: want a file that is not empty", name)
	}
	if format, ok := pictures[strings.ToLower(filepath.Ext(name))]; ok {
		return &sdkconn.ImageElem{OrigPath: path, Format: format}, nil
	}
	return &sdkconn.FileElem{FilePath: path, FileSize: info.Size(), FileName: filepath.Base(path)}, nil
}

// announcePlan is what an announcement would do.
type announcePlan struct {
	Key     string   `json:"key"`
	Users   int      `json:"users"`
	Groups  int      `json:"groups"`
	Blank   int      `json:"blank,omitzero"`
	Samples []sample `json:"samples,omitzero"`
	Pace    string   `json:"pace"`
	Takes   string   `json:"takes"`
}

type sample struct {
	To   string `json:"to"`
	Text string `json:"text,omitzero"`
}

// samplesShown is how many targets a plan shows the text of.
const samplesShown = 3

// plan reads the files through.
func (a *announcing) plan(o *bot.AnnounceOrder, set *rules.Set) (*announcePlan, error) {
	out := &announcePlan{Key: o.Key}
	if err := bot.CheckQuiet(o.Quiet); err != nil {
		return nil, fmt.Errorf("--quiet: %w", err)
	}
	var template *rules.RowTemplate
	rows, err := rules.ParseRowText(o.Message.Text())
	if err == nil && rows != nil {
		template, err = rows.Compile()
	}
	if err != nil {
		return nil, fmt.Errorf("--text: %w", err)
	}
	for _, f := range o.Files {
		s, err := targets.Check(f.Path, f.Kind, samplesShown)
		if err != nil {
			return nil, err
		}
		out.Users, out.Groups, out.Blank = out.Users+s.Users, out.Groups+s.Groups, out.Blank+s.Blank
		if template != nil {
			names, _ := template.Columns()
			for _, name := range names {
				if _, ok := s.Columns[name]; !ok {
					return nil, fmt.Errorf("--text: %s has no column %q%s", f.Path, name, didYouMean(name, keysOf(s.Columns)))
				}
			}
		}
		for _, row := range s.First {
			if len(out.Samples) == samplesShown {
				break
			}
			text := o.Message.Text()
			if template != nil {
				if text, err = template.Render(row.Columns); err != nil {
					return nil, fmt.Errorf("%s:%d: %w", filepath.Base(f.Path), row.Line, err)
				}
			}
			out.Samples = append(out.Samples, sample{row.To[0].String(), text})
		}
	}
	pace, err := bot.AnnouncePace(o.Pace, set.Bot.Pace)
	if err != nil {
		return nil, fmt.Errorf("--pace: %w", err)
	}
	out.Pace = fmt.Sprintf("%d/%s", pace.Times, pace.Per)
	out.Takes = (time.Duration(float64(out.Users+out.Groups)*float64(pace.Per)/float64(pace.Times)) + time.Second/2).Truncate(time.Second).String()
	return out, nil
}

func keysOf(m map[string]struct{}) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (p *announcePlan) tell(w io.Writer) {
	row := func(name, text string) { fmt.Fprintln(w, column(name, 8)+clean(text)) }
	row("key", p.Key)
	row("to", counted(p.Users, "user")+", "+counted(p.Groups, "group"))
	if p.Blank > 0 {
		row("blank", counted(p.Blank, "row")+" passed over")
	}
	for _, s := range p.Samples {
		row("for", s.To+"  "+quoted(s.Text, 100))
	}
	row("pace", p.Pace)
	row("takes", p.Takes)
}

// confirm asks the person at the terminal.
func confirm(cmd *cobra.Command, n int) error {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return &usageError{cmd, "nobody can be asked here: give --yes to send, or --dry-run to see what would be sent"}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "send to %s? [y/N] ", counted(n, "target"))
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "是":
		return nil
	}
	return finding{errors.New("nothing was sent")}
}

// sender is what announcements are given to: the running bot, or one of this process that does nothing else.
type sender struct {
	ledger
	client *control.Client
	bot    *bot.Bot
	close  func() error
}

// openSender finds the running bot, or takes its place. The caller closes it.
func openSender(cmd *cobra.Command, path string, of *whose) (*sender, error) {
	dir, err := of.folder(path)
	if err != nil {
		return nil, err
	}
	client, err := control.Dial(cmd.Context(), dir)
	if err == nil {
		return &sender{ledger: client, client: client, close: func() error { return nil }}, nil
	}
	if !errors.Is(err, bot.ErrNotRunning) {
		return nil, err
	}
	l, err := load(cmd, path)
	if err != nil {
		return nil, err
	}
	ctx, log := cmd.Context(), slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	folder, err := bot.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &sender{close: folder.Close}
	fail := func(err error) (*sender, error) { return nil, errors.Join(err, s.close()) }
	later := func(f func() error) {
		first := s.close
		s.close = func() error { return errors.Join(f(), first()) }
	}
	if path, ok := chatFile(l.set.Bot.Connection, l.files.Dir); ok {
		if _, err := os.Stat(path); err != nil {
			return fail(fmt.Errorf("there is no chat file %s yet: start the bot first, with timbot run", path))
		}
	}
	conn, err := sdkconn.Open(ctx, l.set.Bot.Connection, sdkconn.Config{Dir: l.files.Dir, Logger: log})
	if err != nil {
		return fail(fmt.Errorf("connect: %w", err))
	}
	later(conn.Close)
	j, err := openJournal(ctx, folder, log)
	if err != nil {
		return fail(err)
	}
	later(j.Close)
	if s.bot, err = bot.New(conn, l.set, bot.WithJournal(j), bot.WithActions(l.registry), bot.WithLogger(log),
		bot.WithDir(l.files.Dir, folder.Path())); err != nil {
		return fail(err)
	}
	s.ledger = s.bot.Inspector()
	return s, nil
}

func (s *sender) order(ctx context.Context, o bot.AnnounceOrder) (bot.Announcement, error) {
	if s.client != nil {
		return s.client.Announce(ctx, o)
	}
	return s.bot.Announce(ctx, o)
}

// SteerAnnouncement is bot.Inspector.SteerAnnouncement.
func (s *sender) SteerAnnouncement(ctx context.Context, key string, verb bot.AnnounceVerb) (bot.Announcement, error) {
	if s.client != nil {
		return s.client.SteerAnnouncement(ctx, key, verb)
	}
	return s.bot.Inspector().SteerAnnouncement(ctx, key, verb)
}

// finish waits for an announcement's end, or works for it, and shows how far it is.
func (s *sender) finish(cmd *cobra.Command, a bot.Announcement) (bot.Announcement, error) {
	p := newProgress(cmd.ErrOrStderr(), &a)
	defer p.end()
	if s.client == nil {
		return s.bot.RunAnnouncement(cmd.Context(), a.Key, func(a bot.Announcement) { p.show(&a) })
	}
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		now, err := s.client.Announcement(cmd.Context(), a.Key)
		if err != nil {
			return a, err
		}
		p.show(&now)
		switch now.State {
		case bot.AnnounceDone, bot.AnnounceCancelled, bot.AnnounceRefused, bot.AnnounceRecalled, bot.AnnouncePaused:
			return now, nil
		}
		select {
		case <-ticker.C:
		case <-cmd.Context().Done():
			p.end()
			fmt.Fprintf(cmd.ErrOrStderr(), "the bot goes on: timbot announce status, pause or cancel %s\n", clean(a.Key))
			return now, cmd.Context().Err()
		}
	}
}
