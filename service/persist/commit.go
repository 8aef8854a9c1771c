package persist

import (
	"context"
	"fmt"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

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
	size := l.growth(len(b))
	deferred.Go(l.m.loop, func(context.Context) (struct{}, error) {
		if size > 0 {
			grow(file, size)
		}
		_, err := file.Write(b)
		if err == nil {
			err = file.Sync()
		}
		return struct{}{}, err
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			// What the file holds now is unknown, and a second Sync would not
			// say: it is given up.
			l.drop()
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
	l.leave() // all that it has is in the base
	b, err := l.encodeBase()
	if err != nil {
		l.based(nil, 0, 0, err)
		return
	}
	segment := segmentWord(l.number, word(l.m.loop))
	s := &newSegment{
		fsys: l.m.fsys, dir: l.m.dir(), program: l.m.config.Name, journal: l.name,
		name: segmentName(l.m.config.Name, l.name, segment), temporary: l.m.temporary(),
		number: l.number, bytes: b, removes: !l.damaged,
	}
	deferred.Go(l.m.loop, s.write).Done(func(f twistor.File, err error) {
		l.based(f, segmentKey(segment), len(b), err)
	})
}

// drop gives the open segment up, if there is one: it is closed as it is.
func (l *ledger) drop() {
	if file := l.file; file != nil {
		l.file = nil
		deferred.Go(l.m.loop, closed(file)).Done(nil)
	}
}

// leave closes the open segment, if there is one, without the room behind it.
func (l *ledger) leave() {
	if file := l.file; file != nil {
		l.file = nil
		deferred.Go(l.m.loop, cut(file, l.end(), l.ahead)).Done(nil)
	}
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
	l.file, l.key, l.baseBytes, l.bytes, l.ahead = f, key, int64(n), 0, 0
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
