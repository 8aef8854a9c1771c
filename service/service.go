package service

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Service is a part of a program that starts and stops: a port, a follower of
// a file, a group of others. It lives on one loop, its home. Loop-only.
type Service interface {
	// Start begins. It may wait for what must be there before others start; if
	// it fails, Stop is not called, and nothing is left running.
	Start(co *deferred.Co, h Host) error
	// Stop ends what Start began, politely: it waits for those who are being
	// served, until co is cancelled, and then no longer.
	Stop(co *deferred.Co) error
}

// A Host is what a Service is given to live on. Loop-only.
type Host interface {
	// Loop is the Service's home.
	Loop() twistor.Loop
	// Listen opens the port that endpoint describes; see package endpoint.
	Listen(endpoint string, f twistor.Factory) (twistor.Port, error)
}
