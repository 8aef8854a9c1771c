package tlslayer

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

const (
	pieceBytes     = 64 << 10 // of a file, in memory at a time
	maxFilesQueued = 1024     // then SendFile fails
)

var errManyFiles = fmt.Errorf("tlslayer: %d files are queued: want fewer at a time", maxFilesQueued)

// A queue has what cannot be encrypted yet: everything before the handshake is
// done, and everything from a file on, until that is sent. Loop-only.
type queue struct {
	layer *layer
	items []item
	bytes int // of writes
	files int
	busy  bool // send is running
	err   error

	linger twistor.Timer // since Close
}

// An item is a run of writes, or a file.
type item struct {
	text []byte
	file *file
}

// A file is one that is being sent.
type file struct {
	queue     *queue
	section   *io.SectionReader
	sent      int64
	piece     []byte
	reading   bool // the pool has piece
	cancelled bool
	short     bool // the file is shorter than it was
	done      *deferred.Deferred[int64]
}

// write queues a copy of p.
func (q *queue) write(p []byte) {
	if n := len(q.items); n == 0 || q.items[n-1].file != nil {
		q.items = append(q.items, item{})
	}
	last := &q.items[len(q.items)-1]
	last.text = append(last.text, p...)
	q.bytes += len(p)
}

// file queues s.
func (q *queue) file(s *io.SectionReader) *deferred.Deferred[int64] {
	l := q.layer.Loop()
	if q.files >= maxFilesQueued {
		return deferred.Failed[int64](l, errManyFiles)
	}
	f := &file{queue: q, section: s, done: deferred.New[int64](l)}
	f.done.OnCancel(func() {
		f.cancelled = true
		q.layer.send()
	})
	q.items = append(q.items, item{file: f})
	q.files++
	q.layer.send()
	return f.done
}

// fail ends every file with err. One that is being read on the pool ends after
// that, because until its Deferred fires it must stay open.
func (q *queue) fail(err error) {
	items := q.items
	q.items, q.bytes, q.err = nil, 0, err
	q.layer.queue = nil
	q.linger.Stop()
	for _, it := range items {
		if it.file != nil && !it.file.reading {
			q.layer.gate.after(func() { it.file.done.Fail(err) })
		}
	}
}

// send sends what of the queue can be sent now, and then what waited for its
// end.
func (c *layer) send() {
	q := c.queue
	if q == nil || q.busy || c.shake != nil {
		return
	}
	q.busy = true
	for len(q.items) > 0 && q.next() {
	}
	q.busy = false
	if q.err != nil || len(q.items) > 0 {
		return
	}
	c.queue = nil
	q.linger.Stop()
	switch {
	case c.closing:
		c.finish()
	case c.shut:
		c.seal()
	default:
		c.gate.soon(c) // Drained may be due
	}
}

// next sends the first item, and reports whether it is gone.
func (q *queue) next() bool {
	it, f := q.items[0], q.items[0].file
	switch {
	case f == nil:
		q.pop()
		q.bytes -= len(it.text)
		q.layer.encrypt(it.text)
		return true
	case f.reading:
		return false
	case f.cancelled, f.short, f.sent == f.section.Size():
		q.pop()
		q.layer.gate.after(func() { f.done.Succeed(f.sent) })
		return true
	}
	if !q.layer.below.Full() {
		f.read()
	}
	return false
}

func (q *queue) pop() {
	if q.items[0].file != nil {
		q.files--
	}
	q.items = slices.Delete(q.items, 0, 1)
}

// read reads the next piece on the pool, and sends it.
func (f *file) read() {
	c := f.queue.layer
	f.reading = true
	if f.piece == nil {
		f.piece = make([]byte, min(pieceBytes, f.section.Size()))
	}
	p := f.piece[:min(int64(len(f.piece)), f.section.Size()-f.sent)]
	at := f.sent
	read := deferred.Go(c.Loop(), func(context.Context) (int, error) {
		n, err := f.section.ReadAt(p, at)
		if err == io.EOF {
			err = nil
		}
		return n, err
	})
	read.Done(func(n int, err error) {
		f.reading = false
		f.got(p[:n], err)
	})
}

// got sends a piece.
func (f *file) got(p []byte, err error) {
	q := f.queue
	switch {
	case q.err != nil:
		f.done.Fail(q.err)
		return
	case err != nil:
		q.layer.abort(err) // the peer must not take half a file for a whole one
		return
	}
	f.short = len(p) == 0
	if !f.cancelled && !f.short {
		q.layer.encrypt(p)
		f.sent += int64(len(p))
		if !q.linger.When().IsZero() {
			q.linger.Reset(q.layer.linger)
		}
	}
	q.layer.send()
}
