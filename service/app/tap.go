package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service/persist"
)

// outside is the real world, for commands that run no program.
func outside() twistor.Loop { return reactor.New(&reactor.Config{Loops: 1}).Loop() }

func disk() twistor.FS { return outside().FS() }

// readTap reads a .tap; its errors say what to exit with.
func readTap(file string) (*persist.Snapshot, error) {
	s, err := persist.Read(disk(), file)
	if err != nil {
		return nil, memoryError(err)
	}
	return s, nil
}

// writeTap writes a .tap.
func writeTap(file string, s *persist.Snapshot) error {
	if err := persist.Write(disk(), file, s); err != nil {
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: err}
	}
	return nil
}

// runCommand is `twistor run NAME.tap`.
func runCommand(plugins []plugin.Plugin, o *options, run runner) *cobra.Command {
	return &cobra.Command{
		Use:   "run FILE.tap",
		Short: "run what a .tap file says, and go on where it left off",
		Long: `Run what a .tap file says, and go on where it left off; -f FILE.tap is the same.
The file stays as it is: what is remembered at the end is in NAME-shutdown.tap.`,
		Example: `  twistor run fibonacci.tap
  twistor run fibonacci-shutdown.tap --daemon --pidfile fibonacci.pid`,
		GroupID: "running",
		Args:    exactly(1, "one .tap file"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.file != "" && o.file != args[0] {
				return plugin.Usage("--file=%s: want one file, not %s too", o.file, args[0])
			}
			o.file = args[0]
			return runTap(c, plugins, o, run)
		},
	}
}

// runTap runs the program that o.file is of.
func runTap(c *cobra.Command, plugins []plugin.Plugin, o *options, run runner) error {
	s, err := readTap(o.file)
	if err != nil {
		return err
	}
	p, config, _, err := configured(plugins, o.file, s.Command)
	if err != nil {
		return err
	}
	made, err := newProgram(p, config, s.Command.Options, s.Command.Arguments, o)
	if err != nil {
		return fmt.Errorf("%s: %w", o.file, err)
	}
	return run(c.Context(), made)
}

// configured makes the Config that a .tap describes.
func configured(plugins []plugin.Plugin, file string, c persist.Command) (plugin.Plugin, plugin.Config, *pflag.FlagSet, error) {
	i := slices.IndexFunc(plugins, func(p plugin.Plugin) bool { return p.Name == c.Program })
	if i < 0 {
		return plugin.Plugin{}, nil, nil, &plugin.Error{Status: plugin.StatusConfig, Err: fmt.Errorf(
			"%s is of the program %q, which is no command of this one: run it by that program's own -f", file, c.Program)}
	}
	p := plugins[i]
	config := p.New()
	flags := pflag.NewFlagSet(p.Name, pflag.ContinueOnError)
	config.Flags(flags)
	if err := flags.Parse(arguments(c.Options)); err != nil {
		return p, nil, nil, &plugin.Error{Status: plugin.StatusConfig, Err: fmt.Errorf("%s: %w", file, err)}
	}
	return p, config, flags, nil
}

// tapCommand is `twistor tap`.
func tapCommand(plugins []plugin.Plugin) *cobra.Command {
	tap := &cobra.Command{
		Use:   "tap COMMAND",
		Short: "make, show and change .tap files",
		Long: `A .tap file says what to run, with which options, and what it remembers. A person
can read it; a checksum guards it. ` + "`twistor run NAME.tap`" + ` goes on where it left off.`,
		GroupID: "running",
		Args:    wantCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	maker := &cobra.Command{
		Use: "make PLUGIN [FLAG...]",

		DisableFlagsInUseLine: true,
		Short:                 "make PLUGIN.tap, which says what to run and remembers nothing yet",
		Args:                  wantCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			return plugin.Usage("want the plugin to make a .tap of")
		},
	}
	output := ""
	maker.PersistentFlags().StringVar(&output, "output", "", "write `FILE` (default PLUGIN.tap)")
	for _, p := range plugins {
		config := p.New()
		c := plainCommand(p)
		c.GroupID, c.Short = "", "make "+p.Name+".tap"
		c.RunE = func(c *cobra.Command, args []string) error {
			set := given(c.Flags(), isOwn(config))
			made, err := newProgram(p, config, set, args, newOptions())
			if err != nil {
				return err
			}
			return makeTap(c.OutOrStdout(), output, made.command)
		}
		config.Flags(c.Flags())
		maker.AddCommand(c)
	}
	tap.AddCommand(maker, showCommand(), setCommand(plugins))
	minds(tap)
	return tap
}

// appTapCommand is `PROGRAM tap` of a program of one's own.
func appTapCommand(name string) *cobra.Command {
	tap := &cobra.Command{
		Use:     "tap COMMAND",
		Short:   "make and show .tap files",
		GroupID: "running",
		Args:    wantCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	output := ""
	maker := &cobra.Command{
		Use:   "make",
		Short: "make " + name + ".tap, which remembers nothing yet",
		Args:  exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return makeTap(c.OutOrStdout(), output, persist.Command{Program: name})
		},
	}
	maker.Flags().StringVar(&output, "output", "", "write `FILE` (default "+name+".tap)")
	tap.AddCommand(maker, showCommand())
	minds(tap)
	return tap
}

// makeTap writes a .tap without states. One with states stays.
func makeTap(out io.Writer, file string, c persist.Command) error {
	if file == "" {
		file = c.Program + ".tap"
	}
	old, err := persist.Read(disk(), file)
	switch {
	case err == nil && len(old.States) > 0:
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf(
			"%s remembers something: want another --output, or the file removed; `twistor tap set` changes its options", file)}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("there is a file already: %w", err)}
	}
	if err := writeTap(file, &persist.Snapshot{Command: c, Saved: outside().Now()}); err != nil {
		return err
	}
	fmt.Fprintln(out, "made", file)
	return nil
}

// showCommand is `twistor tap show`.
func showCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "show FILE.tap",
		Short: "check a .tap file, and show what it runs and remembers",
		Args:  exactly(1, "one .tap file"),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := readTap(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			showTap(c.OutOrStdout(), s)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func showTap(w io.Writer, s *persist.Snapshot) {
	args := append(arguments(s.Command.Options), s.Command.Arguments...)
	fmt.Fprintf(w, "runs   %s\n", strings.Join(append([]string{s.Command.Program}, args...), " "))
	if !s.Saved.IsZero() {
		fmt.Fprintf(w, "saved  %s\n", s.Saved.UTC().Format("2006-01-02 15:04:05 MST"))
	}
	for _, state := range s.States {
		fmt.Fprintf(w, "state  %s, version %d\n", state.Name, state.Version)
		text, err := json.MarshalIndent(state.Data, "       ", "  ")
		if err != nil {
			text = state.Data
		}
		fmt.Fprintf(w, "       %s\n", text)
	}
	if len(s.States) == 0 {
		fmt.Fprintln(w, "state  none yet")
	}
}

// setCommand is `twistor tap set`.
func setCommand(plugins []plugin.Plugin) *cobra.Command {
	return &cobra.Command{
		Use:     "set FILE.tap FLAG...",
		Short:   "change the options in a .tap file; what it remembers stays",
		Example: `  twistor tap set fibonacci.tap --listen tcp:8890`,

		DisableFlagsInUseLine: true,
		DisableFlagParsing:    true, // they are the plugin's, which the file names
		RunE: func(c *cobra.Command, args []string) error {
			if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
				return c.Help()
			}
			if len(args) < 2 || strings.HasPrefix(args[0], "-") {
				return plugin.Usage("want a .tap file and a flag at least")
			}
			file := args[0]
			s, err := readTap(file)
			if err != nil {
				return err
			}
			p, config, _, err := configured(plugins, file, persist.Command{Program: s.Command.Program})
			if err != nil {
				return err
			}
			flags := plainCommand(p).Flags()
			config.Flags(flags)
			if err := flags.Parse(args[1:]); err != nil {
				return plugin.Usage("%w", err)
			}
			merged := map[string][]string{}
			for name, values := range s.Command.Options {
				merged[name] = values
			}
			for name, values := range given(flags, func(string) bool { return true }) {
				merged[name] = values
			}
			next := persist.Command{Program: p.Name, Options: merged, Arguments: s.Command.Arguments}
			if p.Args != "" && flags.NArg() > 0 {
				next.Arguments = flags.Args()
			} else if flags.NArg() > 0 {
				return plugin.Usage("unexpected %q: want flags only", flags.Arg(0))
			}
			_, config, _, err = configured(plugins, file, next)
			if err != nil {
				return err
			}
			if _, err := newProgram(p, config, merged, next.Arguments, newOptions()); err != nil {
				return err
			}
			changed := *s
			changed.Command = next
			return writeTap(file, &changed)
		},
	}
}

// exactly wants n arguments, called what.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return plugin.Usage("got %d arguments: want %s", len(args), what)
		}
		return nil
	}
}

// wantCommand refuses what is no command.
func wantCommand(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(c, args[0])
	}
	return nil
}
