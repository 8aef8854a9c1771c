//go:build linux

package main

import (
	"crypto/tls"
	"errors"
	"log"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A stream is a connection whose reads never wait.
type stream interface {
	// read returns errAgain if there is nothing.
	read(p []byte) (int, error)
	// write sends all of p, which fits into what a socket holds.
	write(p []byte) error
}

// A wouldBlock is the error of a read that finds nothing: a temporary one, since
// crypto/tls takes up again only after those.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing to read" }
func (wouldBlock) Temporary() bool { return true }
func (wouldBlock) Timeout() bool   { return true }

var (
	errAgain  error = wouldBlock{}
	errClosed       = errors.New("the server has closed a connection")
)

// A socket is a stream over TCP.
type socket int

func (s socket) read(p []byte) (int, error) {
	switch n, e := rw(unix.SYS_READ, int(s), p); {
	case e == unix.EAGAIN:
		return 0, errAgain
	case e != 0:
		return 0, e
	case n == 0:
		return 0, errClosed
	default:
		return n, nil
	}
}

func (s socket) write(p []byte) error {
	for len(p) > 0 {
		n, e := rw(unix.SYS_WRITE, int(s), p)
		if e != 0 {
			return e // what is in flight always fits, so EAGAIN is an error too
		}
		p = p[n:]
	}
	return nil
}

// A netConn is a socket as crypto/tls wants one.
type netConn struct {
	socket
	waits bool // for the handshake
}

func (c *netConn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	for err == errAgain && c.waits {
		unix.Poll([]unix.PollFd{{Fd: int32(c.socket), Events: unix.POLLIN}}, 1000)
		n, err = c.read(p)
	}
	return n, err
}
func (c *netConn) Write(p []byte) (int, error)      { return len(p), c.write(p) }
func (c *netConn) Close() error                     { return unix.Close(int(c.socket)) }
func (c *netConn) LocalAddr() net.Addr              { return nil }
func (c *netConn) RemoteAddr() net.Addr             { return nil }
func (c *netConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (c *netConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (c *netConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// secured is a stream over TLS.
type secured struct{ *tls.Conn }

func (s secured) read(p []byte) (int, error) { return s.Read(p) }
func (s secured) write(p []byte) error       { _, err := s.Write(p); return err }

// open connects socket number i, over TLS if the command line says so.
func open(i int) (stream, int) {
	fd := dial(i)
	unix.SetNonblock(fd, true)
	if !*overTLS {
		return socket(fd), fd
	}
	c := &netConn{socket(fd), true}
	t := tls.Client(c, clientTLS())
	if err := t.Handshake(); err != nil {
		log.Fatal("handshake: ", err)
	}
	if err := alike(t.ConnectionState()); err != nil {
		log.Fatal(err)
	}
	c.waits = false
	return secured{t}, fd
}
