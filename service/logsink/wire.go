package logsink

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	wireTimeout = 5 * time.Second // to connect, and for each message
	redialAfter = time.Second     // a try to connect that failed
)

// localSyslogs are where the daemons of systems listen.
var localSyslogs = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}

// A wire leads to a syslog daemon. A Write is a message that ends with a
// newline.
type wire struct {
	// Immutable.
	network string
	address string

	// Guarded by mu.
	mu     sync.Mutex
	conn   net.Conn // nil: none now
	failed error    // of the last try to connect
	tried  time.Time
	closed bool
}

// openWire connects. network "" is the local daemon.
func openWire(network, address string) (w *wire, err error) {
	switch network {
	case "":
		if address != "" {
			return nil, fmt.Errorf("logsink: syslog address %q: want a network with it: udp, tcp, unixgram or unix", address)
		}
		for _, path := range localSyslogs {
			for _, network := range []string{"unixgram", "unix"} {
				w = &wire{network: network, address: path}
				if failed := w.dial(); failed == nil {
					return w, nil
				} else if err == nil {
					err = failed // of the most usual place
				}
			}
		}
		return nil, fmt.Errorf("logsink: syslog: no local daemon: %w", err)
	case "unixgram", "unix":
	case "udp", "udp4", "udp6", "tcp", "tcp4", "tcp6":
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(strings.Trim(address, "[]"), "514")
		}
	default:
		return nil, fmt.Errorf("logsink: syslog network %q: want udp, tcp, unixgram or unix", network)
	}
	w = &wire{network: network, address: address}
	if err := w.dial(); err != nil {
		return nil, fmt.Errorf("logsink: syslog: %w", err)
	}
	return w, nil
}

func (w *wire) dial() (err error) {
	if w.conn, err = net.DialTimeout(w.network, w.address, wireTimeout); err != nil {
		w.conn = nil // not a nil pointer in an interface
	}
	w.failed, w.tried = err, time.Now()
	if err == nil && w.stream() {
		go hangUp(w.conn)
	}
	return err
}

// hangUp closes a connection when the peer does, so that the next message is not
// written into the void. A daemon sends nothing.
func hangUp(conn net.Conn) {
	io.Copy(io.Discard, conn)
	conn.Close()
}

func (w *wire) local() bool  { return strings.HasPrefix(w.network, "unix") }
func (w *wire) stream() bool { return w.network == "unix" || strings.HasPrefix(w.network, "tcp") }

// maxBytes is how long messages may be: what daemons take.
func (w *wire) maxBytes() int {
	if strings.HasPrefix(w.network, "udp") {
		return 2048 // https://www.rfc-editor.org/rfc/rfc5426#section-3.2
	}
	return 8192
}

// Write sends a message. If the connection is broken it makes a new one, once.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	message := w.frame(p)
	for again := w.conn != nil; ; again = false {
		if w.closed {
			return 0, net.ErrClosed
		}
		if w.conn == nil {
			if w.failed != nil && time.Since(w.tried) < redialAfter {
				return 0, w.failed
			}
			if err := w.dial(); err != nil {
				return 0, err
			}
		}
		w.conn.SetWriteDeadline(time.Now().Add(wireTimeout))
		_, err := w.conn.Write(message)
		if err == nil {
			return len(p), nil
		}
		w.conn.Close()
		w.conn = nil
		if !again {
			return 0, err
		}
	}
}

// frame delimits a message.
func (w *wire) frame(p []byte) []byte {
	p = bytes.TrimSuffix(p, []byte("\n"))
	switch {
	case !w.stream():
		return p
	case w.local():
		return append(p[:len(p):len(p)], '\n')
	}
	// "MSG-LEN SP SYSLOG-MSG"
	// https://www.rfc-editor.org/rfc/rfc6587#section-3.4.1
	return append(append(strconv.AppendInt(nil, int64(len(p)), 10), ' '), p...)
}

func (w *wire) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.conn == nil {
		return nil
	}
	return w.conn.Close()
}
