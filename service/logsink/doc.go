// Package logsink is where log records go: handlers for log/slog that write for
// people, for programs and for syslog, and the files and queues behind them.
//
// A program logs by *slog.Logger; this package is for the one that decides where
// to, such as service/app. A log file that rotates and never stops the loop:
//
//	file := &logsink.File{Name: "twistor.log"}
//	queue := &logsink.Queue{To: file}
//	levels, err := logsink.ParseLevels("info,weblog=debug")
//	...
//	slog.SetDefault(slog.New(levels.Handler(logsink.NewText(queue, nil))))
//	defer queue.Close(ctx)
//
// What there is:
//
//   - NewText and NewJSON write records; Read reads the latter again.
//   - File rotates by size and by day, and survives renames and full disks.
//   - Queue makes any writer one that never blocks: it drops, and says so.
//   - Output is both for the lines of a server, such as an access log.
//   - Syslog sends to the local daemon or to one of the network.
//   - Fanout is several sinks, none of which can harm the others.
//   - Levels say what is worth writing, by name, and may change at any time.
//   - History keeps the last records, Early those from before there are sinks.
//   - Lines makes records of what others print.
//   - Secret is a string that no log shows.
//
// All of it runs beside the loop, on whatever goroutine logs, and a Queue on one
// of its own. Nothing of it replays in the simulator, and nothing depends on it.
//
// What peers send stays in its line: control characters, line breaks and what a
// terminal would obey are written as in a Go or JSON string. Only the value of
// the key stack keeps its lines, each behind a tab.
//
// A record about a connection carries its Transport as conn, which becomes
// conn.proto, conn.peer and conn.local:
//
//	log.Warn("refused", "conn", t, "err", err)
//
// What is left out: the place in the source that logs, and compressed files.
//
// Limits: values of 16 KiB, stacks of 64 KiB, groups 32 deep (text), syslog
// messages of 8 KiB (2 KiB by UDP), queues of 8,192 lines and 1 MiB, files of 16
// MiB and 10 former ones, histories of 200 records; what exceeds them is cut,
// dropped or removed, the oldest first in files and histories. The last three
// are fields.
package logsink
