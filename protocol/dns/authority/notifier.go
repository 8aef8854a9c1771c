package authority

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

const (
	// notifyAttempts is how often a server is told before it is left to its
	// refresh timer; each time the wait is twice as long.
	//
	// See https://www.rfc-editor.org/rfc/rfc1996#section-3.6.
	notifyAttempts = 6
	notifyWait     = 2 * time.Second
	// notifyPause is how long after one NOTIFY the next of the same zone waits,
	// so that many updates are one.
	notifyPause = time.Second
)

// A notifier tells other servers of new versions: one socket, and a notice for
// each zone and server. Loop-only: of home.
type notifier struct {
	home    twistor.Loop
	local   string // the address to send from
	t       twistor.PacketTransport
	port    twistor.Port
	notices map[string][]*notice // by zone
	byID    map[uint16]*notice   // those that wait for an answer
	stopped bool
}

// A notice is what one server is told of one zone.
type notice struct {
	n        *notifier
	origin   dns.Name
	peer     Peer
	soa      *dns.SOA
	attempts int
	sent     time.Time // the last one of this SOA or one before
	id       uint16
	waiting  bool // for an answer: byID has it
	signing  *dns.Signing
	timer    deferred.Timer
}

func (n *notifier) init(home twistor.Loop, local netip.Addr) {
	n.home, n.notices, n.byID = home, map[string][]*notice{}, map[uint16]*notice{}
	n.local = ":0"
	if local.IsValid() {
		n.local = netip.AddrPortFrom(local, 0).String()
	}
}

// tell tells peers that the zone's version is soa's.
func (n *notifier) tell(origin dns.Name, soa *dns.SOA, peers []Peer) {
	if n.stopped || len(peers) == 0 || !n.open() {
		return
	}
	for _, p := range peers {
		x := n.notice(origin, p)
		x.soa, x.attempts = soa, 0
		x.settle()
		wait := notifyPause - n.home.Now().Sub(x.sent)
		if x.sent.IsZero() {
			wait = 0
		}
		x.arm(wait)
	}
}

// notice is that of a zone and a server.
func (n *notifier) notice(origin dns.Name, p Peer) *notice {
	for _, x := range n.notices[string(origin)] {
		if x.peer.Addr == p.Addr {
			x.peer = p
			return x
		}
	}
	x := &notice{n: n, origin: origin, peer: p}
	n.notices[string(origin)] = append(n.notices[string(origin)], x)
	return x
}

// forget tells nobody of a zone any more.
func (n *notifier) forget(origin dns.Name) {
	for _, x := range n.notices[string(origin)] {
		x.settle()
	}
	delete(n.notices, string(origin))
}

// stop ends it.
func (n *notifier) stop() {
	n.stopped = true
	for origin := range n.notices { //sim:unordered nothing is heard of it
		n.forget(dns.Name(origin))
	}
	if n.port != nil {
		n.port.Close()
	}
}

// open opens the socket, if it is not.
func (n *notifier) open() bool {
	if n.port != nil {
		return true
	}
	port, err := n.home.ListenPacket(twistor.ListenConfig{Network: "udp", Address: n.local, MaxPacketBytes: 4096}, n)
	if err != nil {
		n.home.Log().Error("cannot notify", "local", n.local, "err", err)
		return false
	}
	n.port = port
	return true
}

// arm has x sent after d.
func (x *notice) arm(d time.Duration) {
	x.timer.Stop()
	x.timer = x.n.home.CallLater(d, x.send)
}

// settle waits for nothing any more.
func (x *notice) settle() {
	x.timer.Stop()
	if x.waiting {
		delete(x.n.byID, x.id)
		x.waiting = false
	}
}

// send sends it, once more.
func (x *notice) send() {
	n := x.n
	x.settle()
	log := n.home.Log().With("zone", x.origin.String(), "peer", x.peer.Addr)
	if x.attempts == notifyAttempts {
		log.Warn("nobody answers a NOTIFY", "serial", x.soa.Serial)
		return
	}
	id, ok := n.freeID()
	if !ok {
		x.arm(notifyWait) // 65,536 are on their way
		return
	}
	m := &dns.Message{Question: []dns.Question{{Name: x.origin.String(), Qtype: dns.TypeSOA, Qclass: dns.ClassIN}}, Answer: []dns.RR{x.soa}}
	m.Id, m.Opcode, m.Authoritative = id, dns.OpcodeNotify, true
	p, err := m.Pack()
	if err == nil && x.peer.Key != nil {
		p, x.signing, err = x.peer.Key.Sign(p, n.home.Now())
	}
	if err != nil {
		log.Error("cannot notify", "err", err)
		return
	}
	x.id, x.waiting, n.byID[id] = id, true, x
	x.attempts++
	x.sent = n.home.Now()
	n.t.Send(p, twistor.Peer{Addr: x.peer.Addr}) // one that is lost is sent again
	x.arm(notifyWait << (x.attempts - 1))
}

// freeID is a random id that no notice waits with.
func (n *notifier) freeID() (uint16, bool) {
	if len(n.byID) > 60_000 {
		return 0, false
	}
	for {
		var b [2]byte
		if _, err := io.ReadFull(n.home.Rand(), b[:]); err != nil {
			panic("authority: no randomness: " + err.Error())
		}
		if id := binary.BigEndian.Uint16(b[:]); n.byID[id] == nil {
			return id, true
		}
	}
}

// Bound implements twistor.PacketProtocol.
func (n *notifier) Bound(t twistor.PacketTransport) { n.t = t }

// PacketReceived takes an answer. One that is not from whom it should be, or not
// signed as it should be, does not end the wait.
func (n *notifier) PacketReceived(p []byte, from twistor.Peer) {
	if len(p) < 12 {
		return
	}
	x := n.byID[binary.BigEndian.Uint16(p)]
	if x == nil || netip.AddrPortFrom(from.Addr.Addr().Unmap(), from.Addr.Port()) != netip.AddrPortFrom(x.peer.Addr.Addr().Unmap(), x.peer.Addr.Port()) {
		return
	}
	var err error
	if x.peer.Key != nil {
		signing := *x.signing // a wrong answer is not to spoil the right one
		if p, err = signing.Verify(slices.Clone(p), n.home.Now()); err != nil {
			n.home.Log().Debug("answer to a NOTIFY", "zone", x.origin.String(), "peer", x.peer.Addr, "err", err)
			return
		}
	}
	m, err := dns.ParseMessage(p)
	if err != nil || !m.Response || m.Opcode != dns.OpcodeNotify {
		return
	}
	x.settle()
	if m.Rcode != dns.RcodeSuccess {
		n.home.Log().Warn("a NOTIFY was refused", "zone", x.origin.String(), "peer", x.peer.Addr, "rcode", dns.Rcode(m.Rcode).String())
	}
}

// Unbound implements twistor.PacketProtocol.
func (n *notifier) Unbound(err error) {
	if !n.stopped && !errors.Is(err, net.ErrClosed) {
		n.home.Log().Error("cannot notify", "err", err)
	}
}
