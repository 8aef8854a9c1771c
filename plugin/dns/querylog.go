package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/service/logsink"
)

// stdout, as the query log, is the standard output.
const stdout = "-"

// A queryLog is a queue, so that no loop waits for the disk, and what is behind
// it. Loop-only, but what it gives to each loop is that loop's.
type queryLog struct {
	name    string         // "": there is none
	verbose bool           // the program's log has the queries, too
	queue   *logsink.Queue // nil: it is not open
	file    *logsink.File  // nil: standard output
}

// open opens the file, so that one that cannot be written is known at once.
func (q *queryLog) open(co *deferred.Co, home twistor.Loop) error {
	switch q.name {
	case "":
		return nil
	case stdout:
		q.queue = &logsink.Queue{To: os.Stdout}
		return nil
	}
	file := &logsink.File{Name: q.name}
	_, err := deferred.Go(home, func(context.Context) (struct{}, error) { return struct{}{}, file.Open() }).Await(co)
	if err != nil {
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--query-log: %w", err)}
	}
	q.file, q.queue = file, &logsink.Queue{To: file}
	return nil
}

// of is the log of a loop's Server; nil: none.
func (q *queryLog) of(at twistor.Loop) dns.QueryLog {
	var all lines
	if q.queue != nil {
		all = append(all, &dns.LineLog{To: q.queue})
	}
	if q.verbose {
		all = append(all, spoken{at.Log()})
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// lines are several logs.
type lines []dns.QueryLog

// Answered implements dns.QueryLog.
func (l lines) Answered(e *dns.Entry) {
	for _, log := range l {
		log.Answered(e)
	}
}

// A spoken has each query in the program's log.
type spoken struct{ log *slog.Logger }

// Answered implements dns.QueryLog.
func (s spoken) Answered(e *dns.Entry) {
	s.log.Info("query", "name", e.Name.String(), "type", e.Type.String(), "rcode", e.Rcode.String(), "bytes", e.Bytes,
		"over", e.Network.String(), "peer", e.From.Addr.String(), "dur", e.Took)
}

// lost says how many lines there was no room for, or no disk; "": none.
func (q *queryLog) lost() string {
	if q.queue == nil {
		return ""
	}
	stats := q.queue.Stats()
	if n := stats.Dropped + stats.Failed; n > 0 {
		return fmt.Sprintf("%d lines of the query log are lost", n)
	}
	return ""
}

// close writes what waits.
func (q *queryLog) close(co *deferred.Co, home twistor.Loop) error {
	if q.queue == nil {
		return nil
	}
	if lost := q.lost(); lost != "" {
		home.Log().Warn("dns: " + lost)
	}
	queue, file := q.queue, q.file
	q.queue, q.file = nil, nil
	_, err := deferred.Go(home, func(ctx context.Context) (struct{}, error) {
		err := queue.Close(ctx)
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return struct{}{}, err
	}).Await(co)
	return err
}
