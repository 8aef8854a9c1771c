package reactor

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// Stdio gives a conversation over two files, standard input and output most
// often, a Protocol of f. The files may be of any sort, disk files too, which
// is why two goroutines read and write them and the loop does not: making them
// non-blocking would change them for the programs that share them. The files
// stay open. A read of in that waits when the conversation ends goes on
// waiting: what it reads then is lost.
func (l *loop) Stdio(in, out *os.File, f twistor.Factory) error {
	if in == nil || out == nil || f == nil {
		return errors.New("reactor: Stdio: want two files and a Factory")
	}
	if err := l.start(); err != nil {
		return err
	}
	ours, theirs, err := poll.Pair()
	if err != nil {
		return fmt.Errorf("reactor: stdio: %w", err)
	}
	h, err := l.poller.Adopt(ours, poll.Spec{Network: "unix"})
	if err != nil {
		l.poller.Drop(ours, false)
		theirs.Close()
		return err
	}
	c := &conn{l: l, h: h, limits: defaultLimits, state: local | dialed}
	c.extra().path = "stdio"
	l.register(h, c)
	l.established(c)
	wrote := make(chan struct{})
	go func() { // what the Protocol writes
		defer close(wrote)
		if _, err := io.Copy(out, theirs); err != nil {
			theirs.Close() // nobody reads it: the Protocol hears of that
		}
	}()
	go func() { // what it receives
		io.Copy(theirs, in)
		poll.EndWrite(theirs)
		<-wrote
		theirs.Close()
	}()
	l.begin(c, f)
	return nil
}
