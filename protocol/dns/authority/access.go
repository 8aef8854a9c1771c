package authority

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A Grant says who may do something: who comes from From and signs with Key.
// One of the two may be missing, then it does not matter; without both it is a
// Grant for nobody. Immutable after first use.
//
// An address alone proves little: that of a datagram can be forged. For updates
// a key is the better choice.
type Grant struct {
	From netip.Prefix
	Key  dns.Name // of a TSIG key that the dns.Server knows
}

// allows reports whether q is of who the Grant is for.
func (g *Grant) allows(q *dns.Query) bool {
	if !g.From.IsValid() && g.Key == nil {
		return false
	}
	if g.From.IsValid() && !g.From.Contains(q.From.Addr.Addr().Unmap()) {
		return false
	}
	return g.Key == nil || q.Key != nil && bytes.Equal(g.Key, q.Key)
}

// allowed reports whether one of the grants is for who sent q.
func allowed(grants []Grant, q *dns.Query) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool { return g.allows(q) })
}

// An UpdateGrant says who may change what of a zone. Immutable after first use.
type UpdateGrant struct {
	Grant
	// Names are those that may be changed, with all below them. Nil: all.
	Names []dns.Name
	// Types are those of the records that may be changed; with types, a whole
	// name cannot be deleted at once. Nil: all.
	Types []dns.Type
}

// covers reports whether records of that name and type may be changed.
func (g *UpdateGrant) covers(name dns.Name, t dns.Type) bool {
	return (g.Names == nil || slices.ContainsFunc(g.Names, name.In)) &&
		(g.Types == nil || slices.Contains(g.Types, t))
}

// A Peer is another server of a zone: one that it comes from, or one that is
// told of new versions. Immutable after first use.
type Peer struct {
	Addr netip.AddrPort
	// Key signs what is asked of it, and verifies what it answers. Nil: no
	// signatures.
	Key *dns.TSIGKey
	// TLS has zones come over TLS (RFC 9103), with this configuration; its
	// ServerName is what the certificate must be for. Nil: plain TCP.
	TLS *tls.Config
}

// tls is how p is spoken to: nil, or a configuration that names the protocol.
//
// See https://www.rfc-editor.org/rfc/rfc9103#section-7.1.
func (p *Peer) tls() *tls.Config {
	if p.TLS == nil || p.TLS.NextProtos != nil {
		return p.TLS
	}
	c := p.TLS.Clone()
	c.NextProtos = []string{"dot"}
	return c
}

// said reports whether q can be of p: it comes from its address, or is signed
// with its key. An address can be forged, but all that a NOTIFY does is to have
// p asked.
func (p *Peer) said(q *dns.Query) bool {
	return q.From.Addr.Addr().Unmap() == p.Addr.Addr().Unmap() ||
		p.Key != nil && q.Key != nil && bytes.Equal(q.Key, p.Key.Name)
}
