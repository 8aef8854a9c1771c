package persist

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"time"

	"github.com/twistor-go/twistor"
)

// A Snapshot is what a .tap file says: what runs, and all its states at one
// moment. Immutable after first use.
type Snapshot struct {
	// Number counts the saves of a program, over all its lives: of two
	// snapshots the higher one is the newer. The clock may have gone back.
	Number uint64 `json:"number"`
	// Saved is when it was made, by the wall clock: for people.
	Saved time.Time `json:"saved"`
	// Command is what runs with these states.
	Command Command `json:"command"`
	// States are in the order of their names, each name once.
	States []State `json:"states"`
}

// A Command is what a .tap says about what runs it: which program or plugin,
// its options by their long names, each with one value or more, and its
// arguments. Immutable after first use.
type Command struct {
	Program   string              `json:"program"`
	Options   map[string][]string `json:"options,omitempty"`
	Arguments []string            `json:"arguments,omitempty"`
}

// A State is what a Snapshot knows of one named state. Immutable after first
// use.
type State struct {
	Name string `json:"name"`
	// Version is how many Upgrades the program had that saved it.
	Version int `json:"version"`
	// Sequence is of a journal's state: how many changes made it. 0: no
	// journal's.
	Sequence uint64          `json:"sequence,omitempty"`
	Data     json.RawMessage `json:"data"`
}

// Read reads a .tap. The error is of the FS, or wraps ErrCorrupt, ErrForeign,
// ErrNewer or ErrTooLarge. It blocks: use it on the pool, or before the loop
// runs.
func Read(fsys twistor.FS, file string) (*Snapshot, error) {
	b, err := load(fsys, file)
	if err != nil {
		return nil, err
	}
	return decodeSnapshot(file, b)
}

// Write makes s the content of a .tap, atomically and durably: also a crash in
// the middle leaves the former file or this one. It blocks, like Read. A running
// program does not notice.
func Write(fsys twistor.FS, file string, s *Snapshot) error {
	b, err := s.encode()
	if err != nil {
		return fmt.Errorf("persist: %s: %w", file, err)
	}
	// The temporary name follows from the content; put refuses one that exists.
	sum := hex.EncodeToString([]byte(checksum(file, b))[:8])
	temporary := file + "." + sum + temporarySuffix
	fsys.Remove(temporary) // of a Write of the same that was killed
	if err := put(fsys, file, temporary, b); err != nil {
		return err
	}
	return syncDir(fsys, path.Dir(file))
}

func (s *Snapshot) encode() ([]byte, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	// Nothing may be written that could not be read.
	if body.Len() > maxFileBytes-maxFirstLineBytes {
		return nil, fmt.Errorf("%w: a snapshot of %d bytes, want up to %d", ErrTooLarge, body.Len(), maxFileBytes-maxFirstLineBytes)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return seal(kindTap, body.Bytes()), nil
}

func decodeSnapshot(file string, b []byte) (*Snapshot, error) {
	body, rest, err := unseal(file, kindTap, b)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, wrong(file, ErrCorrupt, "%d bytes too many follow", len(rest))
	}
	if d := depth(body); d > maxDepth+3 { // the Snapshot, its list, and a State are around
		return nil, wrong(file, ErrTooLarge, "it is %d levels deep, want up to %d", d, maxDepth+3)
	}
	var s Snapshot
	if err := strictly(body, &s); err != nil {
		return nil, wrong(file, ErrCorrupt, "%v", err)
	}
	if err := s.check(); err != nil {
		return nil, wrong(file, ErrCorrupt, "%v", err)
	}
	return &s, nil
}

// check checks what JSON does not.
func (s *Snapshot) check() error {
	seen := map[string]bool{}
	for _, state := range s.States {
		switch {
		case checkName(state.Name) != nil:
			return checkName(state.Name)
		case seen[state.Name]:
			return fmt.Errorf("two states %q, want one", state.Name)
		case state.Version < 0:
			return fmt.Errorf("state %q: version %d, want 0 or more", state.Name, state.Version)
		case len(state.Data) == 0:
			return fmt.Errorf("state %q: no data", state.Name)
		}
		if err := checkDepth(state.Name, state.Data); err != nil {
			return err
		}
		seen[state.Name] = true
	}
	return nil
}

func checkDepth(name string, text []byte) error {
	if d := depth(text); d > maxDepth {
		return fmt.Errorf("%w: %q is %d levels deep, want up to %d", ErrTooLarge, name, d, maxDepth)
	}
	return nil
}
