package service

import (
	"reflect"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A waiter is somebody who waits for a Dialer's connection.
type waiter[P any] struct {
	*deferred.Deferred[P]
	tries int // that may fail; 0 or less: as many as the Dialer's
}

// WhenConnected returns a Deferred for the protocol of the connection: at once
// if there is one, which Prepare, if any, has made ready; else of the next one.
// It fails when the Dialer has given up, and with ErrStopped when it stops or
// has stopped. Cancel gives up waiting, and touches no connection. Beyond
// MaxWaiters it fails with deferred.ErrQueueFull. Before the first Start it
// must not be given a Timeout.
func (d *Dialer[P]) WhenConnected() *deferred.Deferred[P] { return d.WhenConnectedWithin(0) }

// WhenConnectedWithin is WhenConnected for who is not that patient: it fails
// with the reason when so many tries have failed from now on. 0 or less: as
// many as the Dialer makes.
func (d *Dialer[P]) WhenConnectedWithin(tries int) *deferred.Deferred[P] {
	var loop deferred.Loop
	if d.host != nil {
		loop = d.host.Loop()
	}
	most := d.MaxWaiters
	if most == 0 {
		most = 10_000
	}
	switch {
	case d.phase == dialConnected:
		return deferred.Succeeded(d.current)
	case d.phase == dialGaveUp:
		return deferred.Failed[P](loop, d.gaveUp())
	case d.phase == dialStopped || d.phase == dialStopping && d.after == nil:
		return deferred.Failed[P](loop, ErrStopped)
	case len(d.waiters) >= most:
		return deferred.Failed[P](loop, deferred.ErrQueueFull)
	}
	w := &waiter[P]{deferred.New[P](loop), tries}
	d.waiters = append(d.waiters, w)
	return w.OnCancel(func() { d.drop(w) })
}

func (d *Dialer[P]) drop(w *waiter[P]) {
	d.waiters = slices.DeleteFunc(d.waiters, func(other *waiter[P]) bool { return other == w })
}

func (d *Dialer[P]) failAll(err error) {
	waiters := d.waiters
	d.waiters = nil
	for _, w := range waiters {
		w.Fail(err)
	}
}

// isNil tells whether Build refused: with a nil interface, or a nil pointer of
// the type that it promised.
func isNil(p twistor.Protocol) bool {
	v := reflect.ValueOf(p)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
