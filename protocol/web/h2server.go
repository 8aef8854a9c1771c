package web

import "github.com/twistor-go/twistor"

// HTTP2Limits bounds what an HTTP/2 connection may do. Zeros are the defaults.
type HTTP2Limits struct {
	MaxStreams int // served at a time; 0: 100
}

// buildHTTP2 serves a connection of HTTP/2; its first bytes are the preface.
func (s *Server) buildHTTP2(t twistor.Transport) twistor.Protocol { return nil }
