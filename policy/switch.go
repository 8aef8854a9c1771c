package policy

import (
	"slices"

	"github.com/twistor-go/twistor"
)

// A successor is a Switch to come, and what was received for it.
type successor struct {
	protocol twistor.Protocol // nil: it is here already
	unread   []byte
	timer    twistor.Timer
}

// Switch makes p the protocol above when the callback returns.
func (w *Wrapper) Switch(p twistor.Protocol, unread []byte) {
	if w.gone {
		return
	}
	if w.next == nil {
		w.next = new(successor)
	}
	w.next.protocol = p
	w.next.unread = slices.Concat(unread, w.next.unread)
	w.soon()
}

// soon has settle called, if no event's end will do so.
func (w *Wrapper) soon() {
	if w.depth > 0 {
		return
	}
	w.next.timer.Stop()
	w.next.timer = w.Loop().CallLater(0, func() {
		ok := false
		defer func() {
			if !ok {
				w.Transport.Abort() // the protocol panicked: as in any event
			}
		}()
		w.settle()
		ok = true
	})
}

// settle makes the Switch that was asked for, if no event of the protocol
// above is going on.
func (w *Wrapper) settle() {
	for w.depth == 0 && w.next != nil {
		n := w.next
		switch {
		case n.protocol != nil:
			w.above, n.protocol = n.protocol, nil
			w.depth++
			w.above.Connected()
			w.depth--
		case w.closed || len(n.unread) == 0:
			n.timer.Stop()
			w.next = nil
			w.resume()
		case w.paused:
			return
		default:
			p := n.unread
			n.unread = nil
			w.depth++
			w.above.Received(p)
			w.depth--
		}
	}
}

// enter and leave stand around each event of the protocol above.

func (w *Wrapper) enter() {
	if w.next != nil {
		w.settle()
	}
	w.depth++
}

func (w *Wrapper) leave() {
	w.depth--
	if w.next != nil {
		w.settle()
	}
}
