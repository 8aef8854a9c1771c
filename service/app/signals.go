package app

import (
	"os"
	"os/signal"
)

// hear passes signals to the loop. The goroutine is what package os/signal asks
// for: it says them on a channel.
func (x *process) hear(v *life) (stop func()) {
	heard := make(chan os.Signal, 16)
	signal.Notify(heard, signals...)
	go func() {
		for s := range heard {
			v.loop.Post(func() { v.on(s) })
		}
	}()
	return func() {
		signal.Stop(heard)
		close(heard)
	}
}
