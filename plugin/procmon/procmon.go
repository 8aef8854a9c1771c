package procmon

import (
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/process"
)

// Plugin is `twistor procmon`.
var Plugin = plugin.Plugin{
	Name:  "procmon",
	Short: "keep a program running",
	Long: `Run COMMAND, and run it again whenever it ends: at once if it lived for the
threshold, else after a delay that doubles with each short life. What it writes
is logged, line by line. It runs in a process group of its own; when procmon is
told to stop, the group is asked to end by SIGTERM, and killed after the kill
time; if procmon itself is killed, COMMAND lives on.

Times are numbers of seconds, or such as 500ms and 1h.`,
	Example: `  twistor procmon /usr/bin/worker --verbose
  twistor procmon -t 5 -k 10 -m 2 -M 600 sh -c 'exec worker 2>&1'`,
	Args: "COMMAND [ARG...]",
	New:  func() plugin.Config { return New() },
}

// A Config is what `twistor procmon` can be told. Loop-only.
type Config struct {
	Command         []string      // the program and its arguments
	Threshold       time.Duration // a life this long is in order
	KillTime        time.Duration // from SIGTERM to SIGKILL
	MinRestartDelay time.Duration // after a first short life
	MaxRestartDelay time.Duration // after many, at least MinRestartDelay; 0: refused
}

var (
	_ plugin.Config = (*Config)(nil)
	_ plugin.Arguer = (*Config)(nil)
	_ plugin.Sole   = (*Config)(nil)
)

// New returns a Config with its defaults; Command is still to be set.
func New() *Config {
	return &Config{
		Threshold:       process.DefaultThreshold,
		KillTime:        process.DefaultKillTime,
		MinRestartDelay: process.DefaultMinDelay,
		MaxRestartDelay: process.DefaultMaxDelay,
	}
}

// Flags implements plugin.Config.
func (c *Config) Flags(f *pflag.FlagSet) {
	f.VarP((*span)(&c.Threshold), "threshold", "t", "restart at once after a life of `TIME` or more")
	f.VarP((*span)(&c.KillTime), "killtime", "k", "kill the command `TIME` after it was asked to end")
	f.VarP((*span)(&c.MinRestartDelay), "minrestartdelay", "m", "wait for `TIME` after a first short life, then twice as long each time")
	f.VarP((*span)(&c.MaxRestartDelay), "maxrestartdelay", "M", "wait for `TIME` at most")
}

// Arguments implements plugin.Arguer.
func (c *Config) Arguments(args []string) error {
	if len(args) == 0 {
		return plugin.Usage("no command: want a COMMAND to keep running")
	}
	c.Command = args
	return nil
}

// Sole implements plugin.Sole: the command must not run twice in an upgrade.
func (c *Config) Sole() bool { return true }

// Service implements plugin.Config.
func (c *Config) Service() (service.Service, error) {
	switch {
	case len(c.Command) == 0 || c.Command[0] == "":
		return nil, plugin.Usage("no command: want a COMMAND to keep running")
	case c.Threshold < 0:
		return nil, plugin.Usage("--threshold: %v: want no time or more", c.Threshold)
	case c.KillTime < 0:
		return nil, plugin.Usage("--killtime: %v: want no time or more", c.KillTime)
	case c.MinRestartDelay <= 0:
		return nil, plugin.Usage("--minrestartdelay: %v: want more than no time", c.MinRestartDelay)
	case c.MaxRestartDelay < c.MinRestartDelay:
		return nil, plugin.Usage("--maxrestartdelay: %v: want at least --minrestartdelay, %v", c.MaxRestartDelay, c.MinRestartDelay)
	}
	m := &process.Monitor{
		Threshold: orNone(c.Threshold), KillTime: orNone(c.KillTime),
		MinDelay: c.MinRestartDelay, MaxDelay: c.MaxRestartDelay,
	}
	err := m.Add(filepath.Base(c.Command[0]), twistor.Command{Path: c.Command[0], Args: c.Command[1:]})
	return m, err
}

// orNone is d for a Monitor, to which zero would be the default.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

var errSpan = errors.New("want a number of seconds, or a time such as 500ms")

// A span is a flag's time: a number of seconds, or as Go writes it.
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }
func (s *span) Type() string   { return "time" }

func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if seconds, failed := strconv.ParseFloat(text, 64); failed == nil {
		if math.IsNaN(seconds) || math.Abs(seconds) > math.MaxInt64/1e9 {
			return errSpan
		}
		d, err = time.Duration(seconds*1e9), nil
	}
	if err != nil {
		return errSpan
	}
	*s = span(d)
	return nil
}
