package policy

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path"
	"strconv"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Log notes all that passes between the connections to Factory and the
// network: into a logger, or, with a Dir, into a file for each connection. It
// is for debugging: it costs memory and time, and what passes may hold
// passwords and letters; files are readable by their owner only. Control
// characters are written as in a Go string, so that no peer can forge lines or
// upset a terminal. One loop; its fields are immutable after first use.
type Log struct {
	Factory twistor.Factory
	// Logger is where records go; nil: the loop's.
	Logger *slog.Logger
	// Level is that of the records; 0 is slog.LevelInfo.
	Level slog.Level
	// MaxRecordBytes cuts longer pieces, in the logger. 0: 1,024; negative:
	// never.
	MaxRecordBytes int

	// Dir is an existing directory of the loop's FS to write files into
	// instead: Prefix-1.log, Prefix-2.log and so on, one for each connection,
	// appended to if it exists. "": none.
	Dir string
	// Prefix begins the names of files. "": traffic.
	Prefix string
	// MaxFileBytes ends a file, with a note. 0: 10 MiB; negative: never.
	MaxFileBytes int64
	// MaxFiles is how many connections are logged to files; those that come
	// later are not, and a warning says so once. 0: 1,000; negative: all.
	MaxFiles int
	// MaxPendingBytes is how much one connection may have in memory on its way
	// to a slow disk; what exceeds it is left out, with a note. 0: 1 MiB;
	// negative: anything.
	MaxPendingBytes int

	home  home
	count int
	lane  deferred.Lane
}

// Build is twistor.Factory's.
func (f *Log) Build(t twistor.Transport) twistor.Protocol {
	f.home.settle(t.Loop(), f)
	f.count++
	w := &logged{log: f, since: t.Loop().Now()}
	switch most := count(f.MaxFiles, 1000); {
	case f.Dir == "":
		w.logger = f.Logger
		if w.logger == nil {
			w.logger = t.Loop().Log()
		}
	case most < 0 || f.count <= most:
		prefix := f.Prefix
		if prefix == "" {
			prefix = "traffic"
		}
		w.file = &trafficFile{log: f, loop: t.Loop(), name: path.Join(f.Dir, fmt.Sprintf("%s-%d.log", prefix, f.count))}
	case f.count == most+1:
		t.Loop().Log().Warn("policy: no more connections are logged", "files", most)
	}
	return Wrap(w, t, f.Factory)
}

// Opened and Closed pass to Factory.
func (f *Log) Opened(l twistor.Loop) error { return opened(f.Factory, l) }
func (f *Log) Closed()                     { closed(f.Factory) }

// NextProtos are those of the Factory inside.
func (f *Log) NextProtos() []string { return twistor.NextProtos(f.Factory) }

// logged is the layer of Log.
type logged struct {
	Wrapper
	log    *Log
	since  time.Time
	logger *slog.Logger // one of
	file   *trafficFile // the two, or neither
}

func (w *logged) Connected() {
	who := ""
	if w.file != nil { // a logger is told by conn
		who = w.RemoteAddr().String()
	}
	w.note("connected", nil, who)
	w.Wrapper.Connected()
}

func (w *logged) Received(p []byte) {
	w.note("received", p, "")
	w.Wrapper.Received(p)
}

func (w *logged) ReadClosed() {
	w.note("read closed", nil, "")
	w.Wrapper.ReadClosed()
}

func (w *logged) Secured() {
	w.note("secured", nil, "")
	w.Wrapper.Secured()
}

func (w *logged) Write(p []byte) (int, error) {
	n, err := w.Wrapper.Write(p)
	if n > 0 {
		w.note("wrote", p[:n], "")
	}
	return n, err
}

func (w *logged) WriteShared(p []byte) error {
	err := w.share(p)
	if err == nil {
		w.note("wrote", p, "")
	}
	return err
}

func (w *logged) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	w.note("sends a file", nil, fmt.Sprintf("%d bytes", s.Size()))
	return w.Wrapper.SendFile(s)
}

func (w *logged) CloseWrite() {
	w.note("closes writing", nil, "")
	w.Wrapper.CloseWrite()
}

func (w *logged) Disconnected(err error) {
	w.note("disconnected", nil, w.reason(err).Error())
	if w.file != nil {
		w.file.end()
	}
	w.Wrapper.Disconnected(err)
}

// note logs one event, with the bytes that passed or a few words.
func (w *logged) note(event string, p []byte, words string) {
	if w.file != nil {
		w.file.note(w.Loop().Now().Sub(w.since), event, p, words)
		return
	}
	ctx := context.Background()
	if w.logger == nil || !w.logger.Enabled(ctx, w.log.Level) {
		return
	}
	var attrs []slog.Attr
	if p != nil {
		shown := p
		if most := count(w.log.MaxRecordBytes, 1024); most >= 0 {
			shown = p[:min(len(p), most)]
		}
		attrs = append(attrs, slog.Int("bytes", len(p)), slog.String("data", strconv.QuoteToASCII(string(shown))))
	}
	if words != "" {
		attrs = append(attrs, slog.String("what", words))
	}
	attrs = append(attrs, slog.Any("conn", w.Transport))
	w.logger.LogAttrs(ctx, w.log.Level, "policy: "+event, attrs...)
}
