package web

import (
	_ "embed"
	"encoding/json"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
)

//go:embed welcome.html
var welcomePage []byte

// What the page may do: its own style and script, its own server, and no more.
const welcomePolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A welcome is what a server without options serves: a page that shows what it
// can do, and counts live.
type welcome struct {
	site  *site
	page  web.Handler
	begun time.Time
}

func (h *welcome) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	if h.page == nil {
		h.begun = r.Loop().Now()
		mux := new(web.Mux)
		mux.HandleFunc("GET /{$}", func(w *web.ResponseWriter, r *web.Request) {
			w.SetHeader("Content-Type", "text/html; charset=utf-8")
			w.SetHeader("Cache-Control", "no-store")
			before, after := splitNonce(welcomePage)
			w.Write(before)
			w.WriteString(web.Nonce(r))
			w.Write(after)
		})
		mux.Handle("GET /live", web.Inline(h.live))
		h.page = (&web.Shields{Policy: welcomePolicy, Frames: "DENY"}).Wrap(mux)
	}
	return h.page.Serve(w, r)
}

// splitNonce cuts the page where its nonce belongs.
func splitNonce(page []byte) (before, after []byte) {
	const mark = "{nonce}"
	for i := range len(page) - len(mark) {
		if string(page[i:i+len(mark)]) == mark {
			return page[:i], page[i+len(mark):]
		}
	}
	return page, nil
}

// A pulse is what the page is told every second.
type pulse struct {
	Requests    uint64  `json:"requests"`
	Connections int     `json:"connections"`
	Loops       int     `json:"loops"`
	Uptime      float64 `json:"uptime"`
	Protocol    string  `json:"protocol"`
}

// live tells the page how the server does, all loops together.
func (h *welcome) live(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
	stream := sse.Open(w, r, sse.Config{})
	defer stream.Close()
	protocol := "HTTP/1.1"
	if major, _ := r.Proto(); major == 2 {
		protocol = "HTTP/2"
	}
	for {
		p := pulse{Loops: len(h.site.all), Uptime: r.Loop().Now().Sub(h.begun).Seconds(), Protocol: protocol}
		for _, s := range h.site.all {
			stats, err := deferred.Ask(twistor.Loop(r.Loop()), s.loop, func() *deferred.Deferred[web.Stats] {
				return deferred.Succeeded(s.Stats())
			}).Await(co)
			if err != nil {
				return err
			}
			p.Requests += stats.Requests
			p.Connections += stats.Connections
		}
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := stream.Send(sse.Event{Data: string(text)}); err != nil {
			return nil // it has left
		}
		if err := co.Sleep(time.Second); err != nil {
			return nil
		}
	}
}
