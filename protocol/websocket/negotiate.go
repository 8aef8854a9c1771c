package websocket

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The one extension, and its parameters.
// https://www.rfc-editor.org/rfc/rfc7692#section-7.1
const (
	extensionName   = "permessage-deflate"
	serverNoContext = "server_no_context_takeover"
	clientNoContext = "client_no_context_takeover"
	serverBits      = "server_max_window_bits"
	clientBits      = "client_max_window_bits"
)

// terms are the parameters of an offer or of an answer.
type terms struct {
	serverNoContext, clientNoContext bool
	serverBits, clientBits           int  // 0: not said
	mayBits                          bool // of an offer: client_max_window_bits without a value
}

// parseTerms reads parameters. "A server MUST decline an extension negotiation
// offer … if … The negotiation offer contains an extension parameter not
// defined for use in an offer / … with an invalid value / … multiple extension
// parameters with the same name."
// https://www.rfc-editor.org/rfc/rfc7692#section-7.1
func parseTerms(params []param, offer bool) (t terms, ok bool) {
	for i, p := range params {
		if slices.ContainsFunc(params[:i], func(q param) bool { return q.name == p.name }) {
			return t, false
		}
		switch p.name {
		case serverNoContext:
			t.serverNoContext, ok = true, p.value == ""
		case clientNoContext:
			t.clientNoContext, ok = true, p.value == ""
		case serverBits:
			t.serverBits, ok = windowBits(p.value)
		case clientBits:
			if offer && p.value == "" {
				t.mayBits, ok = true, true
			} else {
				t.clientBits, ok = windowBits(p.value)
			}
		default:
			ok = false
		}
		if !ok {
			return t, false
		}
	}
	return t, true
}

// windowBits: "a decimal integer value without leading zeroes between 8 to 15".
func windowBits(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= minWindowBits && n <= maxWindowBits && s == strconv.Itoa(n)
}

func (t terms) String() string {
	var b strings.Builder
	b.WriteString(extensionName)
	if t.serverNoContext {
		b.WriteString("; " + serverNoContext)
	}
	if t.clientNoContext {
		b.WriteString("; " + clientNoContext)
	}
	if t.serverBits != 0 {
		fmt.Fprintf(&b, "; %s=%d", serverBits, t.serverBits)
	}
	switch {
	case t.clientBits != 0:
		fmt.Fprintf(&b, "; %s=%d", clientBits, t.clientBits)
	case t.mayBits:
		b.WriteString("; " + clientBits)
	}
	return b.String()
}

// accept chooses the first of the offers that can be met, and answers it; an
// answer of "" is none. ok is false if field is not its grammar.
func (f *Deflate) accept(field string) (answer string, d deflation, ok bool) {
	offers, ok := parseExtensions(field)
	if !ok || f == nil {
		return "", d, ok
	}
	for _, e := range offers {
		if e.name != extensionName {
			continue
		}
		offer, valid := parseTerms(e.params, true)
		if !valid {
			continue
		}
		t := terms{serverNoContext: offer.serverNoContext || f.NoContext, clientNoContext: offer.clientNoContext || f.PeerNoContext}
		ours := least(f.WindowBits, offer.serverBits)
		if ours < maxWindowBits || offer.serverBits != 0 {
			t.serverBits = ours
		}
		// Only who said that he can may be told what to use:
		// https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.2
		theirs := maxWindowBits
		if offer.mayBits || offer.clientBits != 0 {
			theirs = least(orDefault(f.PeerWindowBits, serverWindowBits), offer.clientBits)
			t.clientBits = theirs
		}
		return t.String(), f.agreed(ours, theirs, t.serverNoContext, t.clientNoContext), true
	}
	return "", d, true
}

// offer is what a client asks for; "": nothing.
func (f *Deflate) offer() string {
	if f == nil {
		return ""
	}
	t := terms{serverNoContext: f.PeerNoContext, clientNoContext: f.NoContext, mayBits: true}
	if f.PeerWindowBits != 0 && f.PeerWindowBits < maxWindowBits {
		t.serverBits = f.PeerWindowBits
	}
	if f.WindowBits != 0 && f.WindowBits < maxWindowBits {
		t.clientBits = f.WindowBits
	}
	return t.String()
}

// settle reads the server's answer to our offer; ok is false if it is none.
func (f *Deflate) settle(field string) (d deflation, ok bool) {
	list, ok := parseExtensions(field)
	switch {
	case !ok || len(list) > 1:
		return d, false
	case len(list) == 0:
		return d, true
	case f == nil || list[0].name != extensionName:
		return d, false // nobody asked for it
	}
	t, ok := parseTerms(list[0].params, false)
	switch {
	case !ok:
		return d, false
	case f.PeerNoContext && !t.serverNoContext:
		return d, false
	case t.serverBits == 0 && f.PeerWindowBits != 0 && f.PeerWindowBits < maxWindowBits,
		f.PeerWindowBits != 0 && t.serverBits > f.PeerWindowBits,
		f.WindowBits != 0 && t.clientBits > f.WindowBits:
		return d, false
	}
	return f.agreed(least(f.WindowBits, t.clientBits), least(t.serverBits, 0), t.clientNoContext || f.NoContext, t.serverNoContext), true
}

func (f *Deflate) agreed(ours, theirs int, oursAlone, theirsAlone bool) deflation {
	return deflation{
		on:       true,
		minBytes: max(1, orDefault(f.MinBytes, minDeflateBytes)),
		out:      direction{bits: uint8(ours), noContext: oursAlone},
		in:       direction{bits: uint8(theirs), noContext: theirsAlone},
	}
}

// valid panics unless f can be used.
func (f *Deflate) valid() {
	if f == nil {
		return
	}
	for _, n := range []int{f.WindowBits, f.PeerWindowBits} {
		if n != 0 && (n < minWindowBits || n > maxWindowBits) {
			panic(fmt.Sprintf("websocket: window of %d bits: want 8 to 15, or 0", n))
		}
	}
}

// least is the less of two numbers of bits, of which 0 is 15.
func least(a, b int) int { return min(orDefault(a, maxWindowBits), orDefault(b, maxWindowBits)) }

func orDefault(n, whenZero int) int {
	if n == 0 {
		return whenZero
	}
	return n
}
