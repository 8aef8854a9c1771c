package reactor

import (
	"context"
	"crypto/rand"
	"errors"
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
	// Names makes, for each loop, what looks names up on that loop and without
	// blocking, such as package dns's Names; nil: Resolver. It is called on the
	// loop, when it first needs a name. What it makes dials addresses only.
	Names func(at twistor.Loop) twistor.Resolver
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

// Connections is how many connections there are on all loops, those on their
// way to one included. Safe for concurrent use.
func (r *Reactor) Connections() (n int) {
	for _, l := range r.loops {
		n += int(l.load.Load())
	}
	return n
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
