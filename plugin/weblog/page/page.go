package page

import (
	"encoding/hex"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
)

// DefaultMaxWatchers is how many browsers may watch at once.
const DefaultMaxWatchers = 100

const (
	// perEvent is how much time is told of at once: a busy log makes ten events a
	// second, a quiet one an event for each hit.
	perEvent = 100 * time.Millisecond
	// heartbeat is how often a silent stream says that it is alive, so that
	// proxies keep it and browsers that are gone are found out.
	heartbeat = 15 * time.Second
)

// A Page is the web.Handler that shows a weblog to browsers, and the Service
// behind it: it answers from Start on, and Stop ends the streams so that browsers
// come back. Published feeds it. Loop-only.
type Page struct {
	// Immutable after first use.

	// Title names the log on the page. "": the log is that of this very page, and
	// the page says how to make hits.
	Title string
	// Epoch names the numbers of hits: to two lives of a program that have the same one, a
	// number means the same hit, and a browser goes on where it was. "": each life draws
	// its own, and browsers begin anew.
	Epoch string
	// Next is the number of the first hit to be published, and Past are those of a
	// former life before it, oldest first; of more than MaxPast, the last are taken.
	// They may be set until Start.
	Next uint64
	Past []weblog.Hit
	// MaxWatchers is how many streams there may be; more are answered 503. 0: 100.
	MaxWatchers int
	// Log hears of watchers that come and go. Nil: the loop's.
	Log *slog.Logger

	// Owned by the loop.

	loop     twistor.Loop
	epoch    string
	mux      web.Mux
	shields  web.Handler
	past     past
	pending  event
	rates    rates // of the past
	flushed  time.Time
	due      twistor.Timer // of the pending event; stopped: there is none
	beat     twistor.Timer
	watchers []*watcher
	ended    bool
}

// Start makes p ready to be fed and asked.
func (p *Page) Start(_ *deferred.Co, h service.Host) error {
	p.loop, p.ended = h.Loop(), false
	if p.Log == nil {
		p.Log = p.loop.Log()
	}
	if p.epoch = p.Epoch; p.epoch == "" {
		var random [8]byte
		if _, err := io.ReadFull(p.loop.Rand(), random[:]); err != nil {
			return err
		}
		p.epoch = hex.EncodeToString(random[:])
	}
	p.recall()
	p.due = p.loop.CallLater(0, p.flush)
	p.due.Stop()
	p.beat = p.loop.CallLater(heartbeat, p.beaten)
	p.route()
	return nil
}

// Stop ends the streams. A browser comes back for the rest, to whoever listens
// there then.
func (p *Page) Stop(*deferred.Co) error {
	if p.pending.count > 0 {
		p.flush()
	}
	p.ended = true
	p.due.Stop()
	p.beat.Stop()
	for _, c := range slices.Clone(p.watchers) {
		c.over.Succeed(struct{}{})
	}
	return nil
}

// Published takes the next hit: it is a weblog.Server's Published.
func (p *Page) Published(r *weblog.Record) {
	if p.ended {
		return
	}
	if p.pending.count == 0 {
		p.pending.at = p.loop.Now()
		p.due.Reset(max(0, perEvent-p.pending.at.Sub(p.flushed)))
	}
	if p.pending.full() {
		p.pending.reckon(r.Status)
	} else {
		p.pending.list(r.Hit())
	}
}

// recall begins with the Past, as if each second of it were an event.
func (p *Page) recall() {
	hits := p.Past[len(p.Past)-int(min(uint64(len(p.Past)), p.Next, MaxPast)):]
	first := p.Next - uint64(len(hits))
	p.past, p.rates = past{next: first}, rates{}
	p.pending = event{first: first}
	for i, h := range hits {
		if p.pending.count == 0 {
			p.pending.at = h.Time
		}
		p.pending.list(h)
		if i == len(hits)-1 || p.pending.full() || hits[i+1].Time.Unix() != h.Time.Unix() {
			p.remember()
		}
	}
	p.Past = nil
}

// remember makes the pending event one of the past, and begins another.
func (p *Page) remember() {
	e := &p.pending
	p.past.add(e.encode(p.epoch))
	p.rates.add(e.at, &e.kinds)
	*e = event{first: p.past.next, rows: e.rows[:0]}
}

// flush sends what is pending to all.
func (p *Page) flush() {
	p.due.Stop()
	p.flushed = p.loop.Now()
	p.remember()
	// From the last to the first, so that one who leaves meanwhile makes nobody be
	// passed over.
	for i := len(p.watchers) - 1; i >= 0; i-- {
		p.watchers[i].send()
	}
}

// beaten has silent streams say that they are alive.
func (p *Page) beaten() {
	p.beat.Reset(heartbeat)
	for i := len(p.watchers) - 1; i >= 0; i-- {
		p.watchers[i].beat()
	}
}
