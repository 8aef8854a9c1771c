package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// variables are what a manager tells a service, and nobody else.
var variables = []string{
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
	"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID",
}

// A Supervisor is the manager that started us, or nobody. It is not nil.
// Safe for concurrent use.
type Supervisor struct {
	// Immutable.
	taken    []string // the variables, by their order above; "": not set
	address  *net.UnixAddr
	interval time.Duration

	conn *net.UnixConn // nil: nobody listens
}

// Take takes the manager's variables out of the environment and connects to it.
// The sockets that the manager passed are not inherited by children any more.
// The error says which variable is wrong; the Supervisor works without it.
func Take() (*Supervisor, error) {
	s := &Supervisor{}
	for _, name := range variables {
		s.taken = append(s.taken, os.Getenv(name))
		os.Unsetenv(name)
	}
	var wrong []error
	if err := s.connect(s.Getenv("NOTIFY_SOCKET")); err != nil {
		wrong = append(wrong, err)
	}
	interval, err := watchdog(s.Getenv("WATCHDOG_USEC"), s.Getenv("WATCHDOG_PID"), os.Getpid())
	if err != nil {
		wrong = append(wrong, err)
	}
	s.interval = interval
	if s.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		n, _ := strconv.Atoi(s.Getenv("LISTEN_FDS")) // package endpoint says what is wrong with it
		closeOnExec(firstInherited, min(n, maxInherited))
	}
	return s, errors.Join(wrong...)
}

// The sockets of socket activation begin at descriptor 3; maxInherited is how
// many there may be.
const (
	firstInherited = 3
	maxInherited   = 1024
)

// Getenv returns a variable of the environment, also one that Take took: it is
// what endpoint.Registry.Environ wants.
func (s *Supervisor) Getenv(name string) string {
	if i := slices.Index(variables, name); i >= 0 {
		return s.taken[i]
	}
	return os.Getenv(name)
}

// Environ is what a process that takes our place must have in its environment
// to speak with the same manager.
func (s *Supervisor) Environ() (env []string) {
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC"} {
		if v := s.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// connect dials the manager's socket: a path, or @ and a name without a file.
func (s *Supervisor) connect(socket string) error {
	if socket == "" {
		return nil
	}
	if len(socket) < 2 || socket[0] != '/' && socket[0] != '@' {
		return fmt.Errorf("systemd: NOTIFY_SOCKET is %.100q: want a path or @NAME", socket)
	}
	s.address = &net.UnixAddr{Name: socket, Net: "unixgram"}
	conn, err := net.DialUnix("unixgram", nil, s.address)
	if err != nil {
		return fmt.Errorf("systemd: NOTIFY_SOCKET: %w", err)
	}
	s.conn = conn
	return nil
}

// watchdog reads how long the manager waits for a sign of life.
func watchdog(usec, who string, pid int) (time.Duration, error) {
	if usec == "" || who != "" && who != strconv.Itoa(pid) {
		return 0, nil
	}
	n, err := strconv.ParseUint(usec, 10, 63)
	if err != nil || n == 0 || n > uint64(maxWatchdog/time.Microsecond) {
		return 0, fmt.Errorf("systemd: WATCHDOG_USEC is %.40q: want a number of microseconds, up to a year", usec)
	}
	return time.Duration(n) * time.Microsecond, nil
}

// maxWatchdog is longer than anybody waits.
const maxWatchdog = 365 * 24 * time.Hour

// Listens says whether there is a manager.
func (s *Supervisor) Listens() bool { return s.conn != nil }

// Watchdog is how often, at least, Alive must be called, lest the manager kill
// the process; call it twice as often. 0: never.
func (s *Supervisor) Watchdog() time.Duration {
	if s.conn == nil {
		return 0
	}
	return s.interval
}

// Close ends the connection. A manager of whoever takes our place is not concerned.
func (s *Supervisor) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}

// clean makes text one line that systemd can show.
func clean(text string, maxBytes int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if len(text) > maxBytes {
		text = strings.ToValidUTF8(text[:maxBytes], "")
	}
	return text
}
