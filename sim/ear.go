package sim

import "github.com/twistor-go/twistor"

// An Ear is a protocol that notes all that it hears, for tests: it says
// nothing, unless On does. Loop-only.
type Ear struct {
	twistor.Transport
	// Events are what it heard: "connected", "received TEXT", "drained",
	// "secured", "disconnected ERROR".
	Events []string
	// Bytes are all that it received.
	Bytes []byte
	// Err is what Disconnected said; nil: the connection is not over.
	Err error
	// On, if not nil, is called for each event, after it was noted.
	On func(e *Ear, event string)
}

// Build makes e, which is a Factory of one connection, the protocol of t; the
// second is refused.
func (e *Ear) Build(t twistor.Transport) twistor.Protocol {
	if e.Transport != nil {
		return nil
	}
	e.Transport = t
	return e
}

func (e *Ear) note(event string) {
	e.Events = append(e.Events, event)
	if e.On != nil {
		e.On(e, event)
	}
}

func (e *Ear) Connected() { e.note("connected") }

func (e *Ear) Received(p []byte) {
	e.Bytes = append(e.Bytes, p...)
	e.note("received " + string(p))
}

func (e *Ear) Drained() { e.note("drained") }
func (e *Ear) Secured() { e.note("secured") }

func (e *Ear) Disconnected(err error) {
	e.Err = err
	e.note("disconnected " + err.Error())
}

// A PacketEar is a PacketProtocol that notes all that it hears, for tests.
// Loop-only.
type PacketEar struct {
	twistor.PacketTransport
	Packets []string
	From    []twistor.Peer // of each of Packets
	Refusal int            // how often Refused was called
	Err     error          // what Unbound said; nil: it is bound
}

func (e *PacketEar) Bound(t twistor.PacketTransport) { e.PacketTransport = t }
func (e *PacketEar) Unbound(err error)               { e.Err = err }
func (e *PacketEar) Refused()                        { e.Refusal++ }

func (e *PacketEar) PacketReceived(p []byte, from twistor.Peer) {
	e.Packets = append(e.Packets, string(p))
	e.From = append(e.From, from)
}
