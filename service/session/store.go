package session

import (
	"errors"
	"maps"
	"slices"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
)

// A Store keeps sessions beyond the program. Its calls take effect in the order
// in which they are made. Loop-only.
type Store interface {
	// Open returns the sessions that were kept, in any order: those that are
	// over too.
	Open(co *deferred.Co, h service.Host) ([]Record, error)
	// Put keeps r in place of what was kept under its Key. The Signal fires when
	// it is durable.
	Put(r Record) *deferred.Signal
	// Delete forgets the session of a Key, if there is one.
	Delete(key string) *deferred.Signal
}

// A Journal is the Store of a program's own memory: see persist.Journal. Its
// zero is ready. Loop-only.
type Journal struct {
	kept    kept
	journal *persist.Journal[keep]
}

// kept is what the program remembers.
type kept struct {
	Sessions map[string]Record // by Key
}

// keep is a change of it: a session, or the Key of one to forget.
type keep struct {
	Put    *Record `json:",omitempty"`
	Delete string  `json:",omitempty"`
}

// Open reads the journal "sessions" of the Host's Store.
func (j *Journal) Open(co *deferred.Co, h service.Host) ([]Record, error) {
	if h.Store() == nil {
		return nil, errors.New("session: Journal: the program has no memory: want a Host with a Store; see app.App.Remember")
	}
	if j.journal == nil {
		j.kept = kept{}
		next := &persist.Journal[keep]{Name: "sessions", State: &j.kept, Apply: j.apply}
		if err := next.Open(co, h.Store()); err != nil {
			return nil, err
		}
		j.journal = next
	}
	return slices.Collect(maps.Values(j.kept.Sessions)), nil //sim:unordered Store's callers sort
}

func (j *Journal) apply(k keep) {
	if j.kept.Sessions == nil {
		j.kept.Sessions = map[string]Record{}
	}
	if k.Put != nil {
		j.kept.Sessions[k.Put.Key] = *k.Put
	}
	if k.Delete != "" {
		delete(j.kept.Sessions, k.Delete)
	}
}

// Put implements Store.
func (j *Journal) Put(r Record) *deferred.Signal { return j.journal.Append(keep{Put: &r}) }

// Delete implements Store.
func (j *Journal) Delete(key string) *deferred.Signal { return j.journal.Append(keep{Delete: key}) }
