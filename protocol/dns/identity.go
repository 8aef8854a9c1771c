package dns

import "github.com/miekg/dns"

// identify answers a question of class CH.
//
// See https://www.rfc-editor.org/rfc/rfc4892.
func (s *Server) identify(w *ResponseWriter, q *Query) {
	text := ""
	if q.Type == TypeTXT || q.Type == TypeANY {
		switch q.Name.String() {
		case "version.bind.", "version.server.":
			text = s.Version
		case "hostname.bind.", "id.server.":
			text = s.Identity
		}
	}
	if text == "" {
		w.SetRcode(RcodeRefused)
		return
	}
	h := q.Header(0)
	h.Rrtype = TypeTXT
	w.SetAuthoritative(true)
	w.Answer(&dns.TXT{Hdr: h, Txt: []string{text[:min(len(text), 255)]}})
}
