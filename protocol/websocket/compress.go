package websocket

import (
	"github.com/klauspost/compress/flate"
)

// compressors make what a message becomes: the same ones for all connections of
// a pool, because what the next message refers to is in the connection's tail.
//
// A message of some KiB, and all that is shorter, is compressed with the tail
// as its dictionary: that is where context pays. A longer one stands alone, in a
// window of the right size.
type compressors struct {
	windowed [maxWindowBits + 1]*flate.Writer
	out      written
}

// written is what was written.
type written []byte

func (w *written) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// deflate compresses p, which is not empty, with d; the result is good until
// the next call.
//
// "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
// https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1
func (s *compressors) deflate(d *deflation, p []byte) []byte {
	if cap(s.out) > maxPooledBytes {
		s.out = nil
	}
	s.out = s.out[:0]
	var err error
	// Tail and message together fit the window, so that no distance is beyond it.
	if len(p) <= min(maxStatelessBytes, 1<<d.out.bits/2) {
		err = flate.StatelessDeflate(&s.out, p, false, d.out.tail)
	} else {
		w := s.windowed[d.out.bits]
		if w == nil {
			if w, err = flate.NewWriterWindow(nil, 1<<d.out.bits); err != nil {
				panic("websocket: internal error: " + err.Error())
			}
			s.windowed[d.out.bits] = w
		}
		w.Reset(&s.out)
		if _, err = w.Write(p); err == nil {
			err = w.Flush()
		}
	}
	if err != nil || len(s.out) < len(flushed) {
		return p // what only grows is not sent
	}
	return s.out[:len(s.out)-len(flushed)]
}

// flushed is what a flush ends with.
const flushed = "\x00\x00\xff\xff"
