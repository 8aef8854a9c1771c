package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

type order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

// V46: JSON comes in strictly and within limits, and goes out; what is wrong is said
// without a word about our types.
func TestV46JSON(t *testing.T) {
	rules := web.JSONRules{MaxBytes: 200, MaxDepth: 4}
	s := &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		o, err := web.ReadJSON[order](r, rules).Await(co)
		if err != nil {
			return err
		}
		return web.WriteJSON(w, 201, o)
	})}
	post := func(kind, body string) answered {
		return asked(t, s, "POST /", "Content-Type: "+kind, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	}
	const kind = "application/json; charset=utf-8"
	if got := post(kind, ` {"item":"<tea>","count":2} `); got.Status != 201 || got.Header.Get("Content-Type") != "application/json" || got.Body != `{"item":"\u003ctea\u003e","count":2}`+"\n" {
		t.Errorf("got %q", got.Wire)
	}
	if got := post("application/problem+json", `{}`); got.Status != 201 {
		t.Errorf("+json: got %d, want 201", got.Status)
	}
	for _, c := range []struct {
		kind, body, says string
		status           int
	}{
		{kind, `{"item":"tea"`, "broken", 400},
		{kind, `{"item":"tea"}}`, "goes on", 400},
		{kind, `{} {}`, "goes on", 400},
		{kind, `{"item":1}`, "a number in item", 400},
		{kind, `[1]`, "a array at byte", 400},
		{kind, `{"other":"<b>"}`, "unknown member", 400},
		{kind, ``, "broken", 400},
		{kind, strings.Repeat("[", 5), "more than 4 deep", 400},
		{kind, `{"item":"` + strings.Repeat("x", 200) + `"}`, "too large", 413},
		{"text/plain", `{}`, "want application/json", 415},
		{"", `{}`, "want application/json", 415},
	} {
		got := post(c.kind, c.body)
		if got.Status != c.status || !strings.Contains(got.Body, c.says) || strings.Contains(got.Body, "web_test") || strings.Contains(got.Body, "<b>") {
			t.Errorf("%s %q: got %d %q, want %d and %q", c.kind, c.body, got.Status, got.Body, c.status, c.says)
		}
	}
	rules = web.JSONRules{Unknown: true, AnyType: true}
	if got := post("", `{"other":[[[[[1]]]]],"item":"{[\""}`); got.Status != 201 {
		t.Errorf("lenient: got %q", got.Wire)
	}
}

func TestV46JSONThatIsNone(t *testing.T) {
	s := &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		return web.WriteJSON(w, 200, func() {})
	})}
	if got := askedQuietly(t, s, "GET /"); got.Status != 500 || strings.Contains(got.Body, "func") {
		t.Errorf("got %q, want an opaque 500", got.Wire)
	}
}
