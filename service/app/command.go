package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
)

// Main is the command twistor: it runs the plugin that the command line names,
// until it is told to stop, and exits.
func Main(plugins []plugin.Plugin) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process
	status := command(ctx, plugins, os.Args[1:], os.Stdout, os.Stderr)
	os.Exit(int(status))
}

// command runs one command line, and returns what to exit with.
func command(ctx context.Context, plugins []plugin.Plugin, args []string, stdout, stderr io.Writer) plugin.Status {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	root := newRoot(plugins, log)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	status := statusOf(err)
	fmt.Fprintf(stderr, "%s: %v\n", c.CommandPath(), err)
	if status == plugin.StatusUsage {
		fmt.Fprintf(stderr, "Try %q.\n", c.CommandPath()+" --help")
	}
	return status
}

func newRoot(plugins []plugin.Plugin, log *slog.Logger) *cobra.Command {
	root := &cobra.Command{
		Use:           "twistor COMMAND",
		Short:         "run a ready server",
		Long:          "Twistor runs ready servers; each command is one.",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	plugins = slices.SortedFunc(slices.Values(plugins), func(a, b plugin.Plugin) int {
		return strings.Compare(a.Name, b.Name)
	})
	for _, p := range plugins {
		root.AddCommand(newCommand(p, log))
	}
	return root
}

func newCommand(p plugin.Plugin, log *slog.Logger) *cobra.Command {
	config := p.New()
	c := &cobra.Command{
		Use:     p.Name,
		Short:   p.Short,
		Long:    p.Long,
		Example: p.Example,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return plugin.Usage("unexpected %q: want flags only", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := config.Service()
			if err != nil {
				return err
			}
			return run(c.Context(), s, log)
		},
	}
	config.Flags(c.Flags())
	return c
}

func unknownCommand(c *cobra.Command, name string) error {
	names := []string{}
	for _, known := range c.Commands() {
		names = append(names, known.Name())
	}
	return plugin.Usage("unknown command %q%s", name, suggest(name, names, ""))
}

// flagError says which flag the person may have meant.
func flagError(c *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return plugin.Usage("%w", err)
	}
	names := []string{}
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return plugin.Usage("%w%s", err, suggest(name, names, "--"))
}

// suggest names the known word that is most like name, if one is.
func suggest(name string, known []string, prefix string) string {
	best, least := "", 3 // more than two typing errors are another word
	for _, k := range known {
		if d := distance(name, k); d < least || d == least && k < best {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, best)
}

// distance is how many letters are to be changed, left out or put in between to
// make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// version is that of the module, or of the working tree it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown) " + runtime.Version()
	}
	return info.Main.Version + " " + runtime.Version()
}
