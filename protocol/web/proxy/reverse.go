package proxy

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Reverse hands requests to back ends. It lives on one loop; its fields do not change after first
// use. Loop-only.
type Reverse struct {
	// To are the URLs of the back ends: "http://10.0.0.2:8080", "https://inner.example/base". A
	// path in one stands before that of each request.
	To []string
	// Balance says which one is next; its zero is RoundRobin.
	Balance Balance
	// Client asks them. Nil: one as Backends makes it.
	Client *web.Client
	// Trusted are the proxies before us whose word about the client counts: what they say in
	// X-Forwarded-For is kept and added to. From all others X-Forwarded-*, X-Real-IP and Forwarded
	// are replaced. None: nobody is.
	Trusted []netip.Prefix
	// KeepHost asks for the host that the client asked for, in place of the back end's; it is told
	// by X-Forwarded-Host in any case.
	KeepHost bool
	// Forwarded tells who asks by the field Forwarded (RFC 7239) too.
	Forwarded bool
	// MaxFailures is how many failures in a row, to connect or to answer at all, have a back end
	// passed by for Rest. 0: 3; negative: none has. Rest 0: 10 s.
	MaxFailures int
	Rest        time.Duration
	// Health says how Watch looks after the back ends.
	Health Health
	// Request may change what is asked: out is new, in what the client asked. An error is the
	// answer. Nil: nothing is changed.
	Request func(out, in *web.Request) error
	// Response may change what is answered, before it leaves. An error is the answer instead. Nil:
	// nothing is.
	Response func(p *web.Response, in *web.Request) error

	// Owned by the loop.

	to     []*backend
	broken error
	next   int
}

// Backends makes a Client for back ends: it leaves answers as they are, follows no redirect, waits 60
// s for a head and for each further byte, and an hour for a whole answer.
func Backends(l twistor.Loop) *web.Client {
	return &web.Client{
		Loop: l, Raw: true, MaxRedirects: -1, MaxBodyBytes: -1, MaxConnections: 256, MaxIdle: 256,
		Timeout: time.Hour, HeadTimeout: time.Minute, ReadTimeout: time.Minute, ConnectTimeout: 5 * time.Second, Informed: inform,
	}
}

// Serve passes r on, and its answer back.
func (p *Reverse) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	if p.Client == nil {
		p.Client = Backends(r.Loop())
	}
	return deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, p.serve(co, w, r) })
}

func (p *Reverse) serve(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
	if err := p.backends(); err != nil {
		return err
	}
	if r.Method == "CONNECT" && upgradeOf(r) == "" || r.Method == "TRACE" {
		// A TRACE would show a back end's own fields to whom they are not for.
		return &web.Error{Status: 405}
	}
	sent := passageOf(r)
	var tried []*backend
	for {
		b := p.pick(co.Loop().Now(), tried)
		if b == nil {
			if len(tried) > 0 {
				return &web.Error{Status: 502, Err: errors.New("proxy: no other back end")}
			}
			return &web.Error{Status: 503, Err: errors.New("proxy: no back end is well")}
		}
		out, err := p.request(b, r)
		if err != nil {
			return err
		}
		if sent != nil {
			out.Content = sent
		}
		out.SetValue(writerKey{}, w)
		again, err := p.ask(co, b, out, w, r, sent)
		if !again {
			return err
		}
		tried = append(tried, b)
		if len(tried) == len(p.to) {
			return failure(err, sent)
		}
	}
}

// ask sends out to b, and its answer to w; again: it may be tried with another one.
func (p *Reverse) ask(co *deferred.Co, b *backend, out *web.Request, w *web.ResponseWriter, r *web.Request, sent *passage) (again bool, err error) {
	b.busy++
	b.requests++
	defer func() { b.busy-- }()
	var resp *web.Response
	if upgradeOf(r) != "" {
		var over bool
		if resp, over, err = upgrade(co, p.Client, out, w, r); over {
			return false, nil
		}
	} else {
		resp, err = p.Client.Do(out).Await(co)
	}
	if err != nil {
		if co.Err() == nil && (sent == nil || sent.err == nil) && !errors.Is(err, web.ErrBusy) {
			p.failed(b, co.Loop().Now())
		}
		var e *web.RequestError
		begun := sent != nil && sent.begun
		harmless := errors.As(err, &e) && e.Op == "connect"
		return harmless && !begun && co.Err() == nil, p.harmlessly(harmless, err, sent)
	}
	b.row = 0
	resp.Request = out
	if p.Response != nil {
		if err := p.Response(resp, r); err != nil {
			resp.Close()
			return false, err
		}
	}
	return false, answer(co, w, r, resp)
}

// harmlessly is the error for the client, or as it is if another back end may be tried.
func (p *Reverse) harmlessly(again bool, err error, sent *passage) error {
	if again && len(p.to) > 1 {
		return err
	}
	return failure(err, sent)
}

// request is what b is asked for r.
func (p *Reverse) request(b *backend, r *web.Request) (*web.Request, error) {
	out := b.root.Clone()
	out.Method = r.Method
	if r.Method == "CONNECT" {
		out.Method = "GET" // HTTP/2's way to say it: https://www.rfc-editor.org/rfc/rfc8441#section-5
	}
	target := targetOf(r)
	if b.base != "" && target != "*" {
		target = b.base + target
	}
	if err := out.SetTarget(target); err != nil {
		return nil, &web.Error{Status: 400, Err: err}
	}
	copyHeader(&out.Header, &r.Header)
	out.Header.Del("Expect") // it is for us: our server says 100 when the back end wants the body
	passTE(&out.Header, &r.Header)
	// "A proxy MUST send an appropriate Via header field in each message that it forwards", and a
	// gateway in each request: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.3
	version := "1.1"
	if major, minor := r.Proto(); major == 2 {
		version = "2"
	} else if minor == 0 {
		version = "1.0"
	}
	out.Header.Add("Via", version+" "+viaName)
	if p.KeepHost && r.Host() != "" {
		if err := out.SetHost(r.Host()); err != nil {
			return nil, &web.Error{Status: 400, Err: err}
		}
	}
	p.identify(out, r)
	if p.Request != nil {
		if err := p.Request(out, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// targetOf is the target of r: as it came, byte for byte, unless a Handler before us gave it
// another path. So what was decided upon is what is asked.
func targetOf(r *web.Request) string {
	target := r.Target()
	path, query, has := strings.Cut(target, "?")
	if decoded, err := url.PathUnescape(path); err == nil && decoded == r.Path() || target == "*" {
		return target
	}
	target = (&url.URL{Path: r.Path()}).EscapedPath()
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if has {
		target += "?" + query
	}
	return target
}

// identity are the fields that say who asks.
var identity = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "Forwarded"}

// identify says who asks: what the client said of it itself counts only if it is a proxy that we
// trust.
func (p *Reverse) identify(out, r *web.Request) {
	h := &out.Header
	peer, ok := addressOf(r.RemoteAddr())
	trusted := ok && slices.ContainsFunc(p.Trusted, func(n netip.Prefix) bool { return n.Contains(peer) })
	if !trusted {
		for _, name := range identity {
			h.Del(name)
		}
	}
	who := "unknown"
	if ok {
		who = peer.String()
	}
	chain := append(h.Values("X-Forwarded-For"), who)
	h.Set("X-Forwarded-For", strings.Join(chain, ", "))
	if !h.Has("X-Forwarded-Proto") {
		h.Set("X-Forwarded-Proto", r.Scheme())
	}
	if !h.Has("X-Forwarded-Host") && r.Host() != "" {
		h.Set("X-Forwarded-Host", r.Host())
	}
	if !p.Forwarded {
		return
	}
	node := who
	if peer.Is6() {
		node = `"[` + who + `]"` // https://www.rfc-editor.org/rfc/rfc7239#section-6
	}
	forwarded := "for=" + node + ";proto=" + r.Scheme()
	if r.Host() != "" {
		forwarded += `;host="` + r.Host() + `"`
	}
	h.Set("Forwarded", strings.Join(append(h.Values("Forwarded"), forwarded), ", "))
}

// addressOf is the IP address of a connection's end; false: it has none.
func addressOf(a net.Addr) (netip.Addr, bool) {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	ip := t.AddrPort().Addr().Unmap().WithZone("")
	return ip, ip.IsValid()
}
