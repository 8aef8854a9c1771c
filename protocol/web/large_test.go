package web_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
)

// TestV11OneLargeWrite: a piece of any size may be written by who is not Full,
// whatever the limit of what may be queued.
func TestV11OneLargeWrite(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MiB
	addr := serve(t, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if n, err := w.Write(large); n != len(large) || err != nil {
			t.Errorf("Write: got %d, %v; want %d", n, err, len(large))
		}
	})})
	clear := new(http.Protocols)
	clear.SetUnencryptedHTTP2(true)
	for name, transport := range map[string]*http.Transport{"HTTP/1": {}, "HTTP/2": {Protocols: clear}} {
		t.Run(name, func(t *testing.T) {
			defer transport.CloseIdleConnections()
			resp, err := (&http.Client{Transport: transport}).Get("http://" + addr)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || !bytes.Equal(got, large) {
				t.Errorf("got %d bytes, %v; want the %d that were written", len(got), err, len(large))
			}
		})
	}
}
