package weblog

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

// request is what a browser on this machine asks.
func request(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test/1\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// With no option but places, whoever asks the page for something is in the log
// that it shows, and in the stream.
func TestOwnHits(t *testing.T) {
	c := sim.NewClock(t)
	s := begin(t, c, "--page=tcp:127.0.0.1:8001", "--page=tcp:127.0.0.1:8002", "--listen=tcp:127.0.0.1:8003")
	if n := len(c.Ports()); n != 3 {
		t.Fatalf("%d ports are open, want 3", n)
	}
	stream, watcher := c.Ports()[2].Accept(), c.Ports()[0].Accept()
	watcher.Receive(request("/hits"))
	browser := c.Ports()[1].Accept()
	browser.Receive(request("/"))
	browser.Receive(request("/no/such/%3Cpage%3E", "Referer: http://localhost/"))
	c.Advance(time.Second)
	if !strings.Contains(browser.Written(), "<title>weblog</title>") || !strings.Contains(watcher.Written(), `"title":""`) {
		t.Errorf("this is no page of its own hits:\n%.2000s\n%s", browser.Written(), watcher.Written())
	}
	for _, want := range []string{`"GET","/",200,`, `"/no/such/%3Cpage%3E",404,`, `"http://localhost/","test/1"]`} {
		if !strings.Contains(watcher.Written(), want) {
			t.Errorf("the page's stream has no %s:\n%s", want, watcher.Written())
		}
	}
	if err := do(t, c, s.Stop); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(paths(t, stream.Written()), " "); !strings.HasPrefix(got, "/ /no/such/%3Cpage%3E") {
		t.Errorf("the stream has %q, want the hits of the page", got)
	}
	if !strings.HasSuffix(watcher.Written(), "0\r\n\r\n") {
		t.Errorf("the page's stream is cut: %q", watcher.Written())
	}
	if dirs, _ := c.FS().ReadDir("/tmp"); len(dirs) != 0 {
		t.Errorf("files are made: %v", dirs)
	}
}

// A page of a log shows that log, and its own hits are not in it.
func TestPageOfLog(t *testing.T) {
	c := sim.NewClock(t)
	s := begin(t, c, "--log=/tmp/access.log", "--listen=tcp:8001", "--page=tcp:8002")
	watcher, browser, stream := c.Ports()[0].Accept(), c.Ports()[0].Accept(), c.Ports()[1].Accept()
	watcher.Receive(request("/hits"))
	browser.Receive(request("/hello"))
	file, err := c.FS().OpenFile("/tmp/access.log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(file, "::1 - - [22/Nov/2026:10:00:00 +0000] \"GET /logged HTTP/1.1\" 200 1\n")
	c.Advance(2 * time.Second)
	got := watcher.Written()
	if !strings.Contains(got, `"title":"access.log"`) || !strings.Contains(got, `"/logged"`) || strings.Contains(got, "/hello") {
		t.Errorf("got %s, want what is logged, and no more", got)
	}
	if err := do(t, c, s.Stop); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(paths(t, stream.Written()), " "); got != "/logged" {
		t.Errorf("the stream has %q", got)
	}
}

// With --sample visitors are made up beside the page's own hits.
func TestSampleBesidePage(t *testing.T) {
	t.Setenv("TMPDIR", "/tmp") // which the simulated disk has
	c := sim.NewClock(t)
	s := begin(t, c, "--sample", "--page=tcp:8001", "--listen=tcp:8002")
	browser, watcher := c.Ports()[0].Accept(), c.Ports()[0].Accept()
	watcher.Receive(request("/hits"))
	browser.Receive(request("/hello"))
	c.Advance(10 * time.Second)
	if got := watcher.Written(); !strings.Contains(got, `"/hello"`) || strings.Count(got, `"192.0.2.`) < 5 {
		t.Errorf("got %s", got)
	}
	if err := do(t, c, s.Stop); err != nil {
		t.Fatal(err)
	}
}

func TestPageNone(t *testing.T) {
	t.Setenv("TMPDIR", "/tmp") // which the simulated disk has
	c := sim.NewClock(t)
	s := begin(t, c, "--page=none")
	if n := len(c.Ports()); n != 1 {
		t.Errorf("%d ports are open, want that of the stream", n)
	}
	if err := do(t, c, s.Stop); err != nil {
		t.Fatal(err)
	}
}

// With --resume a browser goes on, too, where it was before the restart: it
// gets what was logged meanwhile, each hit once.
func TestPageGoesOn(t *testing.T) {
	w := sim.New(t, 1)
	host := w.Host("server")
	file, err := host.Disk.OpenFile("/tmp/access.log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	hit := func() {
		fmt.Fprintf(file, "::1 - - [22/Nov/2026:10:00:00 +0000] \"GET /%d HTTP/1.1\" 200 1\n", number)
		number++
	}
	for life := range 3 {
		hit()
		var store *persist.Store
		var s service.Service
		host.Do(func(co *deferred.Co) (err error) {
			if store, err = persist.Open(co, host.Loop(), persist.Config{Dir: "/state", Name: "weblog"}); err != nil {
				return err
			}
			c := New()
			c.Log, c.Resume, c.FromStart, c.Listen, c.Page = "/tmp/access.log", true, true, []string{"tcp:8888"}, []string{"tcp:8080"}
			if s, err = c.Service(); err != nil {
				return err
			}
			return s.Start(co, service.With(host.Loop(), store))
		})
		hit()
		w.Advance(3 * time.Second)

		browser := w.Host(fmt.Sprint("browser", life)).Dial("server:8080")
		browser.Send(request("/hits", fmt.Sprintf("Last-Event-ID: resumed-%d", max(0, number-3))))
		w.Advance(3 * time.Second)
		got := browser.Received()
		if strings.Contains(got, `"anew":true`) {
			t.Errorf("life %d: a place of the life before is not known:\n%s", life, got)
		}
		// Hits that it has can come along, with their numbers, by which it knows them.
		for i := range number {
			n := strings.Count(got, fmt.Sprintf(`[%d,1795341600,"::1","-","GET","/%d",`, i, i))
			if n > 1 || n == 0 && i >= number-3 {
				t.Errorf("life %d: hit %d of %d came %d times:\n%s", life, i, number, n, got)
			}
		}
		host.Do(s.Stop)
		host.Do(func(co *deferred.Co) error {
			if _, err := store.Save("shutdown").Await(co); err != nil {
				return err
			}
			return store.Close(co)
		})
	}
}

func TestLocation(t *testing.T) {
	for at, want := range map[string]string{
		"tcp:127.0.0.1:8080": "http://127.0.0.1:8080/",
		"tcp:8080":           "http://localhost:8080/",
		"tcp:[::1]:8080":     "http://[::1]:8080/",
		"tcp:127.0.0.1:0":    "",
		"unix:/run/weblog":   "",
		"tls:443:cert=a.pem": "",
		"tcp:80:backlog=5":   "",
	} {
		if got := location(at); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
}
