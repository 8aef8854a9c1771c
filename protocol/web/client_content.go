package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Content is a body to be sent. Bytes, Text, JSON, Form, Multipart, File, Reader and Stream make
// one. If it has a method ContentType() string, that is its field, unless the request says another;
// if it has Trailer() *Header, these fields are sent after it where they can be; if it has
// SendsOnce() bool, and that is true, it is not sent again for a redirect or a retry.
type Content interface {
	// Length is how many bytes it has; -1: nobody knows, and it is sent in chunks.
	Length() int64
	// Send writes it to w, on the loop l. It is complete when Send returns nil or the Signal fires;
	// the Signal is cancelled when nobody wants the rest. A Content that can be sent again, for a
	// redirect or a retry, begins anew; one that cannot fails with ErrUsed.
	Send(l twistor.Loop, w BodyWriter) *deferred.Signal
}

// A BodyWriter takes a body on its way out: a ResponseWriter is one. It may also have a method
// SendFile, as a Transport has.
type BodyWriter interface {
	// Write queues a copy of p.
	Write(p []byte) (int, error)
	// Full: the peer reads more slowly than we write; stop until Ready.
	Full() bool
	// Ready fires when more may be written.
	Ready() *deferred.Signal
}

// A fileSender is a BodyWriter that can send a file as it is.
type fileSender interface {
	SendFile(s *io.SectionReader) *deferred.Deferred[int64]
}

// piece is how much of a Content is written at once.
const piece = 32 << 10

// Bytes is p as a Content; "" is no contentType. p must not change.
func Bytes(contentType string, p []byte) Content { return &bytesContent{contentType, p} }

// Text is s as a Content of text/plain.
func Text(s string) Content { return Bytes("text/plain; charset=utf-8", []byte(s)) }

// JSON is v as a Content. What cannot be JSON fails when it is sent.
func JSON(v any) Content {
	p, err := json.Marshal(v)
	if err != nil {
		return failedContent{err}
	}
	return Bytes("application/json", p)
}

// Form is values as the fields of an HTML form, in the order of their names.
func Form(values url.Values) Content {
	return Bytes("application/x-www-form-urlencoded", []byte(values.Encode()))
}

// File is s as a Content, read as it is sent, off the loop or by the kernel itself. It stays open
// until the Request is done.
func File(contentType string, s *io.SectionReader) Content { return &fileContent{contentType, s} }

// Reader is what r has, as a Content of an unknown length. r is read off the loop, so it may block.
// It can be sent once.
func Reader(contentType string, r io.Reader) Content {
	return &readerContent{contentType: contentType, r: r, length: -1}
}

// Stream is a Content of an unknown length that f writes, as a coroutine: "for each record {
// w.Write(...) ; w.Ready().Await(co) }". It can be sent as often as f can be called.
func Stream(contentType string, f func(co *deferred.Co, w BodyWriter) error) Content {
	return &streamContent{contentType, f}
}

type bytesContent struct {
	contentType string
	p           []byte
}

func (c *bytesContent) ContentType() string { return c.contentType }
func (c *bytesContent) Length() int64       { return int64(len(c.p)) }

func (c *bytesContent) Send(l twistor.Loop, w BodyWriter) *deferred.Signal {
	if len(c.p) <= piece {
		if _, err := w.Write(c.p); err != nil {
			return deferred.Failed[struct{}](l, err)
		}
		return nil
	}
	return deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, writeAll(co, w, c.p)
	})
}

// writeAll writes p as fast as the peer reads.
func writeAll(co *deferred.Co, w BodyWriter, p []byte) error {
	for len(p) > 0 {
		n := min(len(p), piece)
		if _, err := w.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
		if w.Full() {
			if _, err := w.Ready().Await(co); err != nil {
				return err
			}
		}
	}
	return nil
}

type failedContent struct{ err error }

func (c failedContent) Length() int64 { return -1 }
func (c failedContent) Send(l twistor.Loop, _ BodyWriter) *deferred.Signal {
	return deferred.Failed[struct{}](l, c.err)
}

type fileContent struct {
	contentType string
	s           *io.SectionReader
}

func (c *fileContent) ContentType() string { return c.contentType }
func (c *fileContent) Length() int64       { return c.s.Size() }

func (c *fileContent) Send(l twistor.Loop, w BodyWriter) *deferred.Signal {
	s := io.NewSectionReader(c.s, 0, c.s.Size()) // a Content may be sent again
	if f, ok := w.(fileSender); ok {
		return deferred.Then(f.SendFile(s), func(n int64) (struct{}, error) {
			if n != s.Size() {
				return struct{}{}, io.ErrUnexpectedEOF
			}
			return struct{}{}, nil
		})
	}
	return deferred.Inline(l, func(co *deferred.Co) (struct{}, error) { return struct{}{}, copyFrom(co, w, s) })
}

type readerContent struct {
	contentType string
	r           io.Reader
	length      int64
	used        bool
}

func (c *readerContent) ContentType() string { return c.contentType }
func (c *readerContent) Length() int64       { return c.length }
func (c *readerContent) SendsOnce() bool     { return true }

func (c *readerContent) Send(l twistor.Loop, w BodyWriter) *deferred.Signal {
	if c.used {
		return deferred.Failed[struct{}](l, ErrUsed)
	}
	c.used = true
	return deferred.Inline(l, func(co *deferred.Co) (struct{}, error) { return struct{}{}, copyFrom(co, w, c.r) })
}

// copyFrom sends what r has, read on the pool, as fast as the peer takes it.
func copyFrom(co *deferred.Co, w BodyWriter, r io.Reader) error {
	for {
		// A buffer for each job: one that was cancelled may still write into its own.
		p, err := deferred.Go(co.Loop(), func(context.Context) ([]byte, error) {
			p := make([]byte, piece)
			n, err := r.Read(p)
			if errors.Is(err, io.EOF) {
				return p[:n], nil
			}
			if n == 0 && err == nil {
				err = io.ErrNoProgress
			}
			return p[:n], err
		}).Await(co)
		if len(p) > 0 {
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
		if err != nil || len(p) == 0 {
			return err
		}
		if _, err := w.Ready().Await(co); err != nil {
			return err
		}
	}
}

type streamContent struct {
	contentType string
	f           func(co *deferred.Co, w BodyWriter) error
}

func (c *streamContent) ContentType() string { return c.contentType }
func (c *streamContent) Length() int64       { return -1 }

func (c *streamContent) Send(l twistor.Loop, w BodyWriter) *deferred.Signal {
	return deferred.Inline(l, func(co *deferred.Co) (struct{}, error) { return struct{}{}, c.f(co, w) })
}

// sendsOnce says whether c cannot be sent a second time.
func sendsOnce(c Content) bool {
	o, ok := c.(interface{ SendsOnce() bool })
	return ok && o.SendsOnce()
}
