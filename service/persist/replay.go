package persist

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// load makes State what it was.
func (j *Journal[C]) load(co *deferred.Co, m *memory, name string) (*recovery, error) {
	fsys, dir, program := m.fsys, m.dir(), m.config.Name
	r, err := deferred.Go(m.loop, func(context.Context) (*recovery, error) {
		return readJournal(fsys, dir, program, name)
	}).Await(co)
	if err != nil {
		return nil, err
	}
	if old, ok := m.saved(name); ok {
		r.tap, r.tapFile, r.named = &old, m.loaded, m.config.File != ""
	}
	err = r.choose()
	for _, n := range r.notes {
		m.loop.Log().Log(context.Background(), n.level, n.text, n.attrs...)
	}
	if err == nil && r.state != nil {
		if err = m.decode(State{Name: name, Version: r.version, Data: r.state}, j.State, j.Upgrades); err == nil {
			err = j.replay(co, r)
		}
	}
	return r, m.refuse(err)
}

// replayed is how many changes are applied before others have their turn.
const replayed = 1000

// replay applies the changes that came after the base.
func (j *Journal[C]) replay(co *deferred.Co, r *recovery) error {
	at := r.sequence
	for _, b := range r.changes {
		for i, text := range b.changes {
			if b.first+uint64(i) <= at {
				continue // the state has it
			}
			at++
			var c C
			if err := j.decodeChange(text, b.version, &c); err != nil {
				return fmt.Errorf("persist: journal %q: change %d: %w", r.journal, at, err)
			}
			j.Apply(c)
			if at%replayed == 0 {
				if err := co.Yield(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (j *Journal[C]) decodeChange(text json.RawMessage, version int, c *C) error {
	if version > len(j.Upgrades) {
		return fmt.Errorf("%w: its version is %d, want up to %d", ErrNewer, version, len(j.Upgrades))
	}
	if len(j.ChangeUpgrades) > 0 {
		var err error
		if text, err = upgrade("change", text, version, j.ChangeUpgrades); err != nil {
			return err
		}
	}
	if err := checkDepth("change", text); err != nil {
		return err
	}
	return strictly(text, c)
}
