package poll

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// What a pumped connection holds at most.
const (
	readBytes  = 16 << 10 // read ahead
	writeBytes = 64 << 10 // taken by Write, and again as much in the writing pump's hands
)

// A pumped is a socket of package net with its pumps. The incoming one waits
// for a token, fetches one catch (bytes, a connection or a packet), and waits
// again until that has been taken; the outgoing one writes what Write left.
// They start when they are first needed and end with the socket.
type pumped struct {
	sort sort
	word string // the network

	mu     sync.Mutex // guards all that follows
	owner  *portable  // who is told; nil on the way between two
	handle Handle
	want   Ready
	warm   bool // the owner's list has it
	hushed bool // its Hup was told, and nobody wants anything of it
	closed bool
	pumps  int       // that run
	mourns *portable // who waits for them, once closed

	conn     net.Conn
	listener net.Listener
	path     string      // of a bound UNIX socket,
	file     fs.FileInfo // which Close removes if it is still that

	dialing bool
	cancel  func()
	dialErr error

	tokens   chan struct{} // one for each catch
	fetching bool
	full     bool
	caught   catch
	buffer   []byte

	flush    chan struct{} // one if there is something in pending
	pending  []byte
	spare    []byte
	writing  int
	writeErr error
	ended    bool // CloseWrite was asked for,
	endSent  bool // and done
}

// A catch is what the incoming pump brings.
type catch struct {
	p    []byte
	conn net.Conn // of a port
	from Addr     // of a packet
	err  error
}

// ready is what s is ready for, asked or not. Under mu.
func (s *pumped) ready() (r Ready) {
	if s.dialing {
		return 0
	}
	if s.dialErr != nil {
		return Out | Hup
	}
	if s.full {
		r |= In
		over := s.sort == sortStream && len(s.caught.p) == 0 && s.caught.err != nil
		if over && (s.caught.err != io.EOF || s.ended) {
			r |= Hup
		}
	}
	if s.writeErr != nil {
		r |= Hup
	}
	if s.sort != sortPort && (s.writeErr != nil || s.room() > 0) {
		r |= Out
	}
	return r
}

func (s *pumped) room() int { return writeBytes - len(s.pending) - s.writing }

// told is what of ready Wait is to report. Under mu.
func (s *pumped) told() Ready {
	r := s.ready() & (s.want | Hup)
	if s.want == 0 && s.hushed {
		return 0
	}
	return r
}

// look is Wait's: what to report of h. What is not ready leaves the list.
func (s *pumped) look(h Handle) Ready {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle != h || s.owner == nil {
		return 0
	}
	r := s.told()
	if s.want == 0 {
		s.hushed = r&Hup != 0
	}
	s.warm = r != 0
	return r
}

// update is called, under mu, when anything has changed: it lets the pump go on
// and tells the owner. It unlocks mu.
func (s *pumped) update() {
	if s.want&In != 0 && !s.full && !s.fetching && !s.closed && !s.dialing && s.dialErr == nil {
		s.fetching = true
		if s.tokens == nil {
			s.tokens = make(chan struct{}, 1)
			s.pumps++
			go s.pumpIn()
		}
		s.tokens <- struct{}{}
	}
	owner, w := s.owner, warm{s, s.handle}
	tell := owner != nil && !s.warm && s.told() != 0
	s.warm = s.warm || tell
	s.mu.Unlock()
	if tell {
		owner.heat(w)
	}
}

func (s *pumped) setWant(r Ready) {
	s.mu.Lock()
	if s.want == r {
		s.mu.Unlock()
		return
	}
	s.want, s.hushed = r, false
	s.update()
}

func (s *pumped) join(p *portable, h Handle, want Ready) {
	s.mu.Lock()
	s.owner, s.handle, s.want, s.warm, s.hushed = p, h, want, false, false
	s.update()
}

func (s *pumped) leave() {
	s.mu.Lock()
	s.owner, s.handle, s.warm = nil, 0, false
	s.mu.Unlock()
}

// pumpIn fetches one catch for each token.
func (s *pumped) pumpIn() {
	defer s.pumpEnded()
	for range s.tokens {
		c := s.fetch()
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			if c.conn != nil {
				c.conn.Close()
			}
			continue
		}
		s.caught, s.full, s.fetching = c, true, false
		s.update()
	}
}

func (s *pumped) fetch() (c catch) {
	if s.sort == sortPort {
		c.conn, c.err = s.listener.Accept()
		c.err = portableError("accept", c.err)
		return c
	}
	if s.buffer == nil {
		s.buffer = make([]byte, s.bufferBytes())
	}
	n := 0
	switch conn := s.conn.(type) {
	case *net.UDPConn:
		var from netip.AddrPort
		n, from, c.err = conn.ReadFromUDPAddrPort(s.buffer)
		c.from.AddrPort = unmap(from)
	case *net.UnixConn:
		if s.sort == sortPacket {
			var from *net.UnixAddr
			n, from, c.err = conn.ReadFromUnix(s.buffer)
			c.from = portableAddr(from)
			break
		}
		n, c.err = conn.Read(s.buffer)
	default:
		n, c.err = conn.Read(s.buffer)
	}
	c.p = s.buffer[:n]
	c.err = portableError("read", c.err)
	return c
}

func (s *pumped) bufferBytes() int {
	if s.sort == sortPacket {
		return 64 << 10 // the longest packet there is
	}
	return readBytes
}

// pumpOut writes what is pending whenever it is flushed, and after the last time
// closes the connection.
func (s *pumped) pumpOut() {
	defer s.pumpEnded()
	for range s.flush {
		s.writePending()
	}
	s.writePending()
	s.conn.Close()
}

func (s *pumped) writePending() {
	for {
		s.mu.Lock()
		if len(s.pending) == 0 {
			if s.ended && s.writeErr == nil {
				s.writeErr = s.sendEnd()
			}
			s.mu.Unlock()
			return
		}
		p := s.pending
		s.pending, s.writing = s.spare[:0], len(p)
		s.mu.Unlock()
		_, err := s.conn.Write(p)
		s.mu.Lock()
		s.spare, s.writing = p, 0
		if err != nil {
			s.writeErr, s.pending = portableError("write", err), nil
		}
		s.update()
	}
}

// sendEnd ends our direction, once. Under mu.
func (s *pumped) sendEnd() error {
	if s.endSent {
		return nil
	}
	s.endSent = true
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		return portableError("shutdown", c.CloseWrite())
	}
	return &os.SyscallError{Syscall: "shutdown", Err: syscall.ENOTCONN}
}

// pumpEnded is the last thing a pump does.
func (s *pumped) pumpEnded() {
	s.mu.Lock()
	s.pumps--
	mourner := s.mourns
	last := s.pumps == 0
	s.mu.Unlock()
	if last && mourner != nil {
		mourner.mu.Lock()
		delete(mourner.draining, s)
		mourner.mu.Unlock()
		mourner.closing.Done()
	}
}

// close ends s. Bytes that Write took are still sent, within linger.
func (s *pumped) close(p *portable, reset bool, linger time.Duration) (err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed, s.owner = true, nil
	if s.pumps > 0 {
		s.mourns = p
		p.closing.Add(1)
	}
	drain := !reset && s.writeErr == nil && len(s.pending)+s.writing > 0
	if !drain {
		s.pending = nil
	}
	conn, listener, arrived, cancel := s.conn, s.listener, s.caught.conn, s.cancel
	path, file := s.path, s.file
	s.mu.Unlock()

	if cancel != nil {
		cancel()
	}
	if arrived != nil {
		arrived.Close()
	}
	if file != nil {
		if now, err := os.Lstat(path); err == nil && os.SameFile(now, file) {
			os.Remove(path)
		}
	}
	switch {
	case listener != nil:
		err = listener.Close()
	case conn == nil: // never connected
	case drain:
		p.drain(s)
		s.hurry(linger)
	default:
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			tcp.SetLinger(0)
		}
		err = conn.Close()
	}
	// Last: the pumps end now, and the outgoing one closes what is left.
	if s.tokens != nil {
		close(s.tokens)
	}
	if s.flush != nil {
		close(s.flush)
	}
	return portableError("close", err)
}

// hurry gives what is being written until after to get away.
func (s *pumped) hurry(after time.Duration) {
	s.conn.SetWriteDeadline(time.Now().Add(after))
}

func (s *pumped) localAddr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.listener != nil:
		return s.listener.Addr()
	case s.conn != nil:
		return s.conn.LocalAddr()
	}
	return nil
}

func (s *pumped) remoteAddr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	return s.conn.RemoteAddr()
}

// portableError makes an error of package net one of this package.
func portableError(call string, err error) error {
	var errno syscall.Errno
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, net.ErrClosed):
		return ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		errno = syscall.ETIMEDOUT
	case !errors.As(err, &errno):
		return err
	}
	return &os.SyscallError{Syscall: call, Err: canonical(errno)}
}
