package web

import "github.com/twistor-go/twistor"

// An h2outlet is what a hop does to its stream.
type h2outlet struct {
	h2out
	link     *h2link
	x        *hop      // nil: they have parted
	tunnel   *h2tunnel // the stream is another protocol's now; nil: it is not
	interim  int
	heard    bool // something has come
	answered bool // the final head
	sent     bool // the request is whole, or has no end
}

func (u *h2outlet) transport() twistor.Transport { return u.link.t }
func (u *h2outlet) bodyWanted()                  {}
func (u *h2outlet) bodyPaused()                  {}
func (u *h2outlet) bodyResumed()                 {}

func (u *h2outlet) bodyConsumed(n int) {
	if u.stream != nil {
		u.h2.Consume(u.stream, n)
	}
}

func (u *h2outlet) data(p []byte) error { return u.send(p, false) }

func (u *h2outlet) end(trailer *Header) error {
	if u.sent {
		return nil
	}
	u.sent = true
	return u.h2out.finish(trailer)
}

func (u *h2outlet) cancel() {
	if u.x == nil {
		return
	}
	if !u.heard {
		u.link.probe()
	}
	u.link.part(u)
}

// relieved hears that more may be sent.
func (u *h2outlet) relieved() {
	if u.x != nil {
		u.x.drained()
	}
}

// filesEnded: the answer is still to come.
func (u *h2outlet) filesEnded() {}

// cut ends a request whose file could not be read; its content has failed.
func (u *h2outlet) cut(error) { u.loseFiles() }

var (
	_ link   = (*h2link)(nil)
	_ outlet = (*h2outlet)(nil)
)
