package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
)

// welcomePage is whole but for the nonce of its script, which is each request's.
//
//go:embed welcome.html
var welcomePage []byte

// What the page may do: its own style and script, its own server, and no more.
const welcomePolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	maxGuests  = 1000        // pages that a loop tells, beyond which it answers 503
	pulseEvery = time.Second // between two things that they are told
)

// A welcome is what a server without options serves: a page that shows what it
// can do, and counts live. Each loop has one. Loop-only.
type welcome struct {
	loop   twistor.Loop
	page   web.Handler
	all    []*site // of all loops
	begun  time.Time
	guests []*sse.Stream
	last   string // what they were told
	tick   twistor.Timer
	ended  bool
}

// newWelcome is the one of l.
func newWelcome(l twistor.Loop) *welcome {
	h := &welcome{loop: l}
	mux := new(web.Mux)
	mux.HandleFunc("GET /{$}", h.show)
	mux.Handle("GET /live", web.Later(h.live))
	h.page = (&web.Shields{Policy: welcomePolicy, Frames: "DENY"}).Wrap(mux)
	return h
}

// Serve implements web.Handler.
func (h *welcome) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	return h.page.Serve(w, r)
}

// show answers with the page.
func (h *welcome) show(w *web.ResponseWriter, r *web.Request) {
	w.SetHeader("Content-Type", "text/html; charset=utf-8")
	w.SetHeader("Cache-Control", "no-store")
	before, after, _ := bytes.Cut(welcomePage, []byte("{nonce}"))
	w.Write(before)
	w.WriteString(web.Nonce(r))
	w.Write(after)
}

// live tells the page how the server does, until it leaves.
func (h *welcome) live(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	if h.ended || len(h.guests) >= maxGuests {
		web.Refuse(w, r, 503, "")
		return nil
	}
	s := sse.Open(w, r, sse.Config{})
	h.guests = append(h.guests, s)
	w.After(func(int, int64, error) {
		if i := slices.Index(h.guests, s); i >= 0 {
			h.guests = slices.Delete(h.guests, i, i+1)
		}
	})
	if len(h.guests) == 1 {
		h.tick.Stop()
		h.pulse()
	} else {
		s.Send(sse.Event{Data: h.last})
	}
	return s.Done()
}

// A pulse is what a page is told.
type pulse struct {
	Requests    uint64  `json:"requests"`
	Connections int     `json:"connections"`
	Loops       int     `json:"loops"`
	Uptime      float64 `json:"uptime"` // seconds
}

// pulse asks all loops, tells all pages, and comes back as long as there are some.
func (h *welcome) pulse() {
	if len(h.guests) == 0 || h.ended {
		return
	}
	h.tick = h.loop.CallLater(pulseEvery, h.pulse)
	var asked []*deferred.Deferred[web.Stats]
	for _, s := range h.all {
		asked = append(asked, deferred.Ask(h.loop, s.loop, func() *deferred.Deferred[web.Stats] {
			return deferred.Succeeded(s.Stats())
		}))
	}
	deferred.All(asked...).Done(func(all []web.Stats, err error) {
		if err == nil { // else a loop is stopping, and so is the page
			h.tell(all)
		}
	})
}

// tell sends a pulse.
func (h *welcome) tell(all []web.Stats) {
	p := pulse{Loops: len(all), Uptime: h.loop.Now().Sub(h.begun).Seconds()}
	for _, s := range all {
		p.Requests += s.Requests
		p.Connections += s.Connections
	}
	text, err := json.Marshal(p)
	if err != nil {
		return // no such number
	}
	h.last = string(text)
	for _, s := range slices.Clone(h.guests) {
		s.Send(sse.Event{Data: h.last}) // who has left is out in a moment
	}
}

// end ends the streams; their pages will come back.
func (h *welcome) end() {
	h.ended = true
	h.tick.Stop()
	for _, s := range slices.Clone(h.guests) {
		s.Close()
	}
}
