package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/daemon"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
)

// reapTimeout is how long a new process may take to end that has failed.
const reapTimeout = 5 * time.Second

// An heir is the process that is to go on in place of this one.
type heir struct {
	*channel          // nil: not yet
	ours     *os.File // what channel is to be opened on
	command  *exec.Cmd
	pid      int
	ports    []reserved // duplicates of ours, for the case that it fails
	left     []arrival  // connections, likewise
}

// upgrade begins an upgrade, which goes on when whoever asked for it goes away.
// The Deferred has the number of the new process.
func (v *life) upgrade() *deferred.Deferred[int] {
	if v.process == nil || v.phase != running {
		return deferred.Failed[int](v.loop, fmt.Errorf("upgrade: %s is %s: want it running", v.name, v.phase))
	}
	v.transition = deferred.Inline(v.loop, v.handOver)
	return v.transition.Shield()
}

// handOver starts the program's file anew, which may have another content now, and
// has it go on in place of this process. If it fails, this process goes on as if
// nothing had been. It returns the number of the new process.
//
// A program that must not run twice, since it has a memory, stops first, and
// clients wait in the queues of the ports for the moment that takes; any other
// stops when the new process is ready.
func (v *life) handOver(co *deferred.Co) (pid int, err error) {
	v.phase = upgrading
	v.answer(false)
	v.log.Info("upgrading", "program", v.process.executable)
	h, err := v.spawn()
	if err == nil {
		v.next = h
		err = v.handOverTo(co, h)
		v.next = nil
	}
	switch {
	case err == nil:
		v.heir = h
		v.process.handedOver(h.pid)
		v.log.Info("upgraded", "pid", h.pid)
		v.loop.CallLater(0, v.reactor.Stop) // whoever asked hears of it first
		return h.pid, nil
	case v.phase == stopping:
		err = fmt.Errorf("%s was told to stop: %w", v.name, err)
	default:
		v.phase = running
		v.answer(true)
	}
	v.log.Error("upgrade failed; going on", "err", err)
	return 0, fmt.Errorf("upgrade: %w", err)
}

// handOverTo hands all over to h, which ends if that fails.
func (v *life) handOverTo(co *deferred.Co, h *heir) (err error) {
	if h.channel, err = openChannel(co, v.loop, h.ours); err == nil {
		err = v.list(co, h)
	}
	if err == nil && v.phase == stopping {
		err = errors.New("not begun")
	}
	switch {
	case err != nil:
	case v.stateful() || v.sole:
		err = v.replace(co, h)
	default:
		err = v.overlap(co, h)
	}
	if err != nil {
		return h.reap(co, err)
	}
	closeAll(h.ports)
	return nil
}

// abandon waits for the end of an upgrade in progress: the program is to stop.
// So is the new process, be it that it serves already, or never will.
func (v *life) abandon(co *deferred.Co) {
	if v.next != nil {
		v.next.tell(syscall.SIGTERM)
	}
	if v.transition != nil {
		v.transition.Shield().Await(co)
	}
}

// spawn starts the new process.
func (v *life) spawn() (*heir, error) {
	if v.options.chroot != "" {
		return nil, errors.New("under --chroot the program's file cannot be started again")
	}
	ours, theirs, err := daemon.Pair()
	if err != nil {
		return nil, err
	}
	c := exec.Command(v.process.executable, os.Args[1:]...)
	c.Dir = v.process.home
	c.Env = append(v.process.environ(), heirVariable+"=3")
	c.ExtraFiles = []*os.File{theirs}
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = c.Start()
	theirs.Close()
	if err != nil {
		ours.Close()
		return nil, err
	}
	return &heir{command: c, pid: c.Process.Pid, ours: ours}, nil
}

// list tells the new process what we serve, and waits until it is prepared to.
func (v *life) list(co *deferred.Co, h *heir) (err error) {
	if h.ports, err = v.ports.files(); err != nil {
		return err
	}
	for _, r := range h.ports {
		if err := h.say(message{Kind: "port", Name: r.endpoint, file: r.file}); err != nil {
			return err
		}
	}
	if p := v.process.pid; p != nil {
		if err := h.say(message{Kind: "pidfile", Name: v.options.pidfile, file: p.File()}); err != nil {
			return err
		}
	}
	if err := h.say(message{Kind: "listed"}); err != nil {
		return err
	}
	return h.expect(co, "prepared")
}

// tell sends the new process a signal, or what comes closest to it.
func (h *heir) tell(s os.Signal) {
	if h.command.Process.Signal(s) != nil {
		h.command.Process.Kill()
	}
}

// reap ends the new process, which has failed because of err, and returns that,
// or that it ended by itself without a word.
func (h *heir) reap(co *deferred.Co, err error) error {
	closeAll(h.ports)
	left := false // it has closed the channel, and is about to end
	if h.channel != nil {
		left = h.ended != nil && !h.broken || errors.Is(err, net.ErrClosed)
		h.Abort()
	}
	if !left {
		h.command.Process.Kill()
	}
	late := co.Loop().CallLater(reapTimeout, func() { h.command.Process.Kill() })
	defer late.Stop()
	_, ended := deferred.Go(co.Loop(), func(context.Context) (struct{}, error) {
		return struct{}{}, h.command.Wait() // or it would remain as a zombie
	}).Await(co)
	if _, said := errors.AsType[*plugin.Error](err); said || !left {
		return err
	}
	if ended == nil {
		ended = errors.New("exit status 0")
	}
	return fmt.Errorf("the new process ended before it was ready: %w", ended)
}

// overlap has the new process serve beside this one, which stops then.
func (v *life) overlap(co *deferred.Co, h *heir) error {
	if err := h.say(message{Kind: "start"}); err != nil {
		return err
	}
	if err := h.expect(co, "ready"); err != nil {
		return err
	}
	v.ports.keepPaths(nil)
	if v.phase == stopping {
		return nil // and so does the new process
	}
	v.ports.bequeath = func(at string, c service.Connection) {
		if err := h.leave(at, c); err != nil {
			v.log.Warn("a connection is lost", "at", at, "err", err)
		}
		c.File.Close()
	}
	return nil
}

func (h *heir) leave(at string, c service.Connection) error {
	return h.say(message{Kind: "connection", Name: at, State: c.State, Unsent: c.Unsent, Unread: c.Unread, file: c.File})
}

// replace stops this program's services, and has the new process go on where
// they left off. If it cannot, they start again.
func (v *life) replace(co *deferred.Co, h *heir) error {
	v.ports.keepPaths(v.control) // that one stays open
	v.ports.bequeath = func(at string, c service.Connection) { h.left = append(h.left, arrival{at, c}) }
	defer func() { v.ports.bequeath = nil }()
	if err := v.halt(co); err != nil {
		v.log.Warn("upgrade: not all was finished", "err", err)
	}
	v.ports.takers = nil
	memory, err := v.leaveMemory(co)
	if err == nil {
		err = h.begin(co, memory)
	}
	if err == nil {
		v.ports.keepPaths(nil)
		for _, a := range h.left {
			a.File.Close()
		}
		return nil
	}
	return errors.Join(err, v.restart(co, h, memory))
}

// begin hands over what was left, and waits until the new process serves.
func (h *heir) begin(co *deferred.Co, memory string) error {
	for _, a := range h.left {
		if err := h.leave(a.endpoint, a.Connection); err != nil {
			return err
		}
	}
	if err := h.say(message{Kind: "start", Name: memory}); err != nil {
		return err
	}
	return h.expect(co, "ready")
}

// leaveMemory saves what the program remembers for the next process, or for our
// own restart, and lets go of it.
func (v *life) leaveMemory(co *deferred.Co) (file string, err error) {
	if v.store == nil {
		return "", nil
	}
	if _, err = v.store.Save("upgrade").Await(co); err == nil {
		// The next process may have another working directory for a moment.
		file, err = filepath.Abs(filepath.Join(v.options.state, v.name+"-upgrade.tap"))
	}
	return file, errors.Join(err, v.forget(co))
}

// restart goes on after an upgrade that failed: this process is its own heir.
func (v *life) restart(co *deferred.Co, h *heir, memory string) error {
	v.ports.bequeath = nil
	for _, r := range h.ports {
		if v.ports.serves(r.endpoint) {
			r.file.Close()
		} else {
			v.ports.inherit(r.endpoint, r.file)
		}
	}
	h.ports = nil
	for _, a := range h.left {
		v.ports.arrive(a.endpoint, a.Connection)
	}
	v.former = &channel{memory: memory, ended: errors.New("none")}
	defer func() { v.former = nil }()
	resume := v.serve
	if v.phase == stopping {
		resume = v.remember // what the end is to save
	}
	if err := resume(co); err != nil {
		v.failed = fmt.Errorf("cannot go on after an upgrade that failed: %w", err)
		v.reactor.Stop()
		return v.failed
	}
	if memory != "" {
		deferred.Go(v.loop, removeFile(v.loop.FS(), memory)).Done(nil)
	}
	return nil
}

// removeFile is a job that removes a file, if it is there.
func removeFile(fsys twistor.FS, name string) func(context.Context) (struct{}, error) {
	return func(context.Context) (struct{}, error) {
		if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return struct{}{}, err
		}
		return struct{}{}, nil
	}
}
