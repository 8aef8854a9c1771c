package reactor

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

// What one turn does at most before the next stage has its chance.
const (
	maxEvents   = 256
	maxTimers   = 1000
	maxPosts    = 1024
	maxResumes  = 1000
	maxAccepts  = 64
	maxRounds   = 64 // of what callbacks make necessary at the end of a turn
	smallRead   = 64 << 10
	largeRead   = 256 << 10
	stormOfNone = 512 // wakeups in a row that found nothing
)

// A source is what a handle of the Poller belongs to.
type source interface {
	ready(r poll.Ready)
}

// A slot of the loop's table says whose an event is.
type slot struct {
	h poll.Handle
	s source
}

// An ending is a connection whose Disconnected is due.
type ending struct {
	c   *conn
	err error
}

// A loop is one of a reactor's loops. All is Owned by the loop but for what
// says otherwise.
type loop struct {
	// Immutable.
	r     *Reactor
	index int
	log   *slog.Logger

	poller   poll.Poller
	packeter poll.Packeter    // nil: no packets
	names    twistor.Resolver // nil: the pool looks names up
	sender   poll.Sender      // nil: files are read
	rights   poll.Rights      // nil: no descriptors
	watcher  poll.Watcher     // nil: no foreign descriptors
	sleeper  poll.Sleeper     // nil: it never tells

	now     time.Time
	mono    int64
	timers  timers
	firing  bool
	turning bool

	mail      mailbox      // Safe for concurrent use.
	load      atomic.Int64 // connections, also those on their way here
	beat      atomic.Int64 // when the running turn began; 0: waiting
	waker     atomic.Pointer[poll.Poller]
	goroutine atomic.Pointer[string]

	core    deferred.Core
	gate    tlslayer.Gate
	slots   []slot
	events  []poll.Event
	event   int // the next of events
	arrived int // how many events there are
	current *conn
	pending []*conn // to be settled
	settled int
	doomed  []ending
	ended   int
	deeds   []func()
	deed    int
	resumes int // left in this turn

	blocks      blocks
	pieces      [][]byte
	small       []byte
	large       []byte
	packets     *packetBuffers
	senders     []*packetPort // have packets to send
	conns       int
	ports       []*port
	packetPorts []*packetPort
	watches     []*watch
	notices     *notices                // of directories; nil: none is watched
	processes   []*process              // children that have not Ended
	openers     map[twistor.Factory]int // Openers, by how many ports they have
	buffered    int
	maxBuffered int
	empty       int
	closed      bool
	stopping    bool
}

var (
	_ twistor.Loop           = (*loop)(nil)
	_ twistor.EachListener   = (*loop)(nil)
	_ deferred.Meter         = (*loop)(nil)
	_ twistor.Watcher        = (*loop)(nil)
	_ twistor.Notifier       = (*loop)(nil)
	_ twistor.Spawner        = (*loop)(nil)
	_ tlslayer.Engined       = (*loop)(nil)
	_ twistor.Watch          = (*watch)(nil)
	_ twistor.Port           = (*port)(nil)
	_ twistor.MulticastTuner = (*packetPort)(nil)
)

func newLoop(r *Reactor, index int) *loop {
	l := &loop{
		r: r, index: index, log: r.log,
		events:  make([]poll.Event, maxEvents),
		pieces:  make([][]byte, 0, maxPieces),
		openers: make(map[twistor.Factory]int),
	}
	l.timers.free = -1
	l.mail.max = r.config.MaxPosts
	l.maxBuffered = max(1, r.config.MaxBuffered/r.config.Loops)
	l.core.Debug = r.world.Debug
	l.readClock()
	return l
}

// start opens the Poller, when it is first needed.
func (l *loop) start() error {
	if l.closed {
		return twistor.ErrStopped
	}
	if l.poller != nil {
		return nil
	}
	p, err := l.r.world.Open()
	if err != nil {
		return err
	}
	l.mail.open()
	l.core.Open()
	l.packeter, _ = p.(poll.Packeter)
	l.sender, _ = p.(poll.Sender)
	l.rights, _ = p.(poll.Rights)
	l.watcher, _ = p.(poll.Watcher)
	l.sleeper, _ = p.(poll.Sleeper)
	l.poller = p
	l.waker.Store(&p)
	return nil
}

func (l *loop) readClock() {
	l.now, l.mono = l.r.world.Now()
}

// register makes events of h reach s.
func (l *loop) register(h poll.Handle, s source) {
	i := h.Slot()
	for i >= len(l.slots) {
		l.slots = append(l.slots, slot{})
	}
	l.slots[i] = slot{h, s}
}

func (l *loop) unregister(h poll.Handle) {
	if i := h.Slot(); i < len(l.slots) && l.slots[i].h == h {
		l.slots[i] = slot{}
	}
}

// buffer is where one read goes: it is valid until the next.
func (l *loop) buffer(bulk bool) []byte {
	if bulk {
		if l.large == nil {
			l.large = make([]byte, largeRead)
		}
		return l.large
	}
	if l.small == nil {
		l.small = make([]byte, smallRead)
	}
	return l.small
}

// emptyWakeup counts wakeups that found nothing to do: a storm of them means
// that something is wrong below.
func (l *loop) emptyWakeup(c *conn) {
	if l.empty++; l.empty == stormOfNone {
		l.log.Warn("many wakeups without an event", "op", "poll", "conn", c)
	}
}

// Now implements deferred.Loop.
func (l *loop) Now() time.Time {
	if !l.turning {
		l.readClock()
	}
	return l.now
}

// TurnTime implements deferred.Meter.
func (l *loop) TurnTime() time.Duration {
	_, mono := l.r.world.Now()
	return time.Duration(mono - l.mono)
}

// Work implements deferred.Loop.
func (l *loop) Work(job func(context.Context) func()) (func(), error) {
	return l.r.do(job, func(f func()) {
		if f != nil && l.mail.putAlways(f) {
			l.rouse()
		}
	})
}

// Report implements deferred.Loop.
func (l *loop) Report(err error) { l.r.report(l, err) }

// Core implements deferred.Loop.
func (l *loop) Core() *deferred.Core { return &l.core }

// Siblings implements twistor.Loop.
func (l *loop) Siblings() []twistor.Loop { return l.r.Loops() }

// FS implements twistor.Loop.
func (l *loop) FS() twistor.FS { return l.r.world.FS }

// Rand implements twistor.Loop.
func (l *loop) Rand() io.Reader { return l.r.world.Entropy }

// Log implements twistor.Loop.
func (l *loop) Log() *slog.Logger { return l.log }

// TLSGate is where TLS keeps what it knows of a loop.
func (l *loop) TLSGate() *tlslayer.Gate { return &l.gate }

// TLSEngine implements tlslayer.Engined; nil: crypto/tls.
func (l *loop) TLSEngine() tlslayer.Engine { return l.r.world.TLS }

func (l *loop) wake() {
	if p := l.waker.Load(); p != nil {
		(*p).Wake()
	}
}
