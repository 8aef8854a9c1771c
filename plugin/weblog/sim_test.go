package weblog

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// TestManyNetworks runs the whole of it over networks that cut, delay and
// stall in different ways, while the log is rotated: each client has every hit
// once, in order, and the good-bye.
func TestManyNetworks(t *testing.T) {
	seeds := uint64(20)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { overNetwork(t, sim.New(t, seed)) })
	}
}

func overNetwork(t *testing.T, w *sim.World) {
	server := w.Host("server")
	c := New()
	c.Log, c.Listen, c.Page = "/tmp/access.log", []string{"tcp:8888"}, nil
	s, err := c.Service()
	if err != nil {
		t.Fatal(err)
	}
	server.Do(func(co *deferred.Co) error { return s.Start(co, service.On(server.Loop())) })

	const clients, hits = 3, 50
	var got [clients][]string
	ends := 0
	for i := range clients {
		weblog.Dial(w.Host(fmt.Sprint("client", i)).Loop(), "tcp:server:8888", &weblog.Client{
			Hit: func(h weblog.Hit) { got[i] = append(got[i], h.Path) },
		}).Done(func(_ struct{}, err error) {
			if ends++; err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}

	fsys := server.Loop().FS()
	open := func() twistor.File {
		f, err := fsys.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	file := open()
	w.Advance(10 * time.Second) // all are there
	var want []string
	random := w.Split("writer")
	for i := range hits {
		if i == hits/2 {
			if err := fsys.Rename(c.Log, c.Log+".1"); err != nil {
				t.Fatal(err)
			}
			file.Close()
			file = open()
		}
		path := fmt.Sprintf("/%d%s", i, strings.Repeat("x", random.IntN(300)))
		want = append(want, path)
		fmt.Fprintf(file, "::1 - - [22/Nov/2026:10:00:00 +0000] \"GET %s HTTP/1.1\" 200 1\n", path)
		if random.IntN(10) == 0 {
			w.Advance(time.Duration(random.IntN(1000)) * time.Millisecond)
		}
	}
	file.Close()
	w.Run(func() bool { return len(got[0]) == hits && len(got[1]) == hits && len(got[2]) == hits })
	server.Do(s.Stop)
	w.Run(func() bool { return ends == clients })
	for i := range got {
		if !slices.Equal(got[i], want) {
			t.Errorf("client %d: got %d hits, want %d, each once", i, len(got[i]), len(want))
		}
	}
}
