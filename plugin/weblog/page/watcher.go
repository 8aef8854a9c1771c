package page

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
)

// retry is how soon a browser comes back when a stream ends.
const retry = 500 * time.Millisecond

// A watcher is the stream of events to one browser: a place in the past, which
// moves on whenever the browser has room. One that is too slow for what is
// remembered goes on with the oldest there is, and tells by the numbers what it
// has missed. So all browsers share one memory; each sse.Stream would have a
// queue of its own. Loop-only.
type watcher struct {
	page *Page
	w    *web.ResponseWriter
	over *deferred.Signal // the answer's
	at   uint64           // the next hit for it
	full bool             // it waits for room
}

// A hello is what a stream begins with.
type hello struct {
	Now   int64  `json:"now"`   // by our clock, in milliseconds of Unix
	Anew  bool   `json:"anew"`  // forget what you have: other hits follow
	From  uint64 `json:"from"`  // the next hit
	Rates []rate `json:"rates"` // of the last seconds,
	Until uint64 `json:"until"` // up to this hit, without it
	Title string `json:"title"` // "": the log is that of this page
	You   string `json:"you"`   // the address of the browser, as the log has it
}

// watch answers with a stream.
func (p *Page) watch(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	limit := p.MaxWatchers
	if limit <= 0 {
		limit = DefaultMaxWatchers
	}
	switch {
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		// No other site can read it, but its scripts could hold connections.
		web.Refuse(w, r, 403, "ask from the page itself")
		return nil
	case p.ended: // the next process, or the next start, serves the page that tries again
		w.SetHeader("Retry-After", "1")
		web.Refuse(w, r, 503, "the server is about to end")
		return nil
	case len(p.watchers) >= limit:
		w.SetHeader("Retry-After", "5")
		web.Refuse(w, r, 503, "too many watch already")
		return nil
	}
	w.SetHeader("Content-Type", "text/event-stream")
	w.SetHeader("Cache-Control", "no-store")
	w.SetHeader("X-Accel-Buffering", "no") // nginx would collect it otherwise
	if r.Method == "HEAD" {
		return nil
	}

	c := &watcher{page: p, w: w, over: deferred.New[struct{}](p.loop)}
	at, known := p.place(r)
	now := p.loop.Now()
	h := hello{Now: now.UnixMilli(), Anew: !known, From: at, Rates: p.rates.until(now), Until: p.past.next, Title: p.Title}
	if a := r.Client(); a.IsValid() {
		h.You = a.String()
	}
	c.at = at
	text, _ := json.Marshal(h) // of texts and numbers, so it cannot fail
	w.Write(framed(sse.Event{Retry: retry, ID: position(p.epoch, at), Type: "hello", Data: string(text)}))
	if w.Flush() != nil {
		return nil
	}
	p.watchers = append(p.watchers, c)
	p.Log.Info("weblog: somebody watches", "peer", r.RemoteAddr(), "watchers", len(p.watchers))
	peer := r.RemoteAddr()
	c.over.Always(func() {
		p.watchers = slices.DeleteFunc(p.watchers, func(o *watcher) bool { return o == c })
		p.Log.Info("weblog: somebody watches no more", "peer", peer, "watchers", len(p.watchers))
	})
	c.send()
	return c.over
}

// place is where a stream begins: where the browser says that it was, if known, else
// with the last hits.
func (p *Page) place(r *web.Request) (at uint64, known bool) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.Query().Get("after") // of a browser that had to give up, and tries anew
	}
	epoch, number, _ := strings.Cut(last, "-")
	at, err := strconv.ParseUint(number, 10, 64)
	if err == nil && epoch == p.epoch && at <= p.past.next {
		return at, true
	}
	return p.past.recent(), false
}

// position is how browsers know a place, the last event's id.
func position(epoch string, at uint64) string { return epoch + "-" + strconv.FormatUint(at, 10) }

// gone reports whether the answer is over, so that nothing of it may be used.
func (c *watcher) gone() bool {
	_, fired := c.over.Result()
	return fired
}

// send writes what is new until the browser is full.
func (c *watcher) send() {
	for !c.gone() && !c.full {
		e := c.page.past.after(c.at)
		if e == nil {
			return
		}
		if c.w.Full() {
			c.full = true
			c.w.Ready().Done(func(_ struct{}, err error) {
				c.full = false
				if err == nil {
					c.send()
				}
			})
			return
		}
		if c.w.WriteShared(e.bytes) != nil {
			return // it has left; the answer's end is on its way
		}
		c.at = e.next
	}
}

// beat says that the stream is alive.
func (c *watcher) beat() {
	if !c.gone() && !c.full {
		c.w.WriteString(":\n\n")
	}
}
