package web_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// shows answers the pattern, the path below it and the parameter x.
func shows(w *web.ResponseWriter, r *web.Request) {
	fmt.Fprintf(w, "%s|%s|%s", r.Pattern, r.Path(), r.Param("x"))
}

func muxOf(patterns ...string) *web.Mux {
	m := &web.Mux{}
	for _, p := range patterns {
		m.HandleFunc(p, shows)
	}
	return m
}

// V16, V17: the most specific pattern answers; what has none is 404, what has
// another method 405 with Allow, an unknown method 501.
func TestV16MuxChooses(t *testing.T) {
	s := &web.Server{Handler: muxOf("/", "/a", "/a/", "/a/{x}", "/a/{x}/b", "GET /m", "POST /m", "/f/{x...}",
		"/end/{$}", "example.org/a", "/u%2Fv", "GET /only", "PURGE /cache")}
	for _, c := range []struct{ request, want string }{
		{"GET /", "200 /|/|"},
		{"GET /z/y", "200 /|/z/y|"},
		{"GET /a?q=1", "200 /a|/a|"},
		{"GET /a/", "200 /a/|/a/|"},
		{"GET /a/1", "200 /a/{x}|/a/1|1"},
		{"GET /a/%41%2F", "200 /a/{x}|/a/A/|A/"},
		{"GET /a/1/b", "200 /a/{x}/b|/a/1/b|1"},
		{"GET /a/1/c", "200 /a/|/a/1/c|"},
		{"GET /m", "200 GET /m|/m|"},
		{"HEAD /m", "200 "},
		{"POST /m", "200 POST /m|/m|"},
		{"GET /f/", "200 /f/{x...}|/f/|"},
		{"GET /f/p/q", "200 /f/{x...}|/f/p/q|p/q"},
		{"GET /end/", "200 /end/{$}|/end/|"},
		{"GET /end/x", "200 /|/end/x|"},
		{"GET /u%2fv", "200 /u%2Fv|/u/v|"},
		{"GET /u/v", "200 /|/u/v|"},
		{"PUT /m", "200 /|/m|"},
	} {
		got := asked(t, s, c.request)
		if text := fmt.Sprintf("%d %s", got.Status, got.Body); text != c.want {
			t.Errorf("%s: got %q, want %q", c.request, text, c.want)
		}
	}
	if got := asked(t, s, "GET /a", "Host: EXAMPLE.org:8080"); got.Body != "example.org/a|/a|" {
		t.Errorf("host: got %q", got.Body)
	}
}

func TestV17MuxMethods(t *testing.T) {
	s := &web.Server{Handler: muxOf("GET /m", "POST /m", "PURGE /cache")}
	for _, c := range []struct {
		request, allow string
		status         int
	}{
		{"GET /m", "", 200},
		{"HEAD /m", "", 200},
		{"DELETE /m", "GET, HEAD, OPTIONS, POST", 405},
		{"PURGE /m", "GET, HEAD, OPTIONS, POST", 405}, // known elsewhere
		{"BREW /m", "GET, HEAD, OPTIONS, POST", 501},
		{"OPTIONS /m", "GET, HEAD, OPTIONS, POST", 204},
		{"GET /cache", "OPTIONS, PURGE", 405},
		{"GET /none", "", 404},
		{"OPTIONS *", "", 204},
		{"GET /m%00", "", 404},
	} {
		got := asked(t, s, c.request)
		if got.Status != c.status || got.Header.Get("Allow") != c.allow {
			t.Errorf("%s: got %d, Allow %q, want %d, %q", c.request, got.Status, got.Header.Get("Allow"), c.status, c.allow)
		}
		if c.request == "HEAD /m" && got.Body != "" {
			t.Errorf("HEAD: got a body %q", got.Body)
		}
	}
	s.Handler = web.Methods{"GET": says("got"), "PUT": says("put")}
	for request, want := range map[string]int{"GET /": 200, "HEAD /": 200, "POST /": 405, "BREW /": 501, "OPTIONS /": 204} {
		if got := asked(t, s, request); got.Status != want {
			t.Errorf("Methods, %s: got %d, want %d", request, got.Status, want)
		}
	}
}

// V16: paths are redirected to what they mean, and never to another host.
func TestV16MuxRedirects(t *testing.T) {
	m := muxOf("/tree/", "/tree/{x}", "/b/{x}/", "/deep/er/")
	m.Mount("/mnt/{y}", muxOf("/in/"))
	s := &web.Server{Handler: m}
	for _, c := range []struct{ request, want string }{
		{"GET /tree", "/tree/"},
		{"POST /tree?q=a/b", "/tree/?q=a/b"},
		{"GET /b/1", "/b/1/"},
		{"GET //tree/1", "/tree/1"},
		{"GET /tree/../tree/1?x", "/tree/1?x"},
		{"GET /tree/%2E%2e/tree/1", "/tree/1"},
		{"GET /deep/er/.", "/deep/er/"},
		{"GET /deep/er/x/..", "/deep/er/"},
		{"GET //evil.example/..", "/"},
		{"GET /mnt/1/in", "/mnt/1/in/"},
		{"GET /tree/1", ""},
		{"GET /b/1/...", ""},
		{"GET /deep/er/a%2F..", ""},
	} {
		got := asked(t, s, c.request)
		if got.Header.Get("Location") != c.want || (got.Status == 307) != (c.want != "") {
			t.Errorf("%s: got %d to %q, want %q", c.request, got.Status, got.Header.Get("Location"), c.want)
		}
	}
}

// Mounted Handlers see the path below, Muxes within them match it, as it came.
func TestV16Mount(t *testing.T) {
	inner := muxOf("GET /users/{x}", "/")
	m := &web.Mux{}
	m.Mount("/api/{v}", inner)
	m.Handle("/rewritten/", web.Rewrite(inner, web.Alias("/rewritten", "/users")))
	s := &web.Server{Handler: m}
	for _, c := range []struct{ request, want string }{
		{"GET /api/2/users/a%2Fb?q", "/api/{v}/users/{x}|/users/a/b|a/b"},
		{"GET /api/2/", "/api/{v}/|/|"},
		{"GET /rewritten/7", "GET /users/{x}|/users/7|7"},
	} {
		if got := asked(t, s, c.request); got.Body != c.want {
			t.Errorf("%s: got %q, want %q", c.request, got.Body, c.want)
		}
	}
}

// What net/http's Handlers see below a Mount is what http.StripPrefix and its own
// patterns would have them see.
func TestV16MountsNetHTTP(t *testing.T) {
	shows := web.OnLoop(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s|%s|%s", r.URL.Path, r.URL.EscapedPath(), r.URL.RawQuery, r.PathValue("x"), r.Pattern)
	}))
	m := &web.Mux{}
	m.Mount("/in/{x}", shows)
	m.Handle("/re/", web.Rewrite(shows, web.Alias("/re", "/written")))
	m.Handle("/", shows)
	s := &web.Server{Handler: m}
	for target, want := range map[string]string{
		"/in/1/a%2Fb?q": "/a/b|/a%2Fb|q|1|/in/{x}/", "/re/a%20b?q": "/written/a b|/written/a%20b|q||/re/", "/a%2Fb": "/a/b|/a%2Fb|||/",
	} {
		if got := asked(t, s, "GET "+target); got.Body != want {
			t.Errorf("%s: got %q, want %q", target, got.Body, want)
		}
	}
}

// What asks for another protocol by CONNECT, in HTTP/2, finds the Handler of GET, by
// a Mux and by Methods.
func TestMuxExtendedConnect(t *testing.T) {
	m := &web.Mux{}
	m.HandleFunc("GET /chat", func(w *web.ResponseWriter, r *web.Request) { w.WriteHeader(299) })
	for _, h := range []web.Handler{m, web.Methods{"GET": m}} {
		w := sim.New(t, 1)
		w.Host("server").Listen("tcp", ":80", &web.Server{Handler: h})
		var end *far
		w.Host("client").Do(func(co *deferred.Co) (err error) {
			end, err = twistor.Dial(w.Host("client").Loop(), "tcp", "server:80", func(tr twistor.Transport) *far { return &far{t: tr} }).Await(co)
			return err
		})
		w.Run(func() bool { return end != nil && end.status != 0 })
		if end.status != 299 {
			t.Errorf("%T: got %d, want that of GET", h, end.status)
		}
		on(w, func() { end.t.Close() })
	}
}

func TestMuxRefusesPatterns(t *testing.T) {
	for _, c := range []struct{ patterns, want string }{
		{"/a /a", "conflicts"},
		{"/{x}/b /a/{y}", `both match "/a/b"`},
		{"GET_/{x} /a", "conflicts"},
		{"/{x...} /", "conflicts"},
		{"a", "path missing"},
		{"/{x", "wildcard to be a segment"},
		{"/a{x}", "wildcard to be a segment"},
		{"/{$}/a", "not at the end"},
		{"/{x...}/a", "not the last"},
		{"/{x}/{x}", "two wildcards"},
		{"/{}", "want a name"},
		{"/a//b", "not clean"},
		{"/a/../b", "not clean"},
		{"/%zz", "want a valid one"},
		{"example.com:80/", "without a port"},
		{"G(T_/", "want a token"},
		{"/" + manyWildcards(17), "want at most 16"},
	} {
		func() {
			defer func() {
				got := fmt.Sprint(recover())
				if !strings.Contains(got, c.want) {
					t.Errorf("%s: got panic %q, want %q", c.patterns, got, c.want)
				}
				if strings.Contains(c.want, "conflicts") && strings.Count(got, "mux_test.go:") != 2 {
					t.Errorf("%s: %q does not name both places", c.patterns, got)
				}
			}()
			var patterns []string
			for _, p := range strings.Fields(c.patterns) {
				patterns = append(patterns, strings.ReplaceAll(p, "_", "\t"))
			}
			muxOf(patterns...)
		}()
	}
}

func manyWildcards(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{a%d}/", i)
	}
	return b.String() + "b"
}

// The choice costs no memory.
func TestMuxAllocates(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	s := &web.Server{Handler: says("ok")}
	m := muxOf()
	m.Handle("GET /a/b/c", says("ok"))
	m.Handle("/", says("no"))
	with := &web.Server{Handler: m}
	allocs := func(s *web.Server) float64 {
		c := sim.NewClock(t)
		tr := sim.Connect(c, s)
		return testing.AllocsPerRun(100, func() {
			tr.Receive("GET /a/b/c HTTP/1.1\r\nHost: x\r\n\r\n")
			tr.Clear()
		})
	}
	if plain, muxed := allocs(s), allocs(with); muxed > plain {
		t.Errorf("got %v allocations with a Mux, want the %v without", muxed, plain)
	}
}

// net/http.ServeMux is the oracle: the same patterns are taken or refused, and
// the same one is chosen. What differs, and why:
//   - OPTIONS is answered 204 where net/http says 405, and Allow has it;
//   - an escaped dot is a dot ("/%2e%2e/x" is redirected);
//   - a method that nobody knows is 501, not 405;
//   - a path with a NUL is not found;
//   - "/a/." means "/a/", as RFC 3986 has it, not "/a".
func FuzzMux(f *testing.F) {
	f.Add("/ /a /a/{x}", "GET", "/a/b")
	f.Add("GET_/a/{$} /a/ HEAD_/{x}/c", "HEAD", "/a")
	f.Add("/{x}/b /a/{y...} h/{z}", "POST", "//a/../b/")
	f.Add("/a/b/ /{x}/b/{y} /a/{x...}", "GET", "/a/b")
	f.Fuzz(agree)
}

func TestMuxAgrees(t *testing.T) {
	rounds := 5_000
	if testing.Short() {
		rounds = 500
	}
	rng := rand.New(rand.NewPCG(1, 2))
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	for range rounds {
		var patterns []string
		for range 1 + rng.IntN(5) {
			p := one("", "", "GET_", "HEAD_", "POST_") + one("", "", "", "h") + "/"
			for i := range rng.IntN(4) {
				p += one("a", "b", fmt.Sprintf("{x%d}", i)) + "/"
			}
			p = strings.TrimSuffix(p, "/") + one("", "/", "/{$}", "/{r...}")
			if !strings.Contains(p, "/") {
				p += "/"
			}
			patterns = append(patterns, p)
		}
		path := "/"
		for range rng.IntN(5) {
			path += one("a", "b", "c", "%61", ".", "", "..") + "/"
		}
		if rng.IntN(2) == 0 && path != "/" {
			path = path[:len(path)-1]
		}
		agree(t, strings.Join(patterns, " "), one("GET", "GET", "HEAD", "POST", "PUT"), path)
		if t.Failed() {
			return
		}
	}
}

func agree(t *testing.T, patterns, method, path string) {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE":
	default:
		return
	}
	if len(patterns) > 200 || len(path) > 100 || strings.ContainsAny(patterns, "%\x00.:[") || strings.Contains(strings.ToLower(path), "%2e") ||
		strings.Contains(path, "%00") || strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..") {
		return
	}
	std, ours := http.NewServeMux(), &web.Mux{}
	for _, p := range strings.Fields(patterns) {
		if p = strings.Replace(p, "_", " ", 1); p[0] == ' ' {
			return
		}
		if strings.ToLower(p[:max(0, strings.IndexByte(p, '/'))]) != p[:max(0, strings.IndexByte(p, '/'))] && !strings.Contains(p, " ") {
			return // they compare hosts by case
		}
		theirs := refusal(func() {
			std.HandleFunc(p, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Pattern) })
		})
		mine := refusal(func() {
			ours.HandleFunc(p, func(w *web.ResponseWriter, r *web.Request) { w.WriteString(r.Pattern) })
		})
		if (theirs == "") != (mine == "") {
			if strings.Contains(mine, "not clean") || strings.Contains(mine, "without a port") || strings.Contains(mine, "want at most") {
				return // they take what no request can have
			}
			t.Fatalf("pattern %q of %q: net/http says %q, we %q", p, patterns, theirs, mine)
		}
	}
	for _, host := range []string{"h", "other"} {
		raw := method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
		c := sim.NewClock(t)
		tr := sim.Connect(c, &web.Server{Handler: ours})
		tr.Receive(raw)
		c.Pump(0)
		got := readAnswer(t, tr.Written(), method)
		if got.Status == 400 || got.Status == 501 || got.Status == 414 {
			return
		}
		req, err := http.NewRequest(method, "http://"+host+path, nil)
		if err != nil || req.URL.RequestURI() != path || !strings.HasPrefix(path, "/") {
			return
		}
		rec := httptest.NewRecorder()
		std.ServeHTTP(rec, req)
		want := rec.Result()
		pattern := rec.Body.String()
		if got.Status != want.StatusCode {
			t.Fatalf("%s %s%s among %q: got %d, want %d", method, host, path, patterns, got.Status, want.StatusCode)
		}
		switch got.Status {
		case 200:
			if method != "HEAD" && got.Body != pattern {
				t.Fatalf("%s %s%s among %q: got %q, want %q", method, host, path, patterns, got.Body, pattern)
			}
		case 307:
			// They escape what is written raw; the path is the same.
			if l := want.Header.Get("Location"); got.Header.Get("Location") != l && !strings.Contains(path, "%") && !strings.ContainsAny(path, "?'()*!;[]^`{|}") {
				t.Fatalf("%s %s%s among %q: got to %q, want %q", method, host, path, patterns, got.Header.Get("Location"), l)
			}
		case 405:
			allow := strings.Replace(", "+got.Header.Get("Allow"), ", OPTIONS", "", 1)
			if allow != ", "+want.Header.Get("Allow") {
				t.Fatalf("%s %s%s among %q: got Allow %q, want %q", method, host, path, patterns, allow, want.Header.Get("Allow"))
			}
		}
	}
}

func refusal(f func()) (why string) {
	defer func() {
		if v := recover(); v != nil {
			why = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}
