package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service/persist"
)

// Main is the command twistor: it runs the plugin that the command line names,
// until it is told to stop, and exits.
func Main(plugins []plugin.Plugin) {
	os.Exit(int(command(context.Background(), newRoot(plugins, runProcess), os.Args[1:], os.Stdout, os.Stderr)))
}

// Main gives the App the command line of a daemon, runs it until it is told to
// stop, and exits: with 0 when it was stopped in order, and else by sysexits.h.
func (a *App) Main() {
	os.Exit(int(command(context.Background(), newAppRoot(a, runProcess), os.Args[1:], os.Stdout, os.Stderr)))
}

// A runner runs a program to its end.
type runner func(ctx context.Context, p *program) error

// A silent error has been told already.
var errTold = errors.New("told already")

// command runs one command line, and returns what to exit with.
func command(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) plugin.Status {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	refuse(err)
	if help, ok := errors.AsType[interface {
		error
		Help() string
	}](err); ok {
		fmt.Fprintln(stdout, strings.TrimRight(help.Help(), "\n")) // it was asked for
		return 0
	}
	status := statusOf(err)
	if errors.Is(err, errTold) {
		return status
	}
	fmt.Fprintf(stderr, "%s: %v\n", c.CommandPath(), err)
	if status == plugin.StatusUsage {
		fmt.Fprintf(stderr, "Try %q.\n", c.CommandPath()+" --help")
	}
	return status
}

// newRoot is the command of ready servers.
func newRoot(plugins []plugin.Plugin, run runner) *cobra.Command {
	o := newOptions()
	plugins = slices.SortedFunc(slices.Values(plugins), func(a, b plugin.Plugin) int {
		return strings.Compare(a.Name, b.Name)
	})
	root := &cobra.Command{
		Use:   "twistor COMMAND",
		Short: "run a ready server",
		Long:  "Twistor runs ready servers; each command is one.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if o.file == "" && c.Flags().NFlag() > 0 {
				return plugin.Usage("want a command, or --file")
			}
			if o.file == "" {
				return c.Help()
			}
			return runTap(c, plugins, o, run)
		},
	}
	furnish(root, o)
	for _, p := range plugins {
		section(root, p)
		root.AddCommand(pluginCommand(p, o, run))
	}
	root.AddGroup(&cobra.Group{ID: "running", Title: "Running programs:"})
	root.AddCommand(runCommand(plugins, o, run), tapCommand(plugins))
	root.AddCommand(controlCommands(o, "")...)
	addForeign(root)
	furnishHelp(root)
	return root
}

// newAppRoot is the command of a program of one's own.
func newAppRoot(a *App, run runner) *cobra.Command {
	o := newOptions()
	root := &cobra.Command{
		Use:   a.Name,
		Short: "run " + a.Name,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			p := &program{name: a.Name, root: a, app: a, states: a.states, remembers: a.remembers, options: o,
				command: persist.Command{Program: a.Name}}
			if o.file != "" {
				if s, err := readTap(o.file); err != nil {
					return err
				} else if s.Command.Program != a.Name {
					return plugin.Usage("%s is of the program %q: want one of %s", o.file, s.Command.Program, a.Name)
				}
			}
			return run(c.Context(), p)
		},
	}
	furnish(root, o)
	root.AddGroup(&cobra.Group{ID: "running", Title: "Running programs:"})
	root.AddCommand(appTapCommand(a.Name))
	root.AddCommand(controlCommands(o, a.Name)...)
	furnishHelp(root)
	return root
}

// furnish gives a root command what all of them have.
func furnish(root *cobra.Command, o *options) {
	root.Version = version()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	o.flags(root.PersistentFlags())
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := checkMinded(c, root.PersistentFlags()); err != nil {
			return err
		}
		return o.check()
	}
}

// section makes the heading that p stands below.
func section(root *cobra.Command, p plugin.Plugin) {
	if name := sectionOf(p); !root.ContainsGroup(name) {
		root.AddGroup(&cobra.Group{ID: name, Title: name + ":"})
	}
}

func sectionOf(p plugin.Plugin) string {
	if p.Section == "" {
		return "Servers"
	}
	return p.Section
}

// pluginCommand runs a plugin.
func pluginCommand(p plugin.Plugin, o *options, run runner) *cobra.Command {
	config := p.New()
	c := plainCommand(p)
	c.RunE = func(c *cobra.Command, args []string) error {
		if o.file != "" {
			return plugin.Usage("--file: it says what to run: want no %s beside it", p.Name)
		}
		made, err := newProgram(p, config, given(c.Flags(), isOwn(config)), args, o)
		if err != nil {
			return err
		}
		return run(c.Context(), made)
	}
	config.Flags(c.Flags())
	return c
}

// plainCommand is the command of a plugin without anything to do.
func plainCommand(p plugin.Plugin) *cobra.Command {
	c := &cobra.Command{
		Use:     strings.TrimSpace(p.Name + " " + p.Args),
		Short:   p.Short,
		Long:    p.Long,
		Example: p.Example,
		GroupID: sectionOf(p),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 && p.Args == "" {
				return plugin.Usage("unexpected %q: want flags only", args[0])
			}
			return nil
		},
	}
	if p.Args != "" {
		c.Flags().SetInterspersed(false) // what follows belongs to them
	}
	return c
}

// isOwn tells the flags of a plugin from those of the daemon.
func isOwn(config plugin.Config) func(name string) bool {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.Flags(own)
	return func(name string) bool { return own.Lookup(name) != nil }
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
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if want := wanted(wrong.GetFlag()); want != "" {
			return plugin.Usage("--%s=%s: want %s", wrong.GetFlag().Name, wrong.GetValue(), want)
		}
	}
	if !unknown {
		return plugin.Usage("%w", err)
	}
	names := []string{}
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return plugin.Usage("%w%s", err, suggest(name, names, "--"))
}

// wanted says what a flag's value is, where the flag does not.
func wanted(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "int64":
		return "a number"
	case "bool":
		return "true or false"
	case "duration":
		return "a time, such as 30s"
	}
	return ""
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
