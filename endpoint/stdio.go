package endpoint

import (
	"errors"
	"net"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A conversant is a Loop that can hold a conversation over two files: standard
// input and output. The reactor's are.
type conversant interface {
	// Stdio builds a Protocol of f over in and out.
	Stdio(in, out *os.File, f twistor.Factory) error
}

// listenStdio parses stdio:, one conversation over standard input and output.
func listenStdio(*Args) (*Listener, error) {
	return &Listener{Open: func(l twistor.Loop, f twistor.Factory) (twistor.Port, error) {
		return openStdio(l, f, os.Stdin, os.Stdout)
	}}, nil
}

func openStdio(l twistor.Loop, f twistor.Factory, in, out *os.File) (twistor.Port, error) {
	loop, ok := l.(conversant)
	if !ok {
		return nil, errors.New("this loop has no standard input and output")
	}
	if o, ok := f.(twistor.Opener); ok {
		if err := o.Opened(l); err != nil {
			return nil, err
		}
	}
	p := &stdioPort{factory: f}
	err := loop.Stdio(in, out, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		p.Transport = t
		return f.Build(t)
	}))
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// A stdioPort stands for the port that there is not: Pause and Resume are the
// conversation's own.
type stdioPort struct {
	twistor.Transport // of the one conversation
	factory           twistor.Factory
	closed            bool
}

// Addr has no address to give: it is called stdio.
func (p *stdioPort) Addr() net.Addr { return stdioAddr{} }

type stdioAddr struct{}

func (stdioAddr) Network() string { return "stdio" }
func (stdioAddr) String() string  { return "stdio" }

// Close ends the conversation: nobody else could get it, and it could not be
// had again.
func (p *stdioPort) Close() *deferred.Signal {
	if !p.closed {
		p.Transport.Close()
		p.close()
	}
	return deferred.Succeeded(struct{}{})
}

// close tells the factory that nothing more will come.
func (p *stdioPort) close() {
	p.closed = true
	if o, ok := p.factory.(twistor.Opener); ok {
		o.Closed()
	}
}
