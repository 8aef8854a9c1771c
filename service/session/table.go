package session

import (
	"container/list"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
)

// A table is all sessions there are. Loop-only.
type table struct {
	// Immutable.
	loop           twistor.Loop
	name           string // of the service, for the log
	store          Store  // nil: none
	idle, lifetime time.Duration
	most           int
	over           func(Record)

	// Owned by the loop. Each session is in one of the lists, the longest unused
	// first: strangers give way when there are too many.
	entries   map[string]*entry
	strangers list.List
	trusted   list.List
	timer     twistor.Timer
}

// An entry is one session.
type entry struct {
	Record
	stored time.Time // Used, as the Store has it
	at     *list.Element
}

// open reads the Store.
func (t *table) open(co *deferred.Co, h service.Host) error {
	t.entries = map[string]*entry{}
	if t.store == nil {
		return nil
	}
	all, err := t.store.Open(co, h)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b Record) int { return a.Used.Compare(b.Used) })
	for _, r := range all {
		t.add(r)
	}
	return nil
}

// add adds a session, as the one used last.
func (t *table) add(r Record) {
	e := &entry{Record: r, stored: r.Used}
	t.entries[r.Key] = e
	e.at = t.listOf(e).PushBack(e)
}

func (t *table) listOf(e *entry) *list.List {
	if e.Rotated {
		return &t.trusted
	}
	return &t.strangers
}

// remove takes a session out of memory.
func (t *table) remove(e *entry) {
	t.listOf(e).Remove(e.at)
	delete(t.entries, e.Key)
}

// find is the session of a key, which is being used; ok is false if there is
// none.
func (t *table) find(key string) (r Record, ok bool) {
	e := t.entries[key]
	now := t.loop.Now()
	if e == nil || t.ended(e, now) {
		return Record{}, false
	}
	e.Used = now
	t.listOf(e).MoveToBack(e.at)
	if t.store != nil && now.Sub(e.stored) > t.idle/10 {
		e.stored = now
		t.store.Put(e.Record).Done(t.complain)
	}
	return e.Record, true
}

// complain logs what no request waits for.
func (t *table) complain(_ struct{}, err error) {
	if err != nil {
		t.loop.Log().Error("a session is not kept", "service", t.name, "err", err)
	}
}

// ended ends e if its time is over.
func (t *table) ended(e *entry, now time.Time) bool {
	if (t.idle < 0 || now.Sub(e.Used) < t.idle) && (t.lifetime < 0 || now.Sub(e.Begun) < t.lifetime) {
		return false
	}
	t.end(e)
	return true
}

// end ends a session for whatever reason.
func (t *table) end(e *entry) {
	t.remove(e)
	if t.store != nil {
		t.store.Delete(e.Key).Done(t.complain)
	}
	t.over(e.Record)
}

// put begins a session, or changes one: r's, or if from is not "" that of the
// key from, which r replaces. The Signal fires when it is kept.
func (t *table) put(r Record, from string, begins bool) *deferred.Signal {
	if from == "" {
		from = r.Key
	}
	now := t.loop.Now()
	e := t.entries[from]
	switch {
	case begins:
		if !t.makeRoom() {
			return deferred.Failed[struct{}](t.loop, ErrFull)
		}
	case e == nil || t.ended(e, now):
		return deferred.Failed[struct{}](t.loop, ErrOver)
	default:
		t.remove(e)
	}
	r.Used = now
	t.add(r)
	t.watch()
	if t.store == nil {
		return deferred.Succeeded(struct{}{})
	}
	kept := t.store.Put(r)
	if from != r.Key {
		kept = deferred.Then(deferred.All(kept, t.store.Delete(from)), func([]struct{}) (struct{}, error) {
			return struct{}{}, nil
		})
	}
	return kept
}

// drop ends the session of a key, by wish.
func (t *table) drop(key string) *deferred.Signal {
	e := t.entries[key]
	if e == nil {
		return deferred.Succeeded(struct{}{})
	}
	t.remove(e)
	t.over(e.Record)
	if t.store == nil {
		return deferred.Succeeded(struct{}{})
	}
	return t.store.Delete(key)
}

// all are the sessions there are, the longest unused first in each list.
func (t *table) all() (all []Record) {
	for _, l := range []*list.List{&t.strangers, &t.trusted} {
		for at := l.Front(); at != nil; at = at.Next() {
			all = append(all, at.Value.(*entry).Record)
		}
	}
	return all
}

// makeRoom lets a stranger's session give way, if there are too many.
func (t *table) makeRoom() bool {
	if len(t.entries) < t.most {
		return true
	}
	t.sweep()
	if len(t.entries) < t.most {
		return true
	}
	first := t.strangers.Front()
	if first == nil {
		return false
	}
	t.end(first.Value.(*entry))
	return true
}

// watch sees that sessions end when their time is over, and within a fifteenth
// of it: one timer for all.
func (t *table) watch() {
	if t.idle < 0 && t.lifetime < 0 || len(t.entries) == 0 || !t.timer.When().IsZero() {
		return
	}
	every := t.idle
	if every < 0 {
		every = t.lifetime
	}
	t.timer = t.loop.CallLater(max(every/15, time.Second), func() {
		t.sweep()
		t.timer = twistor.Timer{}
		t.watch()
	})
}

// sweep ends what is over. A list is in order of use; of those that are too old
// though they were used the first request finds out, or Idle does.
func (t *table) sweep() {
	now := t.loop.Now()
	for _, l := range []*list.List{&t.strangers, &t.trusted} {
		for at := l.Front(); at != nil && t.ended(at.Value.(*entry), now); at = l.Front() {
		}
	}
}
