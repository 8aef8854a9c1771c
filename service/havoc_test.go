package service

import (
	"io"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// Whatever a bad network and a nervous owner do, one connection is kept at most,
// and nothing is left at the end.
func TestDialerHavoc(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	sim.Seeds(t, seeds, func(t *testing.T, w *sim.World) {
		w.Net = sim.Havoc(w.Seed)
		random := w.Split("owner")
		server, client := w.Host("server"), w.Host("client")
		server.Listen("tcp", ":79", &house{deaf: random.IntN(2) == 0})
		built, prepared := 0, 0
		d := &Dialer[*sim.Ear]{
			Endpoint: "tcp:server:79",
			Backoff:  Backoff{Min: 10 * time.Millisecond, Max: time.Second},
			Build: func(tr twistor.Transport) *sim.Ear {
				built++
				e := &sim.Ear{}
				e.Build(tr)
				return e
			},
			Prepare: func(co *deferred.Co, e *sim.Ear) error {
				io.WriteString(e, "hello")
				if err := co.Sleep(time.Duration(random.IntN(200)) * time.Millisecond); err != nil {
					return err
				}
				prepared++
				if prepared%3 == 0 {
					return errBroken
				}
				return nil
			},
		}
		host := &guard{Host: On(client.Loop())}
		var under []*deferred.Signal
		begin := func(body func(co *deferred.Co) error) {
			s := deferred.Inline(client.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
			s.Done(nil)
			under = append(under, s)
		}
		for range 40 {
			w.Advance(time.Duration(random.IntN(400)) * time.Millisecond)
			client.Do(func(*deferred.Co) error {
				switch random.IntN(8) {
				case 0, 1:
					begin(func(co *deferred.Co) error { return d.Start(co, host) })
				case 2:
					begin(d.Stop)
				case 3:
					if len(under) > 0 {
						under[random.IntN(len(under))].Cancel()
					}
				case 4:
					d.Retry()
				default:
					d.WhenConnected().Done(func(e *sim.Ear, err error) {
						if err == nil && e.Err != nil {
							t.Errorf("got a connection that has ended: %v", e.Err)
						}
					})
				}
				if len(d.hall.seats) > 2 {
					t.Errorf("%d connections are open, want one, and one that is turned down", len(d.hall.seats))
				}
				return nil
			})
		}
		client.Do(d.Stop)
		client.Do(func(co *deferred.Co) error { // a Start that came while it stopped is taken back too
			if d.host != nil || len(d.hall.seats) > 0 || len(d.waiters) > 0 {
				t.Errorf("after Stop: running %v, %d connections, %d wait", d.host != nil, len(d.hall.seats), len(d.waiters))
			}
			return nil
		})
		if built == 0 {
			t.Log("it never connected")
		}
		w.Net = sim.Net{}
		w.Advance(time.Minute)
	})
}
