package logsink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/service/logsink"
)

// timeless leaves out the times of records, which differ at each run.
func timeless(w io.Writer, level slog.Leveler) slog.Handler {
	return without{logsink.NewText(w, level)}
}

type without struct{ slog.Handler }

func (h without) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

func (h without) WithAttrs(attrs []slog.Attr) slog.Handler {
	return without{h.Handler.WithAttrs(attrs)}
}

// A log file that rotates and never blocks those who log.
func Example() {
	dir, err := os.MkdirTemp("", "logsink")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := &logsink.File{Name: filepath.Join(dir, "twistor.log"), MaxBytes: 60}
	defer file.Close()
	queue := &logsink.Queue{To: file}
	log := slog.New(timeless(queue, nil))
	for i := range 3 {
		log.Info("listening", "at", "tcp:8888", "err", nil, "try", i)
	}
	queue.Close(context.Background())
	names, _ := file.Files()
	for _, name := range names {
		text, _ := os.ReadFile(name)
		fmt.Printf("%s: %s", filepath.Base(name), text)
	}
	// Output:
	// twistor.log: INFO listening at=tcp:8888 err=<nil> try=2
	// twistor.log.1: INFO listening at=tcp:8888 err=<nil> try=1
	// twistor.log.2: INFO listening at=tcp:8888 err=<nil> try=0
}

func ExampleNewText() {
	r := slog.NewRecord(time.Date(2026, 11, 22, 16, 12, 0, 0, time.UTC), slog.LevelWarn, "login refused", 0)
	r.Add("proto", "ftp", "peer", "192.0.2.1:49152", "user", "root\n2026-11-22T16:12:01.000Z INFO login", "dur", 20*time.Millisecond)
	logsink.NewText(os.Stdout, nil).Handle(context.Background(), r)
	// Output:
	// 2026-11-22T16:12:00.000Z WARN login refused proto=ftp peer=192.0.2.1:49152 user="root\n2026-11-22T16:12:01.000Z INFO login" dur=20ms
}

func ExampleNewJSON() {
	r := slog.NewRecord(time.Date(2026, 11, 22, 16, 12, 0, 0, time.UTC), slog.LevelWarn, "login refused", 0)
	r.Add("proto", "ftp", "user", "\x1b[2J", "password", twistor.Conceal("hunter2"))
	logsink.NewJSON(os.Stdout, nil).Handle(context.Background(), r)
	// Output:
	// {"time":"2026-11-22T16:12:00Z","level":"WARN","msg":"login refused","proto":"ftp","user":"\u001b[2J","password":"[redacted]"}
}

// The warnings of a log of JSON, for people.
func ExampleRead() {
	log := `{"time":"2026-11-22T16:12:00Z","level":"INFO","msg":"listening"}
{"time":"2026-11-22T16:12:01Z","level":"WARN","msg":"login refused","conn":{"proto":"ftp"}}
{"time":"2026-11-22T16:12:02Z","lev
`
	text := logsink.NewText(os.Stdout, slog.LevelWarn)
	for r, err := range logsink.Read(strings.NewReader(log)) {
		switch {
		case err != nil:
			fmt.Println(err)
		case text.Enabled(context.Background(), r.Level):
			text.Handle(context.Background(), r)
		}
	}
	// Output:
	// 2026-11-22T16:12:01.000Z WARN login refused conn.proto=ftp
	// logsink: line 3: the line is cut off
}

// A sink that cannot be opened harms no other.
func ExampleFanout() {
	broken := slog.NewTextHandler(writer(func([]byte) (int, error) { return 0, errors.New("no space left") }), nil)
	log := slog.New(logsink.Fanout(timeless(os.Stdout, nil), broken))
	log.Info("listening")
	log.Info("stopped")
	// Output:
	// INFO listening
	// WARN log sink fails sink="2 of 2" err="no space left"
	// INFO stopped
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// Levels by the name of who logs, changed while the program runs.
func ExampleLevels() {
	levels, err := logsink.ParseLevels("warn,weblog=debug")
	if err != nil {
		panic(err)
	}
	log := slog.New(levels.Handler(timeless(os.Stdout, nil)))
	log.Info("one")
	log.With("service", "weblog").Debug("two")
	levels.Set("info")
	log.Info("three")
	log.With("service", "weblog").Debug("four")
	// Output:
	// DEBUG two service=weblog
	// INFO three
}

// The last records, for a status command.
func ExampleHistory() {
	history := &logsink.History{MaxRecords: 2}
	log := slog.New(history)
	for i := range 5 {
		log.Info("hit", "n", i)
	}
	dropped, _ := history.Replay(context.Background(), timeless(os.Stdout, nil))
	fmt.Println(dropped, "before")
	// Output:
	// INFO hit n=3
	// INFO hit n=4
	// 3 before
}

// Records from before it is known where they go.
func ExampleEarly() {
	early := new(logsink.Early)
	log := slog.New(early)
	log.Info("reading the configuration")
	early.Begin(timeless(os.Stdout, nil))
	log.Info("listening")
	// Output:
	// INFO reading the configuration
	// INFO listening
}

// A sink that fails gets word of what it missed.
func ExampleQueue() {
	full := true
	var out bytes.Buffer
	queue := &logsink.Queue{Format: timeless, To: writer(func(p []byte) (int, error) {
		if full {
			return 0, errors.New("no space left")
		}
		return out.Write(p)
	})}
	log := slog.New(timeless(queue, nil))
	log.Info("one")
	queue.Flush(context.Background())
	full = false
	log.Info("two")
	queue.Flush(context.Background())
	fmt.Print(out.String())
	fmt.Printf("%+v\n", queue.Stats())
	// Output:
	// WARN log lines lost lost=1 err="no space left"
	// INFO two
	// {Written:1 Dropped:0 Failed:1 Waiting:0}
}

func ExampleOpenSyslog() {
	_, err := logsink.OpenSyslog(logsink.SyslogOptions{Network: "udp", Address: "127.0.0.1", Facility: "loud"})
	fmt.Println(err)
	// Output:
	// logsink: syslog facility "loud": want daemon, user, mail, local0 to local7 or another
}
