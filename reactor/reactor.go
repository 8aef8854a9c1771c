package reactor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// A Config says how a Reactor is to be. The zero Config is good for most
// programs. Immutable after first use.
type Config struct {
	// Loops is how many loops run, each on a goroutine of its own. 0: GOMAXPROCS.
	// A program whose other goroutines wait for the network themselves should
	// leave a processor to them.
	Loops int
	// Workers is how many jobs of deferred.Go run at once; 0: 20. MaxJobs more
	// may wait; 0: 10,000; beyond, they fail with deferred.ErrPoolFull.
	Workers, MaxJobs int
	// MaxPosts is how many posted calls may wait for one loop; 0: 1,048,576.
	// Beyond, Post reports false.
	MaxPosts int
	// MaxBuffered is how many bytes of output all connections together may
	// have queued; 0: 256 MiB. Beyond, those with most are dropped with
	// twistor.ErrOverflow.
	MaxBuffered int
	// SlowTurn is how long a turn may take before the stack of what it does is
	// logged, once for each place; 0: 100 ms; negative: never.
	SlowTurn time.Duration
	// StopTimeout is how long Run waits for BeforeStop; 0: 30 s; negative: for
	// ever.
	StopTimeout time.Duration
	// Log is where the reactor speaks; nil: slog.Default().
	Log *slog.Logger
	// Resolver looks names up; nil: net.DefaultResolver. It is called on
	// goroutines of its own pool and may block.
	Resolver interface {
		LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	}
	// Portable chooses the backend over package net even where the system has
	// a better one: for tests.
	Portable bool
	// World is what there is outside; nil: the real one. It is for package sim.
	World *World
}

var (
	// ErrRunning is what Run returns when the reactor runs already.
	ErrRunning = errors.New("reactor: is running already")
	// ErrPanicked ends a Run whose loop's goroutine was ended by
	// runtime.Goexit, as t.FailNow does.
	ErrPanicked = errors.New("reactor: a callback ended the loop's goroutine")
)

// A Reactor is some loops and what they share: a pool of workers, a resolver.
// There is no global one; a process may have several. A new one belongs to the
// goroutine that made it, which may use its loops, until Run; while it runs,
// only Stop and the loops' Post may be called from elsewhere.
type Reactor struct {
	config Config
	world  World
	real   bool
	log    *slog.Logger
	loops  []*loop
	faces  []twistor.Loop
	pool   *deferred.Pool
	names  *deferred.Pool

	running  atomic.Bool
	watching bool // the watchdog reads the loops' beats
	panics   atomic.Int64
	before   []*beforeStop // Owned by the home loop.

	mu   sync.Mutex
	stop context.CancelFunc // of the running Run; nil: it does not run. Guarded by mu.
}

// New makes a reactor; c may be nil. It starts nothing and opens nothing: the
// first Listen, Dial or Run does.
func New(c *Config) *Reactor {
	r := &Reactor{}
	if c != nil {
		r.config = *c
	}
	if r.config.Loops <= 0 {
		r.config.Loops = runtime.GOMAXPROCS(0)
	}
	if r.config.MaxPosts <= 0 {
		r.config.MaxPosts = 1 << 20
	}
	if r.config.MaxBuffered <= 0 {
		r.config.MaxBuffered = 256 << 20
	}
	if r.config.SlowTurn == 0 {
		r.config.SlowTurn = 100 * time.Millisecond
	}
	if r.config.StopTimeout == 0 {
		r.config.StopTimeout = 30 * time.Second
	}
	if r.log = r.config.Log; r.log == nil {
		r.log = slog.Default()
	}
	r.furnish()
	for i := range r.config.Loops {
		l := newLoop(r, i)
		l.gate.MaxHandshakes = max(1, 64*runtime.GOMAXPROCS(0)/r.config.Loops)
		r.loops = append(r.loops, l)
		r.faces = append(r.faces, l)
	}
	return r
}

// furnish fills what the World leaves to the real one.
func (r *Reactor) furnish() {
	if r.config.World != nil {
		r.world = *r.config.World
	}
	w := &r.world
	r.real = w.Open == nil
	if w.Open == nil {
		w.Open = poll.Open
		if r.config.Portable {
			w.Open = poll.OpenPortable
		}
	}
	if w.Now == nil {
		w.Now = poll.Now
	}
	if w.Entropy == nil {
		w.Entropy = rand.Reader
	}
	if w.FS == nil {
		w.FS = disk{}
	}
	if w.Resolve == nil {
		resolver := r.config.Resolver
		if resolver == nil {
			resolver = net.DefaultResolver
		}
		w.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			ips, err := resolver.LookupNetIP(ctx, "ip", host)
			for i := range ips {
				ips[i] = ips[i].Unmap()
			}
			return ips, err
		}
	}
	r.pool = &deferred.Pool{Workers: r.config.Workers, MaxJobs: r.config.MaxJobs}
	r.names = &deferred.Pool{Workers: maxLookups, MaxJobs: 1000}
}

// Lookups under way at once: more than the other pool has workers, because a
// name server that does not answer must not starve the names that others serve.
const maxLookups = 256

func (r *Reactor) do(job func(context.Context) func(), deliver func(func())) (func(), error) {
	if r.world.Do != nil {
		return r.world.Do(job, deliver)
	}
	return r.pool.Do(job, deliver)
}

func (r *Reactor) lookup(job func(context.Context) func(), deliver func(func())) (func(), error) {
	if r.world.Do != nil {
		return r.world.Do(job, deliver)
	}
	return r.names.Do(job, deliver)
}

func (r *Reactor) report(l *loop, err error) {
	if r.world.Report != nil {
		r.world.Report(err)
		return
	}
	var u *deferred.UnhandledError
	if errors.As(err, &u) {
		r.log.Error("nobody handled a failure", "err", u.Err, "origin", u.Origin)
		return
	}
	r.log.Error("nobody handled a failure", "err", err)
}

// Loop is the home loop: the first one.
func (r *Reactor) Loop() twistor.Loop { return r.loops[0] }

// Loops are all loops, in order. Immutable.
func (r *Reactor) Loops() []twistor.Loop { return r.faces }

// Panics is how many callbacks panicked so far. Safe for concurrent use.
func (r *Reactor) Panics() int64 { return r.panics.Load() }

// BeforeStop has f called on the home loop when Run is about to end, those
// added last first, before anything is closed. Run waits for the Signals that
// are not nil; their failures are logged. It is for the home loop, or before
// Run; remove takes f out again.
func (r *Reactor) BeforeStop(f func() *deferred.Signal) (remove func()) {
	b := &beforeStop{f}
	r.before = append(r.before, b)
	return func() { r.before = without(r.before, b) }
}

type beforeStop struct{ call func() *deferred.Signal }

// Run runs the loops until ctx is done or Stop is called. Then it calls what
// BeforeStop was given, ends every port and connection with
// twistor.ErrStopped, waits for the workers, and returns nil. The error, if
// any, is ErrRunning, or says why a loop could not go on. A reactor that has
// stopped may listen and run again.
func (r *Reactor) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	if r.stop != nil {
		r.mu.Unlock()
		return ErrRunning
	}
	r.stop = cancel
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.stop = nil
		r.mu.Unlock()
	}()
	for _, l := range r.loops {
		l.stopping = false
		if err := l.start(); err != nil {
			return fmt.Errorf("reactor: %w", err)
		}
	}
	r.running.Store(true)
	r.watching = r.config.SlowTurn > 0
	var watchdog sync.WaitGroup
	unwatch := make(chan struct{})
	if r.watching {
		watchdog.Go(func() { r.watch(unwatch) })
	}
	ended := make(chan error, len(r.loops))
	for _, l := range r.loops {
		go l.run(ended)
	}
	left := len(r.loops)
	select {
	case <-ctx.Done():
	case err = <-ended: // a loop cannot go on: the others shall not either
		left--
	}
	if err == nil {
		r.quiesce()
	}
	for _, l := range r.loops {
		l.halt()
	}
	for range left {
		err = errors.Join(err, <-ended)
	}
	close(unwatch)
	watchdog.Wait()
	r.watching = false
	r.running.Store(false)
	return errors.Join(err, r.dismantle())
}

// Stop ends Run as the end of its context would. Safe for concurrent use.
func (r *Reactor) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		r.stop()
	}
}

// quiesce calls what BeforeStop was given and waits for it.
func (r *Reactor) quiesce() {
	if len(r.before) == 0 {
		return
	}
	done := make(chan struct{})
	home := r.loops[0]
	if !home.mail.putAlways(func() { r.dismiss(func() { close(done) }) }) {
		return
	}
	home.rouse()
	if r.config.StopTimeout < 0 {
		<-done
		return
	}
	limit := time.NewTimer(r.config.StopTimeout)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		r.log.Warn("stopping all the same", "op", "stop", "err", deferred.ErrTimeout)
	}
}

// dismiss calls the BeforeStops, the last first, and then done.
func (r *Reactor) dismiss(done func()) {
	left := 1
	one := func() {
		if left--; left == 0 {
			done()
		}
	}
	for i := len(r.before) - 1; i >= 0; i-- {
		r.dismissOne(r.before[i].call, &left, one)
	}
	one()
}

func (r *Reactor) dismissOne(f func() *deferred.Signal, left *int, one func()) {
	defer func() {
		if v := recover(); v != nil {
			r.loops[0].panicked(v)
		}
	}()
	if s := f(); s != nil {
		*left++
		s.Done(func(_ struct{}, err error) {
			if err != nil {
				r.log.Error("before stop", "op", "stop", "err", err)
			}
			one()
		})
	}
}

// run is a loop's goroutine.
func (l *loop) run(ended chan<- error) {
	err := ErrPanicked
	defer func() { ended <- err }()
	if l.r.watching {
		l.introduce()
		l.readClock()
		l.beat.Store(l.mono)
	}
	for !l.stopping {
		if err = l.turn(poll.Never); err != nil {
			err = fmt.Errorf("reactor: loop %d: %w", l.index, err)
			return
		}
	}
	err = nil
}

// halt makes run return.
func (l *loop) halt() {
	l.mail.putAlways(func() { l.stopping = true })
	l.rouse()
}

// dismantle ends all that is open, on the goroutine that owns the reactor now.
func (r *Reactor) dismantle() error {
	for _, l := range r.loops {
		l.shutdown()
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(r.config.StopTimeout, time.Second))
	defer cancel()
	err := errors.Join(r.pool.Close(ctx), r.names.Close(ctx))
	r.pool = &deferred.Pool{Workers: r.config.Workers, MaxJobs: r.config.MaxJobs}
	r.names = &deferred.Pool{Workers: maxLookups, MaxJobs: 1000}
	r.before = nil
	return err
}

// shutdown ends everything of a loop: ports, connections, coroutines, timers.
func (l *loop) shutdown() {
	if l.poller == nil {
		l.closing()
		return
	}
	l.closed = true
	l.turning = true
	for len(l.ports) > 0 {
		l.ports[len(l.ports)-1].Close()
	}
	for len(l.packetPorts) > 0 {
		l.packetPorts[len(l.packetPorts)-1].end(twistor.ErrStopped)
	}
	for len(l.watches) > 0 {
		l.watches[len(l.watches)-1].end(twistor.ErrStopped)
	}
	for i := range l.slots {
		if c, ok := l.slots[i].s.(*conn); ok {
			c.flush()
			c.doom(twistor.ErrStopped)
		}
	}
	l.finish()
	l.turning = false
	l.closing()
	l.poller.Shut()
	l.waker.Store(nil)
	l.poller, l.packeter, l.sender, l.rights, l.watcher, l.sleeper = nil, nil, nil, nil, nil, nil
	l.slots = nil
	l.blocks = blocks{}
	l.buffered = 0
}

// closing runs what was posted, ends the coroutines, and forgets the timers.
// Posts are refused from then on, until the loop starts again.
func (l *loop) closing() {
	l.closed = true // nothing new is to be opened meanwhile
	l.turning = true
	l.resumes = maxResumes
	for !l.mail.empty() {
		l.guard((*loop).runPosts)
	}
	l.mail.shut()
	for !l.mail.empty() {
		l.guard((*loop).runPosts)
	}
	l.core.Close()
	l.resumes = maxResumes
	l.finish()
	for _, p := range l.timers.by {
		if p.t != nil {
			p.t.id = -1
		}
	}
	l.timers = timers{free: -1}
	l.turning = false
	l.closed = false
}

// Close ends at once what Run would end in order, without BeforeStop, and
// waits for it. It is for reactors that are driven by Turn, or were made and
// never run; on a running one it is Stop and returns at once. A closed reactor
// may run again.
func (r *Reactor) Close() error {
	if r.running.Load() {
		r.Stop()
		return nil
	}
	return r.dismantle()
}

// Turn runs one turn of each loop on the caller's goroutine, for programs that
// have a loop of their own, and for the simulator. If nothing is to be done it
// waits, at most for wait.
func (r *Reactor) Turn(wait time.Duration) error {
	if r.running.Load() {
		return ErrRunning
	}
	for i, l := range r.loops {
		l.stopping = false
		if err := l.start(); err != nil {
			return fmt.Errorf("reactor: %w", err)
		}
		until := int64(0)
		if wait > 0 {
			_, mono := r.world.Now()
			until = mono + int64(wait)/int64(len(r.loops)-i)
		}
		if err := l.turn(until); err != nil {
			return fmt.Errorf("reactor: loop %d: %w", l.index, err)
		}
	}
	return nil
}

// Busy reports whether another Turn would find something to do at once, apart
// from sockets and timers.
func (r *Reactor) Busy() bool {
	for _, l := range r.loops {
		if l.busy() {
			return true
		}
	}
	return false
}

// NextTimer is when the earliest timer of all loops is due, in monotonic
// nanoseconds of the World.
func (r *Reactor) NextTimer() (at int64, ok bool) {
	for _, l := range r.loops {
		if t, found := l.timers.next(); found && (!ok || t < at) {
			at, ok = t, true
		}
	}
	return at, ok
}

// Stats are figures of one moment: for tests of leaks and for metrics.
type Stats struct {
	Connections, Ports, Timers, Buffered int
}

// Stats sums up all loops. It is for the goroutine that owns the reactor.
func (r *Reactor) Stats() (s Stats) {
	for _, l := range r.loops {
		s.Connections += l.conns
		s.Ports += len(l.ports) + len(l.packetPorts)
		s.Timers += l.timers.n
		s.Buffered += l.buffered
	}
	return s
}

var _ io.Closer = (*Reactor)(nil)
