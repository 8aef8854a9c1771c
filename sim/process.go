package sim

import (
	"io"
	"os"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// A Program is what a simulated child process runs: a coroutine on the loop
// that spawned it. It returns the child's status; 0 is success.
type Program func(co *deferred.Co, c *Child) int

// Program makes run what Spawn finds at path on this host; nil removes it.
// Children that run already go on.
func (h *Host) Program(path string, run Program) {
	if h.programs == nil {
		h.programs = map[string]Program{}
	}
	if h.programs[path] = run; run == nil {
		delete(h.programs, path)
	}
}

// Children are how many children of the host's program run now.
func (h *Host) Children() int { return h.children }

// A Child is a simulated child process, as its Program sees it. Loop-only.
type Child struct {
	// Command is what was asked for; UID, GID, Env and Dir mean nothing here.
	Command twistor.Command

	host   *Host
	loop   twistor.Loop
	pid    int
	ends   map[int]*conn // the child's, by its number; nil: /dev/null
	kept   []*conn       // which a child of its own holds
	exit   *exitSocket
	body   *deferred.Deferred[int]
	traps  map[os.Signal]func()
	over   bool
	status error
}

// PID is the child's number.
func (c *Child) PID() int { return c.pid }

// Read waits for the next bytes at fd, 0 most often. The error is io.EOF at the
// end, or that of an Await when the child is killed.
func (c *Child) Read(co *deferred.Co, fd int) ([]byte, error) {
	end, err := c.end(fd)
	if err != nil || end == nil {
		return nil, orEOF(err)
	}
	p := make([]byte, 64<<10)
	for {
		n, err := end.read(p)
		if err != poll.ErrAgain {
			return p[:n], err
		}
		if err := c.wait(co, end); err != nil {
			return nil, err
		}
	}
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// Write writes all of p to fd, 1 or 2 most often, and waits while the pipe is
// full. The error is syscall.EPIPE if nobody reads any more.
func (c *Child) Write(co *deferred.Co, fd int, p string) error {
	end, err := c.end(fd)
	if err != nil || end == nil {
		return err
	}
	for len(p) > 0 {
		n, err := end.write("write", []byte(p))
		switch {
		case err == poll.ErrAgain:
			err = c.wait(co, end)
		case err != nil:
			err = syscall.EPIPE
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return co.Err()
}

// wait waits until something happens at end.
func (c *Child) wait(co *deferred.Co, end *conn) error {
	news := deferred.New[struct{}](c.loop)
	end.hear = func() {
		end.hear = nil
		c.loop.Post(func() { news.Succeed(struct{}{}) })
	}
	_, err := news.Await(co)
	return err
}

// end is what the child has at fd.
func (c *Child) end(fd int) (*conn, error) {
	if c.Command.PTY && fd == 2 {
		fd = 1
	}
	end, ok := c.ends[fd]
	if !ok {
		return nil, syscall.EBADF
	}
	return end, nil
}

// Close closes fd.
func (c *Child) Close(fd int) {
	if end, ok := c.ends[fd]; ok {
		delete(c.ends, fd)
		c.drop(end)
	}
}

// drop closes one end of a pipe. Who writes to it hears of that.
func (c *Child) drop(end *conn) {
	if end == nil || end.shut {
		return
	}
	end.hear = nil
	end.close(false)
	if ours := end.peer; ours.spec.Mode == writes {
		c.host.world.after(0, func() {
			if !ours.shut && !ours.dead {
				ours.die(syscall.EPIPE)
			}
		})
	}
}

// Keep has a child of this child's own hold fd, which is not closed with the
// others when this one ends, but when the group is killed.
func (c *Child) Keep(fd int) {
	if end := c.ends[fd]; end != nil {
		c.kept = append(c.kept, end)
	}
}

// Trap has f called for s in place of what it does otherwise: most end the
// child, and SIGCHLD, SIGCONT, SIGSTOP, SIGURG and SIGWINCH do nothing. A nil f
// ignores it. SIGKILL cannot be trapped.
func (c *Child) Trap(s os.Signal, f func()) {
	if f == nil {
		f = func() {}
	}
	c.traps[s] = f
}

// Kill sends the child a signal, as another program might.
func (c *Child) Kill(s os.Signal) { c.deliver(s) }

// deliver is the arrival of a signal.
func (c *Child) deliver(s os.Signal) {
	if c.over {
		return
	}
	if f, ok := c.traps[s]; ok && s != syscall.SIGKILL {
		f()
		return
	}
	if harmless(s) {
		return
	}
	c.finish(&twistor.ExitError{Code: -1, Signal: s})
	c.body.Cancel()
}

// finish ends the child.
func (c *Child) finish(status error) {
	if c.over {
		return
	}
	c.over, c.status = true, status
	c.host.children--
	for fd := range maxChildFD + 1 {
		if end := c.ends[fd]; end != nil && !c.keeps(end) {
			c.Close(fd)
		}
	}
	c.exit.changed()
}

func (c *Child) keeps(end *conn) bool {
	for _, k := range c.kept {
		if k == end {
			return true
		}
	}
	return false
}
