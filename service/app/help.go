package app

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
)

// helpColumns is how wide help is: the least that a terminal has.
const helpColumns = 80

// flagGroups are the flags of every program, as a person looks for them. What
// is in none of them stands last.
var flagGroups = []struct {
	title string
	names []string
}{
	{"What to run, and what it remembers", []string{"file", "state", "no-save", "rundir"}},
	{"How it runs", []string{"daemon", "nodaemon", "pidfile", "control", "stop-timeout", "loops", "profile", "umask"}},
	{"Where it logs", []string{"logfile", "log-format", "log-level", "log-max-bytes", "log-max-files", "log-daily", "syslog"}},
	{"What it may", []string{"uid", "gid", "euid", "chroot", "confine"}},
}

// ofRunning is what flags of every program say to commands for running ones.
var ofRunning = map[string]string{
	"control": "its control socket is `FILE`",
	"state":   "its control socket is in `DIR`, called NAME.control",
	"rundir":  "the same in `DIR`, if it runs without --state",
}

// useful is the annotation of a command that minds some flags of every program
// only: their names.
const useful = "twistor-flags"

// minds has c refuse, and not show, the flags of every program but these.
func minds(c *cobra.Command, names ...string) {
	c.Annotations = map[string]string{useful: strings.Join(names, " ")}
}

// mindful returns which flags of every program c minds, or its parent does; all
// is true if it is each of them.
func mindful(c *cobra.Command) (names []string, all bool) {
	for ; c != nil; c = c.Parent() {
		if list, ok := c.Annotations[useful]; ok {
			return strings.Fields(list), false
		}
	}
	return nil, true
}

// checkMinded refuses a flag that would be without effect.
func checkMinded(c *cobra.Command, programs *pflag.FlagSet) (err error) {
	names, all := mindful(c)
	if all {
		return nil
	}
	programs.VisitAll(func(f *pflag.Flag) {
		if f.Changed && !slices.Contains(names, f.Name) && err == nil {
			err = plugin.Usage("--%s is for running a program: %q has no use for it", f.Name, c.CommandPath())
		}
	})
	return err
}

// furnishHelp gives root and all its commands, which must be there, their help,
// and completion.
func furnishHelp(root *cobra.Command) {
	root.AddGroup(&cobra.Group{ID: "help", Title: "Help:"})
	programs := pflag.NewFlagSet("", pflag.ContinueOnError)
	programs.AddFlagSet(root.PersistentFlags())
	root.SetUsageFunc(func(c *cobra.Command) error { return writeUsage(c.OutOrStdout(), c, programs) })
	root.SetHelpCommand(helpCommand())
	root.SetHelpCommandGroupID("help")
	root.SetCompletionCommandGroupID("help")
	root.AddCommand(manualCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Use, c.DisableFlagsInUseLine = "completion SHELL", true
		c.Short = "write what has a shell complete commands and flags"
		c.Long = "Write a script that has a shell complete commands and flags."
		c.Args, c.RunE = wantCommand, func(c *cobra.Command, _ []string) error { return c.Help() }
		minds(c)
	}
}

// helpCommand is `twistor help`.
func helpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "say how a command is used",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil {
				return plugin.Usage("%w", err)
			}
			if len(rest) > 0 {
				return unknownCommand(about, rest[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
	minds(c)
	return c
}

// writeUsage says how c is used.
func writeUsage(w io.Writer, c *cobra.Command, programs *pflag.FlagSet) error {
	fmt.Fprintf(w, "Usage:\n  %s\n", c.UseLine())
	if c.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	writeCommands(w, c)
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.InheritedFlags() // which adds them to Flags

	c.Flags().VisitAll(func(f *pflag.Flag) { // its parents', too, such as those of tap make
		if programs.Lookup(f.Name) != f {
			own.AddFlag(f)
		}
	})
	if own.HasAvailableFlags() {
		fmt.Fprintf(w, "\nFlags:\n%s\n", usages(own))
	}
	names, all := mindful(c)
	rest := pflag.NewFlagSet("", pflag.ContinueOnError)
	programs.VisitAll(func(f *pflag.Flag) {
		switch {
		case all:
			rest.AddFlag(f)
		case slices.Contains(names, f.Name):
			of := *f
			of.Usage = ofRunning[f.Name]
			rest.AddFlag(&of)
		}
	})
	writeGroups(w, rest, all)
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nMore: %s COMMAND --help\n", c.CommandPath())
	}
	return nil
}

// writeGroups writes the flags of every program.
func writeGroups(w io.Writer, flags *pflag.FlagSet, all bool) {
	if !flags.HasAvailableFlags() {
		return
	}
	if !all {
		fmt.Fprintf(w, "\nWhich program:\n%s\n", usages(flags))
		return
	}
	fmt.Fprintf(w, "\nFlags of every program:\n")
	left := pflag.NewFlagSet("", pflag.ContinueOnError)
	left.AddFlagSet(flags)
	for _, g := range flagGroups {
		group := pflag.NewFlagSet("", pflag.ContinueOnError)
		group.SortFlags = false
		for _, name := range g.names {
			if f := flags.Lookup(name); f != nil {
				group.AddFlag(f)
			}
		}
		fmt.Fprintf(w, "\n%s:\n%s\n", g.title, usages(group))
		left = without(left, group)
	}
	if left.HasAvailableFlags() {
		fmt.Fprintf(w, "\nMore:\n%s\n", usages(left))
	}
}

// without is the flags of a that are not in b.
func without(a, b *pflag.FlagSet) *pflag.FlagSet {
	left := pflag.NewFlagSet("", pflag.ContinueOnError)
	a.VisitAll(func(f *pflag.Flag) {
		if b.Lookup(f.Name) == nil {
			left.AddFlag(f)
		}
	})
	return left
}

// usages is one line or more for each flag.
func usages(flags *pflag.FlagSet) string {
	text := strings.TrimRight(flags.FlagUsagesWrapped(helpColumns), "\n")
	return strings.ReplaceAll(text, `--syslog TAG[="NAME"]`, `--syslog[=TAG]       `)
}

// writeCommands lists the commands below c, by their groups.
func writeCommands(w io.Writer, c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	groups := c.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, g := range groups {
		title := "\n" + g.Title + "\n"
		for _, sub := range c.Commands() {
			if sub.GroupID == g.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				fmt.Fprintf(w, "%s  %-*s %s\n", title, sub.NamePadding(), sub.Name(), sub.Short)
				title = ""
			}
		}
	}
}
