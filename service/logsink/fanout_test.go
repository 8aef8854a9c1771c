package logsink

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/slogtest"
)

// An actor is a handler that does what it is told.
type actor struct{ do func() error }

func (a *actor) Enabled(context.Context, slog.Level) bool      { return true }
func (a *actor) Handle(_ context.Context, r slog.Record) error { return a.do() }
func (a *actor) WithAttrs([]slog.Attr) slog.Handler            { return a }
func (a *actor) WithGroup(string) slog.Handler                 { return a }

// messages are those of the text records in b.
func messages(b *bytes.Buffer) string {
	var all []string
	for line := range strings.Lines(b.String()) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		all = append(all, words[2])
	}
	return strings.Join(all, "|")
}

// O04: one that fails or panics is isolated, and the others are told.
func TestO04Fanout(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func() error
		err  string
	}{
		{"fails", func() error { return errors.New("oh") }, "oh"},
		{"panics", func() error { panic("oh") }, `"logsink: panic of a handler: oh"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before, after bytes.Buffer
			a, calls := &actor{}, 0
			a.do = func() error { calls++; return tc.do() }
			h := Fanout(NewText(&before, nil), a, NewText(&after, nil))
			log := slog.New(h)
			log.Info("1")
			log.With("k", "v").Info("2") // the same sink
			if err := h.Handle(t.Context(), slog.NewRecord(noon, slog.LevelInfo, "3", 0)); err == nil || !strings.Contains(err.Error(), "oh") {
				t.Errorf("got %v, want what the sink says", err)
			}
			a.do = func() error { calls++; return nil }
			log.Info("4")
			log.Info("5")
			a.do = func() error { calls++; return tc.do() }
			log.Info("6") // again, so soon
			if calls != 6 {
				t.Errorf("the broken one got %d records, want the 6, and no word about itself", calls)
			}
			told := `log sink fails sink="2 of 3" err=` + tc.err
			works := `log sink works again sink="2 of 3" failed=3`
			if got, want := messages(&before), "1|"+told+"|2 k=v|3|4|"+works+"|5|6"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got, want := messages(&after), told+"|1|2 k=v|3|"+works+"|4|5|6"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestO04FanoutLevels(t *testing.T) {
	var all, warnings bytes.Buffer
	h := Fanout(NewText(&all, nil), NewText(&warnings, slog.LevelWarn))
	log := slog.New(h)
	log.Debug("a")
	log.Warn("b")
	if got, want := messages(&all)+" "+messages(&warnings), "a|b b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if slog.New(Fanout(NewText(&all, slog.LevelError))).Enabled(t.Context(), slog.LevelWarn) {
		t.Error("enabled, though none wants it")
	}
}

// When all fail, nothing else happens.
func TestO04AllFail(t *testing.T) {
	a := &actor{func() error { panic("oh") }}
	if err := Fanout(a, a).Handle(t.Context(), slog.NewRecord(noon, slog.LevelInfo, "m", 0)); err == nil {
		t.Error("want the errors")
	}
}

func TestFanoutHandler(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return Fanout(NewText(&b, nil), NewJSON(&bytes.Buffer{}, nil))
	},
		func(*testing.T) map[string]any { return parsed(b.String()) })
}

// F-28: that the disk of a log is full is told to the other sinks while it is.
func TestO04FanoutOfQueue(t *testing.T) {
	g := &gate{err: syscall.ENOSPC}
	q := &Queue{To: g}
	var b bytes.Buffer
	log := slog.New(Fanout(NewText(q, nil), NewText(&b, nil)))
	log.Info("1")
	flush(t, q) // now it is known
	log.Info("2")
	flush(t, q)
	g.fail(nil)
	flush(t, q)
	log.Info("3")
	want := `1|log sink fails sink="1 of 2" err="no space left on device"|2|log sink works again sink="1 of 2" failed=1|3`
	if got := messages(&b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	flush(t, q)
}
