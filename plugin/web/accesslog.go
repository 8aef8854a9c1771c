package web

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/logsink"
)

// stdout, as the access log, is the standard output.
const stdout = "-"

// An accessLog is a queue, so that no loop waits for the disk, and what is behind
// it. Loop-only, but what it gives to each loop is that loop's.
type accessLog struct {
	name  string         // "": there is none
	queue *logsink.Queue // nil: it is not open
	file  *logsink.File  // nil: standard output
}

// open opens the file, so that one that cannot be written is known at once.
func (a *accessLog) open(co *deferred.Co, home twistor.Loop) error {
	switch a.name {
	case "":
		return nil
	case stdout:
		a.queue = &logsink.Queue{To: os.Stdout}
		return nil
	}
	file := &logsink.File{Name: a.name}
	_, err := deferred.Go(home, func(context.Context) (struct{}, error) { return struct{}{}, file.Open() }).Await(co)
	if err != nil {
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--access-log: %w", err)}
	}
	a.file, a.queue = file, &logsink.Queue{To: file}
	return nil
}

// of is the log for a Server; nil: none.
func (a *accessLog) of() web.AccessLog {
	if a.queue == nil {
		return nil
	}
	return &web.LineLog{To: a.queue}
}

// lost says how many lines there was no room for, or no disk; "": none.
func (a *accessLog) lost() string {
	if a.queue == nil {
		return ""
	}
	stats := a.queue.Stats()
	if n := stats.Dropped + stats.Failed; n > 0 {
		return fmt.Sprintf("%d lines of the access log are lost", n)
	}
	return ""
}

// close writes what waits.
func (a *accessLog) close(co *deferred.Co, home twistor.Loop) error {
	if a.queue == nil {
		return nil
	}
	if lost := a.lost(); lost != "" {
		home.Log().Warn("web: " + lost)
	}
	queue, file := a.queue, a.file
	a.queue, a.file = nil, nil
	_, err := deferred.Go(home, func(ctx context.Context) (struct{}, error) {
		err := queue.Close(ctx)
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return struct{}{}, err
	}).Await(co)
	return err
}
