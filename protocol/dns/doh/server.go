package doh

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/web"
)

// ContentType is that of a DNS message.
const ContentType = "application/dns-message"

// maxEncodedBytes is how long a message in a URL can be.
var maxEncodedBytes = base64.RawURLEncoding.EncodedLen(dns.MaxMessageBytes)

// A Server answers DNS queries in requests, GET and POST: a web.Handler, for
// the path /dns-query by custom. It lives on one loop. Loop-only.
type Server struct {
	// DNS answers. It may have UDP and TCP ports as well.
	DNS *dns.Server
}

// Serve implements web.Handler.
func (s *Server) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p, status, problem := decode(r.RawQuery())
		if status != 0 {
			web.Refuse(w, r, status, problem)
			return nil
		}
		return s.answer(w, r, p)
	case http.MethodPost:
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), ContentType) {
			web.Refuse(w, r, http.StatusUnsupportedMediaType, "want "+ContentType)
			return nil
		}
		body := r.Body.Bytes(dns.MaxMessageBytes)
		return deferred.Chain(body, func(p []byte) *deferred.Signal {
			if d := s.answer(w, r, p); d != nil {
				return d
			}
			return deferred.Succeeded(struct{}{})
		})
	}
	w.SetHeader("Allow", "GET, HEAD, POST")
	web.Refuse(w, r, http.StatusMethodNotAllowed, "")
	return nil
}

// decode is the message in a query, or what is wrong with it: a status, and
// words for it.
//
// See https://www.rfc-editor.org/rfc/rfc8484#section-4.1.1.
func decode(query string) (p []byte, status int, problem string) {
	const bad = http.StatusBadRequest
	text, found := "", false
	for query != "" {
		var param string
		param, query, _ = strings.Cut(query, "&")
		if name, value, _ := strings.Cut(param, "="); name == "dns" {
			if found {
				return nil, bad, "want one message"
			}
			text, found = value, true
		}
	}
	if !found {
		return nil, bad, "want a message: ?dns="
	}
	if len(text) > maxEncodedBytes {
		return nil, http.StatusRequestURITooLong, ""
	}
	if strings.ContainsRune(text, '%') {
		var err error
		if text, err = url.QueryUnescape(text); err != nil {
			return nil, bad, "want the message in base64url"
		}
	}
	// "Padding characters for base64url MUST NOT be included."
	p, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, bad, "want the message in base64url, without padding"
	}
	return p, 0, ""
}

// answer answers the message p.
func (s *Server) answer(w *web.ResponseWriter, r *web.Request, p []byte) *deferred.Signal {
	if len(p) < 12 || p[2]&0x80 != 0 {
		web.Refuse(w, r, http.StatusBadRequest, "want a DNS query")
		return nil
	}
	d := s.DNS.Answer(r.Loop(), p, peer(r), dns.OverHTTPS)
	if o, fired := d.Result(); fired && o.Err == nil {
		write(w, r, o.Value)
		return nil
	}
	return deferred.Then(d, func(p []byte) (struct{}, error) {
		write(w, r, p)
		return struct{}{}, nil
	})
}

// peer is who asks.
func peer(r *web.Request) twistor.Peer {
	from := twistor.Peer{Addr: netip.AddrPortFrom(r.Client(), 0)}
	if at, err := netip.ParseAddrPort(r.RemoteAddr().String()); err == nil && at.Addr().Unmap() == from.Addr.Addr() {
		from.Addr = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return from
}

// write writes the answer p. It may be kept as long as its records.
//
// See https://www.rfc-editor.org/rfc/rfc8484#section-5.1.
func write(w *web.ResponseWriter, r *web.Request, p []byte) {
	if p == nil { // over UDP it would have been dropped
		web.Refuse(w, r, http.StatusServiceUnavailable, "")
		return
	}
	w.SetHeader("Content-Type", ContentType)
	w.SetHeader("Cache-Control", "max-age="+strconv.FormatUint(uint64(dns.Lifetime(p)), 10))
	w.Write(p)
}
