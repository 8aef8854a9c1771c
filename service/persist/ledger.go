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
	gathering pending
	writing   pending
	busy      bool
	stale     bool // a new base is wanted, though the file is whole
	damaged   bool // older segments are still to be put aside, and stay
	closing   bool
	abandoned bool  // nobody waits for close
	failures  int   // in a row
	err       error // the last of them
	flushing  deferred.Timer
	retrying  deferred.Timer
	idle      []*deferred.Signal
}

// pending are changes that are not durable yet.
type pending struct {
	text    []byte // room for the batch's line, then the changes
	first   uint64 // sequence of the first
	waiting []*deferred.Signal
}

func (p *pending) Write(b []byte) (int, error) {
	p.text = append(p.text, b...)
	return len(b), nil
}

func (p *pending) reset() {
	clear(p.waiting)
	p.waiting = p.waiting[:0]
	p.text = p.text[:0]
	if cap(p.text) > spareBytes {
		p.text = nil
	}
}

// cut takes back what was written after start.
func (p *pending) cut(start int) {
	if p.text = p.text[:start]; len(p.waiting) == 0 {
		p.text = p.text[:0]
	}
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

// abandon ends a ledger that nobody waits for any more. The segment is closed
// when it is not being written, now or later.
func (l *ledger) abandon() {
	l.closing, l.abandoned = true, true
	l.flushing.Stop()
	l.retrying.Stop()
	if file := l.file; file != nil && !l.busy {
		l.file = nil
		deferred.Go(l.m.loop, func(context.Context) (struct{}, error) { return struct{}{}, file.Close() }).Done(nil)
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

// compact has a new base written.
func (l *ledger) compact() {
	if !l.closing {
		l.stale = true
		l.flush()
	}
}

// flush writes what waits, if nothing is being written.
func (l *ledger) flush() {
	n := int64(len(l.gathering.text))
	switch {
	case l.busy:
	case l.file == nil, l.stale, n > 0 && l.bytes+n > l.most():
		l.writeBase()
	case n > 0:
		l.writeBatch()
	}
}

// most is how many bytes of batches the open segment may have.
func (l *ledger) most() int64 {
	return min(max(int64(l.compactBytes), l.baseBytes), maxFileBytes-l.baseBytes)
}

// take makes the changes that gathered those that are being written.
func (l *ledger) take() {
	l.busy = true
	l.flushing.Stop()
	l.retrying.Stop()
	l.writing, l.gathering = l.gathering, l.writing
}

func (l *ledger) writeBatch() {
	l.take()
	b, file := l.writing.text, l.file
	sealBatch(b, l.key, l.writing.first, l.version)
	deferred.Go(l.m.loop, func(context.Context) (struct{}, error) {
		_, err := file.Write(b)
		if err == nil {
			err = file.Sync()
		}
		if err != nil {
			// What the file holds now is unknown, and a second Sync would not
			// say: it is given up.
			file.Close()
		}
		return struct{}{}, err
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			l.file = nil
		}
		l.bytes += int64(len(b))
		l.wrote(err)
	})
}

// writeBase writes a new segment. Its base has all changes that were applied, so
// they are durable when it is.
func (l *ledger) writeBase() {
	l.take()
	l.number++
	b, err := l.encodeBase()
	if err != nil {
		l.based(nil, 0, 0, err)
		return
	}
	word := fmt.Sprintf("%016x-%s", l.number, word(l.m.loop)[:8])
	s := &newSegment{
		fsys: l.m.fsys, dir: l.m.dir(), program: l.m.config.Name, journal: l.name,
		name: l.m.config.Name + "." + fileWord(l.name) + "." + word + segmentSuffix, temporary: l.m.temporary(),
		number: l.number, bytes: b, before: l.file, removes: !l.damaged,
	}
	deferred.Go(l.m.loop, s.write).Done(func(f twistor.File, err error) {
		l.based(f, segmentKey(word), len(b), err)
	})
}

func (l *ledger) encodeBase() ([]byte, error) {
	state, err := l.encode()
	if err != nil {
		return nil, err
	}
	b, err := (&base{l.name, l.sequence, l.version, state}).encode()
	if most := maxFileBytes - 2*l.maxWaitingBytes; err == nil && len(b) > most {
		err = fmt.Errorf("persist: journal %q: %w: a state of %d bytes, want up to %d", l.name, ErrTooLarge, len(b), most)
	}
	return b, err
}

// based is called when a base is written, or could not be. Changes go on into
// the new segment; after a failure into none, until the next try.
func (l *ledger) based(f twistor.File, key uint32, n int, err error) {
	l.file, l.key, l.baseBytes, l.bytes = f, key, int64(n), 0
	l.stale = false
	l.wrote(err)
}

// wrote is called when a batch or a base is durable, or could not be made so.
func (l *ledger) wrote(err error) {
	switch {
	case err != nil:
		l.failed(err)
		err = fmt.Errorf("%w: %w", ErrUncertain, err)
	case l.failures > 0:
		l.failures, l.err = 0, nil
		l.m.loop.Log().Info("persist: the journal can be written again", "journal", l.name)
	}
	for _, d := range l.writing.waiting {
		fire(d, err)
	}
	l.writing.reset()
	l.busy = false
	// What came meanwhile is written when this turn is over: those who heard
	// that their change is durable may add the next one to the same batch.
	switch {
	case len(l.gathering.waiting) > 0 && l.failures < l.maxFailures, l.stale && l.failures == 0:
		l.flushing.Reset(0)
	case l.failures > 0 && !l.closing:
		l.retrying.Reset(min(firstRetry<<min(l.failures-1, 20), lastRetry))
	}
	for _, d := range l.idle {
		d.Succeed(struct{}{})
	}
	l.idle = l.idle[:0]
	if l.abandoned {
		l.abandon()
	}
}

// failed gives the open segment up: nobody knows what it holds now. The state in
// memory is what counts, and the next base has it.
func (l *ledger) failed(err error) {
	l.failures++
	l.err = err
	if l.failures == 1 {
		l.m.loop.Log().Error("persist: a journal cannot be written", "journal", l.name, "err", err)
	}
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
			l.abandon()
			return err
		}
	}
	l.flushing.Stop()
	if l.file == nil {
		return fmt.Errorf("persist: journal %q: %w", l.name, l.err)
	}
	file := l.file
	l.file = nil
	_, err := deferred.Go(l.m.loop, func(context.Context) (struct{}, error) { return struct{}{}, file.Close() }).Await(co)
	return err
}
