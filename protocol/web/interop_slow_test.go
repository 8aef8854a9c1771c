package web_test

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
)

// TestInteropSlow: while slowhttptest attacks in its four ways at a time, honest clients are
// served, and by its own account the service is there. F-01, H1-20, H1-25, H1-26.
func TestInteropSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("ten seconds")
	}
	program := peertest.Program(t, "slowhttptest")
	mux := new(web.Mux)
	mux.HandleFunc("/hello", hello)
	mux.HandleFunc("/big", func(w *web.ResponseWriter, r *web.Request) { w.Write(make([]byte, 300_000)) })
	mux.Handle("/post", web.Later(echoed))
	base := "http://" + serve(t, &web.Server{Handler: mux, HeaderTimeout: 3 * time.Second, WriteTimeout: 10 * time.Second})

	var attacks sync.WaitGroup
	for name, args := range map[string][]string{
		"headers": {"-H", "-u", base + "/hello", "-i", "1"},
		"body":    {"-B", "-u", base + "/post", "-i", "1", "-s", "8192"},
		"ranges":  {"-R", "-u", base + "/big", "-a", "1", "-b", "500"},
		"reading": {"-X", "-u", base + "/big", "-w", "1", "-y", "2", "-n", "1", "-z", "1", "-k", "1"},
	} {
		attacks.Go(func() {
			out, err := exec.Command(program, append(args, "-c", "150", "-r", "150", "-l", "8", "-p", "5")...).CombinedOutput()
			plain := strings.ReplaceAll(string(out), "\x1b", "")
			if !strings.Contains(plain, "service available") || strings.Contains(plain, "NO") && strings.Contains(plain, "service available:   NO") {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		})
	}
	done := make(chan struct{})
	go func() { attacks.Wait(); close(done) }()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	defer client.CloseIdleConnections()
	served := 0
	for {
		resp, err := client.Get(base + "/hello")
		if err != nil {
			t.Fatalf("honest request %d: %v", served, err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "Hello, world!\n" {
			t.Fatalf("honest request %d: got %q, %v", served, b, err)
		}
		resp.Body.Close()
		served++
		select {
		case <-done:
			t.Logf("%d honest requests were served meanwhile", served)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
