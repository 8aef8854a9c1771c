package app

import (
	"os"
	"os/signal"
)

// hear has signals wait until there is a loop to pass them to. It is called
// before anything else that takes time: a signal while the program starts must
// not end it in the midst of that.
func (x *process) hear() {
	x.heard = make(chan os.Signal, 16)
	signal.Notify(x.heard, signals...)
}

// pass passes signals to the loop. The goroutine is what package os/signal asks
// for: it says them on a channel.
func (x *process) pass(v *life) (stop func()) {
	go func() {
		for s := range x.heard {
			v.loop.Post(func() { v.on(s) })
		}
	}()
	return func() {
		signal.Stop(x.heard)
		close(x.heard)
	}
}
