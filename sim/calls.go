package sim

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
)

// The system calls of a simulated loop.

func (p *poller) Listen(s poll.Spec) (poll.Handle, error) {
	if p.shut {
		return 0, poll.ErrClosed
	}
	switch family(s.Network) {
	case "tcp", "unix":
		o, err := p.host.listen(s)
		if err != nil {
			return 0, err
		}
		return p.add(o, poll.In), nil
	case "udp", "unixgram":
		o, err := p.host.packets(s, false)
		if err != nil {
			return 0, err
		}
		return p.add(o, poll.In), nil
	}
	return 0, fmt.Errorf("sim: network %q: want tcp, udp, unix or unixgram: %w", s.Network, syscall.EPROTONOSUPPORT)
}

func (p *poller) Dial(s poll.Spec) (poll.Handle, error) {
	if p.shut {
		return 0, poll.ErrClosed
	}
	var o socket
	switch family(s.Network) {
	case "tcp", "unix":
		c, err := p.host.dial(s)
		if err != nil {
			return 0, err
		}
		c.byLoop()
		o = c
	case "udp", "unixgram":
		c, err := p.host.packets(s, true)
		if err != nil {
			return 0, err
		}
		o = c
	default:
		return 0, fmt.Errorf("sim: network %q: want tcp, udp, unix or unixgram: %w", s.Network, syscall.EPROTONOSUPPORT)
	}
	h := p.add(o, poll.Out)
	p.find(h).dialing = true
	return h, nil
}

// byLoop sets what every TCP connection of a loop has; see poll.Poller.
func (c *conn) byLoop() {
	c.impatient = true
	c.keepAlive = 70 * time.Second // idle 60 s, and one probe that userTimeout does not wait for
}

func (p *poller) Connected(h poll.Handle) error {
	at := p.find(h)
	if at == nil {
		return poll.ErrClosed
	}
	if c, ok := at.socket.(*conn); ok && at.dialing {
		switch {
		case !c.dialed:
			return poll.ErrAgain
		case c.err != 0:
			return c.take("connect")
		}
	}
	if at.dialing {
		at.dialing = false
		return p.Want(h, poll.In)
	}
	return nil
}

func (p *poller) Adopt(sock poll.Socket, s poll.Spec) (poll.Handle, error) {
	o, ok := sock.(socket)
	switch {
	case p.shut:
		return 0, poll.ErrClosed
	case !ok:
		return 0, fmt.Errorf("sim: adopt %T: want what Accept or Detach gave", sock)
	case o.base().host != p.host:
		return 0, errors.New("sim: adopt: a socket of another host")
	}
	return p.add(o, poll.In), nil
}

func (p *poller) Accept(h poll.Handle) (poll.Socket, poll.Addr, error) {
	at := p.find(h)
	if at == nil {
		return nil, poll.Addr{}, poll.ErrClosed
	}
	o, ok := at.socket.(*port)
	if !ok {
		return nil, poll.Addr{}, failedCall("accept4", syscall.EINVAL)
	}
	w := p.host.world
	if len(o.queue) == 0 {
		return nil, poll.Addr{}, poll.ErrAgain
	}
	if chance(w.chance, w.Net.AcceptError) {
		err := syscall.ECONNABORTED
		if list := w.Net.AcceptErrors; len(list) > 0 {
			err = list[w.chance.IntN(len(list))]
		}
		if !exhausted(err) { // it speaks of the connection, which is gone
			o.queue[0].close(true)
			o.queue = o.queue[1:]
		}
		return nil, poll.Addr{}, failedCall("accept4", err)
	}
	c := o.queue[0]
	if err := c.count(); err != nil {
		return nil, poll.Addr{}, failedCall("accept4", err)
	}
	o.queue = o.queue[1:]
	c.byLoop()
	return c, c.remote, nil
}

// exhausted reports whether an accept's errno speaks of the host, so that the
// connection still waits.
func exhausted(err syscall.Errno) bool {
	switch err {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINVAL:
		return true
	}
	return false
}

// TurnAway implements poll.Reserver: a host has one file to spare for it.
func (p *poller) TurnAway(h poll.Handle) error {
	at := p.find(h)
	if at == nil {
		return poll.ErrClosed
	}
	o, ok := at.socket.(*port)
	if !ok || len(o.queue) == 0 {
		return poll.ErrAgain
	}
	c := o.queue[0]
	o.queue = o.queue[1:]
	c.close(true)
	return nil
}

// conn finds the connection of a handle.
func (p *poller) conn(h poll.Handle) (*conn, error) {
	at := p.find(h)
	if at == nil {
		return nil, poll.ErrClosed
	}
	c, ok := at.socket.(*conn)
	if !ok {
		return nil, failedCall("read", syscall.ENOTCONN)
	}
	return c, nil
}

func (p *poller) Read(h poll.Handle, b []byte) (int, error) {
	c, err := p.conn(h)
	if err != nil {
		return 0, err
	}
	return c.read(b)
}

func (p *poller) Write(h poll.Handle, b []byte) (int, error) {
	c, err := p.conn(h)
	if err != nil {
		return 0, err
	}
	return c.write("write", b)
}

func (p *poller) Writev(h poll.Handle, b [][]byte) (int, error) {
	c, err := p.conn(h)
	if err != nil {
		return 0, err
	}
	return c.write("writev", b...)
}

func (p *poller) CloseWrite(h poll.Handle) error {
	c, err := p.conn(h)
	if err != nil {
		return err
	}
	return c.closeWrite()
}

func (p *poller) SetNoDelay(h poll.Handle, on bool) error {
	_, err := p.tcp(h, "SetNoDelay")
	return err
}

func (p *poller) SetKeepAlive(h poll.Handle, k net.KeepAliveConfig) error {
	c, err := p.tcp(h, "SetKeepAlive")
	if err != nil {
		return err
	}
	c.keepAlive = 0
	if k.Enable {
		idle, interval := k.Idle, k.Interval
		if idle <= 0 {
			idle = 60 * time.Second
		}
		if interval <= 0 {
			interval = 10 * time.Second
		}
		c.keepAlive = max(idle+interval, userTimeout)
	}
	return nil
}

func (p *poller) tcp(h poll.Handle, call string) (*conn, error) {
	c, err := p.conn(h)
	if err != nil {
		return nil, err
	}
	if !c.tcp() {
		return nil, failedCall(call, syscall.ENOPROTOOPT)
	}
	return c, nil
}
