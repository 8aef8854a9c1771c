package web_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// coded is an answer whose body has content codings.
func coded(codings, body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", codings, len(body), body)
}

// V58: what the Client asked for it undoes, and nothing else.
func TestV58Decoded(t *testing.T) {
	text := strings.Repeat("hello, ", 10_000)
	for _, c := range []struct {
		name, said, want string
		fails            bool
	}{
		{"gzip", coded("gzip", gzipped(text)), text, false},
		{"x-gzip", coded("X-GZip", gzipped(text)), text, false},
		{"deflate", coded("deflate", deflated(text)), text, false},
		{"stacked", coded("deflate, gzip", gzipped(deflated(text))), text, false},
		{"two fields", "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Encoding: gzip\r\n\r\n" + gzipped(deflated(text)) + "<close>", text, false},
		{"identity", coded("identity", text), text, false},
		{"reversed", coded("reversed", "olleh"), "hello", false},
		{"several members", coded("gzip", gzipped("a")+gzipped("b")), "ab", false},
		{"unknown", coded("br", "xyz"), "xyz", false},
		{"too many", coded("gzip, gzip, gzip, gzip, gzip", "xyz"), "xyz", false},
		{"empty", coded("gzip", ""), "", false},
		{"no gzip", coded("gzip", "not gzip at all"), "", true},
		{"cut gzip", coded("gzip", gzipped(text)[:100]), "", true},
		{"wrong sum", coded("gzip", gzipped("ab")[:len(gzipped("ab"))-8]+"\x00\x00\x00\x00\x02\x00\x00\x00"), "", true},
		{"cut body", strings.Replace(coded("gzip", gzipped(text)), "Content-Length: ", "Content-Length: 9", 1) + "<close>", "", true},
		{"more behind", coded("deflate", deflated("a")+strings.Repeat("x", 300<<10)), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := answering(c.said)
			cl := &web.Client{Decoders: map[string]web.Decoder{"reversed": reversed}}
			asks(t, f, cl, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
				_, got, err := get(co, cl, "http://server/")
				if (err != nil) != c.fails || !c.fails && got != c.want {
					t.Errorf("got %d bytes %.20q, %v; want %d bytes, a failure: %v", len(got), got, err, len(c.want), c.fails)
				}
				return nil
			})
			if got, want := f.heard[0].field("Accept-Encoding"), "reversed, gzip, deflate"; got != want {
				t.Errorf("got Accept-Encoding %q, want %q", got, want)
			}
		})
	}
	// A request that says itself what it accepts, or wants a part, gets what comes.
	for _, field := range []string{"Accept-Encoding", "Range"} {
		asks(t, answering(coded("gzip", gzipped("a"))), nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			r, err := web.NewRequest("GET", "http://server/")
			if err != nil {
				return err
			}
			r.Header.Set(field, map[string]string{"Range": "bytes=0-9", "Accept-Encoding": "gzip"}[field])
			resp, err := c.Do(r).Await(co)
			if err != nil {
				return err
			}
			got, err := resp.Text(-1).Await(co)
			if got != gzipped("a") || resp.Decoded || !resp.Header.Has("Content-Encoding") || err != nil {
				t.Errorf("%s: got %q, %v; want it as it came", field, got, err)
			}
			return nil
		})
	}
}

// reversed is a content coding of this test's own.
func reversed(r io.Reader) (io.Reader, error) {
	all, err := io.ReadAll(r)
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return bytes.NewReader(all), err
}

// H1-23: a small answer that would decode to very much is stopped while it is decoded, by the limit
// of bodies, and without one at a hundred times its size.
func TestH1_23Bomb(t *testing.T) {
	size := 256 << 20
	if testing.Short() || raceEnabled {
		size = 24 << 20
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		z.Write(zeros)
	}
	z.Close()
	bomb := coded("gzip", b.String())
	for _, c := range []struct {
		limit int64
		want  error
		most  uint64
	}{{0, web.ErrTooLarge, 64 << 20}, {-1, web.ErrExpands, 128 << 20}} {
		asks(t, answering(bomb), &web.Client{MaxBodyBytes: c.limit}, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
			resp, err := cl.Get("http://server/").Await(co)
			if err != nil {
				return err
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var total int64
			_, err = resp.Body.Each(func(p []byte) { total += int64(len(p)) }).Await(co)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, c.want) || total > max(11<<20, 100*int64(b.Len())) {
				t.Errorf("limit %d: got %d bytes, %v; want %v", c.limit, total, err, c.want)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > c.most {
				t.Errorf("limit %d: %d bytes were allocated, want at most %d", c.limit, got, c.most)
			}
			return nil
		})
	}
	// The control: what is within the measure is decoded.
	asks(t, answering(coded("gzip", gzipped(strings.Repeat("x", 9<<20)))), nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		if _, got, err := get(co, c, "http://server/"); len(got) != 9<<20 || err != nil {
			t.Errorf("control: got %d bytes, %v", len(got), err)
		}
		return nil
	})
}

// A reader that pauses holds the decoding back, and the server with it.
func TestV58Pause(t *testing.T) {
	said := coded("gzip", gzipped(strings.Repeat("x", 4<<20)))
	asks(t, answering(said), &web.Client{Timeout: -1}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		resp, err := c.Get("http://server/").Await(co)
		if err != nil {
			return err
		}
		var total int
		done := resp.Body.Each(func(p []byte) {
			if total += len(p); total > 1<<20 && total < 2<<20 {
				resp.Body.Pause()
			}
		})
		co.Sleep(60e9)
		if total > 2<<20 {
			t.Errorf("paused: got %d bytes", total)
		}
		paused := total
		for total < 4<<20 {
			resp.Body.Resume()
			if err := co.Yield(); err != nil {
				return err
			}
		}
		if paused == 0 {
			t.Error("nothing came")
		}
		_, err = done.Await(co)
		return err
	})
}
