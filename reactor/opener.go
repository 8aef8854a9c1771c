package reactor

import (
	"fmt"
	"reflect"

	"github.com/twistor-go/twistor"
)

// opened counts f's ports and tells it of the first. caller is the loop that
// runs: another one's factory hears of it on its own loop.
func (l *loop) opened(caller *loop, f twistor.Factory) error {
	o, ok := f.(twistor.Opener)
	if !ok {
		return halfOpener(f)
	}
	if l != caller && l.r.running.Load() {
		if !l.mail.putAlways(func() {
			if err := l.opened(l, f); err != nil {
				l.log.Error("factory does not open", "op", "listen", "err", err)
			}
		}) {
			return twistor.ErrStopped
		}
		l.rouse()
		return nil
	}
	if !reflect.TypeOf(f).Comparable() {
		return o.Opened(l)
	}
	if l.openers[f] == 0 {
		if err := o.Opened(l); err != nil {
			return err
		}
	}
	l.openers[f]++
	return nil
}

// halfOpener finds what was meant to be an Opener, and is not.
func halfOpener(f twistor.Factory) error {
	_, opens := f.(interface{ Opened(l twistor.Loop) error })
	_, closes := f.(interface{ Closed() })
	if opens || closes {
		return fmt.Errorf("%T has one of Opened and Closed: want both, or it is no twistor.Opener", f)
	}
	return nil
}

// shut is the reverse of opened.
func (l *loop) shut(caller *loop, f twistor.Factory) {
	o, ok := f.(twistor.Opener)
	if !ok {
		return
	}
	if l != caller && l.r.running.Load() {
		if l.mail.putAlways(func() { l.shut(l, f) }) {
			l.rouse()
		}
		return
	}
	if reflect.TypeOf(f).Comparable() {
		if l.openers[f]--; l.openers[f] > 0 {
			return
		}
		delete(l.openers, f)
	}
	l.deeds = append(l.deeds, o.Closed)
}
