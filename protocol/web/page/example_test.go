package page_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/page"
	"github.com/twistor-go/twistor/sim"
)

// A page whose posts come of something slow: the head of the page does not wait for
// them.
func Example() {
	templates := &page.Templates{FS: fstest.MapFS{"news.html": {Data: []byte(
		`<h1>{{.Title}}</h1>{{range await .Posts}}<p>{{.}}{{end}}`,
	)}}}

	clock := sim.NewClock(nil)
	defer clock.Close()
	posts := deferred.New[[]string](clock) // most often a database's

	news := templates.Page("news.html", func(co *deferred.Co, r *web.Request) (any, error) {
		return struct {
			Title string
			Posts *deferred.Deferred[[]string]
		}{"News", posts}, nil
	})

	client := sim.Connect(clock, &web.Server{Handler: news})
	client.Receive("GET / HTTP/1.0\r\n\r\n")
	clock.Advance(0)
	_, body, _ := strings.Cut(client.Take(), "\r\n\r\n")
	fmt.Println(body)
	posts.Succeed([]string{"First & foremost", "Last"})
	clock.Advance(0)
	fmt.Println(client.Take())
	// Output:
	// <h1>News</h1>
	// <p>First &amp; foremost<p>Last
}
