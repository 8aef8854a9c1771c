package compress

import (
	"compress/gzip"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxIdle is how many encoders of a coding are kept for others; more are
	// forgotten.
	maxIdle = 8
	// windowBytes is how far back zstd looks: what it remembers it holds.
	windowBytes = 256 << 10
)

// An encoder writes a coding to out.
type encoder struct {
	w interface {
		io.WriteCloser
		Flush() error
		Reset(io.Writer)
	}
	out *sink
}

// A sink appends.
type sink []byte

func (s *sink) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

// take is an encoder of a coding, ready to begin.
func (a *Answers) take(coding int) (e encoder, err error) {
	if idle := a.idle[coding]; len(idle) > 0 {
		e = idle[len(idle)-1]
		a.idle[coding] = idle[:len(idle)-1]
		e.w.Reset(e.out)
		return e, nil
	}
	e.out = new(sink)
	if codings[coding] == "gzip" {
		level := a.GzipLevel
		if level == 0 {
			level = DefaultGzipLevel
		}
		e.w, err = gzip.NewWriterLevel(e.out, level)
		return e, err
	}
	// With a concurrency of one it works on the loop and starts no goroutine.
	e.w, err = zstd.NewWriter(e.out, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(windowBytes), zstd.WithEncoderLevel(zstd.SpeedDefault))
	return e, err
}

// give takes an encoder back, wherever it stopped.
func (a *Answers) give(coding int, e encoder) {
	*e.out = nil
	if len(a.idle[coding]) < maxIdle {
		a.idle[coding] = append(a.idle[coding], e)
	}
}
