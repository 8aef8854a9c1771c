package cgi

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A child is one program that answers one request. Its answer is complete when
// its output has ended, and it has ended well or goes on for another second;
// it may go on behind the answer, until Timeout.
type child struct {
	crowd   *crowd
	rules   *Rules
	loop    twistor.Loop
	log     *slog.Logger
	w       *web.ResponseWriter // not used when over
	r       *web.Request
	process twistor.Process
	done    *deferred.Signal
	over    bool // the answer is
	head    head
	headed  bool
	outEnd  bool
	deaf    bool // it reads no more
	stopped bool // the body is held back
	held    bool // its output is held back
	ended   bool
	killed  bool
	exit    error
	timer   twistor.Timer // no byte for long
	end     twistor.Timer // waits for Exited, or for SIGTERM to be obeyed
	errs    []byte        // the last line of standard error, as yet
	said    int
}

// spawn begins the program of a request.
func (c *crowd) spawn(s twistor.Spawner, rules *Rules, w *web.ResponseWriter, r *web.Request, command twistor.Command, at place, length int64, body []byte) *deferred.Signal {
	command.Env = environ(rules, r, at, length)
	command.Group = true
	command.UID, command.GID = rules.UID, rules.GID
	k := &child{crowd: c, rules: rules, loop: r.Loop(), w: w, r: r, log: rules.Log}
	if k.log == nil {
		k.log = k.loop.Log()
	}
	k.log = k.log.With("program", at.file)
	if k.head.most = rules.MaxHeadBytes; k.head.most <= 0 {
		k.head.most = DefaultMaxHeadBytes
	}
	k.done = deferred.New[struct{}](k.loop)
	if _, err := s.Spawn(command, k); err != nil {
		status := 500
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			status = 404
		}
		k.done.Fail(&web.Error{Status: status, Err: fmt.Errorf("cgi: %w", err)})
		return k.done
	}
	k.done.OnCancel(k.kill)
	k.feed(length, body)
	return k.done
}

func (k *child) Spawned(p twistor.Process) {
	k.process = p
	k.crowd.children++
	p.Input(0).SetLimits(twistor.Limits{Max: -1}) // Pause bounds it
	k.busy()
}

// feed gives the program its input: body, or the request's as it comes.
func (k *child) feed(length int64, body []byte) {
	in := k.process.Input(0)
	if body != nil || length == 0 {
		in.Write(body)
		in.Close()
		return
	}
	sent := k.r.Body.Each(func(p []byte) {
		if k.deaf || k.over {
			return
		}
		in.Write(p)
		k.busy()
		if in.Full() {
			k.stopped = true
			k.r.Body.Pause()
		}
	})
	sent.Done(func(_ struct{}, err error) {
		if err != nil {
			k.fail(err)
			return
		}
		in.Close()
	})
}

// Drained lets the body go on.
func (k *child) Drained() {
	k.busy()
	if k.stopped && !k.over {
		k.stopped = false
		k.r.Body.Resume()
	}
}

// InputClosed hears that the program reads no more: what is left of the body is
// for nobody.
func (k *child) InputClosed(int, error) {
	k.deaf = true
	if k.stopped && !k.over {
		k.stopped = false
		k.r.Body.Resume()
	}
}

func (k *child) OutputReceived(fd int, p []byte) {
	if fd == 2 {
		k.complain(p)
		return
	}
	if k.over {
		return
	}
	k.busy()
	if !k.headed {
		rest, done, err := k.head.next(p)
		if done && err == nil {
			err = k.head.write(k.w)
		}
		if err != nil {
			k.fail(&web.Error{Status: 502, Err: err})
			return
		}
		if k.headed = done; !done {
			return
		}
		p = rest
		if err := k.w.Flush(); err != nil {
			k.fail(err)
			return
		}
	}
	if len(p) == 0 {
		return
	}
	if _, err := k.w.Write(p); err != nil {
		k.fail(err)
		return
	}
	if k.w.Full() && !k.held {
		k.hold()
	}
}

// hold keeps the program waiting until its client has taken what it wrote.
func (k *child) hold() {
	k.held = true
	k.process.Pause(1)
	k.timer.Stop()
	k.w.Ready().Done(func(_ struct{}, err error) {
		k.held = false
		k.process.Resume(1)
		if err == nil {
			k.busy()
		}
	})
}

func (k *child) OutputClosed(fd int) {
	if fd != 1 {
		return
	}
	k.outEnd = true
	if k.over || k.ended {
		return
	}
	if !k.headed {
		k.fail(&web.Error{Status: 502, Err: errors.New("cgi: output ended within the head")})
		return
	}
	k.end = k.loop.CallLater(time.Second, k.complete)
}

func (k *child) Exited(err error) {
	k.ended, k.exit = true, err
	if err != nil && !k.killed {
		k.log.Warn("cgi: program ended badly", "err", err)
	}
	k.end.Stop()
	if k.outEnd {
		k.complete()
	}
}

// complete ends the answer. A program that a signal ended did not say all that
// it wanted: the client is not to think so.
func (k *child) complete() {
	if k.over {
		return
	}
	if e, ok := errors.AsType[*twistor.ExitError](k.exit); ok && e.Signal != nil {
		k.fail(fmt.Errorf("cgi: %w", k.exit))
		return
	}
	k.over = true
	k.process.Input(0).Close()
	k.done.Succeed(struct{}{})
}

func (k *child) Ended(err error) {
	k.timer.Stop()
	k.end.Stop()
	k.crowd.children--
	if k.ended = true; k.exit == nil {
		k.exit = err
	}
	k.flushErrors()
	switch {
	case k.over:
	case k.headed:
		k.complete()
	default:
		k.fail(&web.Error{Status: 502, Err: errors.New("cgi: program ended within the head")})
	}
}

// fail ends the answer, and the program.
func (k *child) fail(err error) {
	if k.over {
		return
	}
	k.kill()
	k.done.Fail(err)
}

// kill ends the program and all that it started; its answer is over, or nobody wants it.
func (k *child) kill() {
	k.over = true
	if k.killed || k.ended {
		return
	}
	k.killed = true
	k.timer.Stop()
	if k.held {
		k.process.Resume(1)
	}
	k.process.Signal(syscall.SIGTERM)
	k.end.Stop()
	k.end = k.loop.CallLater(grace, func() { k.process.Signal(os.Kill) })
}

// busy says that the program does something.
func (k *child) busy() {
	limit := k.rules.Timeout
	if limit == 0 {
		limit = DefaultTimeout
	}
	if limit < 0 || k.killed || k.ended {
		return
	}
	if k.timer.When().IsZero() {
		k.timer.Stop()
		k.timer = k.loop.CallLater(limit, k.expired)
		return
	}
	k.timer.Reset(limit)
}

func (k *child) expired() {
	if k.over { // it went on behind its answer
		k.kill()
		return
	}
	k.fail(&web.Error{Status: 504, Err: errors.New("cgi: program did nothing for too long")})
}

// complain logs what the program writes to standard error, line by line.
func (k *child) complain(p []byte) {
	for len(p) > 0 && k.said < maxErrorBytes {
		i := bytes.IndexByte(p, '\n')
		piece := p
		if i >= 0 {
			piece = p[:i+1]
		}
		piece = piece[:min(len(piece), maxErrorBytes-k.said)]
		k.said += len(piece)
		k.errs = append(k.errs, piece...)
		p = p[len(piece):]
		if i >= 0 || k.said == maxErrorBytes {
			k.flushErrors()
		}
	}
}

func (k *child) flushErrors() {
	if line := bytes.TrimRight(k.errs, "\r\n"); len(line) > 0 {
		k.log.Warn("cgi: program complains", "text", string(line))
	}
	k.errs = nil
}
