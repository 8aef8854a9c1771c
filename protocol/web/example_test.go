package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
)

// run serves h on a port of this host, has ask talk to it, and stops.
func run(h web.Handler, ask func(url string)) {
	r := reactor.New(nil)
	defer r.Close()
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: h})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	ask("http://" + port.Addr().String())
	stop()
	<-done
}

// show prints what net/http's client gets.
func show(resp *http.Response, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, strings.TrimSpace(string(body)))
}

// A Handler that answers at once.
func ExampleHandlerFunc() {
	hello := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		fmt.Fprintf(w, "hello, %s", r.Path())
	})
	run(hello, func(url string) { show(http.Get(url + "/world")) })
	// Output: 200 hello, /world
}

// A Handler that waits reads straight down, and keeps nobody else waiting.
func ExampleInline() {
	slow := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		fmt.Fprintf(w, "one, ")
		if err := co.Sleep(time.Millisecond); err != nil {
			return err // the client has left
		}
		fmt.Fprintf(w, "two")
		return nil
	})
	run(slow, func(url string) { show(http.Get(url)) })
	// Output: 200 one, two
}

// A Handler whose answer comes with a Deferred. A failure is an error page.
// (V18.)
func ExampleLater() {
	lookup := func(l twistor.Loop, name string) *deferred.Deferred[string] {
		if name != "/alice" {
			return deferred.Failed[string](l, &web.Error{Status: 404, Public: "nobody of that name"})
		}
		return deferred.Succeeded("alice@example.com")
	}
	people := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return deferred.Then(lookup(r.Loop(), r.Path()), func(mail string) (none struct{}, err error) {
			_, err = w.WriteString(mail)
			return none, err
		})
	})
	run(people, func(url string) {
		show(http.Get(url + "/alice"))
		resp, _ := http.Get(url + "/mallory")
		fmt.Println(resp.Status)
	})
	// Output:
	// 200 alice@example.com
	// 404 Not Found
}

// A Mux chooses by method and path.
func ExampleMux() {
	mux := new(web.Mux)
	mux.Handle("GET /users/{name}", web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		fmt.Fprintf(w, "user %s", r.Param("name"))
	}))
	run(mux, func(url string) {
		show(http.Get(url + "/users/bob"))
		resp, _ := http.Post(url+"/users/bob", "text/plain", nil)
		fmt.Println(resp.Status, "Allow:", resp.Header.Get("Allow"))
	})
	// Output:
	// 200 user bob
	// 405 Method Not Allowed Allow: GET, HEAD, OPTIONS
}

// A body streams to its Handler as it comes; too much of it is refused as soon
// as that is known.
func ExampleBody() {
	count := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		r.Body.Limit(1 << 20)
		n := 0
		all := r.Body.Each(func(p []byte) { n += len(p) })
		return deferred.Then(all, func(struct{}) (struct{}, error) {
			fmt.Fprintf(w, "%d bytes", n)
			return struct{}{}, nil
		})
	})
	run(count, func(url string) {
		show(http.Post(url, "text/plain", strings.NewReader(strings.Repeat("x", 1000))))
		resp, _ := http.Post(url, "text/plain", strings.NewReader(strings.Repeat("x", 2<<20)))
		fmt.Println(resp.Status)
	})
	// Output:
	// 200 1000 bytes
	// 413 Content Too Large
}

// A Handler of net/http runs unchanged, on goroutines.
func ExampleHTTP() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{name}", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // may block
		fmt.Fprintf(w, "hello, %s", r.PathValue("name"))
	})
	run(web.HTTP(mux), func(url string) { show(http.Get(url + "/gopher")) })
	// Output: 200 hello, gopher
}

// The same tree on the loop: its Handlers share what they like without locks,
// and wait by their coroutine.
func ExampleOnLoop() {
	visits := 0 // no lock: one loop
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		web.Co(r).Sleep(time.Millisecond)
		visits++
		fmt.Fprintf(w, "visit %d", visits)
	})
	run(web.OnLoop(mux), func(url string) {
		show(http.Get(url))
		show(http.Get(url))
	})
	// Output:
	// 200 visit 1
	// 200 visit 2
}
