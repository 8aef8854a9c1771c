package dns

import (
	"encoding/binary"
	"slices"
)

// Codes of extended errors that a Server itself explains (RFC 8914).
const explainProhibited = 18

// admit is the policy of all networks, the cheap parts first: it answers what
// the Handler is not to see, and reports whether the Handler is to.
func (s *Server) admit(x *exchange, r refusal) bool {
	q, w := &x.q, &x.w
	if r == formError {
		w.SetRcode(RcodeFormatError)
		return false
	}
	if r == notImplemented {
		w.SetRcode(RcodeNotImplemented)
		return false
	}
	if s.Handler == nil || s.Allow != nil && !s.Allow(q.From.Addr.Addr()) {
		w.SetRcode(RcodeRefused)
		w.Explain(explainProhibited, "")
		return false
	}
	if q.tsig != 0 && !s.verify(x) {
		return false
	}
	if r == badVersion {
		w.SetRcode(RcodeBadVersion)
		return false
	}
	if len(q.Options) > 0 && !s.options(x) {
		return false
	}
	if s.RequireCookie && !x.proven && !q.Network.Stream() {
		if q.option(optionCookie) != nil {
			w.SetRcode(RcodeBadCookie)
		} else {
			w.SetTruncated(true)
		}
		return false
	}
	switch {
	case q.Opcode != OpcodeQuery && !slices.Contains(s.Opcodes, q.Opcode):
		w.SetRcode(RcodeNotImplemented)
	case q.Class == ClassCH:
		s.identify(w, q)
	case q.Type == TypeAXFR && !q.Network.Transfers():
		w.SetRcode(RcodeRefused)
	case s.pending >= s.maxPending():
		w.SetRcode(RcodeServerFailure)
	default:
		return true
	}
	return false
}

// verify checks the signature of the query, and has the answer signed.
//
// See https://www.rfc-editor.org/rfc/rfc8945#section-5.2.
func (s *Server) verify(x *exchange) bool {
	q, w := &x.q, &x.w
	err := x.signing.verifyRequest(s.Keys, q.raw, q.tsig, s.loop.Now())
	switch e, _ := err.(*TSIGError); {
	case err == nil:
		q.Key, x.proven = x.signing.Key(), true
	case e == nil || e.Rcode == RcodeFormatError:
		w.SetRcode(RcodeFormatError)
		return false
	default:
		s.stats.BadSignatures++
		w.SetRcode(RcodeNotAuth)
	}
	w.signing = &x.signing
	w.limit -= x.signing.bytes()
	return err == nil
}

// options answers the options of EDNS that are the Server's own.
func (s *Server) options(x *exchange) bool {
	q, w := &x.q, &x.w
	cookie := false
	for p := q.Options; len(p) >= 4; {
		n := 4 + int(binary.BigEndian.Uint16(p[2:]))
		code, data := binary.BigEndian.Uint16(p), p[4:n:n]
		p = p[n:]
		switch code {
		case optionCookie:
			if cookie { // "all but the first ... are ignored"
				break
			}
			cookie = true
			if !s.cookie(x, data) {
				w.SetRcode(RcodeFormatError)
				return false
			}
		case optionNSID:
			if s.Identity != "" {
				w.addOption(optionNSID, nil, s.Identity)
			}
		case optionKeepalive:
			// "MUST ignore" it over UDP.
			// https://www.rfc-editor.org/rfc/rfc7828#section-3.2.1
			if idle := s.idleTimeout(); q.Network.Transfers() && idle > 0 {
				tenths := uint16(min(idle.Milliseconds()/100, 0xffff))
				w.addOption(optionKeepalive, binary.BigEndian.AppendUint16(nil, tenths), "")
			}
		case optionPadding:
			w.padded = q.Network == OverTLS || q.Network == OverHTTPS
		}
	}
	return true
}
