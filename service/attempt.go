package service

import (
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// connect makes one attempt: it dials, and prepares what it gets. What becomes
// of it is for connected, or retry.
func (d *Dialer[P]) connect() {
	d.phase = dialConnecting
	for _, s := range slices.Clone(d.hall.seats) {
		s.Abort() // one that Prepare turned down, and that had until now to close
	}
	l, place := d.host.Loop(), d.place
	var (
		p    P
		line *seat
		lost error
	)
	build := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		if p = d.Build(t); isNil(p) {
			return nil
		}
		line = t.(*seat)
		return p
	})
	var try *deferred.Signal
	ended := func(err error) {
		lost = err
		switch {
		case d.line == line:
			d.lost(err)
		case try != nil:
			try.Cancel()
		}
	}
	try = deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
		_, err := place.Dial(l, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return d.hall.seatThen(t, build, d.Endpoint, ended)
		})).Await(co)
		if err == nil && lost == nil && d.Prepare != nil {
			err = d.Prepare(co, p)
		}
		if lost != nil {
			err = lost
		}
		return struct{}{}, err
	})
	d.try = try
	try.Done(func(_ struct{}, err error) {
		if d.try != try {
			return // Stop was here
		}
		d.try = nil
		if err == nil {
			err = lost
		}
		if err == nil {
			d.connected(p, line)
			return
		}
		if line != nil && lost == nil {
			line.Close()
		}
		d.retry(err)
	})
}

func (d *Dialer[P]) connected(p P, line *seat) {
	d.phase, d.current, d.line, d.since = dialConnected, p, line, d.host.Loop().Now()
	d.host.Loop().Log().Info("connected", "service", Name(d.host), "to", d.Endpoint)
	waiters := d.waiters
	d.waiters = nil
	for _, w := range waiters {
		w.Succeed(p)
	}
}
