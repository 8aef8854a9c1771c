package web

import "github.com/twistor-go/twistor"

// clientProtos is what a Client offers by ALPN.
var clientProtos = []string{"http/1.1"}

// buildHTTP2Client makes the link of a connection that agreed on HTTP/2. It says ready when hops may begin.
func (c *Client) buildHTTP2Client(o *origin, t twistor.Transport, ready func(link)) twistor.Protocol {
	return nil
}
