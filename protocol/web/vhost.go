package web

import (
	"bytes"

	"github.com/twistor-go/twistor/deferred"
)

// Hosts is a Handler that chooses another by the host that the client asked,
// whatever the port:
//
//	web.Hosts{
//		"example.com":   site,
//		"*.example.com": users, // any name below it; the longest wins
//		"":              other, // the rest
//	}
//
// Names are written in lower case and without a port, an address of IPv6 in
// brackets. A host that nobody serves is answered 421, Misdirected Request, and
// never repeated in the answer.
type Hosts map[string]Handler

// Serve has the Handler of the host serve.
func (m Hosts) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	var room [128]byte
	host := hostKey(room[:0], r.host)
	h := m[string(host)]
	if len(host) == 0 {
		h = nil
	}
	for wild := room[:0]; h == nil; {
		i := bytes.IndexByte(host, '.')
		if i < 0 {
			break
		}
		host = host[i:]
		wild = append(append(wild[:0], '*'), host...)
		h = m[string(wild)]
		host = wild[2:]
	}
	if h == nil {
		h = m[""]
	}
	if h == nil {
		Refuse(w, r, 421, "")
		return nil
	}
	return h.Serve(w, r)
}
