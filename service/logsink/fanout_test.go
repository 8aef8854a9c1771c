package logsink

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
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
			a := &actor{tc.do}
			h := Fanout(NewText(&before, nil), a, NewText(&after, nil))
			log := slog.New(h)
			log.Info("1")
			log.With("k", "v").Info("2") // the same sink
			if err := h.Handle(t.Context(), slog.NewRecord(noon, slog.LevelInfo, "3", 0)); err == nil || !strings.Contains(err.Error(), "oh") {
				t.Errorf("got %v, want what the sink says", err)
			}
			a.do = func() error { return nil }
			log.Info("4")
			log.Info("5")
			a.do = tc.do
			log.Info("6") // again, so soon
			told := `log sink fails sink="2 of 3" err=` + tc.err
			works := `log sink works again sink="2 of 3" failed=3`
			if strings.HasPrefix(tc.err, `"`) {
				told = strings.Replace(told, "err=", `err=`, 1)
			}
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
