package weblog

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/plugin/weblog/page"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
)

// none, as the only place of the page, says that there is none.
const none = "none"

// shows reports whether there is a page.
func (c *Config) shows() bool { return len(c.Page) > 0 && !slices.Equal(c.Page, []string{none}) }

func (c *Config) checkPage() error {
	if !c.shows() {
		return nil
	}
	for _, at := range c.Page {
		if at == none {
			return plugin.Usage("--page: want places or %s, not both", none)
		}
		if _, err := endpoint.ParseListener(at); err != nil {
			return plugin.Usage("--page: %w; or %s", err, none)
		}
	}
	return nil
}

// A showing is the service of the page: it begins before the log is read, so
// that it misses nothing, and listens from then on. Loop-only.
type showing struct {
	page   *page.Page
	places []string
	port   service.Service
	server *weblog.Server
	memory *memory // nil: none
}

// show makes the page of what server publishes. Without a log, the page's own
// hits are what it publishes.
func (c *Config) show(server *weblog.Server, m *memory) *showing {
	s := &showing{page: new(page.Page), places: c.Page, server: server, memory: m}
	site := &web.Server{Handler: s.page}
	switch {
	case c.Log != "":
		s.page.Title = filepath.Base(c.Log)
	case c.Sample:
		s.page.Title = "sample"
		fallthrough
	default:
		site.AccessLog = &web.LineLog{To: publisher{server}}
	}
	if m != nil {
		s.page.Epoch = "resumed" // numbers go on through all lives
	}
	server.Published = s.page.Published
	s.port = service.ListenAll(c.Page, site)
	return s
}

// Bind implements service.Binder.
func (s *showing) Bind(h service.Host) error {
	return elsewhere(s.port.(service.Binder).Bind(h))
}

// Start comes when it is known what is remembered.
func (s *showing) Start(co *deferred.Co, h service.Host) error {
	s.server.Log = h.Loop().Log()
	s.page.Next = s.server.Next()
	if s.memory != nil {
		hits := s.server.State().Hits
		s.page.Past = decoded(hits[max(0, len(hits)-page.MaxPast):])
	}
	if err := s.page.Start(co, h); err != nil {
		return err
	}
	if err := s.port.Start(co, h); err != nil {
		return elsewhere(err)
	}
	for _, at := range s.places {
		if url := location(at); url != "" {
			h.Loop().Log().Info("weblog: open the page in a browser", "url", url)
		}
	}
	return nil
}

// location is what a browser on this machine calls a place; "": it is one that
// only its owner can name.
func location(at string) string {
	place, ok := strings.CutPrefix(at, "tcp:")
	if !ok {
		return ""
	}
	if !strings.Contains(place, ":") {
		place = "localhost:" + place
	}
	host, port, err := net.SplitHostPort(place)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 {
		return "" // with options, or at any port that is free
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Stop ends the streams first: the port waits for answers to end.
func (s *showing) Stop(co *deferred.Co) error {
	s.page.Stop(co)
	return s.port.Stop(co)
}

// elsewhere says what can be done about a place that is not to be had: it may
// well be that nobody asked for it.
func elsewhere(err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("the page: %w: want another place by --page, or --page %s", err, none)
}

// decoded are the hits of a State.
func decoded(elements []string) (hits []weblog.Hit) {
	document := "<weblog>\n" + strings.Join(elements, "") + "</weblog>\n"
	for h, err := range weblog.Hits(strings.NewReader(document)) {
		if err != nil {
			break // the rest is shown when it comes again
		}
		hits = append(hits, h)
	}
	return hits
}

// A publisher has the lines of an access log published.
type publisher struct{ server *weblog.Server }

// Write takes one line.
func (p publisher) Write(line []byte) (int, error) {
	p.server.Publish([][]byte{line[:len(line)-1]})
	return len(line), nil
}
