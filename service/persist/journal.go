package persist

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/twistor-go/twistor/deferred"
)

// A Journal is a state that outlives the program up to its last change: each
// change is applied, written behind the others, and then known to be durable. The
// fields are not changed after Open. Loop-only.
type Journal[C any] struct {
	// Name is that of the state, in the Store that Open is given.
	Name string
	// State is a pointer to the state; its exported fields are kept. It
	// changes by Apply only.
	State any
	// Apply makes a change. It depends on State and the change alone, because
	// it is called again, in the same order, when the program starts: no time,
	// no chance, nothing of elsewhere. It must not panic, and not Append.
	Apply func(C)
	// Upgrades are those of State, as of Store.Persist.
	Upgrades []Upgrade
	// ChangeUpgrades are those of C: as many as Upgrades, or none if changes of
	// older versions can be applied as they are.
	ChangeUpgrades []Upgrade

	// CompactBytes is how many bytes of changes may follow a base before a new
	// one is written; they may always be as many as the base has. 0: 4 MiB.
	CompactBytes int
	// MaxWaiting is how many changes may wait to become durable; more are
	// refused with ErrFull. 0: 65,536.
	MaxWaiting int
	// MaxWaitingBytes is how many bytes of them, as JSON. 0: 16 MiB.
	MaxWaitingBytes int
	// MaxFailures is how often in a row the disk may fail before changes are
	// refused with ErrFailing. 0: 3.
	MaxFailures int

	ledger  *ledger
	encoder *json.Encoder
	change  C // the one that is being encoded: a pointer to it costs nothing
	busy    bool
}

// Open loads State from what is on the disk, applies the changes that came
// after, and begins a new segment. If nothing was saved, State is as it was.
// After an error State is not to be used, and Open may be called again with a new
// one.
//
// Of the journal and the snapshot that s went on from, the newer one counts: the
// one with more changes. So a program that is started from an old snapshot loses
// no change; to really go back, move the journal's files away.
func (j *Journal[C]) Open(co *deferred.Co, s *Store) error {
	if j.ledger != nil {
		return fmt.Errorf("persist: journal %q is open already", j.Name)
	}
	name, err := s.register(j.Name)
	if err != nil {
		return err
	}
	if err := j.check(name); err != nil {
		return err
	}
	s.claimed = append(s.claimed, name)
	defer func() {
		s.claimed = slices.DeleteFunc(s.claimed, func(n string) bool { return n == name })
	}()
	r, err := j.load(co, s.memory, name)
	if err != nil {
		return err
	}
	l := &ledger{
		m: s.memory, name: name, version: len(j.Upgrades),
		encode:       func() (json.RawMessage, error) { return encodeState(name, j.State) },
		compactBytes: orDefault(j.CompactBytes, DefaultCompactBytes),
		maxWaiting:   orDefault(j.MaxWaiting, DefaultMaxWaiting), maxWaitingBytes: orDefault(j.MaxWaitingBytes, DefaultMaxWaitingBytes),
		maxFailures: orDefault(j.MaxFailures, DefaultMaxFailures),
		damaged:     len(r.aside) > 0,
	}
	if err := l.open(co, r); err != nil {
		return err
	}
	j.ledger = l
	j.encoder = json.NewEncoder(&l.gathering)
	j.encoder.SetEscapeHTML(false)
	s.journals = append(s.journals, l)
	s.keep(name, l.version, l.encode, func() uint64 { return l.sequence })
	return nil
}

func orDefault(n, or int) int {
	if n == 0 {
		return or
	}
	return n
}

// check checks what the program says.
func (j *Journal[C]) check(name string) error {
	if err := checkState(name, j.State); err != nil {
		return err
	}
	if err := checkChange(name, reflect.TypeFor[C]()); err != nil {
		return err
	}
	switch {
	case j.Apply == nil:
		return fmt.Errorf("persist: journal %q: no Apply, want one", name)
	case len(j.Upgrades) > maxVersion:
		return fmt.Errorf("persist: journal %q: %d upgrades, want up to %d", name, len(j.Upgrades), maxVersion)
	case len(j.ChangeUpgrades) != 0 && len(j.ChangeUpgrades) != len(j.Upgrades):
		return fmt.Errorf("persist: journal %q: %d upgrades of changes, want %d or none", name, len(j.ChangeUpgrades), len(j.Upgrades))
	case len(fileWord(name)) > maxFileWordBytes:
		return fmt.Errorf("persist: journal %q: a file name of %d bytes, want up to %d", name, len(fileWord(name)), maxFileWordBytes)
	}
	for i, n := range []int{j.CompactBytes, j.MaxWaiting, j.MaxWaitingBytes, j.MaxFailures} {
		if n < 0 || n > maxFileBytes/4 {
			field := []string{"CompactBytes", "MaxWaiting", "MaxWaitingBytes", "MaxFailures"}[i]
			return fmt.Errorf("persist: journal %q: %s %d, want 0 to %d", name, field, n, maxFileBytes/4)
		}
	}
	return nil
}

// Append applies c, at once, and writes it behind the changes before it. The
// Signal fires when it is durable, and so is everything before it; changes of one
// turn, and those that come while others are being written, become durable
// together.
//
// If it fails with ErrUncertain, c was applied, and State keeps it; but the disk
// failed, and after a crash c may be there or not. All that was not durable yet
// fails so. A new base is written from State, as soon as the disk lets it, and has
// c; no later change is durable without it. With any other error c was not
// applied: ErrFull, ErrFailing, ErrClosed, or c cannot be encoded.
func (j *Journal[C]) Append(c C) *deferred.Signal {
	if j.busy {
		panic("persist: Append inside of Apply")
	}
	l := j.ledger
	if err := l.admit(); err != nil {
		return refused(l, err)
	}
	l.room()
	start := len(l.gathering.text)
	j.busy = true
	applied := false
	defer func() {
		j.busy = false
		if !applied { // Apply has panicked, or was not called
			l.gathering.cut(start)
		}
	}()
	j.change = c
	err := j.encoder.Encode(&j.change)
	j.change = *new(C)
	if err == nil {
		err = l.checkChange(start)
	}
	if err != nil {
		return refused(l, fmt.Errorf("persist: journal %q: %w", l.name, err))
	}
	j.Apply(c)
	applied = true
	return l.added()
}

func refused(l *ledger, err error) *deferred.Signal {
	if l == nil {
		return deferred.Failed[struct{}](nil, err)
	}
	return deferred.Failed[struct{}](l.m.loop, err)
}

// Sequence is how many changes were applied since the journal began, in all the
// program's lives.
func (j *Journal[C]) Sequence() uint64 {
	if j.ledger == nil {
		return 0
	}
	return j.ledger.sequence
}

// Err says why changes are not becoming durable at present; nil: they are. It is
// for those who report a program's health.
func (j *Journal[C]) Err() error {
	if j.ledger == nil {
		return ErrClosed
	}
	return j.ledger.err
}
