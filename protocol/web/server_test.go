package web_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
)

// serve runs a Server of h on a real loop and returns its address.
func serve(t testing.TB, s *web.Server) string {
	t.Helper()
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		r.Close()
	})
	return port.Addr().String()
}

func TestV01RealClient(t *testing.T) {
	addr := serve(t, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		body, err := r.Body.Bytes(-1).Await(co)
		if err != nil {
			return err
		}
		w.SetHeader("X-Path", r.Path())
		w.WriteString(r.Method + " ")
		w.Write(body)
		return nil
	})})
	for range 3 {
		resp, err := http.Post("http://"+addr+"/a%20b?c=d", "text/plain", strings.NewReader(strings.Repeat("x", 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got, want := resp.Header.Get("X-Path"), "/a b"; got != want {
			t.Errorf("path: got %q, want %q", got, want)
		}
		if len(b) != 100_005 {
			t.Errorf("body: got %d bytes", len(b))
		}
	}
}
