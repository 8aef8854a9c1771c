package weblog

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/follow"
)

const (
	// maxSampleBytes is where a made-up log is truncated, as logrotate would.
	maxSampleBytes = 1 << 20
	// maxSampleDelay is the longest time between two visits.
	maxSampleDelay = 800 * time.Millisecond
)

// A sample is the service that makes up a log: a file in a directory of its
// own, which it removes at the end. Loop-only.
type sample struct {
	follower *follow.Follower // is told the file's name

	loop    twistor.Loop
	dir     string
	visitor visitor
	timer   twistor.Timer
	lane    deferred.Lane // of the file's jobs, which own what follows
	file    twistor.File
	written int64
}

// Start makes the file, under a name that nobody can guess.
func (s *sample) Start(co *deferred.Co, h service.Host) error {
	s.loop = h.Loop()
	var random [16]byte
	if _, err := io.ReadFull(s.loop.Rand(), random[:]); err != nil {
		return err
	}
	seed := binary.LittleEndian.Uint64(random[8:])
	s.visitor.rnd = rand.New(rand.NewPCG(seed, 0))
	s.dir = filepath.Join(os.TempDir(), "twistor-weblog-"+hex.EncodeToString(random[:8]))
	s.follower.Name = filepath.Join(s.dir, "access.log")

	fsys := s.loop.FS()
	_, err := s.lane.Go(s.loop, func(context.Context) (err error) {
		if err = fsys.Mkdir(s.dir, 0o700); err != nil {
			return err
		}
		s.file, err = fsys.OpenFile(s.follower.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
		return err
	}).Await(co)
	if err != nil {
		return &plugin.Error{Status: plugin.StatusCannotCreate, Err: err}
	}
	s.loop.Log().Info("weblog: here is a log that is made up", "file", s.follower.Name)
	s.timer = s.loop.CallLater(0, s.visited)
	return nil
}

// Stop removes the file when what is being written is.
func (s *sample) Stop(co *deferred.Co) error {
	s.timer.Stop()
	fsys := s.loop.FS()
	_, err := s.lane.Go(s.loop, func(context.Context) error {
		s.file.Close()
		if err := fsys.Remove(s.follower.Name); err != nil {
			return err
		}
		return fsys.Remove(s.dir)
	}).Await(co)
	return err
}

// visited logs a few hits, and waits for the next visit.
func (s *sample) visited() {
	lines := s.visitor.visit(s.loop.Now())
	s.lane.Go(s.loop, func(context.Context) error {
		if s.written > maxSampleBytes {
			s.written = 0
			if err := s.file.Truncate(0); err != nil {
				return err
			}
		}
		n, err := s.file.Write(lines)
		s.written += int64(n)
		return err
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			s.loop.Log().Warn("weblog: cannot go on making up a log", "file", s.follower.Name, "err", err)
			s.timer.Stop()
		}
	})
	s.timer.Reset(s.visitor.rest(s.loop.Now()))
}

// A visitor makes up hits.
type visitor struct{ rnd *rand.Rand }

// rest is how long nobody comes: there are busy and quiet half minutes.
func (v visitor) rest(now time.Time) time.Duration {
	quiet := 0.6 + 0.4*math.Sin(2*math.Pi*float64(now.Unix()%47)/47)
	return time.Duration(v.rnd.Int64N(int64(quiet * float64(maxSampleDelay))))
}

// visit returns one to three lines: a page, and what belongs to it.
func (v visitor) visit(now time.Time) (lines []byte) {
	host := fmt.Sprintf("192.0.2.%d", 1+v.rnd.IntN(254))
	if v.rnd.IntN(4) == 0 {
		host = fmt.Sprintf("2001:db8::%x", 1+v.rnd.IntN(0xffff))
	}
	agent := pick(v.rnd, agents)
	if v.rnd.IntN(3) == 0 {
		host = pick(v.rnd, regulars)
	}
	page, referrer := pick(v.rnd, pages), pick(v.rnd, referrers)
	for i := range 1 + v.rnd.IntN(3) {
		method, status := "GET", 200
		switch v.rnd.IntN(24) {
		case 0, 1:
			status = 304
		case 2, 3:
			status = 404
		case 4:
			status = 503
		case 5, 6:
			if i == 0 {
				method, status = "POST", 302
			}
		}
		path := page
		if i > 0 {
			path, referrer = pick(v.rnd, parts), "http://www.example.com"+page
		}
		size := fmt.Sprint(200 + v.rnd.IntN(40_000))
		if status == 304 {
			size = "0"
		}
		lines = fmt.Appendf(lines, "%s - - [%s] \"%s %s HTTP/1.1\" %d %s \"%s\" \"%s\"\n",
			host, now.Format("02/Jan/2006:15:04:05 -0700"), method, path, status, size, referrer, agent)
	}
	return lines
}

func pick(rnd *rand.Rand, from []string) string { return from[rnd.IntN(len(from))] }

var (
	pages     = []string{"/", "/about", "/articles/event-driven", "/articles/twelve-servers", "/search?q=reactor&page=2", "/feed.xml"}
	parts     = []string{"/style.css", "/logo.svg", "/script.js", "/photos/1.jpg", "/photos/2.jpg"}
	referrers = []string{"-", "-", "https://search.example.org/?q=networking", "https://news.example.net/item?id=42"}
	regulars  = []string{"192.0.2.7", "192.0.2.80", "198.51.100.23", "203.0.113.5", "2001:db8::1f"}
	agents    = []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
		"curl/8.14.1", "Lynx/2.9.2",
		"Mozilla/5.0 (compatible; Crawler/1.0; +https://search.example.org/bot)",
	}
)
