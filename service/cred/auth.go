package cred

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// An Auth is what a server's command line says of its Checkers. A plugin's
// Config has it as a field, so that all of them have the same flags:
//
//	--auth TYPE[:ARGUMENT]   as often as there are Checkers
//	--help-auth              what types there are
//	--help-auth-type TYPE    all about one
//
// Loop-only.
type Auth struct {
	// Chosen are the Checkers asked for, as on the command line; nil: Default.
	// It may have passwords in it, of memory: so has what it is saved to.
	Chosen []string
	// Default is what is chosen when nobody says; nil: nobody can log in.
	Default []string
	// Kinds are the kinds of credentials that the server can make use of; nil:
	// all. A type that has none of them is refused, and not in the help.
	Kinds []Kind
	// Types are those to choose from; nil: those of Types().
	Types []Type

	help     bool
	helpType string
}

// A Help is the error of Checkers when a person asked for help: its text is to
// be printed, and the program to end as one that did what it was asked.
// Immutable after first use.
type Help struct{ Text string }

func (h *Help) Error() string { return h.Text }

// Help is the text, for a program that looks for any error with such a method
// and does not import this package.
func (h *Help) Help() string { return h.Text }

// A UsageError says which --auth is wrong and what was wanted; it never quotes
// the argument. Immutable after first use.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

// Flags adds the flags.
func (a *Auth) Flags(f *pflag.FlagSet) {
	f.Var((*chosen)(a), "auth", "who may log in, and how: `TYPE[:ARGUMENT]`, repeatable (see --help-auth)")
	f.BoolVar(&a.help, "help-auth", a.help, "show the types of --auth")
	f.StringVar(&a.helpType, "help-auth-type", a.helpType, "show all about one `TYPE` of --auth")
}

// Checkers makes the Checkers that were chosen. The error is a *Help or a
// *UsageError.
func (a *Auth) Checkers() (all []Checker, err error) {
	if a.help {
		return nil, &Help{a.overview()}
	}
	if a.helpType != "" {
		t, err := a.find(a.helpType)
		if err != nil {
			return nil, err
		}
		return nil, &Help{t.help()}
	}
	chosen := a.Chosen
	if chosen == nil {
		chosen = a.Default
	}
	for _, text := range chosen {
		c, err := a.checker(text)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (a *Auth) checker(text string) (Checker, error) {
	name, argument, _ := strings.Cut(text, ":")
	t, err := a.find(name)
	if err != nil {
		return nil, err
	}
	c, err := t.New(argument)
	if err != nil {
		return nil, &UsageError{fmt.Sprintf("--auth %s: %v (usage: %s)", name, err, t.usage())}
	}
	// Of what it can check, the server may be able to receive a part only.
	kinds := slices.DeleteFunc(slices.Clone(c.Kinds()), func(k Kind) bool { return !a.supports(k) })
	switch {
	case len(kinds) == 0:
		return nil, a.unsupported(t.Name, c.Kinds())
	case len(kinds) < len(c.Kinds()):
		c = Only(c, kinds...)
	}
	return c, nil
}

func (a *Auth) supports(k Kind) bool { return a.Kinds == nil || slices.Contains(a.Kinds, k) }

// types are those that the server can make use of, by name.
func (a *Auth) types() (usable []Type) {
	for _, t := range a.all() {
		if slices.ContainsFunc(t.Kinds, a.supports) {
			usable = append(usable, t)
		}
	}
	return usable
}

func (a *Auth) all() []Type {
	if a.Types == nil {
		return Types()
	}
	return a.Types
}

func (a *Auth) find(name string) (Type, error) {
	for _, t := range a.all() {
		if t.Name != name {
			continue
		}
		if !slices.ContainsFunc(t.Kinds, a.supports) {
			return t, a.unsupported(name, t.Kinds)
		}
		return t, nil
	}
	var names []string
	for _, t := range a.types() {
		names = append(names, t.Name)
	}
	return Type{}, &UsageError{fmt.Sprintf("--auth: unknown type %.20q: want %s", name, strings.Join(names, ", "))}
}

func (a *Auth) unsupported(name string, kinds []Kind) error {
	return &UsageError{fmt.Sprintf("--auth %s: this server cannot use %s: want %s", name, listed(kinds), listed(a.Kinds))}
}

func listed(kinds []Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func (a *Auth) overview() string {
	var b strings.Builder
	b.WriteString("Types of --auth:\n\n")
	width := 0
	for _, t := range a.types() {
		width = max(width, len(t.Name))
	}
	for _, t := range a.types() {
		fmt.Fprintf(&b, "  %-*s   %s\n", width, t.Name, t.Short)
	}
	b.WriteString("\n--help-auth-type TYPE shows all about one.")
	return b.String()
}

func (t Type) usage() string {
	switch {
	case t.Argument == "":
		return "--auth " + t.Name
	case strings.HasPrefix(t.Argument, "["):
		return "--auth " + t.Name + "[:" + strings.TrimPrefix(t.Argument, "[")
	}
	return "--auth " + t.Name + ":" + t.Argument
}

func (t Type) help() string {
	return fmt.Sprintf("%s\n\n%s: %s.\n%s\nIt takes: %s.", t.usage(), t.Name, t.Short, t.Long, listed(t.Kinds))
}

// chosen is Auth.Chosen as a flag. It refuses nothing, because pflag would
// quote what it refuses, and shows no arguments, because help shows defaults.
type chosen Auth

func (c *chosen) Set(text string) error {
	c.Chosen = append(c.Chosen, text)
	return nil
}

func (c *chosen) String() string {
	var names []string
	for _, text := range c.Default {
		name, _, hasArgument := strings.Cut(text, ":")
		if hasArgument {
			name += ":..."
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func (*chosen) Type() string { return "TYPE[:ARGUMENT]" }
