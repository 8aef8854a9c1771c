package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/twistor-go/twistor/internal/daemon"
	"github.com/twistor-go/twistor/plugin"
)

// confine lets the program write where its own files are, and run nothing but
// its own directory's programs, such as its next version. What is open stays
// open. It is for the end of the privileged part.
func (x *process) confine(log *slog.Logger) error {
	o := x.options
	if !o.confine {
		return nil
	}
	c := daemon.Confinement{
		Read:    []string{"/"},
		Execute: []string{filepath.Dir(x.executable)},
		Write:   []string{os.DevNull}, // what a daemon has for standard input and output
	}
	dirs := []string{orDot(o.state)}
	for _, file := range []string{x.sinks.name, o.pidfile, o.profile, o.controlPath(x.name, true)} {
		if file != "" {
			dirs = append(dirs, filepath.Dir(file))
		}
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		if _, err := os.Stat(dir); err == nil {
			c.Write = append(c.Write, dir)
		}
	}
	done, err := c.Enforce()
	if errors.Is(err, errors.ErrUnsupported) {
		return plugin.Usage("--confine: %w", err) // who asks for it must not go without
	}
	if err != nil {
		return &plugin.Error{Status: plugin.StatusNoPermission, Err: err}
	}
	log.Info("confined", "write", c.Write, "landlock", done.ABI)
	return nil
}
