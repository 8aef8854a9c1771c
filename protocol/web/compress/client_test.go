package compress_test

import (
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/compress"
	"github.com/twistor-go/twistor/sim"
)

// V58: our own client asks for zstd, and sees what was there before; over networks
// of all kinds.
func TestV58Client(t *testing.T) {
	sim.Seeds(t, 10, func(t *testing.T, w *sim.World) {
		coding := ""
		h := (&compress.Answers{}).Wrap(web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			w.After(func(int, int64, error) { coding = w.Header().Get("Content-Encoding") })
			w.WriteString(text)
		}))
		w.Host("server").Listen("tcp", ":80", &web.Server{Handler: h})
		client := w.Host("client")
		client.Do(func(co *deferred.Co) error {
			c := &web.Client{Loop: client.Loop(), Decoders: map[string]web.Decoder{"zstd": compress.Zstd}}
			defer c.Close()
			answer, err := c.Get("http://server/").Await(co)
			if err != nil {
				return err
			}
			got, err := answer.Text(-1).Await(co)
			if got != text || coding != "zstd" {
				t.Errorf("got %d bytes by %q, want %d by zstd", len(got), coding, len(text))
			}
			return err
		})
	})
}
