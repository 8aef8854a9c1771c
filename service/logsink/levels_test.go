package logsink

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
)

func TestO06Levels(t *testing.T) {
	levels, err := ParseLevels("warn, mail=info,mail.smtp=debug,quiet=error")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	log := slog.New(levels.Handler(NewText(&b, nil)))
	for _, tc := range []struct {
		name string
		log  *slog.Logger
		want string // the levels that come through, by their first letters
	}{
		{"nobody", log, "WE"},
		{"unknown", log.With("service", "web"), "WE"},
		{"service", log.With("service", "mail"), "IWE"},
		{"proto", log.With("proto", "mail"), "IWE"},
		{"below", log.With("service", "mail.pop3"), "IWE"},
		{"below, with its own", log.With("service", "mail.smtp"), "DIWE"},
		{"below that", log.With("service", "mail.smtp.out"), "DIWE"},
		{"only like it", log.With("service", "mailing"), "WE"},
		{"type", log.With("proto", "*mail.client"), "IWE"},
		{"stricter", log.With("service", "quiet"), "E"},
		{"the last", log.With("service", "mail").With("service", "quiet"), "E"},
		{"in a group", log.WithGroup("g").With("x", slog.GroupValue(slog.String("proto", "mail"))), "IWE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b.Reset()
			tc.log.Debug("D")
			tc.log.Info("I")
			tc.log.Warn("W")
			tc.log.Error("E")
			got := ""
			for line := range strings.Lines(b.String()) {
				got += strings.Fields(line)[2]
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// A record's own name counts, also that of a connection.
func TestO06LevelOfRecord(t *testing.T) {
	levels, _ := ParseLevels("info,sim=debug")
	var b bytes.Buffer
	log := slog.New(levels.Handler(NewText(&b, nil))).With("service", "web")
	log.Debug("no")
	log.Debug("yes", "proto", "sim")
	log.Debug("yes", "conn", slog.GroupValue(slog.String("proto", "*sim.peer")))
	log.Debug("no", "proto", "web")
	if got := strings.Count(b.String(), "yes"); got != 2 || strings.Contains(b.String(), "no") {
		t.Errorf("got %s", b.String())
	}
}

func TestO06LevelsChange(t *testing.T) {
	levels := new(Levels)
	var b bytes.Buffer
	log := slog.New(levels.Handler(NewText(&b, nil))).With("service", "web")
	log.Debug("1")
	log.Info("2")
	for _, text := range []string{"error,web=debug", "nonsense"} { // what is wrong changes nothing
		err := levels.Set(text)
		if (err != nil) != (text == "nonsense") {
			t.Errorf("Set of %q: %v", text, err)
		}
		log.Debug("3")
	}
	if got := messages(&b); got != "2 service=web|3 service=web|3 service=web" {
		t.Errorf("got %s", got)
	}
	if got, want := levels.String(), "error,web=debug"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseLevels(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"debug", "debug"},
		{" WARN ", "warn"},
		{"info+2", "info+2"},
		{"web=debug", "info,web=debug"},
		{"b=warn, a = error ,debug", "debug,a=error,b=warn"},
		{"", `logsink: level "": want debug, info, warn or error, or NAME=LEVEL`},
		{"loud", `logsink: level "loud": want debug, info, warn or error, or NAME=LEVEL`},
		{"info,web=", `logsink: level "": want debug, info, warn or error, or NAME=LEVEL`},
		{"info,=debug", `logsink: levels: want a name before =`},
		{"info,debug", `logsink: levels "info,debug": want the level for all only once`},
		{"a=info,a=debug", `logsink: levels "a=info,a=debug": want "a" only once`},
	} {
		levels, err := ParseLevels(tc.text)
		got := levels.String()
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.text, got, tc.want)
		}
	}
}

func TestLevelsHandler(t *testing.T) {
	levels, _ := ParseLevels("info,x=debug")
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler { b.Reset(); return levels.Handler(NewText(&b, nil)) },
		func(*testing.T) map[string]any { return parsed(b.String()) })
}

// What Set takes, String gives back, and Set takes again.
func FuzzLevels(f *testing.F) {
	f.Add("info,weblog=debug")
	f.Add("error+3, a.b = warn-1 ,c==x,=,,")
	f.Fuzz(func(t *testing.T, text string) {
		levels, err := ParseLevels(text)
		if err != nil {
			return
		}
		again, err := ParseLevels(levels.String())
		if err != nil || again.String() != levels.String() {
			t.Errorf("%q became %q, then %q: %v", text, levels, again, err)
		}
	})
}
