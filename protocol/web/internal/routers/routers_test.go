package routers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
)

// overChi is a tree of chi's: groups, parameters, and its middleware.
func overChi(file string) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.RealIP, middleware.StripSlashes)
	r.Use(middleware.Compress(5, "text/html"), middleware.Heartbeat("/ping"))
	r.Route("/users/{id:[0-9]+}", func(r chi.Router) {
		r.Use(middleware.NoCache)
		r.Get("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "user %s", chi.URLParam(r, "id")) })
		r.Put("/", func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, "%d %v", n, err)
		})
	})
	r.With(middleware.BasicAuth("home", map[string]string{"bob": "pass"})).Get("/private", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "in")
	})
	r.With(middleware.Throttle(2), middleware.Timeout(time.Minute)).Get("/slow", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "done")
	})
	plain(r.Get, r.Post, file)
	return r
}

// overGin is a tree of gin's.
func overGin(file string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) { c.AbortWithStatus(500) }))
	g := e.Group("/users", func(c *gin.Context) { c.Header("X-Group", "users") })
	g.GET("/:id", func(c *gin.Context) { c.JSON(200, gin.H{"id": c.Param("id"), "q": c.Query("q")}) })
	g.PUT("/:id", func(c *gin.Context) {
		var in struct{ Name string }
		if err := c.ShouldBindJSON(&in); err != nil {
			c.AbortWithStatusJSON(400, gin.H{"error": "want JSON"})
			return
		}
		c.XML(201, in)
	})
	e.GET("/private", gin.BasicAuth(gin.Accounts{"bob": "pass"}), func(c *gin.Context) { c.String(200, "in") })
	e.POST("/upload", func(c *gin.Context) {
		f, err := c.FormFile("file")
		if err != nil {
			c.String(400, "%v", err)
			return
		}
		c.String(200, "%s %d", f.Filename, f.Size)
	})
	e.GET("/events", func(c *gin.Context) {
		n := 0
		c.Stream(func(w io.Writer) bool {
			n++
			c.SSEvent("tick", n)
			return n < 3
		})
	})
	e.StaticFile("/static", file)
	plain(func(pattern string, h http.HandlerFunc) { e.GET(pattern, gin.WrapF(h)) }, func(pattern string, h http.HandlerFunc) { e.POST(pattern, gin.WrapF(h)) }, file)
	return e
}

// overMux is the one of the standard library, with its own middleware.
func overMux(file string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "user %s", r.PathValue("id")) })
	mux.HandleFunc("PUT /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10))
		fmt.Fprintf(w, "%s %v", b, err)
	})
	mux.Handle("/private/", http.StripPrefix("/private", http.NotFoundHandler()))
	mux.Handle("/moved", http.RedirectHandler("/users/1", http.StatusFound))
	plain(func(pattern string, h http.HandlerFunc) { mux.HandleFunc("GET "+pattern, h) },
		func(pattern string, h http.HandlerFunc) { mux.HandleFunc("POST "+pattern, h) }, file)
	return mux
}

// plain has handlers that use what net/http promises.
func plain(get, post func(pattern string, h http.HandlerFunc), file string) {
	get("/hello", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>hello "+r.UserAgent()) })
	get("/nothing", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	get("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	get("/big", func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte("<big>"), 100_000)) })
	get("/panic", func(w http.ResponseWriter, r *http.Request) { panic("secret") })
	get("/flush", func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintln(w, i)
			w.(http.Flusher).Flush()
		}
	})
	get("/cookie", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b", HttpOnly: true})
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		http.Error(w, "no", http.StatusTeapot)
	})
	post("/echo", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex() // here it is so from the start
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n))
	})
	post("/form", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.FormValue("a"), r.URL.Query()) })
}

// serve runs h on a loop, and returns where.
func serve(t *testing.T, h web.Handler) string {
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: h, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; r.Close() })
	return "http://" + port.Addr().String()
}

// TestV29Routers asks each tree the same through both doors and of net/http's own server: the answers are
// equal, to the field.
func TestV29Routers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, bytes.Repeat([]byte("<p>"), 50_000), 0o600); err != nil {
		t.Fatal(err)
	}
	requests := []struct{ method, path, body, fields string }{
		{"GET", "/hello", "", ""}, {"HEAD", "/hello", "", ""}, {"GET", "/hello", "", "Accept-Encoding: gzip"}, {"POST", "/hello", "x", ""},
		{"GET", "/users/17?q=1", "", ""}, {"GET", "/users/x%2Fy", "", ""}, {"GET", "/users/17/", "", ""}, {"PUT", "/users/17", `{"name":"bob"}`, "Content-Type: application/json"},
		{"PUT", "/users/17", "no JSON, and long", ""}, {"DELETE", "/users/17", "", ""},
		{"GET", "/private", "", ""}, {"GET", "/private", "", "Authorization: Basic Ym9iOnBhc3M="}, {"GET", "/private/x", "", ""},
		{"GET", "/nothing", "", ""}, {"GET", "/missing", "", ""}, {"GET", "//hello", "", ""}, {"GET", "/a/../hello", "", ""}, {"OPTIONS", "/hello", "", ""},
		{"GET", "/file", "", ""}, {"HEAD", "/file", "", ""}, {"GET", "/file", "", "Range: bytes=10-19"}, {"GET", "/file", "", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"},
		{"GET", "/static", "", ""}, {"GET", "/big", "", ""}, {"GET", "/big", "", "Accept-Encoding: gzip"}, {"GET", "/flush", "", ""}, {"GET", "/cookie", "", ""}, {"GET", "/events", "", ""},
		{"GET", "/ping", "", ""}, {"GET", "/slow", "", ""}, {"GET", "/moved", "", ""},
		{"POST", "/echo", strings.Repeat("body ", 50_000), ""}, {"POST", "/form?b=2", "a=1", "Content-Type: application/x-www-form-urlencoded"},
		{"POST", "/upload", "--B\r\nContent-Disposition: form-data; name=file; filename=f.txt\r\n\r\ncontent\r\n--B--\r\n", "Content-Type: multipart/form-data; boundary=B"},
	}
	for name, tree := range map[string]func(string) http.Handler{"chi": overChi, "gin": overGin, "mux": overMux} {
		t.Run(name, func(t *testing.T) {
			own := httptest.NewServer(tree(file))
			defer own.Close()
			goroutines, loop := serve(t, web.HTTP(tree(file))), serve(t, web.OnLoop(tree(file)))
			for _, r := range requests {
				want := ask(t, own.URL, r.method, r.path, r.body, r.fields)
				for door, base := range map[string]string{"HTTP": goroutines, "OnLoop": loop} {
					if got := ask(t, base, r.method, r.path, r.body, r.fields); got != want {
						t.Errorf("%s %s %s by %s: got\n%.600s\nwant as from net/http\n%.600s", r.method, r.path, r.fields, door, got, want)
					}
				}
			}
			for door, base := range map[string]string{"HTTP": goroutines, "OnLoop": loop} {
				// A panic that nobody recovers is a cut connection on net/http, and a page here.
				if got := ask(t, base, "GET", "/panic", "", ""); !strings.HasPrefix(got, "500 ") || strings.Contains(got, "secret") {
					t.Errorf("panic by %s: got %q, want an opaque 500", door, got)
				}
			}
		})
	}
}

// ask makes one request and returns all of its answer that may not differ, as text.
func ask(t *testing.T, base, method, path, body, fields string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if fields != "" {
		fields += "\r\n"
	}
	if body != "" {
		fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	go fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: example.com\r\n%s\r\n%s", method, path, fields, body)
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	resp.Header.Del("Date")
	var lines []string
	for k, v := range resp.Header {
		sort.Strings(v) // chi has Allow from a map
		lines = append(lines, fmt.Sprintf("%s: %q", k, v))
	}
	sort.Strings(lines)
	return fmt.Sprintf("%d %s, trailer %v, error %v, %s", resp.StatusCode, strings.Join(lines, ", "), resp.Trailer, err, b)
}
