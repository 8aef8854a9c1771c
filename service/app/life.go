package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
)

// StopTimeout is how long the services of a program that is told to stop may
// take, unless --stop-timeout says otherwise.
const StopTimeout = 10 * time.Second

// A phase is what a program is doing, as status prints it.
type phase string

const (
	starting  phase = "starting"
	running   phase = "running"
	upgrading phase = "upgrading"
	stopping  phase = "stopping"
)

// A life is one run of a program, from its first port to its last. Loop-only,
// but for what is Immutable.
type life struct {
	// Immutable.
	*program
	reactor *reactor.Reactor
	loop    twistor.Loop
	log     *slog.Logger
	process *process // nil: the program is a part of another one
	began   time.Time

	phase    phase
	ports    *ports
	store    *persist.Store
	control  twistor.Port // nil: there is none
	serving  bool         // the services have started
	reloads  deferred.Lock
	hangups  int             // of reloads, those that signals asked for
	mourners []*framing.Conn // who asked to stop it, and wait for its end
	end      *deferred.Signal
	failed   error

	former     *channel                // to the process before this one; nil: none
	transition *deferred.Deferred[int] // the last upgrade; nil: there was none
	next       *heir                   // the process that it has started; nil: none
	heir       *heir                   // the process that goes on; nil: none
}

// live runs p until ctx is done.
func live(ctx context.Context, p *program, process *process) error {
	log := slog.Default()
	if process != nil {
		log = process.log
	}
	v := &life{program: p, log: log, process: process, phase: starting}
	v.reactor = reactor.New(&reactor.Config{
		Log:         log,
		Loops:       p.options.loops,
		StopTimeout: p.options.patience() + time.Minute, // our own limits come first
	})
	v.loop = v.reactor.Loop()
	v.began = v.loop.Now()
	v.ports = &ports{loop: v.loop, places: endpoint.Standard(), broken: v.breaks}
	if process != nil {
		v.ports.places.Environ = process.manager.Getenv
	}
	if p.app != nil {
		p.app.life = v
		defer func() { p.app.life = nil }()
	}
	if process != nil {
		defer process.listen(v)()
	}

	start := deferred.Inline(v.loop, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, v.start(co)
	})
	started := false
	start.Done(func(_ struct{}, err error) {
		if started = err == nil; started {
			return
		}
		if !errors.Is(err, deferred.ErrCanceled) {
			v.failed = err
		}
		v.failedToSucceed(err)
		v.reactor.Stop()
	})
	v.reactor.BeforeStop(func() *deferred.Signal {
		v.phase = stopping
		start.Cancel() // if it is still starting
		return deferred.Inline(v.loop, func(co *deferred.Co) (struct{}, error) {
			v.abandon(co)
			v.finish(co, started)
			return struct{}{}, nil
		})
	})
	err := v.reactor.Run(ctx)
	return errors.Join(v.failed, err)
}

// start begins all, in the order that security asks for: ports are bound and
// keys read while the program is privileged; then it gives its privileges up;
// only then does it read what it remembers, and serve.
func (v *life) start(co *deferred.Co) error {
	if err := v.inheritPorts(co); err != nil {
		return err
	}
	if b, ok := v.root.(service.Binder); ok {
		if err := b.Bind(v.ports); err != nil {
			return err
		}
	}
	if err := v.openControl(); err != nil {
		return err
	}
	if v.process != nil {
		if err := v.process.drop(v.log); err != nil {
			return err
		}
		if err := v.process.confine(v.log); err != nil {
			return err
		}
	}
	if err := v.inheritConnections(co); err != nil {
		return err
	}
	if err := v.serve(co); err != nil {
		return err
	}
	v.ports.discard(func(at string) {
		v.log.Warn("a port of the former process is not served any more", "at", at)
	})
	if v.process != nil {
		if err := v.process.ready(v.log); err != nil {
			return err
		}
		v.process.live(v.loop)
	}
	if v.phase == starting { // and was not told to stop just now
		v.phase = running
	}
	v.answer(true)
	v.log.Info("started", "pid", os.Getpid())
	v.succeeded()
	return nil
}

// serve opens the memory, and starts the services.
func (v *life) serve(co *deferred.Co) error {
	if err := v.remember(co); err != nil {
		return err
	}
	v.ports.store = v.store
	if err := v.root.Start(co, v.ports); err != nil {
		return errors.Join(err, v.forget(co))
	}
	v.serving = true
	return nil
}

// remember opens the Store, if there is to be one, and loads what the App
// persists.
func (v *life) remember(co *deferred.Co) error {
	if !v.stateful() {
		return nil
	}
	c := persist.Config{Dir: v.options.state, Name: v.name, File: v.options.file, Command: v.command}
	if v.former != nil {
		c.File = v.former.memory // the former process has just left it
	}
	store, err := persist.Open(co, v.loop, c)
	if err != nil {
		return memoryError(err)
	}
	v.store = store
	for _, r := range v.states {
		if err := store.Persist(r.name, r.state, r.upgrades...); err != nil {
			return errors.Join(memoryError(err), v.forget(co))
		}
	}
	return nil
}

// forget closes the Store.
func (v *life) forget(co *deferred.Co) error {
	if v.store == nil {
		return nil
	}
	err := v.store.Close(co)
	v.store, v.ports.store = nil, nil
	return err
}

// memoryError gives err the status of a program whose memory is unreadable.
func memoryError(err error) error {
	status := plugin.StatusConfig
	if errors.Is(err, twistor.ErrLocked) {
		status = plugin.StatusTemporary
	} else if errors.Is(err, os.ErrPermission) {
		status = plugin.StatusNoPermission
	} else if errors.Is(err, os.ErrNotExist) {
		status = plugin.StatusNoInput
	}
	return &plugin.Error{Status: status, Err: err}
}

// finish ends all, in reverse.
func (v *life) finish(co *deferred.Co, started bool) {
	if v.process != nil {
		v.process.stopping()
	}
	if v.serving {
		if err := v.halt(co); err != nil {
			v.fail(statusOf(err), err)
		}
	}
	if v.store != nil {
		if started && !v.options.noSave {
			if _, err := v.store.Save("shutdown").Await(co); err != nil {
				v.fail(plugin.StatusCannotCreate, fmt.Errorf("state is not saved: %w", err))
			}
		}
		if err := v.forget(co); err != nil {
			v.fail(plugin.StatusCannotCreate, err)
		}
	}
	if v.heir != nil {
		v.heir.flush(co)
		v.heir.Close()
	}
	if v.former != nil && v.former.ended == nil {
		v.former.flush(co)
	}
	v.lastWords(co)
}

// halt stops the services, for as long as they may take.
func (v *life) halt(co *deferred.Co) error {
	v.serving = false
	v.end = deferred.Inline(v.loop, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, service.StopWithin(co, v.root, v.options.patience())
	})
	over := v.end
	_, err := over.Await(co)
	v.end = nil
	if errors.Is(err, deferred.ErrTimeout) || errors.Is(err, deferred.ErrCanceled) {
		return &plugin.Error{Status: plugin.StatusTemporary, Err: fmt.Errorf("stopped before all was finished: %w", err)}
	}
	return err
}

// fail notes what went wrong at the end; the first is what counts.
func (v *life) fail(status plugin.Status, err error) {
	v.log.Error("stop", "err", err)
	if v.failed == nil {
		v.failed = &plugin.Error{Status: status, Err: err}
	}
}

// breaks ends the program in order, because a service of it cannot go on.
func (v *life) breaks(err error) {
	v.log.Error("a service has failed", "err", err)
	if v.failed == nil {
		v.failed = err
	}
	v.quit()
}

// quit begins the end: from now on nothing else begins.
func (v *life) quit() {
	v.phase = stopping
	v.reactor.Stop()
}

// stop ends the program in order; a second call ends it now.
func (v *life) stop(why string) {
	if v.phase != stopping {
		v.log.Info(why + ", shutting down")
		if v.phase == upgrading && v.heir != nil {
			v.heir.tell(syscall.SIGTERM) // it is the program now
		}
		v.quit()
		return
	}
	v.log.Warn(why + " again, stopping now")
	if v.next != nil {
		v.next.tell(os.Kill)
	}
	if v.end != nil {
		v.end.Cancel()
	}
}

// reload has the services read their configuration anew: one after another of
// those who ask, as each may have changed it before.
func (v *life) reload(co *deferred.Co) error {
	release, err := v.reloads.Acquire(v.loop).Await(co)
	if err != nil {
		return err
	}
	defer release()
	if v.phase != running {
		err := fmt.Errorf("%s is %s: want it running", v.name, v.phase)
		v.log.Warn("not reloaded", "err", err)
		return err
	}
	v.log.Info("reloading")
	if v.process != nil {
		v.process.tell("reloading", v.process.manager.Reloading)
		defer v.process.tell("ready", v.process.manager.Ready)
	}
	r, ok := v.root.(service.Reloader)
	if !ok {
		return nil
	}
	if err := r.Reload(co); err != nil {
		v.log.Error("reload", "err", err)
		return err
	}
	v.log.Info("reloaded")
	return nil
}

// reloadSoon is reload for those who do not wait: any number of them, while one
// is done, are one more.
func (v *life) reloadSoon() {
	if v.hangups == 2 {
		return
	}
	v.hangups++
	deferred.Inline(v.loop, func(co *deferred.Co) (struct{}, error) {
		defer func() { v.hangups-- }()
		return struct{}{}, v.reload(co)
	}).Done(func(struct{}, error) {}) // it is logged where it failed
}

// save writes NAME.tap.
func (v *life) save(co *deferred.Co) error {
	if v.store == nil {
		return fmt.Errorf("%s has no memory to save", v.name)
	}
	_, err := v.store.Save("").Await(co)
	return err
}
