package service

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/persist"
)

// A Service is a part of a program that starts and stops: a port, a follower of
// a file, a group of others. It lives on one loop, its home. Loop-only.
type Service interface {
	// Start begins. It may wait for what must be there before others start; if
	// it fails, Stop is not called, and nothing is left running.
	Start(co *deferred.Co, h Host) error
	// Stop ends what Start began, politely: it waits for those who are being
	// served, until co is cancelled, and then no longer. After it, Start may
	// come again.
	Stop(co *deferred.Co) error
}

// A Binder is a Service that takes what only a privileged program may have:
// ports below 1024, keys. Bind comes once, before any Start, while the program
// is what it was started as; it must not wait. A Group's members are asked in
// their order.
type Binder interface {
	Bind(h Host) error
}

// A Reloader is a Service that can read its configuration and files anew while
// it runs (SIGHUP, twistor reload). An error leaves all as it was.
type Reloader interface {
	Reload(co *deferred.Co) error
}

// A Host is what a Service is given to live on. Loop-only.
type Host interface {
	// Loop is the Service's home.
	Loop() twistor.Loop
	// Store is the program's memory, in which names are below the Service's
	// own; nil: the program has none.
	Store() *persist.Store
	// Listen opens the port that endpoint describes; see package endpoint.
	// ListenEach serves it on all loops, each with a factory of its own, and
	// ListenPacket and ListenPacketEach are for datagrams. Ports that were bound before, or inherited
	// from a former process, are used first.
	Listen(endpoint string, f twistor.Factory) (twistor.Port, error)
	ListenEach(endpoint string, build func(at twistor.Loop) twistor.Factory) (twistor.Port, error)
	ListenPacket(endpoint string, p twistor.PacketProtocol) (twistor.Port, error)
	ListenPacketEach(endpoint string, build func(at twistor.Loop) twistor.PacketProtocol) (twistor.Port, error)
}

// An Heir is a Host that knows of a former or of a next process: when a program
// is upgraded, connections go from one to the other. Loop-only.
type Heir interface {
	// Reserve opens the socket of endpoint without serving it: Listen and its
	// kin do so later. See Binder.
	Reserve(endpoint string) error
	// Inherit has take called, on the loop, with each connection that the
	// former process leaves at endpoint: those that are here, and those to come.
	Inherit(endpoint string, take func(Connection))
	// Bequeaths reports whether the Service is stopping so that a next process
	// goes on. Then Bequeath takes a connection of endpoint over for it.
	Bequeaths() bool
	Bequeath(endpoint string, c Connection)
}

// A Connection is one on its way from process to process.
type Connection struct {
	twistor.Detached
	State []byte // of its twistor.Survivor
}
