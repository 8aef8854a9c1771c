package proxy

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/protocol/web"
)

// upgradeOf is the protocol that r asks for, if it may pass; "": none, and a back end is asked as if
// r had not. Another version of HTTP may not: who speaks it with a back end past us is past all that
// we decide, too. Several at a time may not either.
func upgradeOf(r *web.Request) string {
	name, version, _ := strings.Cut(r.UpgradeTo(), "/")
	switch {
	case name == "h2c", name == "h2", name == "http", name == "tls", strings.Contains(name+version, ","):
		return ""
	}
	return r.UpgradeTo()
}

// upgrade asks for another protocol; if the server agrees, both connections are joined, and over is
// true. Else resp is an ordinary answer.
func upgrade(co *deferred.Co, c *web.Client, out *web.Request, w *web.ResponseWriter, r *web.Request) (resp *web.Response, over bool, err error) {
	if r.Body.Length() != 0 && r.Method != "CONNECT" {
		return nil, false, &web.Error{Status: 400, Public: "a request that switches has no body"}
	}
	var key string // that we make where HTTP/2 has none
	switch {
	case r.Method == "CONNECT" && r.UpgradeTo() == "websocket":
		if key, err = webSocketKey(out, r.Loop()); err != nil {
			return nil, false, err
		}
	case r.Method != "GET":
		return nil, false, &web.Error{Status: 405}
	}
	if err := out.Header.Set("Upgrade", r.UpgradeTo()); err != nil {
		return nil, false, err
	}
	var failed error
	resp, err = c.Upgrade(out, func(p *web.Response) twistor.Factory {
		h := w.Header()
		copyHeader(h, &p.Header)
		if key != "" {
			if h.Get("Sec-WebSocket-Accept") != accept(key) {
				return nil
			}
			h.Del("Sec-WebSocket-Accept")
		}
		return twistor.FactoryFunc(func(far twistor.Transport) twistor.Protocol {
			return &joining{Transport: far, connected: func(far *joining) {
				failed = w.Switch(101, joined(far.Transport))
			}}
		})
	}).Await(co)
	if err != nil || resp.Status != 101 {
		return resp, false, err
	}
	return resp, true, failed
}

// webSocketKey adds to out what a WebSocket of HTTP/1.1 wants and one of HTTP/2 lacks.
func webSocketKey(out *web.Request, l twistor.Loop) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(l.Rand(), b[:]); err != nil {
		return "", err
	}
	key := base64.StdEncoding.EncodeToString(b[:])
	return key, out.Header.Set("Sec-WebSocket-Key", key)
}

// accept is the answer to a key: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// joined is the factory of the client's side, which joins it with far.
func joined(far twistor.Transport) twistor.Factory {
	return twistor.FactoryFunc(func(near twistor.Transport) twistor.Protocol {
		return &joining{Transport: near, connected: func(near *joining) { policy.Pipe(near.Transport, far) }}
	})
}

// A joining is a side of a tunnel until the other side is there.
type joining struct {
	twistor.Transport
	connected func(*joining)
	dialing   *deferred.Deferred[twistor.Protocol]
}

// Connected holds back what comes: Pipe resumes it.
func (j *joining) Connected() {
	j.Pause()
	j.connected(j)
}

func (j *joining) Received([]byte) {}

// Disconnected is heard if this side has gone before: nobody minds the other any more.
func (j *joining) Disconnected(error) { j.dialing.Cancel() }
