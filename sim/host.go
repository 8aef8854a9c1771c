package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/reactor"
)

// A Host is one simulated machine with one program: an address, a reactor, a
// Disk. Its reactor is made when a Loop is first asked for. Loop-only.
type Host struct {
	// LoopCount is how many loops its reactor has; 0: 1. Set it before the
	// first use.
	LoopCount int
	// Names is its reactor's Config.Names; nil: the names of the World's hosts.
	// Set it before the first use.
	Names func(at twistor.Loop) twistor.Resolver
	// MaxOpen is how many sockets it may have open; 0: 20,000.
	MaxOpen int
	// Disk is what its program finds as Loop.FS. Of it a Crash leaves what was
	// synced, and by chance some of the rest.
	Disk *Disk

	world    *World
	name     string
	number   uint16
	down     bool
	life     int // restarts
	reactor  *reactor.Reactor
	pollers  []*poller
	open     int // files
	nextPort uint16
	sockets  []socket // ports and packet sockets, in the order of their making
	conns    []*conn
	peers    []*Peer
	jobs     int
	programs map[string]Program // that Spawn finds
	spawned  int                // children, ever
	children int                // that run
	poked    bool               // needs a turn, though nothing says so
}

// Host returns the host of that name: the same one for the same name. Hosts are
// numbered as they are made, and so are their addresses: 10.0.0.1 and fd00::1
// is the first. Names resolve to them.
func (w *World) Host(name string) *Host {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	if len(w.hosts) == 65_000 {
		panic("sim: more than 65,000 hosts")
	}
	h := &Host{world: w, name: name, number: uint16(len(w.hosts) + 1), Disk: NewDisk(w.Now)}
	h.Disk.chance, h.Disk.took = w.Split("disk "+name), func(d time.Duration) { w.extra += d }
	w.hosts = append(w.hosts, h)
	return h
}

// Name is what the host was asked for by.
func (h *Host) Name() string { return h.name }

// Addr is the host's IPv4 address, Addr6 the IPv6 one.
func (h *Host) Addr() netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(h.number >> 8), byte(h.number)})
}

func (h *Host) Addr6() netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(h.number >> 8), 15: byte(h.number)})
}

// has reports whether ip is one of the host's own.
func (h *Host) has(ip netip.Addr) bool {
	return ip == h.Addr() || ip == h.Addr6() || ip.IsLoopback()
}

// owner is the host that packets from h to ip reach; nil: none.
func (w *World) owner(h *Host, ip netip.Addr) *Host {
	if h.has(ip) || ip.IsUnspecified() {
		return h
	}
	for _, o := range w.hosts {
		if o.has(ip) {
			return o
		}
	}
	return nil
}

func (h *Host) maxOpen() int { return orDefault(h.MaxOpen, defaultFiles) }

func (h *Host) remember(s socket) {
	if c, ok := s.(*conn); ok {
		h.conns = append(h.conns, c)
		return
	}
	h.sockets = append(h.sockets, s)
}

func (h *Host) forget(s socket) {
	if c, ok := s.(*conn); ok {
		h.conns = slices.DeleteFunc(h.conns, func(o *conn) bool { return o == c })
		return
	}
	h.sockets = slices.DeleteFunc(h.sockets, func(o socket) bool { return o == s })
}

// Loop is the home loop of the host's reactor.
func (h *Host) Loop() twistor.Loop { return h.Reactor().Loop() }

// Loops are all of its loops.
func (h *Host) Loops() []twistor.Loop { return h.Reactor().Loops() }

// Reactor is the host's reactor. It is the World that turns it. A host that is
// down has none, and panics.
func (h *Host) Reactor() *reactor.Reactor {
	if h.down {
		panic("sim: host " + h.name + " is down")
	}
	if h.reactor != nil {
		return h.reactor
	}
	w := h.world
	life := h.life
	h.reactor = reactor.New(&reactor.Config{
		Loops: max(h.LoopCount, 1),
		Log:   w.book.logger().With("host", h.name),
		Names: h.Names,
		World: &reactor.World{
			Open:    h.newPoller,
			Now:     func() (time.Time, int64) { return w.Now(), w.mono },
			Entropy: entropy(w.Seed, fmt.Sprint(h.name, life)),
			FS:      h.Disk.Mount(),
			Resolve: h.resolve,
			Do:      h.work,
			TLS:     w.Identity(),
			Report:  w.book.report,
			Notify:  h.notify,
			Start:   h.start,
			Debug:   true,
		},
	})
	for _, l := range h.reactor.Loops() {
		l.Core().ReportAtClose = true // not when the garbage collector finds it: that would not replay
	}
	return h.reactor
}

func (h *Host) newPoller() (poll.Poller, error) {
	p := &poller{host: h}
	if h.world.Net.ShuffleTies {
		p.ahead = ^uint32(0) - uint32(h.world.chance.IntN(4)) // generations are about to begin anew
	}
	h.pollers = append(h.pollers, p)
	return p, nil
}

// hot reports whether a turn would find something to do.
func (h *Host) hot() bool {
	if h.down || h.reactor == nil {
		return false
	}
	if h.poked || h.reactor.Busy() {
		return true
	}
	if at, ok := h.reactor.NextTimer(); ok && at <= h.world.mono {
		return true
	}
	for _, p := range h.pollers {
		if p.hot() {
			return true
		}
	}
	return false
}

// turn runs one turn of each of the host's loops.
func (h *Host) turn() {
	h.poked = false
	h.world.record(h, kindTurn, 0, nil)
	if err := h.reactor.Turn(0); err != nil {
		h.world.t.Errorf("sim: host %s: %v", h.name, err)
		h.down = true
	}
}

// Do runs body as a coroutine on the host's home loop, plays until it has
// returned, and fails the test with its error.
func (h *Host) Do(body func(co *deferred.Co) error) {
	w := h.world
	w.t.Helper()
	var err error
	over := false
	deferred.Inline(h.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, body(co)
	}).Done(func(_ struct{}, e error) { over, err = true, e })
	if !w.wait(func() bool { return over }) {
		w.t.Fatalf("sim: host %s: still waiting after %v", h.name, w.patience())
	}
	if err != nil {
		w.t.Fatalf("sim: host %s: %v", h.name, err)
	}
}

// Listen is twistor.Listen on the home loop; an error fails the test.
func (h *Host) Listen(network, address string, f twistor.Factory) twistor.Port {
	h.world.t.Helper()
	p, err := twistor.Listen(h.Loop(), network, address, f)
	if err != nil {
		h.world.t.Fatalf("sim: host %s: %v", h.name, err)
	}
	return p
}
