package endpoint

import (
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// over dials TLS within the connection that inner dials.
func over(inner *Dialer) func(twistor.Loop, twistor.DialConfig, twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	return func(l twistor.Loop, c twistor.DialConfig, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
		s := &securing{config: c, factory: f, done: deferred.New[twistor.Protocol](l)}
		switch {
		case c.Timeout == 0:
			s.timer = l.CallLater(30*time.Second, s.late)
		case c.Timeout > 0:
			s.timer = l.CallLater(c.Timeout, s.late)
		}
		below := inner.Dial(l, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			s.Transport = t
			return s
		}))
		below.Done(func(_ twistor.Protocol, err error) {
			if err != nil {
				s.fail(err)
			}
		})
		s.done.OnCancel(func() {
			below.Cancel()
			s.fail(deferred.ErrCanceled)
		})
		return s.done
	}
}

// securing is the Protocol of a dialed connection until its TLS is up.
type securing struct {
	twistor.Transport // nil until the connection below stands
	config            twistor.DialConfig
	factory           twistor.Factory
	timer             deferred.Timer
	done              *deferred.Deferred[twistor.Protocol]
	over              bool
}

func (s *securing) Connected() {
	if err := s.StartTLS(s.config.TLS, twistor.AsClient, nil); err != nil {
		s.fail(err)
	}
}

func (s *securing) Received([]byte)        {}
func (s *securing) Disconnected(err error) { s.fail(err) }
func (s *securing) late()                  { s.fail(deferred.ErrTimeout) }

// Secured gives the connection to the Protocol that was asked for.
func (s *securing) Secured() {
	if s.over {
		return
	}
	s.over = true
	s.timer.Stop()
	p := s.factory.Build(s.Transport)
	if p == nil {
		s.Close()
		s.done.Fail(twistor.ErrRefused)
		return
	}
	s.Switch(p, nil)
	// p is Connected when this callback returns, and whoever waits hears after that.
	s.Loop().CallLater(0, func() { s.done.Succeed(p) })
}

// fail ends the attempt; it is called perhaps more than once.
func (s *securing) fail(err error) {
	if s.over {
		return
	}
	s.over = true
	s.timer.Stop()
	if s.Transport != nil {
		s.Abort()
	}
	s.done.Fail(err)
}
