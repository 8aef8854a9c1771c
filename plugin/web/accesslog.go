package web

import (
	"fmt"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/logsink"
)

// An accessLog has a line for each answer. Loop-only, but what it gives to each
// loop is that loop's.
type accessLog struct{ logsink.Output }

// open opens the file.
func (a *accessLog) open(co *deferred.Co, home twistor.Loop) error {
	if err := a.Open(co, home); err != nil {
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--access-log: %w", err)}
	}
	return nil
}

// of is the log for a Server; nil: none.
func (a *accessLog) of() web.AccessLog {
	if a.Queue() == nil {
		return nil
	}
	return &web.LineLog{To: a.Queue()}
}

// lost says how many lines there was no room for, or no disk; "": none.
func (a *accessLog) lost() string {
	if n := a.Lost(); n > 0 {
		return fmt.Sprintf("%d lines of the access log are lost", n)
	}
	return ""
}

// close writes what waits.
func (a *accessLog) close(co *deferred.Co, home twistor.Loop) error {
	if lost := a.lost(); lost != "" {
		home.Log().Warn("web: " + lost)
	}
	return a.Close(co, home)
}
