package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service/logsink"
)

// flushTimeout is how long the last records may take to be written.
const flushTimeout = 5 * time.Second

// sinks are where a process logs.
type sinks struct {
	log   *slog.Logger
	name  string                      // of the file; "": none
	file  *logsink.File               // nil: none
	flush func(context.Context) error // wait until all is written
	end   func(context.Context) error // the same, and no more
}

// openSinks opens what the flags say.
func openSinks(name string, o *options) (*sinks, error) {
	levels, err := logsink.ParseLevels(o.logLevel)
	if err != nil {
		return nil, plugin.Usage("--log-level: %w", err)
	}
	if o.syslog != "" {
		tag := o.syslog
		if tag == "NAME" {
			tag = name
		}
		s, err := logsink.OpenSyslog(logsink.SyslogOptions{Tag: tag})
		if err != nil {
			return nil, &plugin.Error{Status: plugin.StatusUnavailable, Err: err}
		}
		return &sinks{log: slog.New(levels.Handler(s)), flush: s.Flush, end: s.Close}, nil
	}
	s := &sinks{name: o.logfile}
	if s.name == "" && o.daemon {
		s.name = name + ".log"
	}
	var to io.Writer = os.Stderr
	switch s.name {
	case "":
	case "-":
		to, s.name = os.Stdout, ""
	default:
		s.file = &logsink.File{Name: s.name, MaxBytes: o.logBytes, MaxFiles: o.logFiles, Daily: o.logDaily}
		if err := s.file.Open(); err != nil {
			status := plugin.StatusCannotCreate
			if errors.Is(err, fs.ErrPermission) {
				status = plugin.StatusNoPermission
			}
			return nil, &plugin.Error{Status: status, Err: err}
		}
		to = s.file
		s.catchCrashes()
	}
	format := logsink.NewText
	if o.logFormat == "json" {
		format = logsink.NewJSON
	}
	queue := &logsink.Queue{To: to, Format: format}
	s.log = slog.New(levels.Handler(format(queue, slog.LevelDebug)))
	s.flush, s.end = queue.Flush, queue.Close
	return s, nil
}

// catchCrashes has a crash of the Go runtime written to the log file, too: a
// daemon has no terminal to say it on.
func (s *sinks) catchCrashes() {
	f, err := os.OpenFile(s.name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return // a log that cannot be opened again, such as a pipe
	}
	debug.SetCrashOutput(f, debug.CrashOptions{})
	f.Close()
}

// reopen goes on in a new file, or in the one that has the name now.
func (s *sinks) reopen() error {
	if s.file == nil {
		return nil
	}
	defer s.catchCrashes()
	return s.file.Reopen()
}

// sync writes what is left: whoever waits for us may look at once.
func (s *sinks) sync() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	s.flush(ctx)
}

// close writes what is left, for the last time.
func (s *sinks) close() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	s.end(ctx)
	if s.file != nil {
		s.file.Close()
	}
}
