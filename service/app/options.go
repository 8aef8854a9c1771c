package app

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
)

// options are what every program can be told about its life as a process: the
// flags of a daemon.
type options struct {
	file string // -f: the .tap to go on from

	daemon     bool
	foreground bool // -n: as it is anyway
	pidfile    string
	control    string
	state      string
	noSave     bool

	logfile   string
	logFormat string
	logLevel  string
	logDaily  bool
	logBytes  int64
	logFiles  int
	syslog    string

	rundir, chroot string
	uid, gid       string
	euid           bool
	umask          string
	confine        bool

	stopTimeout time.Duration
	loops       int
	profile     string
}

func newOptions() *options {
	return &options{logFormat: "text", logLevel: "info", stopTimeout: StopTimeout, logBytes: 16 << 20, logFiles: 10}
}

// patience is how long the services may take to stop.
func (o *options) patience() time.Duration {
	if o.stopTimeout == 0 {
		return StopTimeout
	}
	return o.stopTimeout
}

// flags adds the flags to f.
func (o *options) flags(f *pflag.FlagSet) {
	f.StringVarP(&o.file, "file", "f", o.file, "run what the .tap `FILE` says, and go on where it left off")
	f.BoolVar(&o.daemon, "daemon", o.daemon, "run in the background, with a session of its own")
	f.BoolVarP(&o.foreground, "nodaemon", "n", o.foreground, "run in the foreground, as it does anyway")
	f.StringVar(&o.pidfile, "pidfile", o.pidfile, "hold `FILE` while it runs, with its process number; only one program can")
	f.StringVar(&o.control, "control", o.control, "listen for stop, status and their like at the socket `FILE`; \"none\": nowhere (default NAME.control in --state, if it is a daemon or has a memory)")
	f.StringVar(&o.state, "state", o.state, "keep what it remembers in `DIR` (default --rundir, or where --file is)")
	f.BoolVar(&o.noSave, "no-save", o.noSave, "do not write NAME-shutdown.tap when it stops")
	f.StringVar(&o.logfile, "logfile", o.logfile, "log to `FILE`; -: standard output (default standard error; of a daemon NAME.log)")
	f.StringVar(&o.logFormat, "log-format", o.logFormat, "log as `FORMAT`: text or json")
	f.StringVar(&o.logLevel, "log-level", o.logLevel, "log what is at least `LEVEL`: debug, info, warn or error; with NAME=LEVEL after a comma, of that name")
	f.Int64Var(&o.logBytes, "log-max-bytes", o.logBytes, "begin a new log file beyond `N` bytes; -1: never")
	f.IntVar(&o.logFiles, "log-max-files", o.logFiles, "keep `N` former log files; -1: all")
	f.BoolVar(&o.logDaily, "log-daily", o.logDaily, "begin a new log file at midnight, too")
	f.StringVar(&o.syslog, "syslog", o.syslog, "log to the system's log with `TAG` (default NAME)")
	f.Lookup("syslog").NoOptDefVal = "NAME"
	f.StringVar(&o.rundir, "rundir", o.rundir, "change to `DIR` first (default the current directory)")
	f.StringVar(&o.chroot, "chroot", o.chroot, "make `DIR` the root directory; needs root")
	f.StringVar(&o.uid, "uid", o.uid, "become `USER`, a name or number, once the ports are open; needs root")
	f.StringVar(&o.gid, "gid", o.gid, "become `GROUP` (default that of --uid)")
	f.BoolVar(&o.euid, "euid", o.euid, "give up the effective ids only, so that they can be had back")
	f.BoolVar(&o.confine, "confine", o.confine, "let it write only where its own files are, and run nothing but itself (Linux, by Landlock)")
	f.StringVar(&o.umask, "umask", o.umask, "set the file mode mask, in `OCTAL` (default of a daemon 027)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", o.stopTimeout, "give connections this long to finish when it stops: a `TIME` such as 30s")
	f.IntVar(&o.loops, "loops", o.loops, "run `N` loops, each on a processor (default all)")
	f.StringVar(&o.profile, "profile", o.profile, "write a CPU profile of the whole run to `FILE`")
}

// check says what is wrong with the flags, all but what only the system knows.
func (o *options) check() error {
	switch {
	case o.daemon && o.foreground:
		return plugin.Usage("--daemon and --nodaemon: want one of them")
	case o.daemon && o.logfile == "-":
		return plugin.Usage("--logfile=-: a daemon has no standard output: want a file")
	case o.syslog != "" && o.logfile != "":
		return plugin.Usage("--syslog and --logfile: want one of them")
	case o.logFormat != "text" && o.logFormat != "json":
		return plugin.Usage("--log-format=%s: want text or json", o.logFormat)
	case o.logBytes == 0 || o.logBytes < -1:
		return plugin.Usage("--log-max-bytes=%d: want 1 or more, or -1", o.logBytes)
	case o.logFiles == 0 || o.logFiles < -1:
		return plugin.Usage("--log-max-files=%d: want 1 or more, or -1", o.logFiles)
	case o.stopTimeout <= 0:
		return plugin.Usage("--stop-timeout=%v: want a time above 0, such as 30s", o.stopTimeout)
	case o.loops < 0 || o.loops > 1024:
		return plugin.Usage("--loops=%d: want a number from 1 to 1024", o.loops)
	case o.gid != "" && o.uid == "":
		return plugin.Usage("--gid=%s: want --uid, too", o.gid)
	case o.euid && o.uid == "":
		return plugin.Usage("--euid: want --uid, too")
	}
	if _, err := o.mask(); err != nil {
		return err
	}
	return nil
}

// mask is the umask; -1: leave it.
func (o *options) mask() (int, error) {
	if o.umask == "" {
		if o.daemon {
			return 0o027, nil
		}
		return -1, nil
	}
	mask, err := strconv.ParseUint(o.umask, 8, 32)
	if err != nil || mask > 0o777 {
		return 0, plugin.Usage("--umask=%s: want octal digits, from 0 to 777", o.umask)
	}
	return int(mask), nil
}

// controlPath is where the control socket of the program called name is; "":
// there is none.
func (o *options) controlPath(name string, wanted bool) string {
	switch {
	case o.control == "none" || o.control == "" && !wanted:
		return ""
	case o.control != "":
		return o.control
	}
	return filepath.Join(o.state, name+".control")
}

// args is the command line that says the same options again.
func arguments(set map[string][]string) []string {
	var args []string
	for _, name := range sortedKeys(set) {
		for _, value := range set[name] {
			args = append(args, fmt.Sprintf("--%s=%s", name, value))
		}
	}
	return args
}

func sortedKeys(m map[string][]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}
