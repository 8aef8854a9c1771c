package web

import (
	"context"
	"io"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A stream of HTTP/2 cannot send a file as it is: its bytes go into frames, as
// the windows allow. They are read on the pool, a piece at a time.
const (
	filePiece  = 32 << 10
	keptPieces = 32
	maxBehind  = 1 << 20 // bytes that may be written behind a file
)

// file queues s among the writes.
func (e *h2exchange) file(s *io.SectionReader) *deferred.Deferred[int64] {
	l := e.conn.t.Loop()
	if e.stream == nil {
		return deferred.Failed[int64](l, ErrEnded)
	}
	done := deferred.New[int64](l)
	e.files = append(e.files, fileOut{s: s, done: done})
	if len(e.files) == 1 {
		e.nextPiece()
	}
	return done
}

// behind queues bytes that come after a file.
func (e *h2exchange) behind(p []byte) error {
	n := len(p)
	for i := range e.files {
		n += len(e.files[i].p)
	}
	if n > maxBehind {
		return twistor.ErrOverflow
	}
	e.files = append(e.files, fileOut{p: p})
	return nil
}

// endBehind ends the answer after the last file.
func (e *h2exchange) endBehind(trailer *Header) {
	last := &e.files[len(e.files)-1]
	last.end = true
	if trailer != nil {
		last.trailer = new(Header)
		last.trailer.CopyFrom(trailer)
	}
}

// nextPiece goes on with what is first in files, as far as the client takes it.
func (e *h2exchange) nextPiece() {
	for len(e.files) > 0 && e.stream != nil {
		f := &e.files[0]
		if f.s == nil {
			if err := e.conn.h2.SendShared(e.stream, f.p, false); err != nil {
				e.loseFiles()
				return
			}
			e.fileSent()
			continue
		}
		if f.sent == f.s.Size() {
			e.fileSent()
			continue
		}
		if !e.conn.h2.Full(e.stream) {
			e.readPiece(f)
		}
		return
	}
}

// readPiece reads on the pool, and comes back.
func (e *h2exchange) readPiece(f *fileOut) {
	shared := e.conn.s.http2()
	var buf []byte
	if n := len(shared.pieces); n > 0 {
		buf, shared.pieces = shared.pieces[n-1], shared.pieces[:n-1]
	} else {
		buf = make([]byte, filePiece)
	}
	s, off := f.s, f.sent
	stream := e.stream
	piece := buf[:min(int64(filePiece), s.Size()-off)]
	read := deferred.Go(e.conn.t.Loop(), func(context.Context) (int, error) { return s.ReadAt(piece, off) })
	read.Done(func(n int, err error) {
		if len(shared.pieces) < keptPieces {
			defer func() { shared.pieces = append(shared.pieces, buf) }()
		}
		if e.stream != stream || len(e.files) == 0 || e.files[0].s != s {
			return // the client has gone
		}
		if n < len(piece) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF // it has become shorter
			}
			e.files[0].done.Fail(err)
			e.abort(err)
			return
		}
		if err := e.conn.h2.SendData(stream, piece, false); err != nil {
			e.loseFiles()
			return
		}
		e.files[0].sent += int64(n)
		e.nextPiece()
	})
}

// fileSent takes the first of files out, and ends the answer if that was its
// last.
func (e *h2exchange) fileSent() {
	f := e.files[0]
	copy(e.files, e.files[1:])
	e.files[len(e.files)-1] = fileOut{}
	e.files = e.files[:len(e.files)-1]
	if f.end {
		e.conn.h2.SendTrailer(e.stream, f.trailer)
		if e.tunnel == nil || e.tunnel.closing {
			e.release()
		}
	}
	if f.done != nil {
		f.done.Succeed(f.sent)
	}
	if len(e.files) == 0 && e.stream != nil {
		e.drained()
	}
}

// loseFiles ends what is on its way when the answer is cut.
func (e *h2exchange) loseFiles() {
	files := e.files
	e.files = nil
	for _, f := range files {
		if f.done != nil {
			f.done.Fail(ErrEnded)
		}
	}
	e.release()
}
