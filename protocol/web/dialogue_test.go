package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// TestDialogues plays the dialogues of testdata over networks that cut and delay bytes differently: each comes
// out as it is written, to the byte.
func TestDialogues(t *testing.T) {
	mux := new(web.Mux)
	mux.Handle("/hello", says("hello"))
	mux.HandleFunc("/nothing", func(w *web.ResponseWriter, r *web.Request) { w.WriteHeader(204) })
	mux.Handle("/echo", web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		body := r.Body
		return deferred.Then(body.Bytes(-1), func(p []byte) (none struct{}, err error) {
			if sent := body.Trailer(); sent != nil {
				w.SetHeader("X-Trailer", sent.Get("X-Sum"))
			}
			w.Write(p)
			return none, nil
		})
	}))
	mux.Handle("/pieces", web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		w.WriteString("one ")
		w.Flush()
		co.Yield()
		_, err := w.WriteString("two")
		return err
	}))
	mux.HandleFunc("/shout", func(w *web.ResponseWriter, r *web.Request) {
		w.Switch(101, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &shouter{t} }))
	})
	scripts, err := filepath.Glob("testdata/dialogue/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no dialogues: ", err)
	}
	seeds := 20
	if testing.Short() {
		seeds = 5
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txt"), func(t *testing.T) {
			sim.Seeds(t, seeds, func(t *testing.T, w *sim.World) {
				w.Host("server").Listen("tcp", ":80", &web.Server{Handler: mux})
				w.Host("client").Dial("server:80").PlayFile(os.DirFS("testdata/dialogue"), filepath.Base(script))
			})
		})
	}
}
