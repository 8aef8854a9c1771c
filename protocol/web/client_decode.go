package web

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

const (
	// What an answer may become by decoding: 10 MiB, or a hundred times what came, if that is more.
	// It bounds what a small answer can make of us.
	maxDecoded      = 10 << 20
	maxDecodedRatio = 100
	// maxCodings is how many codings may lie upon each other.
	maxCodings = 4
	// decodedSlice is how much is decoded before others have their turn.
	decodedSlice = 256 << 10
)

// ErrExpands: an answer grows beyond all measure when it is decoded.
var ErrExpands = errors.New("web: the body decodes to more than 100 times its size")

// codings is what a Client accepts.
func (c *Client) codings() string {
	if c.accepts == "" {
		all := append(slices.Sorted(maps.Keys(c.Decoders)), "gzip", "deflate")
		c.accepts = strings.Join(all, ", ")
	}
	return c.accepts
}

// decoder finds the Decoder of a coding; nil: unknown.
func (c *Client) decoder(coding string) Decoder {
	coding = strings.ToLower(coding)
	if d := c.Decoders[coding]; d != nil {
		return d
	}
	switch coding {
	case "gzip", "x-gzip":
		return func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case "deflate":
		// It is the zlib format: https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.2
		return func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
	}
	return nil
}

// decodes says whether codings are ours to ask for, and to undo.
func (x *hop) decodes() bool {
	return !x.fetch.c.Raw && !x.r.Header.Has("Accept-Encoding") && !x.r.Header.Has("Range") && x.fetch.upgrade == nil
}

// decode has the body of p decoded, if we know all its codings.
func (f *fetch) decode(x *hop, p *Response) {
	if !x.decodes() || x.in.length == 0 || p.Status == 206 {
		return
	}
	var undo []Decoder
	for _, list := range p.Header.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(list, ",") {
			coding = strings.TrimSpace(coding)
			if coding == "" || strings.EqualFold(coding, "identity") {
				continue
			}
			d := f.c.decoder(coding)
			if d == nil || len(undo) == maxCodings {
				return
			}
			undo = append(undo, d)
		}
	}
	if len(undo) == 0 {
		return
	}
	slices.Reverse(undo) // they are listed as they were applied
	d := &decoding{f: f, x: x, undo: undo}
	limit := x.in.limit
	x.in.Limit(-1)
	d.out.start(f.c.Loop, d, -1, limit)
	p.Body, p.Decoded = &d.out, true
	p.Header.Del("Content-Encoding")
	p.Header.Del("Content-Length")
	f.decoding = d
}

// A decoding is a body that is decoded while it comes, on a coroutine that begins when somebody
// wants it.
type decoding struct {
	f       *fetch
	x       *hop
	undo    []Decoder
	out     Body
	running *deferred.Signal
	room    *deferred.Signal // the coroutine waits for it
	paused  bool
}

func (d *decoding) bodyWanted() {
	d.running = deferred.Inline(d.f.c.Loop, func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.run(co) })
	d.running.Done(func(_ struct{}, err error) {
		d.running = nil
		if err != nil && !d.x.over {
			d.x.drop()
			d.x.in.finish(ErrEnded, nil)
		}
		d.out.finish(d.f.wrap("body", err), d.x.in.trailer)
		if d.f.hop == d.x {
			d.f.finish()
		}
	})
}

func (d *decoding) bodyPaused() { d.paused = true }

func (d *decoding) bodyResumed() {
	d.paused = false
	if room := d.room; room != nil {
		d.room = nil
		room.Succeed(struct{}{})
	}
}

func (d *decoding) bodyConsumed(int) {}

// stop ends it because of err.
func (d *decoding) stop(err error) {
	d.out.finish(err, nil)
	d.running.Cancel()
}

// run decodes all of it.
func (d *decoding) run(co *deferred.Co) error {
	raw := &counted{r: d.x.in.Reader(co)}
	var r io.Reader = raw
	for _, undo := range d.undo {
		var err error
		if r, err = undo(r); err != nil {
			return fmt.Errorf("content coding: %w", unexpectedEnd(err))
		}
	}
	var total, yielded int64
	p := make([]byte, piece)
	for {
		n, err := r.Read(p)
		if n > 0 {
			total += int64(n)
			d.out.deliver(p[:n])
			if d.out.err != nil {
				return d.out.err
			}
			if total > max(maxDecoded, maxDecodedRatio*raw.n) {
				return ErrExpands
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			// What may follow the coding's own end is not wanted, but the body must end well.
			if n, err := io.Copy(io.Discard, io.LimitReader(raw, maxDiscard)); err != nil || n == maxDiscard {
				return errors.Join(err, io.ErrUnexpectedEOF)
			}
			return nil
		case err != nil:
			return fmt.Errorf("content coding: %w", err)
		}
		if d.paused {
			d.room = deferred.New[struct{}](co.Loop())
			if _, err := d.room.Await(co); err != nil {
				return err
			}
		}
		if total-yielded > decodedSlice {
			yielded = total
			if err := co.Yield(); err != nil {
				return err
			}
		}
	}
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
