package sse_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

const listening = `<!DOCTYPE html><title>sse</title><script>
let heard = "";
const source = new EventSource("/events");
source.addEventListener("news", e => {
	heard += e.lastEventId + "=" + e.data.replaceAll("\n", "|") + ";";
	fetch("/heard?" + encodeURIComponent(heard), {method: "POST"});
});
</script>`

// A browser hears what is sent, comes back when it is cut off, and says what it
// heard last.
func TestInteropChromium(t *testing.T) {
	chromium := peertest.Program(t, "chromium")
	if testing.Short() {
		t.Skip("starts a browser")
	}
	topic := &sse.Topic{Keep: 10, Config: sse.Config{Retry: 100 * time.Millisecond}}
	said := make(chan string, 10)
	news := func(text string) { topic.Publish(sse.Event{Type: "news", Data: text}) }
	topic.Opened = func(s *sse.Stream, r *web.Request) {
		if s.LastEventID() == "" {
			// When its head has been read.
			r.Loop().CallLater(0, func() { news("one\ntwo") })
		}
	}
	mux := &web.Mux{}
	mux.Handle("GET /events", topic)
	mux.HandleFunc("GET /{$}", func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader("Content-Type", "text/html")
		w.WriteString(listening)
	})
	mux.HandleFunc("POST /heard", func(w *web.ResponseWriter, r *web.Request) {
		if said <- r.RawQuery(); r.RawQuery() == "1%3Done%7Ctwo%3B" {
			topic.Close()
			news("while away")
		}
	})

	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: mux})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	profile, err := os.MkdirTemp("", "sse")
	if err != nil {
		t.Fatal(err)
	}
	browser := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-proxy-server",
		"--user-data-dir="+profile, "--remote-debugging-port=0", "http://"+port.Addr().String()+"/")
	browser.Cancel = func() error { return browser.Process.Signal(os.Interrupt) } // it ends its children
	browser.WaitDelay = 5 * time.Second
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		browser.Wait()
		<-done
		r.Close()
		os.RemoveAll(profile) // a child may still write into it
	})
	for _, want := range []string{"1%3Done%7Ctwo%3B", "1%3Done%7Ctwo%3B2%3Dwhile%20away%3B"} {
		select {
		case got := <-said:
			if got != want {
				t.Fatalf("the browser heard %s, want %s", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("the browser did not say %s", want)
		}
	}
}

// Over HTTP/2 many Streams share a connection, and hear the same.
func TestOverHTTP2(t *testing.T) {
	topic := &sse.Topic{}
	certificate := sim.Certificate("example.com")
	r := reactor.New(nil)
	port, err := r.Loop().Listen(twistor.ListenConfig{
		Network: "tcp", Address: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}},
	}, &web.Server{Handler: topic})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		r.Close()
	})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: sim.Roots(certificate), ServerName: "example.com", Time: func() time.Time { return sim.Epoch }},
		ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	var all []*http.Response
	for range 5 {
		resp, err := client.Get("https://" + port.Addr().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		all = append(all, resp)
	}
	large := strings.Repeat("x", 40<<10)
	r.Loop().Post(func() {
		topic.Publish(sse.Event{Data: "small"})
		topic.Publish(sse.Event{Data: large})
		topic.Close()
	})
	for i, resp := range all {
		got, err := io.ReadAll(resp.Body)
		if want := "data: small\n\ndata: " + large + "\n\n"; string(got) != want || err != nil || resp.ProtoMajor != 2 {
			t.Errorf("stream %d: %d bytes by %s, %v; want %d", i, len(got), resp.Proto, err, len(want))
		}
	}
}
