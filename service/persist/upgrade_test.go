package persist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
)

// TestS05Upgrades goes through all upgrades that a state lacks, in order, once.
func TestS05Upgrades(t *testing.T) {
	tap := func(version int, data string) *Snapshot {
		return &Snapshot{States: []State{{Name: "web/hits", Version: version, Data: json.RawMessage(data)}}}
	}
	var ran []string
	step := func(name, from, to string) Upgrade {
		return func(old json.RawMessage) (json.RawMessage, error) {
			ran = append(ran, name)
			return bytes.Replace(old, []byte(from), []byte(to), 1), nil
		}
	}
	upgrades := []Upgrade{step("0", "hits", "Hits"), step("1", `"Hits"`, `"Total"`)}
	for _, x := range []struct {
		version int
		data    string
		ran     string
		err     error
	}{
		{0, `{"hits": 3}`, "0 1", nil}, {1, `{"Hits": 3}`, "1", nil}, {2, `{"Total": 3}`, "", nil}, {3, `{"All": 3}`, "", ErrNewer},
	} {
		l := newLoop(t)
		if err := prepareDir(l.fsys, "/var"); err != nil {
			t.Fatal(err)
		}
		if err := Write(l.fsys, "/var/fib.tap", tap(x.version, x.data)); err != nil {
			t.Fatal(err)
		}
		var state struct{ Total int }
		ran = nil
		s := l.open(t, Config{})
		err := s.Below("web").Persist("hits", &state, upgrades...)
		if !errors.Is(err, x.err) || x.err == nil && state.Total != 3 || strings.Join(ran, " ") != x.ran {
			t.Errorf("version %d: got %v, %+v, ran %q; want %v, ran %q", x.version, err, state, ran, x.err, x.ran)
		}
		if err == nil {
			l.save(t, s, "")
			now, err := Read(l.fsys, "/var/fib.tap")
			if err != nil || now.States[0].Version != 2 {
				t.Errorf("version %d: saved as %+v, %v; want version 2", x.version, now, err)
			}
		}
	}
}

// TestS05JournalUpgrades upgrades the state of a journal, and the changes after it.
func TestS05JournalUpgrades(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	c := newCounter()
	c.open(t, l, s)
	c.add(t, l, 1, 2)
	l.close(t, s)

	type change struct{ By int }
	type state struct{ Total, Count int }
	open := func(changes []Upgrade) (*state, error) {
		now := &state{}
		j := &Journal[change]{Name: "sum", State: now, Apply: func(c change) { now.Total += c.By; now.Count++ },
			Upgrades: []Upgrade{func(old json.RawMessage) (json.RawMessage, error) {
				return bytes.Replace(old, []byte("Sum"), []byte("Total"), 1), nil
			}},
			ChangeUpgrades: changes}
		s := l.open(t, Config{})
		err := l.do(func(co *deferred.Co) error { return j.Open(co, s) })
		l.close(t, s)
		return now, err
	}
	if _, err := open(nil); err == nil {
		t.Error("changes of the old kind were applied as new ones")
	}
	wrap := func(old json.RawMessage) (json.RawMessage, error) { return fmt.Appendf(nil, `{"By":%s}`, old), nil }
	for range 2 { // the second time there is nothing to upgrade
		if now, err := open([]Upgrade{wrap}); err != nil || now.Total != 3 || now.Count != 2 {
			t.Errorf("got %+v, %v; want 3 of 2", now, err)
		}
	}
	c = newCounter()
	s = l.open(t, Config{})
	if err := l.do(func(co *deferred.Co) error { return c.journal.Open(co, s) }); !errors.Is(err, ErrNewer) {
		t.Errorf("the old program: got %v, want ErrNewer", err)
	}
}
