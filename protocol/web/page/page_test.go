package page_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/page"
	"github.com/twistor-go/twistor/sim"
)

// A browser asks a Server of one Handler, on a Clock.
type browser struct {
	*sim.Transport
	t     testing.TB
	clock *sim.Clock
	all   string
}

func browse(t testing.TB, clock *sim.Clock, h web.Handler) *browser {
	t.Helper()
	b := &browser{sim.Connect(clock, &web.Server{Handler: h}), t, clock, ""}
	b.Receive("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	clock.Advance(0)
	return b
}

// got is what has come so far.
func (b *browser) got() string {
	b.clock.Advance(0)
	b.all += b.Take()
	return b.all
}

// body is the body so far, of chunks or not.
func (b *browser) body() string {
	head, body, _ := strings.Cut(b.got(), "\r\n\r\n")
	if !strings.Contains(head, "chunked") {
		return body
	}
	var text strings.Builder
	for body != "" {
		var n int
		size, rest, ok := strings.Cut(body, "\r\n")
		if _, err := fmt.Sscanf(size, "%x", &n); err != nil || !ok || n > len(rest) {
			b.t.Fatalf("chunks: %q", body)
		}
		if n == 0 {
			text.WriteString("<end>")
		}
		text.WriteString(rest[:n])
		body = strings.TrimPrefix(rest[n:], "\r\n")
	}
	return text.String()
}

func (b *browser) want(sentence, want string) {
	b.t.Helper()
	if got := b.body(); got != want {
		b.t.Errorf("%s: got %q, want %q", sentence, got, want)
	}
}

func files(text ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for i := 0; i < len(text); i += 2 {
		all[text[i]] = &fstest.MapFile{Data: []byte(text[i+1])}
	}
	return all
}

// show is a Handler of one template that gets v.
func show(text string, v any) web.Handler {
	t := &page.Templates{FS: files("p.html", text)}
	return t.Page("p.html", func(*deferred.Co, *web.Request) (any, error) { return v, nil })
}

// V40: what is ready goes first, the page waits, the rest follows.
func TestV40WhatIsReadyGoesFirst(t *testing.T) {
	clock := sim.NewClock(t)
	posts, count := deferred.New[[]string](clock), deferred.New[int](clock)
	b := browse(t, clock, show("<h1>{{.Title}}</h1><ul>{{range await .Posts}}<li>{{.}}{{end}}</ul>{{await .Count}}", map[string]any{"Title": "a<b", "Posts": posts, "Count": count}))
	b.want("the title is here", "<h1>a&lt;b</h1><ul>")
	if !strings.Contains(b.got(), "Content-Type: text/html; charset=utf-8\r\n") {
		t.Errorf("head: %s", b.got())
	}
	count.Succeed(7)
	b.want("the page goes on in its order", "<h1>a&lt;b</h1><ul>")
	posts.Succeed([]string{"x", "y & z"})
	b.want("all of it", "<h1>a&lt;b</h1><ul><li>x<li>y &amp; z</ul>7<end>")
}

// V40: what has fired already costs no waiting, and the length is known.
func TestV40Ready(t *testing.T) {
	clock := sim.NewClock(t)
	b := browse(t, clock, show("{{await .A}} {{await .B}} {{with outcome .A}}{{.Value}}{{end}}", map[string]any{"A": deferred.Succeeded("here"), "B": "a value"}))
	if b.want("at once", "here a value here"); !strings.Contains(b.got(), "Content-Length: 17\r\n") {
		t.Errorf("head: %s", b.got())
	}
}

// V41: what is awaited is escaped where it stands, as html/template does.
func TestV41AwaitedIsEscaped(t *testing.T) {
	const evil = `"><script>alert('x')</script>`
	for text, want := range map[string]string{
		`<p>{{await .}}</p>`:              `<p>&#34;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</p>`,
		`<p title="{{await .}}"></p>`:     `<p title="&#34;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"></p>`,
		`<a href="/?q={{await .}}">x`:     `<a href="/?q=%22%3e%3cscript%3ealert%28%27x%27%29%3c%2fscript%3e">x`,
		`<script>f({{await .}})</script>`: `<script>f("\"\u003e\u003cscript\u003ealert('x')\u003c/script\u003e")</script>`,
		`<!-- {{await .}} -->x`:           `x`,
	} {
		clock := sim.NewClock(t)
		d := deferred.New[string](clock)
		b := browse(t, clock, show(text, d))
		d.Succeed(evil)
		b.want(text, strings.ReplaceAll(want, "\n", "")+"<end>")
	}
	clock := sim.NewClock(t)
	b := browse(t, clock, show(`<a href="{{await .}}">x`, deferred.Succeeded("javascript:alert(1)")))
	b.want("a URL that is a script", `<a href="#ZgotmplZ">x`)
	b = browse(t, clock, show(`<p>{{await .}}`, deferred.Succeeded(template.HTML("<b>ours</b>"))))
	b.want("control: HTML by its type", `<p><b>ours</b>`)
}

// V40: pages that wait at the same time do not take each other's place, in
// whatever order they go on.
func TestV40Interleaved(t *testing.T) {
	clock := sim.NewClock(t)
	templates := &page.Templates{FS: files("p.html", "{{.Name}}({{await .A}}{{flush}}{{await .B}}{{.Name}})")}
	type view struct {
		Name string
		A, B *deferred.Deferred[string]
	}
	var views []view
	h := templates.Page("p.html", func(*deferred.Co, *web.Request) (any, error) {
		v := view{fmt.Sprint("p", len(views)), deferred.New[string](clock), deferred.New[string](clock)}
		views = append(views, v)
		return v, nil
	})
	var all []*browser
	for range 3 {
		all = append(all, browse(t, clock, h))
	}
	for i := 2; i >= 0; i-- {
		views[i].A.Succeed("a")
		clock.Advance(0)
	}
	for _, i := range []int{1, 2, 0} {
		views[i].B.Succeed("b")
		clock.Advance(0)
	}
	for i, b := range all {
		b.want("each page has its own", fmt.Sprintf("p%d(abp%d)<end>", i, i))
	}
}

// A page that begins while another one is asked for a value, and waits before
// that one goes on.
func TestV40Nested(t *testing.T) {
	clock := sim.NewClock(t)
	templates := &page.Templates{FS: files("p.html", "{{.Name}}{{call .Begin}}({{await .D}})")}
	type view struct {
		Name  string
		Begin func() string
		D     *deferred.Deferred[string]
	}
	var inner *browser
	outerD, innerD := deferred.New[string](clock), deferred.New[string](clock)
	inside := templates.Page("p.html", func(*deferred.Co, *web.Request) (any, error) {
		return view{"inner", func() string { return "" }, innerD}, nil
	})
	begin := func() string {
		inner = &browser{sim.Connect(clock, &web.Server{Handler: inside}), t, clock, ""}
		inner.Receive("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
		return ""
	}
	outer := browse(t, clock, templates.Page("p.html", func(*deferred.Co, *web.Request) (any, error) {
		return view{"outer", begin, outerD}, nil
	}))
	outer.want("both wait", "outer(")
	inner.want("both wait", "inner(")
	outerD.Succeed("1")
	outer.want("each its own", "outer(1)<end>")
	innerD.Succeed("2")
	inner.want("each its own", "inner(2)<end>")
}

// A failure before the head becomes a page of 500 with an id, and the log has
// its template and line; X-07: the page has nothing of it.
func TestV40FailureBeforeTheHead(t *testing.T) {
	for _, text := range []string{"fine\n{{await .}}", "fine\n{{.None.Such}}", "fine\n{{index . 7}}"} {
		clock := sim.NewClock(t)
		d := deferred.Failed[string](clock, errors.New("database is away"))
		d.Done(nil)
		b := browse(t, clock, show(text, d))
		got := b.got()
		if !strings.HasPrefix(got, "HTTP/1.1 500 ") || !strings.Contains(got, "Request <code>") || strings.Contains(got, "p.html") || strings.Contains(got, "database") || strings.Contains(got, "fine") {
			t.Errorf("%q: got %s", text, got)
		}
		logged := clock.Logged()
		if !strings.Contains(logged, "p.html:2:") {
			t.Errorf("%q: the log does not name the line: %s", text, logged)
		}
		clock.Errors()
	}
}

// A failure after the head cuts the answer.
func TestV40FailureAfterTheHead(t *testing.T) {
	clock := sim.NewClock(t)
	d := deferred.New[string](clock)
	b := browse(t, clock, show("begun {{await .}} end", d))
	b.want("begun", "begun ")
	d.Fail(errors.New("database is away"))
	if got := b.body(); got != "begun " || !b.Closed() && !b.Aborted() {
		t.Errorf("got %q, aborted %v; want it cut, and closed", got, b.Aborted())
	}
	clock.Errors()
}

// A part that fails, on a page that goes on.
func TestV40Outcome(t *testing.T) {
	clock := sim.NewClock(t)
	d := deferred.New[[]int](clock)
	h := show("{{with outcome .}}{{if .Err}}none today{{else}}{{len .Value}}{{end}}{{end}}.", d)
	b := browse(t, clock, h)
	d.Fail(errors.New("away"))
	b.want("a failure", "none today.<end>")
}

// The client leaves: what the page waits for is cancelled.
func TestV40ClientLeaves(t *testing.T) {
	for _, f := range []string{"await", "outcome"} {
		clock := sim.NewClock(t)
		cancelled := false
		d := deferred.New[string](clock).OnCancel(func() { cancelled = true })
		b := browse(t, clock, show("x{{"+f+" .}}y", d))
		b.got()
		b.Break(io.ErrUnexpectedEOF)
		clock.Advance(0)
		if !cancelled {
			t.Errorf("%s: nobody cancelled it", f)
		}
		clock.Errors()
	}
}

// What a page that fails did not come to is cancelled too; what it had is not.
func TestV40FailureCancelsTheRest(t *testing.T) {
	type view struct {
		First, Second *deferred.Deferred[string]
		third         *deferred.Deferred[string]
	}
	for _, kind := range []string{"struct", "pointer", "map"} {
		clock := sim.NewClock(t)
		cancelled := ""
		slow := func(name string) *deferred.Deferred[string] {
			return deferred.New[string](clock).OnCancel(func() { cancelled += name })
		}
		v := view{slow("1"), slow("2"), slow("3")}
		var data any = v
		switch kind {
		case "pointer":
			data = &v
		case "map":
			data = map[string]any{"Second": v.Second, "First": v.First, "x": 7, "y": nil}
		}
		b := browse(t, clock, show("x{{await .First}}{{await .Second}}", data))
		b.Break(syscall.ECONNRESET)
		clock.Advance(0)
		if cancelled != "12" {
			t.Errorf("%s: cancelled %q, want the first and the second", kind, cancelled)
		}
		v.third.Cancel()

		clock = sim.NewClock(t)
		cancelled = ""
		v = view{slow("1"), slow("2"), nil}
		b = browse(t, clock, show("x{{await .First}}{{await .Second}}", v))
		v.First.Succeed("a")
		v.Second.Succeed("b")
		b.want("control", "xab<end>")
		if cancelled != "" {
			t.Errorf("control: cancelled %q", cancelled)
		}
	}
}

// Mistakes in templates are known when they are loaded.
func TestV40Load(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"fine", "{{.X}}", ""},
		{"syntax", "a\n{{range}}", "p.html:2"},
		{"unknown function", "\n\n{{fetch .}}", "p.html:3"},
		{"missing template", `{{template "none"}}`, "none"},
		{"what cannot be escaped", "\n<script>{{if .X}}'{{end}}", "p.html:2"},
		{"unknown context in a layout", `{{template "l.html" .}}{{define "content"}}<a href='{{end}}`, "p.html"},
	} {
		clock := sim.NewClock(t)
		templates := &page.Templates{FS: files("p.html", c.text, "l.html", `<p>{{block "content" .}}{{end}}</p>`), Pages: []string{"p.html"}, Layouts: []string{"l.*"}}
		d := templates.Load(clock)
		clock.Advance(0)
		o, ok := d.Result()
		if !ok {
			t.Fatal("Load has not fired")
		}
		if c.want == "" && o.Err != nil || c.want != "" && (o.Err == nil || !strings.Contains(o.Err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, o.Err, c.want)
		}
	}
	clock := sim.NewClock(t)
	for name, templates := range map[string]*page.Templates{
		"no FS":       {},
		"no page":     {FS: files("x.txt", "")},
		"bad pattern": {FS: files("x.html", ""), Pages: []string{"["}},
	} {
		d := templates.Load(clock)
		clock.Advance(0)
		if o, _ := d.Result(); o.Err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

// how much may be loaded.
func TestX01Limits(t *testing.T) {
	clock := sim.NewClock(t)
	many := fstest.MapFS{}
	for i := range 1001 {
		many[fmt.Sprint(i, ".html")] = &fstest.MapFile{}
	}
	large := files("p.html", strings.Repeat("x", 16<<20+1))
	for _, fsys := range []fstest.MapFS{many, large} {
		d := (&page.Templates{FS: fsys}).Load(clock)
		clock.Advance(0)
		if o, _ := d.Result(); o.Err == nil {
			t.Error("want an error")
		}
	}
}

// Each page has its own "content" in the one layout.
func TestV40Layouts(t *testing.T) {
	clock := sim.NewClock(t)
	templates := &page.Templates{
		FS: files("layout/main.html", `<title>{{block "title" .}}Site{{end}}</title>{{block "content" .}}{{end}}`,
			"a.html", `{{template "layout/main.html" .}}{{define "title"}}A{{end}}{{define "content"}}a{{.}}{{end}}`,
			"sub/b.html", `{{template "layout/main.html" .}}{{define "content"}}b{{await .}}{{end}}`),
		Pages: []string{"*.html", "sub/*.html"}, Layouts: []string{"layout/*"},
	}
	data := func(*deferred.Co, *web.Request) (any, error) { return "<1>", nil }
	browse(t, clock, templates.Page("a.html", data)).want("a", "<title>A</title>a&lt;1&gt;")
	browse(t, clock, templates.Page("sub/b.html", data)).want("b", "<title>Site</title>b&lt;1&gt;")
	browse(t, clock, templates.Page("a.html", data)).want("a again", "<title>A</title>a&lt;1&gt;")
	if got := browse(t, clock, templates.Page("none.html", data)).got(); !strings.HasPrefix(got, "HTTP/1.1 500 ") {
		t.Errorf("a page that is not there: %s", got)
	}
	clock.Errors()
}

// Reload is for who writes templates; without it nothing is read twice.
func TestV40Reload(t *testing.T) {
	for _, reload := range []bool{true, false} {
		clock := sim.NewClock(t)
		fsys := files("p.html", "one")
		templates := &page.Templates{FS: fsys, Reload: reload}
		h := templates.Page("p.html", nil)
		browse(t, clock, h).want("first", "one")
		fsys["p.html"].Data = []byte("two")
		want := "one"
		if reload {
			want = "two"
		}
		browse(t, clock, h).want("then", want)
		fsys["p.html"].Data = []byte("{{broken")
		if got := browse(t, clock, h).got(); strings.HasPrefix(got, "HTTP/1.1 500") != reload {
			t.Errorf("broken: %s", got)
		}
		clock.Errors()
	}
}

// A page is no longer than the client takes: what is held is bounded.
func TestV40BackPressure(t *testing.T) {
	clock := sim.NewClock(t)
	written := 0
	h := show("{{range .N}}{{call $.Line}}{{end}}", map[string]any{"N": make([]int, 100_000), "Line": func() string { written += 100; return strings.Repeat("x", 100) }})
	s := &web.Server{Handler: h}
	client := sim.Connect(clock, s)
	client.Hold()
	client.Receive("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	clock.Advance(0)
	for range 100 {
		clock.Advance(0)
	}
	if written > 200_000 || written < 16<<10 {
		t.Errorf("%d bytes were made for a client that takes none", written)
	}
	for range 2000 {
		client.Drain(64 << 10)
		clock.Advance(0)
	}
	if written != 10_000_000 || !strings.HasSuffix(client.Written(), "0\r\n\r\n") {
		t.Errorf("%d bytes were made in the end", written)
	}
}

type greeting string

func (g greeting) Render(ctx context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "<p>Hello "+template.HTMLEscapeString(string(g))+strings.Repeat("!", 20_000))
	return err
}

type broken struct{}

func (broken) Render(ctx context.Context, w io.Writer) error {
	io.WriteString(w, "<p>")
	return errors.New("no")
}

// V40: what has templ's Render method is a page, or a part of one.
func TestV40Component(t *testing.T) {
	clock := sim.NewClock(t)
	whole := func(c page.Component) web.Handler {
		return web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			return page.Render(context.Background(), co, w, c)
		})
	}
	b := browse(t, clock, whole(greeting("<you>")))
	if got := b.body(); !strings.HasPrefix(got, "<p>Hello &lt;you&gt;!!") || len(got) < 20_000 {
		t.Errorf("got %.80q", got)
	}
	if got := browse(t, clock, whole(broken{})).got(); !strings.HasPrefix(got, "HTTP/1.1 500") {
		t.Errorf("broken: %s", got)
	}
	clock.Errors()
	got := browse(t, clock, show("<div>{{component .}}</div>", greeting("<you>"))).body()
	if !strings.HasPrefix(got, "<div><p>Hello &lt;you&gt;!!") || !strings.HasSuffix(got, "!</div>") {
		t.Errorf("in a template: %.80q", got)
	}
}

func BenchmarkPage(b *testing.B) {
	text := "<h1>{{.Title}}</h1><ul>{{range await .Posts}}<li>{{.}}</li>{{end}}</ul>"
	posts := []string{"one", "two", "three", "four", "five"}
	clock := sim.NewClock(b)
	b.Run("ready", func(b *testing.B) {
		h := show(text, map[string]any{"Title": "News", "Posts": deferred.Succeeded(posts)})
		client := sim.Connect(clock, &web.Server{Handler: h})
		b.ReportAllocs()
		for b.Loop() {
			client.Receive("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
			clock.Advance(0)
			client.Take()
			client.Clear()
		}
	})
	b.Run("html/template alone", func(b *testing.B) {
		t := template.Must(template.New("").Funcs(template.FuncMap{"await": func(v any) any { return v }}).Parse(text))
		b.ReportAllocs()
		for b.Loop() {
			t.Execute(io.Discard, map[string]any{"Title": "News", "Posts": posts})
		}
	})
}
