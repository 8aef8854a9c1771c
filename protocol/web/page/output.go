package page

import (
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// An output gathers what a page writes in many small pieces, and waits for the
// client. Nothing leaves before it must, so that a failure can still become an
// error page.
type output struct {
	co   *deferred.Co
	w    *web.ResponseWriter
	buf  []byte
	turn int                      // bytes since others had their turn
	wait func(func() error) error // nil: nothing is to be done around waiting
	err  error
}

// Write keeps p; a piece that is whole is sent.
func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	o.buf = append(o.buf, p...)
	if len(o.buf) >= pieceBytes {
		o.err = o.send()
	}
	return len(p), o.err
}

// send gives what is kept to the answer.
func (o *output) send() error {
	if len(o.buf) == 0 {
		return nil
	}
	o.turn += len(o.buf)
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	if err != nil {
		return err
	}
	switch {
	case o.w.Full():
		err = o.around(func() error {
			_, err := o.w.Ready().Await(o.co)
			return err
		})
		o.turn = 0
	case o.turn >= turnBytes:
		err = o.around(o.co.Yield)
		o.turn = 0
	}
	return err
}

func (o *output) around(f func() error) error {
	if o.wait == nil {
		return f()
	}
	return o.wait(f)
}

// flush sends all of it, now.
func (o *output) flush() error {
	if o.err == nil {
		o.err = o.send()
	}
	if o.err == nil {
		o.err = o.w.Flush()
	}
	return o.err
}

// finish gives the last piece to the answer, which ends it.
func (o *output) finish() error {
	if o.err != nil || len(o.buf) == 0 {
		return o.err
	}
	_, o.err = o.w.Write(o.buf)
	return o.err
}
