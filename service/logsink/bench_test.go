package logsink

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"
)

// discarded is what a sink costs that nobody reads; Enabled is true.
func discarded() *Queue { return &Queue{To: io.Discard, MaxLines: -1, MaxBytes: -1} }

// BenchmarkRecord is one record of six attributes, a group among them: by our
// handlers and by those of package slog, to nowhere and by way of a Queue.
func BenchmarkRecord(b *testing.B) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "connection closed", 0)
	r.AddAttrs(slog.Group("conn", slog.String("proto", "*weblog.client"), slog.String("peer", "192.0.2.1:49152"), slog.String("local", "192.0.2.2:8888")),
		slog.Duration("dur", 1500*time.Millisecond), slog.Int("n", 1234), slog.String("err", "connection reset by peer"))
	for _, bc := range []struct {
		name string
		h    slog.Handler
	}{
		{"text", NewText(io.Discard, nil)},
		{"text/slog", slog.NewTextHandler(io.Discard, nil)},
		{"text/queue", NewText(discarded(), nil)},
		{"json", NewJSON(io.Discard, nil)},
		{"json/slog", slog.NewJSONHandler(io.Discard, nil)},
		{"json/queue", NewJSON(discarded(), nil)},
		{"history", &History{}},
		{"levels", new(Levels).Handler(slog.DiscardHandler)},
		{"fanout", Fanout(NewText(io.Discard, nil), NewText(io.Discard, nil))},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bc.h.Handle(context.Background(), r)
			}
		})
	}
}

// BenchmarkDrop is a line for which there is no room, because the sink hangs.
func BenchmarkDrop(b *testing.B) {
	g := &gate{let: make(chan struct{})}
	q := &Queue{To: g, MaxLines: 100}
	line := make([]byte, 120)
	b.ReportAllocs()
	for b.Loop() {
		q.Write(line)
	}
	close(g.let)
	q.Flush(b.Context())
}

// BenchmarkFile is one line to the disk.
func BenchmarkFile(b *testing.B) {
	f := &File{Name: b.TempDir() + "/log"}
	defer f.Close()
	line := make([]byte, 120)
	line[len(line)-1] = '\n'
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}
