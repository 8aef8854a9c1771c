package plugin

import (
	"fmt"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/service"
)

// A Plugin is a ready server: a name under which the command runs it, and what
// it can be told. Immutable after first use.
type Plugin struct {
	// Name is what a person types: one lower-case word.
	Name string
	// Section is the heading it stands below in the help. "": Servers.
	Section string
	// Short says in one line what it does, without a period.
	Short string
	// Long is the help's text; Example shows command lines, each indented by
	// two spaces. "": none.
	Long, Example string
	// Args is how its arguments read in the help, such as "COMMAND [ARG...]":
	// what follows the first of them are arguments too, and its Config is an
	// Arguer. "": it takes flags only.
	Args string
	// New returns a Config with its defaults.
	New func() Config
}

// A Config is what a plugin can be told. Its exported fields are what there is
// to tell, and nothing else is: whoever embeds the server in a program of his
// own sets them and calls Service.
type Config interface {
	// Flags adds a flag for each field; the fields' values are the defaults.
	Flags(f *pflag.FlagSet)
	// Service returns the server, not yet started. The error says which field
	// is wrong, by its flag's name, and what was wanted.
	Service() (service.Service, error)
}

// An Arguer is a Config that takes arguments beside its flags.
type Arguer interface {
	// Arguments sets them. The error says what was wanted.
	Arguments(args []string) error
}

// A Rememberer is a Config whose Service can need a memory, the Host's Store.
type Rememberer interface {
	// Remembers reports whether it does, as it is configured.
	Remembers() bool
}

// A Sole is a Config whose Service must not run in two processes at once: in an
// upgrade the old one stops before the new one starts, and connections wait
// that moment. One that Remembers is Sole anyway. Others overlap.
type Sole interface{ Sole() bool }

// A Status is what the command exits with, as sysexits.h has it; a script can
// tell by it whose fault it was.
//
// See https://man.freebsd.org/cgi/man.cgi?query=sysexits.
type Status int

const (
	StatusUsage        Status = 64 // the command line is wrong
	StatusNoInput      Status = 66 // a file to be read cannot be
	StatusUnavailable  Status = 69 // something needed is not to be had, such as a port
	StatusSoftware     Status = 70 // a bug
	StatusCannotCreate Status = 73 // a file to be made cannot be
	StatusTemporary    Status = 75 // try again, or: it was stopped before all was finished
	StatusNoPermission Status = 77
	StatusConfig       Status = 78 // a configuration, or a .tap, is wrong
)

// An Error has the Status to exit with.
type Error struct {
	Status Status
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Usage is an Error about the command line.
func Usage(format string, args ...any) *Error {
	return &Error{StatusUsage, fmt.Errorf(format, args...)}
}
