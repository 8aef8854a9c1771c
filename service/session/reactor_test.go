package session_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/session"
)

// TestReactor has net/http's clients, each with cookies of its own, count over
// the real loops of one server: nobody gets another one's count, and none is
// lost. With the race detector it proves that loops share nothing they may not.
func TestReactor(t *testing.T) {
	r := reactor.New(&reactor.Config{Loops: 4, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all := &session.Sessions[Visitor]{}
	count := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		s := session.Of[Visitor](r)
		if r.Method == "POST" {
			s.Value.Seen++
			if _, err := s.Save().Await(co); err != nil {
				return err
			}
		}
		token, err := s.Token()
		if err != nil {
			return err
		}
		w.SetHeader(session.TokenHeader, token)
		fmt.Fprint(w, s.Value.Seen)
		return nil
	})
	ports := make(chan net.Addr, 1)
	deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		if err := all.Start(co, service.On(r.Loop())); err != nil {
			return struct{}{}, err
		}
		port, err := service.On(r.Loop()).ListenEach("tcp:127.0.0.1:0", func(twistor.Loop) twistor.Factory {
			return &web.Server{Handler: all.Handler(all.Protect(count))}
		})
		if err == nil {
			ports <- port.Addr()
		}
		return struct{}{}, err
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	target := "http://" + (<-ports).String() + "/"

	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	var visitors sync.WaitGroup
	for range 8 {
		visitors.Go(func() {
			jar, _ := cookiejar.New(nil)
			// A connection for each request, so that it comes to any loop.
			client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
			token := ""
			for i := range rounds {
				method := "POST"
				if i == 0 {
					method = "GET"
				}
				req, _ := http.NewRequestWithContext(ctx, method, target, nil)
				req.Header.Set(session.TokenHeader, token)
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 || string(body) != fmt.Sprint(i) {
					t.Errorf("got %d %q, want %d", resp.StatusCode, body, i)
					return
				}
				token = resp.Header.Get(session.TokenHeader)
			}
			at, _ := url.Parse(target)
			if got := len(jar.Cookies(at)); got != 1 {
				t.Errorf("got %d cookies, want 1", got)
			}
		})
	}
	visitors.Wait()
	cancel()
	<-ended
}
