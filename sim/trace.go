package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"
)

// lastEvents is how many events a failure prints.
const lastEvents = 200

// A kind is what sort of event was delivered.
type kind uint8

const (
	kindBytes kind = iota + 1
	kindEnd
	kindReset
	kindDial
	kindAnswer
	kindPacket
	kindTimeout
	kindJob
	kindTurn
	kindFault
)

var kindNames = [...]string{kindBytes: "bytes", kindEnd: "end", kindReset: "reset", kindDial: "dial",
	kindAnswer: "answer", kindPacket: "packet", kindTimeout: "timeout", kindJob: "job",
	kindTurn: "turn", kindFault: "fault"}

// An event is one thing that the world delivered.
type event struct {
	at   int64
	host string // to whom
	kind kind
	id   uint64 // of the socket or job
	n    int    // bytes
	sum  uint32 // of the bytes
}

func (e event) String() string {
	return fmt.Sprintf("%14v %-10s %-7s #%d %d bytes %08x",
		time.Duration(e.at), e.host, kindNames[e.kind], e.id, e.n, e.sum)
}

// A trace sums up all events, and keeps the last ones.
type trace struct {
	sum    hash.Hash
	last   [lastEvents]event
	events int
}

func newTrace() trace { return trace{sum: sha256.New()} }

// record adds one event; its bytes count by their checksum.
func (w *World) record(host *Host, k kind, id uint64, p []byte) {
	e := event{at: w.mono, kind: k, id: id, n: len(p), sum: crc32.ChecksumIEEE(p)}
	if host != nil {
		e.host = host.name
	}
	w.trace.last[w.trace.events%lastEvents] = e
	w.trace.events++
	var b [64]byte
	n := binary.PutVarint(b[:], e.at)
	b[n] = byte(k)
	n++
	n += binary.PutUvarint(b[n:], id)
	n += binary.PutVarint(b[n:], int64(e.n))
	n += binary.PutUvarint(b[n:], uint64(e.sum))
	w.trace.sum.Write(b[:n])
	w.trace.sum.Write([]byte(e.host))
}

// Trace is the fingerprint of all that was delivered so far, and of the state
// of chance: equal for equal runs of one seed, on any machine.
func (w *World) Trace() string {
	sum := sha256.New()
	sum.Write(w.trace.sum.Sum(nil))
	binary.Write(sum, binary.LittleEndian, w.mono)
	for _, name := range slices.Sorted(maps.Keys(w.streams)) {
		sum.Write([]byte(name))
		state, _ := w.streams[name].state.MarshalBinary()
		sum.Write(state)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Events is how many events were delivered so far.
func (w *World) Events() int { return w.trace.events }

// lately prints the last events.
func (t *trace) lately() string {
	var s strings.Builder
	first := max(0, t.events-lastEvents)
	fmt.Fprintf(&s, "the last %d of %d events:\n", t.events-first, t.events)
	for i := first; i < t.events; i++ {
		fmt.Fprintln(&s, t.last[i%lastEvents])
	}
	return s.String()
}
