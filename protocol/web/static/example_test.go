package static_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/static"
	"github.com/twistor-go/twistor/sim"
)

// A program that carries its site: most often it is an embed.FS.
func ExampleFiles() {
	site := fstest.MapFS{
		"index.html":     {Data: []byte("<h1>Welcome</h1>\n")},
		"downloads/a.md": {Data: []byte("# Everything\n")},
	}
	clock := sim.NewClock(nil)
	defer clock.Close()
	client := sim.Connect(clock, &web.Server{Handler: &static.Files{FS: site, List: true}})
	ask := func(fields string) {
		client.Receive("GET /downloads/a.md HTTP/1.1\r\nHost: example.com\r\n" + fields + "\r\n")
		clock.Advance(0)
		for line := range strings.Lines(client.Take()) {
			if !strings.HasPrefix(line, "Date") && line != "\r\n" {
				fmt.Println(strings.TrimSpace(line))
			}
		}
	}
	ask("Range: bytes=2-5\r\n")
	ask("If-None-Match: \"4e9ae6d3806b4a6a6fc7ca81\"\r\n")
	// Output:
	// HTTP/1.1 206 Partial Content
	// ETag: "4e9ae6d3806b4a6a6fc7ca81"
	// Content-Type: text/markdown; charset=utf-8
	// X-Content-Type-Options: nosniff
	// Accept-Ranges: bytes
	// Content-Range: bytes 2-5/13
	// Content-Length: 4
	// Ever
	// HTTP/1.1 304 Not Modified
	// ETag: "4e9ae6d3806b4a6a6fc7ca81"
}
