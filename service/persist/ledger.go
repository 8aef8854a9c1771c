package persist

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Defaults and bounds of a Journal.
const (
	// DefaultCompactBytes is how many bytes of changes follow a base before a
	// new one is written.
	DefaultCompactBytes = 4 << 20
	// DefaultMaxWaiting is how many changes may wait to become durable.
	DefaultMaxWaiting = 65_536
	// DefaultMaxWaitingBytes is how many bytes of them.
	DefaultMaxWaitingBytes = 16 << 20
	// DefaultMaxFailures is after how many failures in a row changes are
	// refused.
	DefaultMaxFailures = 3

	// A failed disk is tried again after firstRetry, then after twice as long
	// each time, up to lastRetry.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 30 * time.Second

	// spareBytes is how large a buffer may be to be kept for the next batch.
	spareBytes = 1 << 20
)

// A ledger is the part of a Journal that does not know its types: it writes
// batches and bases, one at a time. While one is being written the next batch
// gathers, so that all changes that come meanwhile share one sync.
type ledger struct {
	m       *memory
	name    string
	version int
	encode  func() (json.RawMessage, error) // the state now

	compactBytes, maxWaitingBytes int
	maxWaiting, maxFailures       int

	// Owned by the loop, but for file and its segment while busy.
	sequence  uint64 // of the last change that was applied
	file      twistor.File
	key       uint32 // of the open segment
	number    uint64 // of the last segment that was tried
	baseBytes int64  // of the open segment
	bytes     int64  // of its batches
	ahead     int64  // the size that it was grown to; 0: it was not
	gathering pending
	writing   pending
	busy      bool
	stale     bool // a new base is wanted, though the file is whole
	damaged   bool // older segments are still to be put aside, and stay
	closing   bool
	abandoned bool  // it could not be opened
	failures  int   // in a row
	err       error // the last of them
	flushing  deferred.Timer
	retrying  deferred.Timer
	idle      []*deferred.Signal
}

// open begins after what was recovered: with a new base, because what could be
// read from the last segment need not be durable, and its end may be torn.
func (l *ledger) open(co *deferred.Co, r *recovery) error {
	l.sequence, l.number = r.end, r.number
	l.flushing = l.m.loop.CallLater(0, l.flush)
	l.retrying = l.m.loop.CallLater(0, l.flush)
	l.flushing.Stop()
	l.retrying.Stop()
	ready := deferred.New[struct{}](l.m.loop)
	l.gathering.waiting = append(l.gathering.waiting, ready)
	l.writeBase()
	_, err := ready.Await(co)
	if err == nil && l.damaged {
		// Only now: until then the damaged segments may be all there is.
		l.damaged = false
		fsys, now := l.m.fsys, l.m.loop.Now()
		_, err = deferred.Go(l.m.loop, func(context.Context) (struct{}, error) { return struct{}{}, r.putAside(fsys, now) }).Await(co)
	}
	if err != nil {
		l.abandon()
	}
	return err
}

// abandon ends a ledger that could not be opened. Its segment is closed when it
// is not being written, now or later.
func (l *ledger) abandon() {
	l.closing, l.abandoned = true, true
	l.flushing.Stop()
	l.retrying.Stop()
	if !l.busy {
		l.drop()
	}
}

// admit says whether a change may be made now.
func (l *ledger) admit() error {
	switch {
	case l == nil || l.closing:
		return ErrClosed
	case l.failures >= l.maxFailures:
		return fmt.Errorf("%w: %w", ErrFailing, l.err)
	case len(l.gathering.waiting) >= l.maxWaiting || len(l.gathering.text) >= l.maxWaitingBytes:
		return ErrFull
	}
	return nil
}

// room makes room for the line of a batch before its first change.
func (l *ledger) room() {
	if len(l.gathering.text) == 0 {
		var line [batchLineBytes]byte
		l.gathering.text = append(l.gathering.text, line[:]...)
		l.gathering.first = l.sequence + 1
	}
}

// checkChange checks the change that was written at start: what is written must
// be readable.
func (l *ledger) checkChange(start int) error {
	text := l.gathering.text[start:]
	if len(text) > l.maxWaitingBytes {
		return fmt.Errorf("%w: a change of %d bytes, want up to %d", ErrTooLarge, len(text), l.maxWaitingBytes)
	}
	return checkDepth("change", text)
}

// added counts the change that was written into room, and applied.
func (l *ledger) added() *deferred.Signal {
	l.sequence++
	d := deferred.New[struct{}](l.m.loop)
	l.gathering.waiting = append(l.gathering.waiting, d)
	if !l.busy && len(l.gathering.waiting) == 1 {
		l.flushing.Reset(0) // when this turn is over, with all that it brings
	}
	return d
}

// close writes what waits, and what could not be written before once more, and
// closes the segment.
func (l *ledger) close(co *deferred.Co) error {
	l.closing = true
	l.retrying.Stop()
	tried := false
	for l.busy || len(l.gathering.waiting) > 0 || l.file == nil && !tried {
		if !l.busy {
			tried = tried || l.file == nil
			l.flush()
		}
		if !l.busy {
			continue
		}
		idle := deferred.New[struct{}](l.m.loop)
		l.idle = append(l.idle, idle)
		if _, err := idle.Await(co); err != nil {
			return err
		}
	}
	l.flushing.Stop()
	if l.file == nil {
		return fmt.Errorf("persist: journal %q: %w", l.name, l.err)
	}
	file := l.file
	l.file = nil
	_, err := deferred.Go(l.m.loop, cut(file, l.end(), l.ahead)).Await(co)
	return err
}

// closed closes a file on the pool.
func closed(file twistor.File) func(context.Context) (struct{}, error) {
	return func(context.Context) (struct{}, error) { return struct{}{}, file.Close() }
}
