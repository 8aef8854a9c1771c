package web_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/textproto"
	"os"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// formServer answers what Form makes of a request.
func formServer(limits web.FormLimits) *web.Server {
	return &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		form, err := r.Form(limits).Await(co)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%v %v %s", form.Values, form.Query, form.Get("a"))
		for _, u := range form.Files {
			all, err := io.ReadAll(u.Open())
			if err != nil || int64(len(all)) != u.Size {
				return fmt.Errorf("got %d bytes and %v, want %d", len(all), err, u.Size)
			}
			fmt.Fprintf(w, "\n%s %q %q %d %.4x", u.Field, u.Name, u.Type, u.Size, sha256.Sum256(all))
		}
		return nil
	})}
}

func postForm(t testing.TB, s *web.Server, target, kind, body string) answered {
	t.Helper()
	return asked(t, s, "POST "+target, "Content-Type: "+kind, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
}

const urlencoded = "application/x-www-form-urlencoded"

// V08: body and query are read, blank values are kept, what is broken is 400.
func TestV08Form(t *testing.T) {
	s := formServer(web.FormLimits{MaxFields: 5})
	for _, c := range []struct {
		target, kind, body, want string
		status                   int
	}{
		{"/", urlencoded, "a=1&b=&a=x+y%26&&c", "map[a:[1 x y&] b:[] c:[]] map[] 1", 200},
		{"/?a=q&d=2", urlencoded + ";charset=utf-8", "b=1", "map[b:[1]] map[a:[q] d:[2]] q", 200},
		{"/?a=q", urlencoded, "a=1", "map[a:[1]] map[a:[q]] 1", 200},
		{"/?a", "", "", "map[] map[a:[]] ", 200},
		{"/", urlencoded, "a=%zz", "broken escape", 400},
		{"/", urlencoded, "a%=1", "broken escape", 400},
		{"/", urlencoded, "a=1;b=2", "semicolon", 400},
		{"/?a=%zz", urlencoded, "", "broken escape", 400},
		{"/", urlencoded, "a&b&c&d&e&f", "too many", 400},
		{"/", "text/plain", "a", "want application/", 415},
		{"/", "multipart/form-data", "a", "boundary", 400},
	} {
		got := postForm(t, s, c.target, c.kind, c.body)
		if got.Status != c.status || !strings.Contains(got.Body, c.want) {
			t.Errorf("%s %s %q: got %d %q, want %d %q", c.target, c.kind, c.body, got.Status, got.Body, c.status, c.want)
		}
	}
}

// H1-24: 10,001 fields, and escapes that are none, are 400.
func TestH1_24Form(t *testing.T) {
	s := formServer(web.FormLimits{})
	if got := postForm(t, s, "/", urlencoded, strings.Repeat("a=1&", 10_001)); got.Status != 400 {
		t.Errorf("10,001 fields: got %d, want 400", got.Status)
	}
	if got := postForm(t, s, "/", urlencoded, strings.Repeat("a=1&", 10_000)); got.Status != 200 {
		t.Errorf("control, 10,000 fields: got %d, want 200", got.Status)
	}
	// Names that collided in tables with a known hash.
	collide := strings.Repeat("AaAa=&AaBB=&BBAa=&BBBB=&", 2000)
	if got := postForm(t, s, "/", urlencoded, collide); got.Status != 200 {
		t.Errorf("colliding names: got %d, want 200", got.Status)
	}
	if got := postForm(t, s, "/", urlencoded, "a=%zz"); got.Status != 400 {
		t.Errorf("%%zz: got %d, want 400", got.Status)
	}
}

type field struct{ name, file, kind, text string }

func multipartOf(t testing.TB, fields ...field) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.SetBoundary("------x")
	for _, f := range fields {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", f.name)}}
		if f.kind != "" {
			h = textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q; filename=%q", f.name, f.file)}, "Content-Type": {f.kind}}
		}
		p, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(p, f.text)
	}
	w.Close()
	return w.FormDataContentType(), b.String()
}

// V08: a multipart form brings values and files, small ones in memory, large ones not.
func TestV08Multipart(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 10_000)
	kind, body := multipartOf(t, field{name: "a", text: "1"}, field{"f", `C:\x\y.txt`, "text/plain", "small"}, field{name: "a", text: "é"},
		field{"g", "../../etc/passwd", "x/y", large}, field{"none", "", "application/octet-stream", ""}, field{"f", "..", "x/y", "z"})
	want := fmt.Sprintf("map[a:[1 é]] map[q:[2]] 1\nf \"y.txt\" \"text/plain\" 5 %.4x\ng \"passwd\" \"x/y\" 160000 %.4x\nf \"\" \"x/y\" 1 %.4x",
		sha256.Sum256([]byte("small")), sha256.Sum256([]byte(large)), sha256.Sum256([]byte("z")))
	for _, memory := range []int64{0, -1, 3, 1 << 20} {
		got := postForm(t, formServer(web.FormLimits{MaxMemoryBytes: memory, Dir: "/"}), "/?q=2", kind, body)
		if got.Body != want {
			t.Errorf("%d bytes of memory: got %q, want %q", memory, got.Body, want)
		}
	}
}

// H1-22: each limit holds, and what is broken is said to be.
func TestH1_22MultipartLimits(t *testing.T) {
	part := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	const kind = "multipart/form-data; boundary=b"
	var many []field
	for range 1000 {
		many = append(many, field{name: "a", text: "1"})
	}
	manyKind, manyBody := multipartOf(t, many...)
	file := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n" + strings.Repeat("x", 5000) + "\r\n--b--\r\n"
	for _, c := range []struct {
		name, kind, body string
		status           int
	}{
		{"control", kind, part + "--b--\r\n", 200},
		{"1,000 parts", manyKind, manyBody, 200},
		{"1,001 parts", kind, strings.Repeat(part, 1001) + "--b--\r\n", 400},
		{"10,001 fields in a head", kind, "--b\r\nContent-Disposition: form-data; name=a\r\n" + strings.Repeat("X: y\r\n", 10_001) + "\r\n1\r\n--b--\r\n", 400},
		{"a head of 1 MiB", kind, "--b\r\nContent-Disposition: form-data; name=" + strings.Repeat("a", 1<<20) + "\r\n\r\n1\r\n--b--\r\n", 400},
		{"a preamble of 1 MiB", kind, strings.Repeat("x\r\n", 1<<19) + part + "--b--\r\n", 400},
		{"boundary of 71", "multipart/form-data; boundary=" + strings.Repeat("b", 71), "", 400},
		{"boundary of 70", "multipart/form-data; boundary=" + strings.Repeat("b", 70), strings.ReplaceAll(part+"--b--\r\n", "--b", "--"+strings.Repeat("b", 70)), 200},
		{"boundary with quotes", `multipart/form-data; boundary="b\""`, part, 400},
		{"no final boundary", kind, part, 400},
		{"cut in a part", kind, part[:len(part)-3], 400},
		{"cut in a head", kind, part[:10], 400},
		{"no disposition", kind, "--b\r\n\r\n1\r\n--b--\r\n", 400},
		{"values of 1 MiB", kind, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + strings.Repeat("a", 1<<20) + "\r\n--b--\r\n", 413},
		{"a file beyond its limit", kind, file, 413},
	} {
		limits := web.FormLimits{MaxFileBytes: 4999, Dir: "/"}
		if got := postForm(t, formServer(limits), "/", c.kind, c.body); got.Status != c.status {
			t.Errorf("%s: got %d %q, want %d", c.name, got.Status, got.Body, c.status)
		}
	}
	if got := postForm(t, formServer(web.FormLimits{MaxFileBytes: 5000}), "/", kind, file); got.Status != 200 {
		t.Errorf("control, a file within its limit: got %q", got.Wire)
	}
	s := formServer(web.FormLimits{})
	s.MaxBodyBytes = 100
	if got := postForm(t, s, "/", kind, part+part+part+"--b--\r\n"); got.Status != 413 {
		t.Errorf("a body beyond its limit: got %d, want 413", got.Status)
	}
}

// H1-22: however a request ends, its temporary files are closed and have no name.
func TestH1_22TemporaryFiles(t *testing.T) {
	for _, end := range []string{"complete", "the client leaves", "panic", "limit", "cut", "unread"} {
		c := sim.NewClock(t)
		disk := &counting{FS: c.FS()}
		loop := diskLoop{c, disk}
		tr := sim.NewTransport(c)
		s := &web.Server{}
		limits := web.FormLimits{MaxMemoryBytes: -1, MaxFileBytes: 200_000, Dir: "/tmp"}
		if err := c.FS().Mkdir("/tmp", 0o700); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		s.Handler = web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			_, err := r.Form(limits).Await(co)
			if end == "panic" {
				c.Errors()
				panic("x")
			}
			return err
		})
		size := map[string]int{"limit": 300_000}[end]
		if size == 0 {
			size = 100_000
		}
		kind, body := multipartOf(t, field{"f", "x", "x/y", strings.Repeat("x", size)})
		tr.Build(twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return s.Build(onDisk{t, loop}) }))
		tr.Receive(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body[:90_000]))
		for range 50 {
			c.Pump(0)
		}
		if disk.opened != 1 || disk.closed != 0 {
			t.Fatalf("%s: in the middle %d files were opened and %d closed, want 1 open", end, disk.opened, disk.closed)
		}
		switch end {
		case "the client leaves":
			tr.Reset()
		case "cut":
			tr.End()
		default:
			for rest := body[90_000:]; rest != ""; {
				n := min(len(rest), 20_000)
				tr.Receive(rest[:n])
				rest = rest[n:]
				for range 20 {
					c.Pump(0)
				}
			}
		}
		for range 50 {
			c.Pump(0)
		}
		c.Errors() // the log of a panic
		if disk.closed != 1 {
			t.Errorf("%s: got %d files closed, want 1", end, disk.closed)
		}
		if names, err := c.FS().ReadDir("/tmp"); err != nil || len(names) != 0 {
			t.Errorf("%s: got %v and %v in the directory, want nothing", end, names, err)
		}
	}
}

// A counting FS knows how many files are open.
type counting struct {
	twistor.FS
	opened, closed int
}

func (d *counting) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	d.opened++
	return &countedFile{f, d}, nil
}

type countedFile struct {
	twistor.File
	disk *counting
}

func (f *countedFile) Close() error { f.disk.closed++; return f.File.Close() }

// A diskLoop is a loop with another disk, onDisk a connection of it.
type diskLoop struct {
	*sim.Clock
	disk twistor.FS
}

func (l diskLoop) FS() twistor.FS { return l.disk }

type onDisk struct {
	twistor.Transport
	loop twistor.Loop
}

func (t onDisk) Loop() twistor.Loop { return t.loop }

// Save writes a file where there is none, in memory or not.
func TestUploadSave(t *testing.T) {
	for _, memory := range []int64{-1, 1 << 20} {
		c := sim.NewClock(t)
		s := &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			form, err := r.Form(web.FormLimits{MaxMemoryBytes: memory, Dir: "/"}).Await(co)
			if err != nil {
				return err
			}
			u := form.File("f")
			_, err = u.Save(r.Loop(), "/saved").Await(co)
			if err != nil {
				return err
			}
			_, again := u.Save(r.Loop(), "/saved").Await(co)
			fmt.Fprint(w, os.IsExist(again), form.File("g") == nil)
			return nil
		})}
		kind, body := multipartOf(t, field{"f", "x", "x/y", "content"})
		got := askedOn(t, c, sim.Connect(c, s), "POST /", "Content-Type: "+kind, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
		if got.Body != "true true" {
			t.Errorf("got %q, want no second file", got.Wire)
		}
		f, err := c.FS().OpenFile("/saved", os.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(f); string(text) != "content" {
			t.Errorf("saved %q", text)
		}
	}
}

// FuzzMultipart: whatever comes, there is an answer, and it is one of four; the
// handler checks that each file has the length that is said.
func FuzzMultipart(f *testing.F) {
	kind, body := multipartOf(f, field{name: "a", text: "1"}, field{"f", "x", "y/z", "content"})
	f.Add(kind, body)
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--")
	f.Add(urlencoded, "a=1&b=%20")
	f.Fuzz(func(t *testing.T, kind, body string) {
		if len(kind) > 1000 || len(body) > 20_000 || strings.ContainsFunc(kind, func(c rune) bool { return c < ' ' || c > '~' }) {
			return
		}
		got := postForm(t, formServer(web.FormLimits{MaxMemoryBytes: 100, Dir: "/"}), "/", strings.TrimSpace(kind), body)
		switch got.Status {
		case 200, 400, 413, 415:
		default:
			t.Errorf("%q %q: got %q", kind, body, got.Wire)
		}
	})
}
