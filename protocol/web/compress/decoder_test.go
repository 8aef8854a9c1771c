package compress_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/compress"
)

// shorten applies a coding.
func shorten(coding string, r io.Reader) []byte {
	var out bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "zstd":
		w, _ = zstd.NewWriter(&out, zstd.WithWindowSize(8<<20))
	}
	io.Copy(w, r)
	w.Close()
	return out.Bytes()
}

// counts answers with the length of the body as it was.
func counts(d *compress.Decoder) web.Handler {
	return web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		body, err := d.Reader(co, &r.Header, r.Body)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, body)
		if err != nil {
			return err
		}
		fmt.Fprint(w, n)
		return nil
	})
}

func post(t *testing.T, url, coding string, body []byte) (status int, text string) {
	t.Helper()
	req, _ := http.NewRequest("POST", url, bytes.NewReader(body))
	req.Header.Set("Content-Encoding", coding)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// V58, V21: what came compressed is read.
func TestV58Decoder(t *testing.T) {
	url, _ := serve(t, counts(&compress.Decoder{}))
	want := fmt.Sprint(len(text))
	plain := strings.NewReader(text)
	for _, coding := range []string{"gzip", "deflate", "zstd"} {
		plain.Seek(0, io.SeekStart)
		if status, got := post(t, url, coding, shorten(coding, plain)); status != 200 || got != want {
			t.Errorf("%s: got %d %s, want %s", coding, status, got, want)
		}
	}
	twice := shorten("zstd", bytes.NewReader(shorten("gzip", strings.NewReader(text))))
	if status, got := post(t, url, "GZIP , zstd", twice); status != 200 || got != want {
		t.Errorf("two codings: got %d %s, want %s", status, got, want)
	}
	for _, coding := range []string{"", "identity"} {
		if status, got := post(t, url, coding, []byte(text)); status != 200 || got != want {
			t.Errorf("%q: got %d %s, want %s", coding, status, got, want)
		}
	}
	for coding, status := range map[string]int{"br": 415, "gzip, gzip, gzip": 415, "gzip": 400, "zstd": 400, "deflate": 400} {
		if got, page := post(t, url, coding, []byte("this is not it")); got != status || strings.Contains(page, "invalid") {
			t.Errorf("%q: got %d %s, want %d and nothing of why", coding, got, page, status)
		}
	}
	cut := shorten("gzip", strings.NewReader(text))
	if got, _ := post(t, url, "gzip", cut[:len(cut)-4]); got != 400 {
		t.Errorf("a body that is cut: got %d, want 400", got)
	}
}

// zeros is n of them.
func zeros(n int64) io.Reader { return io.LimitReader(nothing{}, n) }

type nothing struct{}

func (nothing) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// H1-23. A body that would become 1 GiB is stopped when it has become 10 MiB, or a
// hundred times what came, and not after. What is honest passes.
func TestH1_23Bombs(t *testing.T) {
	url, on := serve(t, counts(&compress.Decoder{}))
	for _, coding := range []string{"gzip", "deflate", "zstd"} {
		// gzip's members and zstd's frames follow each other.
		bomb := bytes.Repeat(shorten(coding, zeros(1<<20)), 1<<10)
		if coding == "deflate" {
			bomb = shorten(coding, zeros(12<<20))
		}
		var before, after runtime.MemStats
		on(func() { runtime.ReadMemStats(&before) })
		status, page := post(t, url, coding, bomb)
		on(func() { runtime.ReadMemStats(&after) })
		if status != 413 {
			t.Errorf("%s: %d bytes: got %d %s, want 413", coding, len(bomb), status, page)
		}
		if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 40<<20 {
			t.Errorf("%s: %d MiB were allocated for it", coding, grown>>20)
		}
		if status, got := post(t, url, coding, shorten(coding, zeros(1<<20))); status != 200 || got != "1048576" {
			t.Errorf("%s: control: 1 MiB of zeros: got %d %s", coding, status, got)
		}
	}
	bomb := shorten("gzip", bytes.NewReader(bytes.Repeat(shorten("gzip", zeros(1<<20)), 1<<10)))
	if status, _ := post(t, url, "gzip, gzip", bomb); status != 413 {
		t.Errorf("a bomb of %d bytes in a bomb: got %d, want 413", len(bomb), status)
	}
	honest := shorten("gzip", strings.NewReader(strings.Repeat(text, 11<<20/len(text))))
	wide, _ := serve(t, counts(&compress.Decoder{MaxBytes: 64 << 20, MaxRatio: -1}))
	if status, _ := post(t, wide, "gzip", honest); status != 200 {
		t.Errorf("control: 11 MiB where 64 are allowed: got %d", status)
	}
	if status, _ := post(t, url, "gzip", honest); status != 413 {
		t.Errorf("11 MiB where 10 are allowed: got %d, want 413", status)
	}
}

// A zstd frame may ask for a window of gigabytes.
func TestH1_23Window(t *testing.T) {
	url, _ := serve(t, counts(&compress.Decoder{}))
	// Magic, a frame header with a window of 2 GiB, one raw block of a byte.
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x09, 0x00, 0x00, 'x'}
	if status, _ := post(t, url, "zstd", frame); status != 400 {
		t.Errorf("a window of 2 GiB: got %d, want 400", status)
	}
	frame[5] = 0x50 // 1 MiB
	if status, got := post(t, url, "zstd", frame); status != 200 || got != "1" {
		t.Errorf("control: got %d %s", status, got)
	}
}
