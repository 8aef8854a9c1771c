package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/daemon"
	"github.com/twistor-go/twistor/internal/systemd"
	"github.com/twistor-go/twistor/plugin"
)

// barrierTimeout is how long the service manager may take to hear us out.
const barrierTimeout = 5 * time.Second

// A process is what the system knows of a program: its directory, its log, its
// pid file, its privileges. It is the program's alone, from its first moment to
// its last. Loop-only, but for what is Immutable.
type process struct {
	// Immutable.
	name       string
	options    *options
	executable string   // the file to start in an upgrade
	home       string   // the directory we were started in
	env        []string // what we were started with
	log        *slog.Logger
	sinks      *sinks
	parent     *daemon.Status // waits for us; nil: nobody
	rights     *daemon.Credentials
	profile    *os.File // nil: none
	manager    *systemd.Supervisor
	heard      chan os.Signal

	pid  *daemon.PIDFile // nil: none
	left bool            // another process goes on
	heir bool            // of a former process, which goes on itself until we serve
	made string          // the state's directory, if it was not there; else ""
}

// runProcess runs p as this process, or, as a daemon, as another one.
func runProcess(ctx context.Context, p *program) error {
	parent, child := daemon.Child()
	if p.options.daemon && !child && !isHeir() {
		return daemonize(ctx)
	}
	x, err := enter(p, parent)
	if err == nil {
		err = live(ctx, p, x)
		x.leave(err)
	}
	if err != nil && parent != nil {
		// Unless it was ready: then the log has it.
		parent.Fail(int(statusOf(err)), err.Error())
		return &plugin.Error{Status: statusOf(err), Err: errTold}
	}
	if parent != nil {
		parent.Fail(int(plugin.StatusTemporary), "told to stop before it was ready")
	}
	return err
}

// daemonize starts this program again in the background, and waits until it is
// ready to serve, or says why it is not.
func daemonize(ctx context.Context) error {
	status, message, err := daemon.Daemonize(ctx, daemon.Start{Args: os.Args[1:]})
	if err != nil {
		return &plugin.Error{Status: plugin.StatusSoftware, Err: err}
	}
	if status != 0 {
		return &plugin.Error{Status: plugin.Status(status), Err: errors.New(message)}
	}
	return nil
}

// enter makes this process what p's options say, but for what needs the loop.
func enter(p *program, parent *daemon.Status) (x *process, err error) {
	o := p.options
	x = &process{name: p.name, options: o, parent: parent}
	x.hear()
	manager, wrong := systemd.Take()
	x.manager = manager
	x.env = append(os.Environ(), manager.Environ()...)
	if x.executable, err = os.Executable(); err != nil {
		return nil, err
	}
	if x.home, err = os.Getwd(); err != nil {
		return nil, err
	}
	if x.rights, err = (daemon.Privileges{User: o.uid, Group: o.gid, Effective: o.euid, Sealed: o.uid != ""}).Resolve(); err != nil {
		return nil, plugin.Usage("--uid: %w", err)
	}
	if err := o.settle(); err != nil {
		return nil, err
	}
	mask, err := o.mask()
	if err != nil {
		return nil, err
	}
	place := daemon.Place{Chroot: o.chroot, Dir: o.rundir}
	if mask >= 0 {
		place.Umask = fmt.Sprintf("%03o", mask)
	}
	if err := place.Enter(); err != nil {
		return nil, placeError(err)
	}
	if x.sinks, err = openSinks(p.name, o); err != nil {
		return nil, err
	}
	x.log = x.sinks.log
	defer func(x *process) {
		if err != nil {
			if x.pid != nil {
				x.pid.Remove()
			}
			x.sinks.close()
		}
	}(x)
	x.log.Info("starting", "name", p.name, "version", version())
	if wrong != nil {
		x.log.Warn("the service manager is not told", "err", wrong)
	}
	if o.pidfile != "" && !isHeir() {
		if x.pid, err = daemon.CreatePIDFile(o.pidfile, 0); err != nil {
			return nil, pidError(err)
		}
	}
	if o.state != "" && (o.daemon || p.stateful()) {
		if err := os.Mkdir(o.state, 0o700); err == nil {
			x.made = o.state
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--state: %w", err)}
		} else if info, err := os.Stat(o.state); err != nil || !info.IsDir() {
			return nil, &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--state: %s: want a directory", o.state)}
		}
	}
	if o.profile != "" {
		if x.profile, err = os.Create(o.profile); err != nil {
			return nil, &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--profile: %w", err)}
		}
		if err := pprof.StartCPUProfile(x.profile); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// settle makes what was relative to the directory that we were started in
// independent of it, and finds the file to go on from below a new root.
func (o *options) settle() (err error) {
	if o.file == "" {
		return nil
	}
	if dir := filepath.Dir(o.file); o.state == "" && o.rundir == "" && o.chroot == "" && dir != "." {
		o.state = dir // where its journals are, too
	}
	if o.file, err = filepath.Abs(o.file); err != nil || o.chroot == "" {
		return err
	}
	root, err := filepath.Abs(o.chroot)
	if err != nil {
		return err
	}
	inside, err := filepath.Rel(root, o.file)
	if err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
		return plugin.Usage("--file=%s: want it inside --chroot=%s", o.file, o.chroot)
	}
	o.file = "/" + inside
	return nil
}

// placeError gives err its status.
func placeError(err error) error {
	status := plugin.StatusNoInput
	if errors.Is(err, fs.ErrPermission) {
		status = plugin.StatusNoPermission
	}
	return &plugin.Error{Status: status, Err: err}
}

// pidError gives err its status.
func pidError(err error) error {
	status := plugin.StatusCannotCreate
	if _, taken := errors.AsType[*daemon.RunningError](err); taken {
		status = plugin.StatusUnavailable
	} else if errors.Is(err, fs.ErrPermission) {
		status = plugin.StatusNoPermission
	}
	return &plugin.Error{Status: status, Err: err}
}

// drop gives up what a privileged program had for its beginning. The files that
// it goes on with are made the user's before.
func (x *process) drop(log *slog.Logger) error {
	if x.options.uid == "" || isHeirOf(x.rights.UID) {
		return nil
	}
	for _, name := range []string{x.sinks.name, x.made} {
		if name == "" {
			continue
		}
		if err := os.Lchown(name, x.rights.UID, x.rights.GID); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &plugin.Error{Status: plugin.StatusNoPermission, Err: err}
		}
	}
	if err := x.rights.Drop(); err != nil {
		return &plugin.Error{Status: plugin.StatusNoPermission, Err: err}
	}
	log.Info("privileges dropped", "user", x.rights.String())
	return nil
}

// isHeirOf reports whether we are that user already: our predecessor was.
func isHeirOf(uid int) bool { return os.Geteuid() == uid }

// inherit takes over the pid file of the former process.
func (x *process) inherit(name string, f *os.File) (err error) {
	if name != x.options.pidfile {
		return errors.Join(fmt.Errorf("upgrade: pid file %s: want --pidfile=%s, as before", x.options.pidfile, name), f.Close())
	}
	x.heir = true
	x.pid, err = daemon.InheritPIDFile(name, f)
	return err
}

// ready tells whoever waits that the program serves.
func (x *process) ready(log *slog.Logger) error {
	x.heir = false
	if x.pid != nil {
		if err := x.pid.Write(os.Getpid()); err != nil {
			return &plugin.Error{Status: plugin.StatusCannotCreate, Err: err}
		}
	}
	if x.parent != nil {
		x.sinks.sync()
		if err := x.parent.Ready(); err != nil {
			log.Debug("nobody waits any more", "err", err)
		}
	}
	x.tell("ready", x.manager.Ready)
	return nil
}

// stopping tells the service manager.
func (x *process) stopping() { x.tell("stopping", x.manager.Stopping) }

// handedOver leaves everything that others know us by to the process pid.
func (x *process) handedOver(pid int) {
	if x.pid != nil {
		x.pid.Close()
		x.pid = nil
	}
	x.left = true
	x.tell("MAINPID", func() error { return x.manager.MainPID(pid) })
}

// leave ends what enter began.
func (x *process) leave(err error) {
	switch {
	case x.pid == nil:
	case x.heir:
		x.pid.Close() // it is the former process's again
	default:
		if err := x.pid.Remove(); err != nil {
			x.log.Debug("the pid file stays", "err", err)
		}
	}
	if x.left {
		x.manager.Barrier(barrierTimeout) // or it would see us end before it knows who goes on
	}
	x.manager.Close()
	if x.profile != nil {
		pprof.StopCPUProfile()
		x.profile.Close()
	}
	if err != nil {
		x.log.Error("ended", "err", err)
	} else {
		x.log.Info("ended")
	}
	x.sinks.close()
}

// environ is what a next process is to be started with.
func (x *process) environ() []string { return append([]string(nil), x.env...) }

// tell tells the service manager, if there is one.
func (x *process) tell(what string, say func() error) {
	if err := say(); err != nil {
		x.log.Warn("the service manager is not told", "what", what, "err", err)
	}
}

// live says to the service manager, again and again, that the loop turns.
func (x *process) live(l twistor.Loop) {
	interval := x.manager.Watchdog() / 2
	if interval == 0 {
		return
	}
	deferred.Every(l, interval, func(*deferred.Co) error { return x.manager.Alive() }).Done(func(_ struct{}, err error) {
		x.log.Warn("the service manager is not told", "what", "alive", "err", err)
	})
}
