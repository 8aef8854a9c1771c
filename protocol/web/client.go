package web

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Content is a body to be sent.
type Content interface {
	// Length is how many bytes it has; -1: nobody knows, and it is sent in chunks.
	Length() int64
	// Send writes it to w. It is complete when Send returns nil or the Signal
	// fires. A Content that can be sent again, for a redirect or a retry, begins anew.
	Send(w BodyWriter) *deferred.Signal
}

// A BodyWriter takes a body on its way out: a ResponseWriter is one.
type BodyWriter interface {
	Write(p []byte) (int, error)
	Full() bool
	Ready() *deferred.Signal
}

// A Response is what a server answered to a Client.
type Response struct {
	Status       int
	Reason       string
	Header       Header
	Body         *Body
	Request      *Request
	Previous     *Response // the redirect that led here; nil: none
	major, minor int
}

// A Client asks servers. Its zero is ready but for Loop.
type Client struct {
	Loop twistor.Loop
}

// Do sends r. It fires when the head of the answer has come.
func (c *Client) Do(r *Request) *deferred.Deferred[*Response] { return nil }
