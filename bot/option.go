package bot

import (
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
)

// The defaults of the options.
const (
	DefaultWorkers = 64
	DefaultQueue   = 1000
	DefaultGrace   = 10 * time.Second
)

// Option sets something that New has a default for.
type Option func(*Bot)

// WithJournal sets where the bot keeps what must survive. The default is a journal in memory. The caller closes it,
// after Run has returned.
func WithJournal(j journal.Journal) Option { return func(b *Bot) { b.journal = j } }

// WithActions sets the actions that steps may name. The default is all built-in ones. It must be the registry whose
// Catalog the rules were checked against.
func WithActions(r *actions.Registry) Option { return func(b *Bot) { b.actions = r } }

// WithClock sets where the bot reads the time. The default is the real clock.
func WithClock(c clockwork.Clock) Option { return func(b *Bot) { b.clock = c } }

// WithSteadyClock says that the clock never jumps and the machine never sleeps, as with a clock of a test: the bot then does
// not wake once a minute to look, while timers are set.
func WithSteadyClock() Option { return func(b *Bot) { b.steadyClock = true } }

// WithLocation sets the time zone in which now() answers. The default is the host's.
func WithLocation(l *time.Location) Option { return func(b *Bot) { b.zone = l } }

// WithLogger sets where the bot logs. The default discards. Message text is logged at debug level only.
func WithLogger(l *slog.Logger) Option { return func(b *Bot) { b.log = l } }

// WithWorkers sets how many conversations are handled at once, at least 1. The default is DefaultWorkers.
func WithWorkers(n int) Option { return func(b *Bot) { b.workers = max(n, 1) } }

// WithQueue sets how many events may wait for a worker before the connection is held back, at least 1. The default is
// DefaultQueue.
func WithQueue(n int) Option { return func(b *Bot) { b.queueLimit = max(n, 1) } }

// WithGrace sets how long Run goes on with what it was handed after its context ended, before it cancels steps. Zero
// cancels at once. The default is DefaultGrace.
func WithGrace(d time.Duration) Option { return func(b *Bot) { b.grace = max(d, 0) } }

// WithDir sets the folder from which actions read files, and the one into which they write. Neither is left.
func WithDir(read, write string) Option { return func(b *Bot) { b.dir, b.dataDir = read, write } }

// WithArchive sets what keeps the records of archive steps. Without one such steps fail. The caller closes it, after Run has
// returned.
func WithArchive(a actions.Archive) Option { return func(b *Bot) { b.archive = a } }

// WithObserver sets who is told of what the bot does, for metrics and spans. The default is nobody.
func WithObserver(o Observer) Option { return func(b *Bot) { b.observer = o } }
