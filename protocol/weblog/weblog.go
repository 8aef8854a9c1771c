package weblog

import (
	"fmt"
	"strconv"
	"time"
)

// DefaultPort is where a weblog is served when nothing else is said.
const DefaultPort = 8888

// A Hit is one request that a web server logged, decoded. It is how a client
// sees an element of the stream; servers work on Records, which cost less.
// Immutable after first use.
type Hit struct {
	// Host is who asked: an address, or a name if the web server looks them up.
	Host string `xml:"host,attr"`
	// Ident and User are "-" where there is none, as in the log.
	Ident string `xml:"ident,attr"`
	User  string `xml:"user,attr"`
	// Time has whole seconds, and is in UTC.
	Time time.Time `xml:"time,attr"`
	// Method and Protocol are empty if the request was not of the form METHOD
	// PATH PROTOCOL; Path is then all of it.
	Method   string `xml:"method,attr"`
	Path     string `xml:"path,attr"`
	Protocol string `xml:"protocol,attr"`
	// Status is the answer's; 0 if none was logged.
	Status int `xml:"status,attr"`
	// Bytes is the size of the answer; 0 also where the log says "-".
	Bytes int64 `xml:"bytes,attr"`
	// Referrer and Agent are empty if the request or the log has none.
	Referrer string `xml:"referrer,attr"`
	Agent    string `xml:"agent,attr"`
}

// A SyntaxError says what a line of a log lacks.
type SyntaxError struct {
	Want string // what should have been there
	Line string // the line, cut to 200 bytes
}

func (e *SyntaxError) Error() string {
	return "weblog: line " + strconv.Quote(e.Line) + ": want " + e.Want
}

// A ProtocolError says how the other side of a connection broke the rules:
// a client that asks something else than "NEW?", or a server that sends what
// is no weblog.
type ProtocolError struct {
	Want string // what the protocol has there
	Got  string // what came, cut to 200 bytes
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("weblog: got %q, want %s", e.Got, e.Want)
}

// maxQuotedBytes is how much of bad input an error repeats.
const maxQuotedBytes = 200

func quote(p []byte) string { return string(p[:min(len(p), maxQuotedBytes)]) }
