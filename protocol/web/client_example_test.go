package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// shop is a simulated network with a server named "shop", and a coroutine on another host that asks it.
func shop(h web.Handler, body func(co *deferred.Co, c *web.Client) error) {
	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("shop").Listen("tcp", ":80", &web.Server{Handler: h})
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c := &web.Client{Loop: client.Loop()}
		defer co.Sleep(time.Second)
		defer c.Close()
		return body(co, c)
	})
}

// The shortest question: the head of the answer, then its body, of at most 1 MiB.
func ExampleClient_Get() {
	hello := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		fmt.Fprintf(w, "you asked for %s", r.Path())
	})
	shop(hello, func(co *deferred.Co, c *web.Client) error {
		resp, err := c.Get("http://shop/tea").Await(co)
		if err != nil {
			return err
		}
		text, err := resp.Text(1 << 20).Await(co)
		fmt.Println(resp.Status, text)
		return err
	})
	// Output: 200 you asked for /tea
}

// JSON goes there and comes back.
func ExampleClient_Post() {
	type order struct {
		Item  string
		Count int
	}
	double := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		var o order
		body, err := r.Body.Bytes(1 << 10).Await(co)
		if err != nil {
			return err
		}
		fmt.Sscanf(string(body), `{"Item":"tea","Count":%d}`, &o.Count)
		fmt.Fprintf(w, `{"Item":"tea","Count":%d}`, 2*o.Count)
		return nil
	})
	shop(double, func(co *deferred.Co, c *web.Client) error {
		resp, err := c.Post("http://shop/orders", web.JSON(order{"tea", 21})).Await(co)
		if err != nil {
			return err
		}
		var o order
		_, err = resp.JSON(&o, 1<<20).Await(co)
		fmt.Println(o.Item, o.Count)
		return err
	})
	// Output: tea 42
}

// A large answer is taken piece by piece; Pause and Resume hold the server back.
func ExampleResponse_body() {
	long := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.Write(make([]byte, 1<<20)) })
	shop(long, func(co *deferred.Co, c *web.Client) error {
		resp, err := c.Get("http://shop/").Await(co)
		if err != nil {
			return err
		}
		resp.Body.Limit(-1) // as much as it may be
		total := 0
		_, err = resp.Body.Each(func(p []byte) { total += len(p) }).Await(co)
		fmt.Println(total, "bytes")
		return err
	})
	// Output: 1048576 bytes
}

// A body of unknown length, made while it is sent.
func ExampleStream() {
	count := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		body, err := r.Body.Bytes(-1).Await(co)
		fmt.Fprintf(w, "%d bytes, length %d", len(body), r.Body.Length())
		return err
	})
	shop(count, func(co *deferred.Co, c *web.Client) error {
		numbers := web.Stream("text/plain", func(co *deferred.Co, w web.BodyWriter) error {
			for i := range 1000 {
				if _, err := fmt.Fprintln(w, i); err != nil {
					return err
				}
				if _, err := w.Ready().Await(co); err != nil { // as fast as the server reads
					return err
				}
			}
			return nil
		})
		resp, err := c.Post("http://shop/", numbers).Await(co)
		if err != nil {
			return err
		}
		text, err := resp.Text(-1).Await(co)
		fmt.Println(text)
		return err
	})
	// Output: 3890 bytes, length -1
}

// A request of one's own: any method, fields, a password.
func ExampleNewRequest() {
	who := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		fmt.Fprintln(w, r.Method, r.Target(), r.Header.Get("Authorization"))
	})
	shop(who, func(co *deferred.Co, c *web.Client) error {
		r, err := web.NewRequest("DELETE", "http://shop/orders/7?now")
		if err != nil {
			return err
		}
		r.SetBasicAuth("ada", "love")
		resp, err := c.Do(r).Await(co)
		if err != nil {
			return err
		}
		text, err := resp.Text(-1).Await(co)
		fmt.Print(text)
		return err
	})
	_, err := web.NewRequest("GET", "http://shop/\r\nX-Evil: yes")
	fmt.Println(err)
	// Output:
	// DELETE /orders/7?now Basic YWRhOmxvdmU=
	// web: "GET" "http://shop/\r\nX-Evil: yes": parse: URL: byte 0x0d: want it escaped
}

// One question, by a Client that keeps no connection.
func ExampleGet() {
	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("shop").Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.WriteString("tea")
	})})
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		resp, err := web.Get(client.Loop(), "http://shop/").Await(co)
		if err != nil {
			return err
		}
		text, err := resp.Text(1 << 20).Await(co)
		fmt.Println(text)
		co.Sleep(time.Second)
		return err
	})
	// Output: tea
}

// A form with a file, which is sent as it is read.
func ExampleMultipart() {
	form := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		body, err := r.Body.Bytes(1 << 20).Await(co)
		fmt.Fprintf(w, "%d parts", bytes.Count(body, []byte("Content-Disposition: form-data;")))
		return err
	})
	shop(form, func(co *deferred.Co, c *web.Client) error {
		resp, err := c.Post("http://shop/upload", web.Multipart(c.Loop,
			web.Part{Name: "title", Content: web.Text("Tea leaves")},
			web.Part{Name: "picture", FileName: "leaves.png", Content: web.Reader("image/png", strings.NewReader("pixels"))},
		)).Await(co)
		if err != nil {
			return err
		}
		text, err := resp.Text(1 << 20).Await(co)
		fmt.Println(text)
		return err
	})
	// Output: 2 parts
}

// What failed, and at which stage.
func ExampleRequestError() {
	slow := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return deferred.New[struct{}](r.Loop()) // never
	})
	shop(slow, func(co *deferred.Co, c *web.Client) error {
		c.Timeout = 5 * time.Second
		_, err := c.Get("http://shop/tea?card=4111").Await(co)
		fmt.Println(err)
		fmt.Println("a timeout:", errors.Is(err, deferred.ErrTimeout))
		return nil
	})
	// Output:
	// web: GET http://shop/tea: head: deferred: timeout
	// a timeout: true
}

// Cookies are kept, and go to the site that set them.
func ExampleNewCookies() {
	greet := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if name, ok := r.Cookie("name"); ok {
			w.WriteString("hello again, " + name)
			return
		}
		w.SetHeader("Set-Cookie", "name=ada")
		w.WriteString("hello")
	})
	shop(greet, func(co *deferred.Co, c *web.Client) error {
		c.Cookies = web.NewCookies()
		for range 2 {
			resp, err := c.Get("http://shop/").Await(co)
			if err != nil {
				return err
			}
			text, err := resp.Text(1 << 20).Await(co)
			if err != nil {
				return err
			}
			fmt.Println(text)
		}
		return nil
	})
	// Output:
	// hello
	// hello again, ada
}
