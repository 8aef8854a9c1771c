package dns

import (
	"fmt"
	"log/slog"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/service/logsink"
)

// A queryLog has a line for each query. Loop-only, but what it gives to each
// loop is that loop's.
type queryLog struct {
	logsink.Output
	verbose bool // the program's log has the queries, too
}

// open opens the file.
func (q *queryLog) open(co *deferred.Co, home twistor.Loop) error {
	if err := q.Open(co, home); err != nil {
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--query-log: %w", err)}
	}
	return nil
}

// of is the log of a loop's Server; nil: none.
func (q *queryLog) of(at twistor.Loop) dns.QueryLog {
	var all lines
	if q.Queue() != nil {
		all = append(all, &dns.LineLog{To: q.Queue()})
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
	if n := q.Lost(); n > 0 {
		return fmt.Sprintf("%d lines of the query log are lost", n)
	}
	return ""
}

// close writes what waits.
func (q *queryLog) close(co *deferred.Co, home twistor.Loop) error {
	if lost := q.lost(); lost != "" {
		home.Log().Warn("dns: " + lost)
	}
	return q.Close(co, home)
}
