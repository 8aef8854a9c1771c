package compress

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

const (
	// DefaultMaxBytes is how much a body may become.
	DefaultMaxBytes = 10 << 20
	// DefaultMaxRatio is how many times what came a body may become.
	DefaultMaxRatio = 100

	// ratioFrom is from how much on the ratio counts: empty pages compress well.
	ratioFrom = 1 << 20
	// maxCodings is how many codings may lie on each other.
	maxCodings = 2
	// maxWindow is what a zstd stream may have us remember: RFC 9659 allows
	// no more in HTTP. https://www.rfc-editor.org/rfc/rfc9659#section-3
	maxWindow = 8 << 20
	// yieldEvery is after how much others have their turn.
	yieldEvery = 256 << 10
)

// ErrTooLarge: a body becomes larger than its Decoder allows. It is an
// *web.Error of 413.
var ErrTooLarge error = &web.Error{Status: 413, Public: "the body is too large when it is decompressed"}

// A Decoder reads compressed bodies. Its zero is ready. Immutable after first
// use.
type Decoder struct {
	// MaxBytes is how much a body may become. 0: 10 MiB; negative: no limit
	// but the ratio's.
	MaxBytes int64
	// MaxRatio is how many times what came a body may become, beyond 1 MiB. 0:
	// 100; negative: any.
	MaxRatio int64
}

// Reader reads body as it was before the codings that h names: gzip, zstd and
// deflate. Without any it reads it as it is, with MaxBytes. Other codings are
// an *web.Error of 415 (Unsupported Media Type), more than the limits is ErrTooLarge,
// found when it is reached, and what breaks a coding an *web.Error of 400. It reads on the
// coroutine co, and lets others have their turn between.
func (d *Decoder) Reader(co *deferred.Co, h *web.Header, body *web.Body) (io.Reader, error) {
	raw := &counted{r: body.Reader(co)}
	b := &bounded{co: co, raw: raw, r: raw, maxBytes: d.MaxBytes, maxRatio: d.MaxRatio}
	if b.maxBytes == 0 {
		b.maxBytes = DefaultMaxBytes
	}
	if b.maxRatio == 0 {
		b.maxRatio = DefaultMaxRatio
	}
	applied, err := applied(h)
	if err != nil {
		return nil, err
	}
	for _, undo := range slices.Backward(applied) {
		if b.r, err = undo(b.r); err != nil {
			return nil, broken(err)
		}
	}
	return b, nil
}

// applied are the Decoders of the codings that h names, in their order.
// https://www.rfc-editor.org/rfc/rfc9110#section-8.4
func applied(h *web.Header) (undo []web.Decoder, err error) {
	for _, list := range h.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(list, ",") {
			var d web.Decoder
			switch coding = strings.ToLower(strings.Trim(coding, " \t")); coding {
			case "", "identity":
				continue
			case "gzip", "x-gzip":
				d = func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
			case "deflate":
				d = func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
			case "zstd":
				d = Zstd
			default:
				return nil, &web.Error{Status: 415, Public: "the coding of the body is not known", Err: fmt.Errorf("content coding %.40q: want gzip, zstd or deflate", coding)}
			}
			if undo = append(undo, d); len(undo) > maxCodings {
				return nil, &web.Error{Status: 415, Public: "too many codings lie on each other"}
			}
		}
	}
	return undo, nil
}

// Zstd undoes zstd: it is for web.Client.Decoders. It looks back 8 MiB at most,
// works where it is read, and starts no goroutine.
func Zstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
}

var _ web.Decoder = Zstd

// A bounded reads what was decoded, as long as it keeps its measure.
type bounded struct {
	co                 *deferred.Co
	raw                *counted
	r                  io.Reader
	maxBytes, maxRatio int64
	n, yielded         int64
	err                error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.n-b.yielded > yieldEvery {
		b.yielded = b.n
		if b.err = b.co.Yield(); b.err != nil {
			return 0, b.err
		}
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	switch {
	case b.maxBytes >= 0 && b.n > b.maxBytes, b.maxRatio >= 0 && b.n > ratioFrom && b.n > b.maxRatio*b.raw.n:
		n, b.err = 0, ErrTooLarge
	case err == io.EOF:
		b.err = io.EOF
	case err != nil:
		b.err = broken(err)
	}
	return n, b.err
}

// broken says whose fault it is: the body's, unless reading it failed.
func broken(err error) error {
	if _, ok := errors.AsType[*web.Error](err); ok || errors.Is(err, deferred.ErrCanceled) || errors.Is(err, web.ErrEnded) {
		return err
	}
	return &web.Error{Status: 400, Public: "the body does not decompress", Err: err}
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
