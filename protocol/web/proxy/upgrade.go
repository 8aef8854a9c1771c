package proxy

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/protocol/web"
)

// upgrade asks for another protocol; if the server agrees, both connections are
// joined, and over is true. Else resp is an ordinary answer.
func upgrade(co *deferred.Co, c *web.Client, out *web.Request, w *web.ResponseWriter, r *web.Request) (resp *web.Response, over bool, err error) {
	if r.Body.Length() != 0 {
		return nil, false, &web.Error{Status: 400, Public: "a request that switches has no body"}
	}
	if r.Method != "GET" {
		return nil, false, &web.Error{Status: 405}
	}
	if err := out.Header.Set("Upgrade", r.UpgradeTo()); err != nil {
		return nil, false, err
	}
	var failed error
	resp, err = c.Upgrade(out, func(p *web.Response) twistor.Factory {
		copyHeader(w.Header(), &p.Header)
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
