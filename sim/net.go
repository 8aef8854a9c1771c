package sim

import (
	"syscall"
	"time"
)

// Net says how the network of a World behaves; it may be changed at any time,
// for what comes then. The zero Net is a perfect one: no latency, no limits but
// the sizes of the sockets' buffers, no faults. Chances go from 0 to 1.
type Net struct {
	// Latency is how long a packet takes, one way; up to Jitter more is drawn
	// for each. Within a host and over UNIX sockets nothing takes time.
	Latency, Jitter time.Duration
	// Bandwidth is the bytes a second of each direction of each connection; 0:
	// as many as there are.
	Bandwidth int64
	// MSS is the most bytes of one segment; 0: 64 KiB.
	MSS int
	// Cut is the chance of a segment to be cut short, at any byte.
	Cut float64
	// SendBuffer and ReceiveBuffer are the bytes a socket holds; 0: 256 KiB.
	SendBuffer, ReceiveBuffer int

	// ShortWrite and ShortRead are the chances of a call to move fewer bytes
	// than it could; Again that of a read or write to answer "would block"
	// where it would not.
	ShortWrite, ShortRead, Again float64
	// Spurious is the chance of a look for readiness to find a socket that is
	// not ready.
	Spurious float64

	// Refuse is the chance of a dial to be refused.
	Refuse float64
	// Reset is the chance of each segment to reset its connection instead.
	Reset float64
	// ResetAfter is how many bytes a connection may carry in one direction
	// before it is reset; 0: as many as there are.
	ResetAfter int64
	// AcceptError is the chance of an accept to fail, with one of
	// AcceptErrors; none: ECONNABORTED.
	AcceptError  float64
	AcceptErrors []syscall.Errno

	// Loss, Duplicate and Reorder are the chances of each datagram; a reordered
	// one takes up to 100 ms longer.
	Loss, Duplicate, Reorder float64
	// NoBuffers is the chance of sending a datagram to fail with ENOBUFS.
	NoBuffers float64

	// TLSFailure is the chance of a TLS handshake to fail.
	TLSFailure float64

	// WorkTime is how long a job of Loop.Work takes, and up to WorkJitter more.
	WorkTime, WorkJitter time.Duration

	// LostNames are names whose lookups nobody answers: they fail after 10 s.
	LostNames []string

	// ShuffleTies permutes what happens at the same instant.
	ShuffleTies bool
}

const (
	defaultBuffer = 256 << 10
	defaultMSS    = 64 << 10
	maxReorder    = 100 * time.Millisecond
)

func orDefault(n, d int) int {
	if n <= 0 {
		return d
	}
	return n
}

// A way is one direction between two hosts.
type way struct{ from, to *Host }

// Partition stops all packets between hosts a and b, both ways: connections
// wait, dials and datagrams are lost, until Heal.
func (w *World) Partition(a, b *Host) {
	w.PartitionOneWay(a, b)
	w.PartitionOneWay(b, a)
}

// PartitionOneWay stops the packets from one host to another only. Datagrams
// come through the other way; connections stop both ways, because nothing is
// acknowledged.
func (w *World) PartitionOneWay(from, to *Host) {
	w.parted[way{from, to}] = true
	w.record(from, kindFault, 0, []byte("partition"+to.name))
	w.silence(from, to)
}

// Heal ends a Partition; what waited goes on.
func (w *World) Heal(a, b *Host) {
	delete(w.parted, way{a, b})
	delete(w.parted, way{b, a})
	w.record(a, kindFault, 0, []byte("heal"+b.name))
	w.retransmit()
}

// blocked reports whether packets from one host to another are lost now.
func (w *World) blocked(from, to *Host) bool {
	return from.down || to.down || len(w.parted) > 0 && w.parted[way{from, to}]
}

// cut reports whether a connection between two hosts is at a standstill: one
// direction is enough, since nothing is acknowledged.
func (w *World) cut(a, b *Host) bool { return w.blocked(a, b) || w.blocked(b, a) }

// travel is how long a packet takes.
func (w *World) travel(from, to *Host) time.Duration {
	if from == to {
		return 0
	}
	return w.Net.Latency + upTo(w.chance, w.Net.Jitter)
}
