package endpoint

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/twistor-go/twistor"
)

// firstInherited is the first descriptor that systemd passes, after standard
// input, output and error. https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
const firstInherited = 3

// maxInherited is how many descriptors the environment may speak of.
const maxInherited = 1024

// taken are the descriptors that an endpoint has taken over: they are the
// process's, and so is this, whatever loop or Registry asks. After that the
// number may be another file's, and must not be taken again.
var taken sync.Map // int: true

// take makes descriptor fd a file, once.
func take(fd int) (*os.File, error) {
	if _, twice := taken.LoadOrStore(fd, true); twice {
		return nil, fmt.Errorf("descriptor %d is already used: an inherited socket can be used once", fd)
	}
	f := os.NewFile(uintptr(fd), "fd "+strconv.Itoa(fd))
	if _, err := f.Stat(); err != nil {
		taken.Delete(fd)
		return nil, fmt.Errorf("descriptor %d is not open: want an inherited socket", fd)
	}
	return f, nil
}

// listenFD parses fd: of a listening or bound socket.
func listenFD(a *Args) (*Listener, error) {
	fd := a.Number("number", firstInherited, 1<<20, 0)
	c := streamConfig(a)
	return &Listener{Config: c, Load: func(_ twistor.Loop, n *Listener) (err error) {
		n.Config.File, err = take(fd)
		return err
	}}, nil
}

// dialFD parses fd: of a connected socket.
func dialFD(a *Args) (*Dialer, error) {
	fd := a.Number("number", firstInherited, 1<<20, 0)
	return &Dialer{Load: func(_ twistor.FS, c *twistor.DialConfig) (err error) {
		c.File, err = take(fd)
		return err
	}}, nil
}

// listenSystemd parses systemd:, a socket of systemd's socket activation.
func listenSystemd(a *Args) (*Listener, error) {
	if a.Has("index") == a.Has("name") {
		a.Fail("index", "want either index=N or name=NAME")
	}
	index, name := a.Number("index", 0, maxInherited-1, 0), a.Text("name")
	if a.Has("name") && name == "" {
		a.Fail("name", "want the FileDescriptorName of a socket unit")
	}
	environ := a.registry.Environ
	if environ == nil {
		environ = os.Getenv
	}
	return &Listener{Config: streamConfig(a), Load: func(_ twistor.Loop, n *Listener) error {
		names, err := passed(environ, os.Getpid())
		if err != nil {
			return err
		}
		if name != "" {
			if index, err = named(names, name); err != nil {
				return err
			}
		}
		if index >= len(names) {
			return fmt.Errorf("systemd passed %d sockets: want index from 0 to %d", len(names), len(names)-1)
		}
		n.Config.File, err = take(firstInherited + index)
		return err
	}}, nil
}

// passed lists the names of the descriptors that systemd passed to us; the
// first is descriptor 3's. Without LISTEN_FDNAMES they have none.
func passed(environ func(string) string, pid int) ([]string, error) {
	who, many := environ("LISTEN_PID"), environ("LISTEN_FDS")
	if who == "" || many == "" {
		return nil, errors.New("LISTEN_PID and LISTEN_FDS are not set: want to be started by a systemd socket unit")
	}
	if n, err := strconv.Atoi(who); err != nil || n != pid {
		return nil, fmt.Errorf("LISTEN_PID is %q: want %d, this process", shorten(who), pid)
	}
	count, err := strconv.Atoi(many)
	if err != nil || count < 1 || count > maxInherited {
		return nil, fmt.Errorf("LISTEN_FDS is %q: want a number from 1 to %d", shorten(many), maxInherited)
	}
	names := make([]string, count)
	if list := environ("LISTEN_FDNAMES"); list != "" {
		given := strings.Split(list, ":")
		if len(given) != count {
			return nil, fmt.Errorf("LISTEN_FDNAMES has %d names: want %d, as LISTEN_FDS says", len(given), count)
		}
		names = given
	}
	return names, nil
}

// named finds the one descriptor of that name.
func named(names []string, name string) (int, error) {
	found := -1
	for i, n := range names {
		if n != name {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("systemd passed several sockets named %q: want index=N", shorten(name))
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("systemd passed no socket named %q: want one of %s", shorten(name), shorten(fmt.Sprintf("%q", names)))
	}
	return found, nil
}
