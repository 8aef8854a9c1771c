package systemd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

const (
	// maxMessageBytes is what systemd reads of a message.
	maxMessageBytes = 4096
	// maxStatusBytes is how long a status may be; the rest is cut.
	maxStatusBytes = 2048
	// patience is how long a message may take that the manager has no room for.
	patience = time.Second
)

// Notify sends assignments, such as "READY=1", one in a line; sd_notify(3) has
// them all. https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
func (s *Supervisor) Notify(state string) error {
	return s.send(state, nil)
}

// send sends a message, and a descriptor with it unless that is nil.
func (s *Supervisor) send(state string, with *os.File) error {
	if s.conn == nil {
		return nil
	}
	if state == "" || len(state) > maxMessageBytes {
		return fmt.Errorf("systemd: a message of %d bytes: want 1 to %d", len(state), maxMessageBytes)
	}
	err := write(s.conn, state, with)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTCONN) {
		// The manager has made its socket anew.
		if conn, failed := net.DialUnix("unixgram", nil, s.address); failed == nil {
			defer conn.Close()
			err = write(conn, state, with)
		}
	}
	if err != nil {
		return fmt.Errorf("systemd: notify: %w", err)
	}
	return nil
}

func write(to *net.UnixConn, state string, with *os.File) error {
	to.SetWriteDeadline(time.Now().Add(patience))
	if with != nil {
		return writeWith(to, state, with)
	}
	_, err := io.WriteString(to, state)
	return err
}

// Ready says that the service serves: at the end of its start, and after Reloading.
func (s *Supervisor) Ready() error { return s.send("READY=1", nil) }

// Reloading says that the configuration is read again; Ready follows.
func (s *Supervisor) Reloading() error {
	state := "RELOADING=1"
	// "a service … must also send MONOTONIC_USEC=": by it the manager knows a
	// Ready that comes after the reload from an earlier one.
	if now, ok := monotonic(); ok {
		state += fmt.Sprintf("\nMONOTONIC_USEC=%d", now.Microseconds())
	}
	return s.send(state, nil)
}

// Stopping says that the service ends.
func (s *Supervisor) Stopping() error { return s.send("STOPPING=1", nil) }

// Status says in a line what the service does, for people. Control characters
// become spaces, so that text of others can say nothing else to the manager.
func (s *Supervisor) Status(text string) error {
	return s.send("STATUS="+clean(text, maxStatusBytes), nil)
}

// MainPID says that another process is the service from now on: one that takes
// our place. With NotifyAccess=main the manager hears that one only after
// Barrier has returned.
func (s *Supervisor) MainPID(pid int) error { return s.send(fmt.Sprintf("MAINPID=%d", pid), nil) }

// Alive is the sign of life of Watchdog.
func (s *Supervisor) Alive() error { return s.send("WATCHDOG=1", nil) }

// ExtendTimeout asks for so much more time to start, reload or stop, from now.
func (s *Supervisor) ExtendTimeout(d time.Duration) error {
	return s.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()), nil)
}

// Barrier returns when the manager has taken note of all that was sent before;
// os.ErrDeadlineExceeded if it does not within timeout. Not on Linux it does not wait.
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify_barrier.html
func (s *Supervisor) Barrier(timeout time.Duration) error {
	if s.conn == nil {
		return nil
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	defer ours.Close()
	err = s.send("BARRIER=1", theirs)
	theirs.Close()
	if err != nil {
		return err
	}
	// The manager closes its end when it comes to the message.
	ours.SetReadDeadline(time.Now().Add(timeout))
	if _, err := ours.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("systemd: barrier: %w", err)
	}
	return nil
}
