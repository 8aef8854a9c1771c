package poll

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"
)

func (p *portable) Listen(s Spec) (Handle, error) {
	n, err := parseNetwork(s.Network)
	if err != nil {
		return 0, err
	}
	if err := n.checkAddr(s.Addr, n.path); err != nil {
		return 0, err
	}
	if p.shut {
		return 0, ErrClosed
	}
	made := &pumped{sort: sortPort, word: n.word}
	config := net.ListenConfig{Control: control(s, n), KeepAliveConfig: keepAlive}
	config.SetMultipathTCP(false) // as the other Pollers; and on Linux it forgets zones
	at := listenAddress(n, s.Addr)
	if n.path {
		clearDead(n.word, s.Addr.Path)
	}
	if n.packet {
		made.sort = sortPacket
		var conn net.PacketConn
		if conn, err = config.ListenPacket(context.Background(), n.word, at); err == nil {
			made.conn = conn.(net.Conn) // UDP's and UNIX's are both
		}
	} else {
		made.listener, err = config.Listen(context.Background(), n.word, at)
	}
	if err != nil {
		return 0, portableError("listen", err)
	}
	if n.path && s.Addr.Path[0] != '@' {
		if err := made.own(s.Addr.Path, s.Mode); err != nil {
			made.close(p, false, 0)
			return 0, err
		}
	}
	return p.add(made, In)
}

var keepAlive = keepDefaults(net.KeepAliveConfig{Enable: true})

// listenAddress is a as package net writes it; no host is all hosts there too.
func listenAddress(n network, a Addr) string {
	if n.path {
		return a.Path
	}
	if ip := a.AddrPort.Addr(); ip.IsValid() {
		return netip.AddrPortFrom(ip.Unmap(), a.AddrPort.Port()).String()
	}
	return fmt.Sprintf(":%d", a.AddrPort.Port())
}

// clearDead removes the file of a socket that nobody serves.
func clearDead(word, path string) {
	if there, err := os.Lstat(path); path[0] == '@' || err != nil || there.Mode()&os.ModeSocket == 0 {
		return
	}
	probe, err := net.Dial(word, path)
	if err == nil {
		probe.Close()
	} else if e, ok := portableError("connect", err).(*os.SyscallError); ok && e.Err == syscall.ECONNREFUSED {
		os.Remove(path)
	}
}

// own gives a bound path its mode, and remembers which file is ours.
func (s *pumped) own(path string, mode fs.FileMode) (err error) {
	if l, ok := s.listener.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false) // we look whether it is still ours
	}
	if mode == 0 {
		mode = 0o600
	}
	if err := os.Chmod(path, mode.Perm()); err != nil {
		return err
	}
	s.path = path
	s.file, err = os.Lstat(path)
	return err
}

func (p *portable) Dial(s Spec) (Handle, error) {
	n, err := s.dialed()
	if err != nil {
		return 0, err
	}
	if p.shut {
		return 0, ErrClosed
	}
	dialer := net.Dialer{Control: control(s, n), KeepAliveConfig: keepAlive, LocalAddr: localAddress(n, s.Local)}
	ctx, cancel := context.WithCancel(context.Background())
	made := &pumped{sort: sortStream, word: n.word, dialing: true, cancel: cancel, pumps: 1}
	if n.packet {
		made.sort = sortPacket
	}
	h, err := p.add(made, Out)
	if err != nil {
		cancel()
		return 0, err
	}
	go made.pumpDial(ctx, &dialer, s, listenAddress(n, s.Addr))
	return h, nil
}

// localAddress is a as a Dialer wants it; nil is any.
func localAddress(n network, a Addr) net.Addr {
	switch {
	case a == Addr{}:
		return nil
	case n.path:
		return &net.UnixAddr{Net: n.word, Name: a.Path}
	case n.packet:
		return net.UDPAddrFromAddrPort(a.AddrPort)
	}
	return net.TCPAddrFromAddrPort(a.AddrPort)
}

// pumpDial connects, and is done.
func (s *pumped) pumpDial(ctx context.Context, dialer *net.Dialer, spec Spec, to string) {
	defer s.pumpEnded()
	conn, err := dialer.DialContext(ctx, s.word, to)
	s.cancel()
	s.mu.Lock()
	if from := spec.Local.Path; err == nil && from != "" && from[0] != '@' {
		err = s.own(from, spec.Mode)
	}
	if s.closed || err != nil && conn != nil {
		if conn != nil {
			conn.Close()
		}
		conn = nil
	}
	if s.closed {
		if s.file != nil {
			os.Remove(s.path)
		}
		s.mu.Unlock()
		return
	}
	s.dialing, s.conn, s.dialErr = false, conn, portableError("connect", err)
	s.update()
}

func (p *portable) Connected(h Handle) error {
	s := p.get(h)
	if s == nil {
		return ErrClosed
	}
	s.mu.Lock()
	switch {
	case s.dialing:
		s.mu.Unlock()
		return ErrAgain
	case s.dialErr != nil:
		s.mu.Unlock()
		return s.dialErr
	case s.cancel == nil: // said before, or never dialed
		s.mu.Unlock()
		return nil
	}
	s.cancel = nil
	s.want = In
	s.update()
	return nil
}

func (p *portable) Accept(h Handle) (Socket, Addr, error) {
	s := p.get(h)
	if s == nil {
		return nil, Addr{}, ErrClosed
	}
	s.mu.Lock()
	if !s.full {
		s.mu.Unlock()
		return nil, Addr{}, ErrAgain
	}
	c := s.caught
	s.caught, s.full = catch{}, false
	s.update()
	if c.err != nil {
		return nil, Addr{}, c.err
	}
	return &pumped{sort: sortStream, word: s.word, conn: c.conn}, portableAddr(c.conn.RemoteAddr()), nil
}

func (p *portable) Adopt(sock Socket, spec Spec) (Handle, error) {
	switch s := sock.(type) {
	case *pumped:
		return p.add(s, In)
	case FD:
		if p.shut {
			return 0, ErrClosed
		}
		made, err := adoptForeign(s, spec.Network)
		if err != nil {
			return 0, err
		}
		return p.add(made, In)
	}
	return 0, fmt.Errorf("poll: adopt: a %T: want an FD or what Accept or Detach gave: %w", sock, syscall.EINVAL)
}

func (p *portable) Read(h Handle, b []byte) (int, error) {
	s := p.get(h)
	if s == nil {
		return 0, ErrClosed
	}
	if len(b) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	switch {
	case !s.full:
		s.mu.Unlock()
		return 0, ErrAgain
	case len(s.caught.p) == 0 && s.caught.err != nil: // for ever
		s.mu.Unlock()
		return 0, s.caught.err
	}
	n := copy(b, s.caught.p)
	s.caught.p = s.caught.p[n:]
	if len(s.caught.p) == 0 && s.caught.err == nil {
		s.full = false
	}
	s.update()
	return n, nil
}

func (p *portable) Write(h Handle, b []byte) (int, error) {
	s := p.get(h)
	if s == nil {
		return 0, ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.writeErr != nil:
		return 0, s.writeErr
	case s.ended:
		return 0, &os.SyscallError{Syscall: "write", Err: syscall.EPIPE}
	case s.conn == nil:
		return 0, &os.SyscallError{Syscall: "write", Err: syscall.ENOTCONN}
	case len(b) == 0:
		return 0, nil
	case s.room() <= 0:
		return 0, ErrAgain
	}
	n := min(len(b), s.room())
	s.pending = append(s.pending, b[:n]...)
	if s.flush == nil {
		s.flush = make(chan struct{}, 1)
		s.pumps++
		go s.pumpOut()
	}
	select {
	case s.flush <- struct{}{}:
	default:
	}
	return n, nil
}

func (p *portable) Writev(h Handle, b [][]byte) (written int, err error) {
	for _, part := range b {
		n, err := p.Write(h, part)
		written += n
		if err != nil && written == 0 {
			return 0, err
		}
		if n < len(part) {
			break
		}
	}
	return written, nil
}

func (p *portable) CloseWrite(h Handle) error {
	s := p.get(h)
	if s == nil {
		return ErrClosed
	}
	s.mu.Lock()
	if s.ended || s.conn == nil {
		s.mu.Unlock()
		return nil
	}
	s.ended = true
	var err error
	if len(s.pending)+s.writing == 0 {
		err = s.sendEnd()
	} // else the pump does it, behind the bytes
	s.update()
	return err
}

func (p *portable) SetNoDelay(h Handle, on bool) error {
	return p.tune(h, func(c *net.TCPConn) error { return c.SetNoDelay(on) })
}

func (p *portable) SetKeepAlive(h Handle, c net.KeepAliveConfig) error {
	c = keepDefaults(c)
	return p.tune(h, func(conn *net.TCPConn) error { return conn.SetKeepAliveConfig(c) })
}

func (p *portable) tune(h Handle, set func(*net.TCPConn) error) error {
	s := p.get(h)
	if s == nil {
		return ErrClosed
	}
	s.mu.Lock()
	conn, ok := s.conn.(*net.TCPConn)
	s.mu.Unlock()
	if !ok {
		return &os.SyscallError{Syscall: "setsockopt", Err: syscall.ENOPROTOOPT}
	}
	return portableError("setsockopt", set(conn))
}
