package persist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Config says where a program's memory is. Immutable after first use.
type Config struct {
	// Dir is the directory of all its files; it is made, for its owner only,
	// if it is missing. "": the working directory.
	Dir string
	// Name is the program's: a lower-case word, that all its files begin with.
	Name string
	// File is what to go on from. "": the newest whole one of NAME.tap and
	// NAME-shutdown.tap, or of their older generations; nothing, if there are
	// none. Else exactly this one; what is saved goes under Name all the same.
	File string
	// Command is kept in each snapshot that is saved.
	Command Command
}

// A Store is the memory of one program: its snapshots, each with the generation
// before, and its journals. Open makes one. Loop-only.
type Store struct {
	*memory
	below string // what names begin with
}

// memory is what a Store shares with those Below it.
type memory struct {
	loop     twistor.Loop
	fsys     twistor.FS
	config   Config
	lock     io.Closer
	loaded   string   // the file it went on from
	number   uint64   // of the newest snapshot
	states   []*state // in the order of registration
	left     []State  // what was loaded and nobody has asked for
	journals []*ledger
	claimed  []string // names of journals that are being opened
	saves    []*save  // to be written; the first is under way
	idle     []*deferred.Signal
	refused  error            // why nothing may be saved
	failed   error            // of the last snapshot
	closing  *deferred.Signal // nil: it is open
}

// A state is one that is saved.
type state struct {
	name     string
	version  int
	encode   func() (json.RawMessage, error)
	sequence func() uint64 // of a journal's; nil: none
}

// Loaded is the file that the Store went on from, "" if there was none.
func (s *Store) Loaded() string { return s.loaded }

// Below is the same memory for a part of the program: its names are within name,
// as "a/b" is within "a".
func (s *Store) Below(name string) *Store {
	return &Store{s.memory, s.within(name)}
}

func (s *Store) within(name string) string {
	if s.below == "" {
		return name
	}
	return s.below + "/" + name
}

// Err says what cannot be made durable at present: the last snapshot, or a
// journal. nil: nothing is known to be wrong. It is for those who report a
// program's health.
func (s *Store) Err() error {
	for _, l := range s.journals {
		if l.err != nil {
			return fmt.Errorf("persist: journal %q: %w", l.name, l.err)
		}
	}
	return s.failed
}

// Persist makes state, a pointer, outlive the program: its exported fields are
// loaded now, if any were saved under this name, and saved from now on. What is
// not exported is left alone. Fields of which nothing was saved keep their
// values; maps, slices and what pointers point to are made anew. The version of the state is the number of its upgrades; what an older
// version saved goes through those that it lacks, in order.
//
// The error wraps ErrUnknownType if a field cannot be kept, and ErrNewer if the
// state is of a later version; then nothing is saved any more, so that the newer
// file stays. A field that was saved and that state does not have is an error
// too: it wants an upgrade that drops it.
func (s *Store) Persist(name string, state any, upgrades ...Upgrade) error {
	name, err := s.register(name)
	if err != nil {
		return err
	}
	if err := checkState(name, state); err != nil {
		return err
	}
	if old, ok := s.saved(name); ok {
		if old.Sequence > 0 {
			return s.refuse(fmt.Errorf("persist: state %q is a journal's, want a Journal of this name", name))
		}
		if err := s.decode(old, state, upgrades); err != nil {
			return err
		}
	}
	s.keep(name, len(upgrades), func() (json.RawMessage, error) { return encodeState(name, state) }, nil)
	return nil
}

// register checks a name and returns it with what it is below.
func (s *Store) register(name string) (string, error) {
	name = s.within(name)
	if s.closing != nil {
		return "", fmt.Errorf("persist: state %q: %w", name, ErrClosed)
	}
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("persist: %w", err)
	}
	if slices.Contains(s.claimed, name) || slices.ContainsFunc(s.states, func(e *state) bool { return e.name == name }) {
		return "", fmt.Errorf("persist: state %q is there already, want another name", name)
	}
	return name, nil
}

// saved is what was loaded of a name.
func (m *memory) saved(name string) (State, bool) {
	i := slices.IndexFunc(m.left, func(s State) bool { return s.Name == name })
	if i < 0 {
		return State{}, false
	}
	return m.left[i], true
}

// decode loads what was saved into a state.
func (m *memory) decode(old State, into any, upgrades []Upgrade) error {
	data, err := upgrade(fmt.Sprintf("state %q", old.Name), old.Data, old.Version, upgrades)
	if err == nil {
		err = decodeState(old.Name, data, into)
	}
	return m.refuse(err)
}

// refuse notes that what was saved could not be loaded: to save without it
// would lose it.
func (m *memory) refuse(err error) error {
	if err != nil && m.refused == nil {
		m.refused = err
	}
	return err
}

// keep has a state saved from now on.
func (m *memory) keep(name string, version int, encode func() (json.RawMessage, error), sequence func() uint64) {
	m.states = append(m.states, &state{name, version, encode, sequence})
	m.left = slices.DeleteFunc(m.left, func(s State) bool { return s.Name == name })
}

// snapshot is all states as they are now, with those that were loaded and that
// nobody has asked for: a part of the program that is not there this time may be
// there again.
func (m *memory) snapshot() (*Snapshot, error) {
	if m.refused != nil {
		return nil, fmt.Errorf("persist: not saved, because what was saved before could not be loaded: %w", m.refused)
	}
	s := &Snapshot{Number: m.number + 1, Saved: m.loop.Now().UTC(), Command: m.config.Command}
	s.States = append(s.States, m.left...)
	for _, e := range m.states {
		data, err := e.encode()
		if err != nil {
			return nil, err
		}
		state := State{Name: e.name, Version: e.version, Data: data}
		if e.sequence != nil {
			state.Sequence = e.sequence()
		}
		s.States = append(s.States, state)
	}
	slices.SortFunc(s.States, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	m.number++
	return s, nil
}

// Close waits for what is being written, writes what the journals still hold,
// and releases the memory to other programs. From then on everything fails with
// ErrClosed. It saves no snapshot. If co is cancelled it returns, and the rest is
// done all the same. A Store of Below closes all of it.
func (s *Store) Close(co *deferred.Co) error {
	if s.closing == nil {
		s.closing = deferred.Inline(s.loop, s.end)
	}
	done := deferred.New[struct{}](s.loop) // to cancel this one cancels nothing
	s.closing.Done(func(_ struct{}, err error) { fire(done, err) })
	_, err := done.Await(co)
	return err
}

// end is Close. The lock goes last: nobody may come while something is written.
func (m *memory) end(co *deferred.Co) (struct{}, error) {
	var errs []error
	for _, l := range m.journals {
		errs = append(errs, l.close(co))
	}
	if len(m.saves) > 0 {
		idle := deferred.New[struct{}](m.loop)
		m.idle = append(m.idle, idle)
		_, err := idle.Await(co)
		errs = append(errs, err)
	}
	_, err := deferred.Go(m.loop, unlock(m.lock)).Await(co)
	return struct{}{}, errors.Join(append(errs, err)...)
}
