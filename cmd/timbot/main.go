package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/sdkconn/native"
)

func main() {
	native.Main() // a child that holds the SDK's library goes no further
	os.Exit(execute(os.Args[1:]))
}

// execute runs one command line and returns its exit code.
func execute(args []string) int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return exitCode(ctx, root.ErrOrStderr(), err)
}

// untilSignal returns a context that ends with the first SIGINT or SIGTERM, or when the terminal goes away; a command may
// take SIGHUP for itself (onHangup). A SIGINT or SIGTERM after that ends the process at once.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	hup := new(hangups)
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, hangupsKey{}, hup))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // else nohup wants it to live on
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case s := <-signals:
				if s == syscall.SIGHUP && hup.taken() {
					continue
				}
				cancel(errInterrupted)
			case <-done:
				return
			}
			break
		}
		for {
			select {
			case s := <-signals:
				if s != syscall.SIGHUP { // a shell passes on what the terminal told already
					os.Exit(codeInterrupted)
				}
			case <-done:
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		watcher.Wait()
		cancel(nil)
	}
}

type hangupsKey struct{}

// hangups is who takes SIGHUP in place of ending.
type hangups struct {
	mu   sync.Mutex
	take func() bool
}

func (h *hangups) taken() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.take != nil && h.take()
}

// onHangup calls take for each SIGHUP until the caller calls stop, and does not end the command when take answers true. take
// must not block.
func onHangup(ctx context.Context, take func() bool) (stop func()) {
	h, ok := ctx.Value(hangupsKey{}).(*hangups)
	if !ok {
		return func() {}
	}
	set := func(f func() bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.take = f
	}
	set(take)
	return func() { set(nil) }
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "timbot",
		Short: "Chat bots for Tencent Cloud Chat (TIM), written as rules in YAML",
		Long: "Chat bots for Tencent Cloud Chat (TIM), written as rules in YAML.\n\n" +
			"A bot is a folder with a bot.yaml. Talk to one without any account:",
		Example:       "  timbot chat examples/bots/hello",
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return badFlag(cmd, err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newWhyCommand(), newTraceCommand(), newStatusCommand(), newReloadCommand(),
		newDeadCommand(), newHandoffCommand(), newApprovalsCommand(), newSignalCommand(), newJobsCommand(),
		newAnnounceCommand())
	root.AddCommand(newReplayCommand(), newDiffCommand(), newRecordCommand(), newShadowCommand(), newWrongCommand())
	root.AddCommand(newChatCommand(), newRunCommand(), newSendCommand(), newLintCommand(), newFmtCommand(), newSchemaCommand(),
		newTestCommand(), newExplainCommand(), newNewCommand(), newDoctorCommand(), newActionsCommand(), newPluginCommand(),
		newChatFileCommand(), newJournalCommand(), newArchiveCommand(), newBackupCommand(), newRestoreCommand(), newVersionCommand())
	return root
}
