package minihttp

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/twistor-go/twistor/bench/internal/site"
)

// Two whole heads have two answers that net/http understands; half of a third
// one is left.
func TestAnswersEachWholeHead(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	out, used := Answer(nil, []byte(head+head+"GET /"))
	if want := 2 * len(head); used != want {
		t.Errorf("used %d bytes, want %d", used, want)
	}
	in := bufio.NewReader(bytes.NewReader(out))
	for range 2 {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(r.Body); string(body) != site.Hello {
			t.Errorf("got %q, want %q", body, site.Hello)
		}
	}
	if n := in.Buffered(); n > 0 {
		t.Errorf("%d bytes after two answers", n)
	}
}
