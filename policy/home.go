package policy

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor"
)

// A home is the one loop that a policy's state lives on.
type home struct{ loop twistor.Loop }

// settle makes l the home, and panics if it is another: no lock guards the
// state, so two loops would tear it.
func (h *home) settle(l twistor.Loop, of any) {
	switch h.loop {
	case nil:
		h.loop = l
	case l:
	default:
		panic(fmt.Sprintf("policy: a %T on two loops: build one for each", of))
	}
}

// opened and closed pass a factory's optional events to the one inside.
func opened(f twistor.Factory, l twistor.Loop) error {
	if o, ok := f.(twistor.Opener); ok {
		return o.Opened(l)
	}
	return nil
}

func closed(f twistor.Factory) {
	if o, ok := f.(twistor.Opener); ok {
		o.Closed()
	}
}

// Admit tells every policy below t that the peer has proved who it is: its
// login deadline is met, and it counts no more as unauthenticated. A protocol
// calls it once it is sure, with the Transport that it was built on; later
// calls do nothing.
func Admit(t twistor.Transport) {
	for t != nil {
		if a, ok := t.(interface{ admitted() }); ok {
			a.admitted()
		}
		u, ok := t.(interface{ Unwrap() twistor.Transport })
		if !ok {
			if _, ok := t.(twistor.Protocol); ok {
				// It embeds its Transport, and so hides what is below.
				panic(fmt.Sprintf("policy: Admit of a %T: want the Transport in it", t))
			}
			return
		}
		t = u.Unwrap()
	}
}

// An alarm is a timer that is made when it is first needed. Set call before.
type alarm struct {
	call  func()
	timer twistor.Timer
	made  bool
}

// set makes the call happen d from now.
func (a *alarm) set(l twistor.Loop, d time.Duration) {
	if a.made {
		a.timer.Reset(d)
		return
	}
	a.made = true
	a.timer = l.CallLater(d, a.call)
}

func (a *alarm) stop() { a.timer.Stop() }
