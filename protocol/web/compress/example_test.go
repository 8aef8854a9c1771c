package compress_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/compress"
	"github.com/twistor-go/twistor/sim"
)

// All answers of a Handler that are worth it.
func ExampleAnswers() {
	page := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.WriteString(strings.Repeat("All happy families are alike. ", 1000))
	})
	clock := sim.NewClock(nil)
	defer clock.Close()
	client := sim.Connect(clock, &web.Server{Handler: (&compress.Answers{}).Wrap(page)})
	client.Receive("GET / HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: gzip, br\r\n\r\n")
	head, body, _ := strings.Cut(client.Written(), "\r\n\r\n")
	fmt.Println(strings.Contains(head, "Content-Encoding: gzip"), len(body) < 300)
	// Output: true true
}

// A Handler that takes compressed uploads.
func ExampleDecoder() {
	decoder := &compress.Decoder{MaxBytes: 1 << 20}
	upload := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		body, err := decoder.Reader(co, &r.Header, r.Body)
		if err != nil {
			return err // 415, if the coding is not known
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return err // 413, if it becomes too large; 400, if it is broken
		}
		fmt.Fprintf(w, "%d bytes", len(b))
		return nil
	})
	clock := sim.NewClock(nil)
	defer clock.Close()
	client := sim.Connect(clock, &web.Server{Handler: upload})
	client.Receive("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Encoding: compress\r\nContent-Length: 1\r\n\r\nx")
	clock.Advance(0)
	fmt.Println(client.Written()[:35])
	// Output: HTTP/1.1 415 Unsupported Media Type
}
