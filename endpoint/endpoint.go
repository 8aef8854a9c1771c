package endpoint

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// The standard types; its fields are never written.
var standard Registry

// Listen opens the place that s describes, with a Protocol of f for each of
// its connections. It reads the files that s names before it returns. The
// error is an *Error if s is wrong.
func Listen(l twistor.Loop, s string, f twistor.Factory) (twistor.Port, error) {
	return standard.Listen(l, s, f)
}

// ListenEach opens the place that s describes for all loops of l's reactor:
// build makes a factory for each of them, and a connection goes to the loop
// with the fewest. It is how a server uses all cores and shares nothing. The
// error is an *Error if s is wrong.
func ListenEach(l twistor.Loop, s string, build func(at twistor.Loop) twistor.Factory) (twistor.Port, error) {
	return standard.ListenEach(l, s, build)
}

// ListenPacketEach opens the place that s describes for packets, on all loops
// of l's reactor: see twistor.EachListener.
func ListenPacketEach(l twistor.Loop, s string, build func(at twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	return standard.ListenPacketEach(l, s, build)
}

// ListenPacket opens the place that s describes for packets, with p to get
// them. The error is an *Error if s is wrong.
func ListenPacket(l twistor.Loop, s string, p twistor.PacketProtocol) (twistor.Port, error) {
	return standard.ListenPacket(l, s, p)
}

// Dial connects to the place that s describes; the Deferred fires with the
// Protocol of f once it is Connected. It fails with an *Error if s is wrong,
// and with twistor.ErrRefused if f built nil; cancelling it ends the attempt.
func Dial(l twistor.Loop, s string, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	return standard.Dial(l, s, f)
}

// ParseListener parses a place to listen and opens nothing: for checking a
// configuration, and for who needs the twistor.ListenConfig.
func ParseListener(s string) (*Listener, error) { return standard.ParseListener(s) }

// ParseDialer parses a place to dial and opens nothing.
func ParseDialer(s string) (*Dialer, error) { return standard.ParseDialer(s) }

// An Error says what is wrong with an endpoint, and what was wanted instead.
// Immutable after first use.
//
//	endpoint "tcp:70000": port: want a number from 0 to 65535
type Error struct {
	Endpoint string // as it was written
	Part     string // the argument that is wrong; "" if it is none in particular
	Err      error
}

// Error cuts a long endpoint short and quotes it.
func (e *Error) Error() string {
	part := ""
	if e.Part != "" {
		part = e.Part + ": "
	}
	return fmt.Sprintf("endpoint %s: %s%v", quoted(shorten(e.Endpoint)), part, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// quoted is s in quotes, with its own escapes as they are, so that it can be
// found in a configuration; only what would spoil a line of a log is escaped.
func quoted(s string) string {
	for _, r := range s {
		if r == '"' || r == utf8.RuneError || !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return `"` + s + `"`
}

// shorten cuts s to a length that a line of a log can bear, between runes.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
