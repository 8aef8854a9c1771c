package policy

import (
	"io"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A parcel is a part of what a throttled connection has still to send: bytes,
// or a file.
type parcel struct {
	bytes []byte

	file        *io.SectionReader
	asked, sent int64 // of file: handed to the transport below, and gone
	done        *deferred.Deferred[int64]
	over        bool // done has fired
}

// left is how many bytes have still to be sent.
func (p *parcel) left() int64 {
	if p.file == nil {
		return int64(len(p.bytes))
	}
	return p.file.Size() - p.asked
}

// append queues a copy of b.
func (w *throttled) append(b []byte) {
	w.queued += len(b)
	if n := len(w.queue); n > 0 && w.queue[n-1].file == nil {
		w.queue[n-1].bytes = append(w.queue[n-1].bytes, b...)
		return
	}
	w.queue = append(w.queue, &parcel{bytes: append([]byte(nil), b...)})
}

func (w *throttled) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	if w.passes() {
		return w.Wrapper.SendFile(s)
	}
	if err := w.mayWrite(); err != nil {
		return deferred.Failed[int64](w.Loop(), err)
	}
	p := &parcel{file: s, done: deferred.New[int64](w.Loop())}
	w.queue = append(w.queue, p)
	w.pump()
	return p.done
}

// pump sends portions until one has to wait, for leave or for the peer.
func (w *throttled) pump() {
	if w.pumping {
		return
	}
	w.pumping = true
	for len(w.queue) > 0 && !w.waits && !w.sending && !w.over && !w.Transport.Full() {
		if p := w.queue[0]; w.booked == 0 && p.left() > 0 {
			w.booked = int(min(p.left(), int64(w.out.portion())))
			if wait := w.out.take(w.Loop().Now(), w.booked); wait > 0 {
				w.wait(wait)
				break
			}
		}
		w.send(int64(w.booked))
	}
	w.pumping = false
	if len(w.queue) > 0 || w.over {
		return
	}
	switch {
	case w.closing:
		w.over = true
		w.linger.Stop()
		w.Wrapper.Close()
	case w.endWrite:
		w.Transport.CloseWrite()
	}
}

// wait goes on with pump after the time until there is leave.
func (w *throttled) wait(d time.Duration) {
	w.waits = true
	w.waiting.set(w.Loop(), d)
}

func (w *throttled) waited() {
	w.waits = false
	w.pump()
	w.drained()
}

// send hands n bytes of the first parcel to the transport below, for which
// leave was taken.
func (w *throttled) send(n int64) {
	w.booked = 0
	p := w.queue[0]
	if p.left() == n {
		w.queue[0] = nil
		if w.queue = w.queue[1:]; len(w.queue) == 0 {
			w.queue = nil
		}
	}
	if p.file == nil {
		part := p.bytes[:n]
		p.bytes = p.bytes[n:]
		w.queued -= int(n)
		w.Transport.Write(part)
		return
	}
	part := io.NewSectionReader(p.file, p.asked, n)
	p.asked += n
	w.sending = true
	w.Transport.SendFile(part).Done(func(sent int64, err error) {
		w.sending = false
		w.sent(p, sent, n, err)
		w.pump()
		w.drained()
	})
}

// sent notes that a portion of p has gone.
func (w *throttled) sent(p *parcel, sent, asked int64, err error) {
	p.sent += sent
	switch {
	case p.over:
	case err != nil:
		p.fail(err)
	case sent < asked: // the file is shorter than it was
		p.asked = p.file.Size()
		fallthrough
	case p.left() == 0 && p.sent >= p.asked:
		p.over = true
		p.done.Succeed(p.sent)
	}
	if p.over && len(w.queue) > 0 && w.queue[0] == p {
		w.queue = w.queue[1:]
	}
}

func (p *parcel) fail(why error) {
	if p.done != nil && !p.over {
		p.over = true
		p.done.Fail(why)
	}
}

// flush sends all that waits at once; leave for it is taken in advance.
func (w *throttled) flush() {
	now := w.Loop().Now()
	for len(w.queue) > 0 {
		n := w.queue[0].left()
		w.out.take(now, int(n)-w.booked)
		w.send(n)
	}
}

// drop forgets what waits.
func (w *throttled) drop(why error) {
	w.over = true
	w.holding.stop()
	w.waiting.stop()
	w.linger.Stop()
	queue := w.queue
	w.queue, w.queued, w.booked = nil, 0, 0
	for _, p := range queue {
		p.fail(why)
	}
}

var _ twistor.Sharer = (*throttled)(nil)
