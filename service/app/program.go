package app

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
)

// A program is what a command line asked for, ready to live. Immutable after
// first use.
type program struct {
	name    string
	root    service.Service
	app     *App // nil: a plugin
	states  []remembered
	command persist.Command // what a .tap says of it
	options *options

	remembers bool // it needs a memory, though it has no states
	sole      bool // it must not run in two processes at once
}

// stateful reports whether the program needs a Store.
func (p *program) stateful() bool { return p.remembers || len(p.states) > 0 || p.options.file != "" }

// newProgram makes the program of a plugin.
func newProgram(p plugin.Plugin, config plugin.Config, set map[string][]string, args []string, o *options) (*program, error) {
	if a, ok := config.(plugin.Arguer); ok && p.Args != "" {
		if err := a.Arguments(args); err != nil {
			return nil, err
		}
	}
	s, err := config.Service()
	if err != nil {
		return nil, err
	}
	made := &program{
		name:    p.Name,
		root:    s,
		command: persist.Command{Program: p.Name, Options: set, Arguments: args},
		options: o,
	}
	if r, ok := config.(plugin.Rememberer); ok {
		made.remembers = r.Remembers()
	}
	if s, ok := config.(plugin.Sole); ok {
		made.sole = s.Sole()
	}
	return made, nil
}

// given are the flags of f that were given, with their values as they can be
// given again. Those of the daemon are not the plugin's.
func given(f *pflag.FlagSet, own func(name string) bool) map[string][]string {
	set := map[string][]string{}
	f.Visit(func(f *pflag.Flag) {
		if !own(f.Name) {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			set[f.Name] = list.GetSlice()
		} else {
			set[f.Name] = []string{f.Value.String()}
		}
	})
	return set
}

// statusOf says what a program that failed with err exits with.
func statusOf(err error) plugin.Status {
	if e, ok := errors.AsType[*plugin.Error](err); ok {
		return e.Status
	}
	if e, ok := errors.AsType[*endpoint.Error](err); ok {
		if errors.Is(e, fs.ErrPermission) {
			return plugin.StatusNoPermission
		}
		return plugin.StatusUnavailable
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if errors.Is(err, full) {
			return plugin.StatusCannotCreate
		}
	}
	return plugin.StatusSoftware
}
