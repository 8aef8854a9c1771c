package service

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
)

// A Dialer is a Service that keeps one connection: it dials again when a dial
// fails, and when the connection ends. Fill in the fields, then Start it.
// Loop-only.
//
// A connection that ends sooner than the wait before it took counts as another
// failure in a row; otherwise the row begins anew. So who accepts and hangs up
// is not dialed any faster than who does not answer.
type Dialer[P twistor.Protocol] struct {
	// Endpoint is whom to dial, "tls:example.com:443"; see package endpoint. A
	// bad one fails Start. The timeout of one dial is an argument of it.
	Endpoint string
	// Build makes the protocol of each connection. nil fails Start.
	Build func(twistor.Transport) P
	// Prepare makes a connection ready, before anybody hears of it: logs in,
	// asks for a version. An error closes it and counts as a failed dial. It may
	// take as long as its own Timeouts allow. If the connection ends meanwhile,
	// or the Dialer stops, co is cancelled. nil: it is ready at once.
	Prepare func(co *deferred.Co, p P) error
	// Backoff says how long to wait between dials. After its MaxTries in a row
	// the Dialer gives up and tells its Host, by Fail.
	Backoff Backoff
	// MaxWaiters is how many may wait for a connection; 0: 10,000; negative:
	// none.
	MaxWaiters int

	place   *endpoint.Dialer
	host    Host // of this life; nil: it does not run
	after   Host // of the next life, if Start came while it stops
	phase   dialing
	over    *deferred.Signal // fires when the Stop in progress is over
	try     *deferred.Signal // dials and prepares; nil: none in progress
	timer   twistor.Timer    // waits
	tries   int              // that failed in a row
	wait    time.Duration    // before the last one
	since   time.Time        // of the connection
	failed  error            // the last failure
	current P
	line    *seat // of current; nil: none
	hall    hall
	waiters []*waiter[P]
}

// A dialing is the state of a Dialer.
type dialing uint8

const (
	dialNew dialing = iota
	dialConnecting
	dialWaiting
	dialConnected
	dialGaveUp
	dialStopping // and, if after is set, to start again
	dialStopped
)

// Start begins to dial, and does not wait for the connection. While the Dialer
// stops, Start has it begin anew when it has stopped; while it runs, Start
// returns ErrRunning.
func (d *Dialer[P]) Start(_ *deferred.Co, h Host) error {
	if d.host != nil && (d.phase != dialStopping || d.after != nil) {
		return ErrRunning
	}
	if d.Build == nil {
		return errors.New("service: Dialer: Build is nil: want a function")
	}
	place, err := endpoint.ParseDialer(d.Endpoint)
	if err != nil {
		return err
	}
	d.place = place
	if d.phase == dialStopping {
		d.after = h
		return nil
	}
	d.begin(h)
	return nil
}

func (d *Dialer[P]) begin(h Host) {
	d.host, d.tries, d.wait, d.failed = h, 0, 0, nil
	d.hall.open()
	d.connect()
}

// Retry dials now, instead of when the wait is over, and begins the row of
// failures anew; also when the Dialer has given up. Else it does nothing.
func (d *Dialer[P]) Retry() {
	if d.phase == dialWaiting || d.phase == dialGaveUp {
		d.timer.Stop()
		d.tries, d.wait = 0, 0
		d.connect()
	}
}

// lost hears that the connection is over.
func (d *Dialer[P]) lost(err error) {
	d.forget()
	if d.phase != dialConnected {
		return
	}
	if d.host.Loop().Now().Sub(d.since) >= d.wait {
		d.tries = 0
	}
	d.retry(err)
}

func (d *Dialer[P]) forget() {
	var none P
	d.current, d.line = none, nil
}

// retry counts a failure, and waits for the next try.
func (d *Dialer[P]) retry(err error) {
	d.tries++
	d.failed = err
	delay, again := d.Backoff.Delay(d.tries, d.host.Loop().Rand())
	if !again {
		d.giveUp()
		return
	}
	d.phase, d.wait = dialWaiting, delay
	d.host.Loop().Log().Warn("not connected", "service", Name(d.host), "to", d.Endpoint, "err", err, "again", delay)
	d.timer = d.host.Loop().CallLater(delay, d.connect)
	for _, w := range slices.Clone(d.waiters) {
		if w.tries--; w.tries == 0 {
			d.drop(w)
			w.Fail(err)
		}
	}
}

func (d *Dialer[P]) giveUp() {
	d.phase = dialGaveUp
	err := d.gaveUp()
	d.failAll(err)
	Fail(d.host, err)
}

func (d *Dialer[P]) gaveUp() error {
	return fmt.Errorf("service: gave up dialing %s after %d failures: %w", d.Endpoint, d.tries, d.failed)
}

// Stop dismisses the connection and returns when it is closed, as Listen's Stop
// does; who waits for one fails with ErrStopped.
func (d *Dialer[P]) Stop(co *deferred.Co) error {
	if d.host == nil {
		return nil
	}
	d.after = nil
	if d.phase != dialStopping {
		d.over = deferred.New[struct{}](co.Loop())
		d.phase = dialStopping
		d.end(co)
		over, h := d.over, d.after
		d.phase, d.host, d.after, d.over = dialStopped, nil, nil, nil
		if h != nil {
			d.begin(h)
		}
		over.Succeed(struct{}{})
		return nil
	}
	d.failAll(ErrStopped)
	d.over.Shield().Await(co)
	return nil
}

func (d *Dialer[P]) end(co *deferred.Co) {
	d.timer.Stop()
	try := d.try
	d.try = nil
	d.forget()
	d.failAll(ErrStopped)
	if try != nil {
		try.Cancel()
		try.Await(co)
	}
	d.hall.seeOut(co, nil)
}

// State implements Stater.
func (d *Dialer[P]) State() string {
	switch d.phase {
	case dialConnecting:
		return "dials " + d.Endpoint
	case dialWaiting:
		return fmt.Sprintf("dials %s again in %v, failures in a row: %d: %v", d.Endpoint,
			d.timer.When().Sub(d.host.Loop().Now()).Round(time.Millisecond), d.tries, d.failed)
	case dialConnected:
		return "connected to " + d.Endpoint
	case dialGaveUp:
		return d.gaveUp().Error()
	case dialStopping:
		return "closes its connection to " + d.Endpoint
	}
	return ""
}
