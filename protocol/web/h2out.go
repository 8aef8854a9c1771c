package web

import (
	"context"
	"errors"
	"io"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// A stream of HTTP/2 cannot send a file as it is: its bytes go into frames, as
// the windows allow. They are read on the pool, a piece at a time.
const (
	filePiece  = 32 << 10
	keptPieces = 32
	maxBehind  = 1 << 20 // bytes that may be written behind a file
)

// h2shared is what the HTTP/2 connections of a Server, or a Client, share.
type h2shared struct {
	pool   h2.Pool
	config h2.Config
	spare  []*h2exchange
	pieces [][]byte // of files on their way; each of filePiece
}

func (s *h2shared) piece() []byte {
	n := len(s.pieces)
	if n == 0 {
		return make([]byte, filePiece)
	}
	p := s.pieces[n-1]
	s.pieces = s.pieces[:n-1]
	return p
}

func (s *h2shared) givePiece(p []byte) {
	if len(s.pieces) < keptPieces {
		s.pieces = append(s.pieces, p)
	}
}

// An h2out is what leaves on a stream, of a server's answer or a client's
// request: bytes, and files among them.
type h2out struct {
	h2     *h2.Conn
	stream *h2.Stream // nil: it is over
	loop   twistor.Loop
	memory *h2shared
	files  []fileOut // on their way, and what was written behind them
	owner  h2owner
}

// An h2owner hears of its h2out.
type h2owner interface {
	relieved()     // no longer full
	filesEnded()   // the end, which was behind a file, has been sent
	cut(err error) // a file could not be read
}

// A fileOut is a file on its way, or bytes that were written behind one.
type fileOut struct {
	s       *io.SectionReader // nil: bytes
	p       []byte            // then
	sent    int64
	done    *deferred.Deferred[int64]
	end     bool // after it comes the end
	trailer *Header
}

func (o *h2out) full() bool {
	return o.stream != nil && (len(o.files) > 0 || o.h2.Full(o.stream))
}

// buffered is what has not left, of the connection t and of the stream.
func (o *h2out) buffered(t twistor.Transport) int {
	n := t.Buffered()
	if o.stream != nil {
		n += o.h2.Buffered(o.stream)
	}
	return n
}

// send sends p: a copy of it, or itself.
func (o *h2out) send(p []byte, shared bool) error {
	switch {
	case o.stream == nil:
		return ErrEnded
	case len(o.files) > 0 && shared:
		return o.behind(p)
	case len(o.files) > 0:
		return o.behind(append([]byte(nil), p...))
	case shared:
		return overflown(o.h2.SendShared(o.stream, p, false))
	}
	return overflown(o.h2.SendData(o.stream, p, false))
}

// overflown says in the words of a Transport what the engine refused.
func overflown(err error) error {
	if errors.Is(err, h2.ErrOverflow) {
		return twistor.ErrOverflow
	}
	return err
}

// finish ends what leaves.
func (o *h2out) finish(trailer *Header) error {
	if o.stream == nil {
		return ErrEnded
	}
	if len(o.files) == 0 {
		return o.h2.SendTrailer(o.stream, trailer)
	}
	last := &o.files[len(o.files)-1]
	last.end = true
	if trailer != nil {
		last.trailer = new(Header)
		last.trailer.CopyFrom(trailer)
	}
	return nil
}

// release lets go of the stream.
func (o *h2out) release() {
	if s := o.stream; s != nil {
		o.stream = nil
		o.h2.Release(s)
	}
}

// file queues s among the writes.
func (o *h2out) file(s *io.SectionReader) *deferred.Deferred[int64] {
	if o.stream == nil {
		return deferred.Failed[int64](o.loop, ErrEnded)
	}
	done := deferred.New[int64](o.loop)
	o.files = append(o.files, fileOut{s: s, done: done})
	if len(o.files) == 1 {
		o.nextPiece()
	}
	return done
}

// behind queues bytes that come after a file.
func (o *h2out) behind(p []byte) error {
	n := len(p)
	for i := range o.files {
		n += len(o.files[i].p)
	}
	if n > maxBehind {
		return twistor.ErrOverflow
	}
	o.files = append(o.files, fileOut{p: p})
	return nil
}

// drained hears that the stream takes more.
func (o *h2out) drained() {
	if len(o.files) > 0 {
		o.nextPiece()
		return
	}
	o.owner.relieved()
}

// nextPiece goes on with what is first in files, as far as the peer takes it.
func (o *h2out) nextPiece() {
	for len(o.files) > 0 && o.stream != nil {
		f := &o.files[0]
		switch {
		case f.s == nil:
			if err := o.h2.SendShared(o.stream, f.p, false); err != nil {
				o.loseFiles()
				return
			}
		case f.sent < f.s.Size():
			if !o.h2.Full(o.stream) {
				o.readPiece(f)
			}
			return
		}
		o.fileSent()
	}
}

// readPiece reads on the pool, and comes back.
func (o *h2out) readPiece(f *fileOut) {
	s, off, stream, shared := f.s, f.sent, o.stream, o.memory
	buf := shared.piece()
	piece := buf[:min(filePiece, s.Size()-off)]
	read := deferred.Go(o.loop, func(context.Context) (int, error) { return s.ReadAt(piece, off) })
	read.Done(func(n int, err error) {
		defer shared.givePiece(buf)
		if o.stream != stream || len(o.files) == 0 || o.files[0].s != s {
			return // the peer has gone
		}
		if n < len(piece) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF // it has become shorter
			}
			o.files[0].done.Fail(err)
			o.owner.cut(err)
			return
		}
		if err := o.h2.SendData(stream, piece, false); err != nil {
			o.loseFiles()
			return
		}
		o.files[0].sent += int64(n)
		o.nextPiece()
	})
}

// fileSent takes the first of files out, and ends all if that was the last.
func (o *h2out) fileSent() {
	f := o.files[0]
	copy(o.files, o.files[1:])
	o.files[len(o.files)-1] = fileOut{}
	o.files = o.files[:len(o.files)-1]
	if f.end {
		o.h2.SendTrailer(o.stream, f.trailer)
		o.owner.filesEnded()
	}
	if f.done != nil {
		f.done.Succeed(f.sent)
	}
	if len(o.files) == 0 && o.stream != nil {
		o.owner.relieved()
	}
}

// loseFiles ends what is on its way when all is cut.
func (o *h2out) loseFiles() {
	files := o.files
	o.files = nil
	o.release()
	for _, f := range files {
		if f.done != nil {
			f.done.Fail(ErrEnded)
		}
	}
}
