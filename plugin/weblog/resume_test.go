package weblog

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

// A story is a log, which is written on and on, and a server that follows it
// through many lives.
type story struct {
	t       *testing.T
	w       *sim.World
	host    *sim.Host
	log     twistor.File
	written []string // the paths of its hits

	store   *persist.Store
	service service.Service
	stream  []string // the paths of what was published, by number
	again   int      // how often a hit was published that had been before
}

const logName = "/var/access.log"

func newStory(t *testing.T, seed uint64) *story {
	s := &story{t: t, w: sim.New(t, seed)}
	s.host = s.w.Host("server")
	s.must(s.host.Disk.Mkdir("/var", 0o755))
	s.must(s.host.Disk.SyncDir("/"))
	s.open()
	s.hit()
	return s
}

func (s *story) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// open opens the log as the web server does. All that is done to it is durable:
// what the crash of a machine does to a log is not the matter here.
func (s *story) open() {
	s.t.Helper()
	f, err := s.host.Disk.OpenFile(logName, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	s.must(err)
	s.must(s.host.Disk.SyncDir("/var"))
	s.log = f
}

func (s *story) hit() {
	s.t.Helper()
	path := fmt.Sprint("/", len(s.written))
	s.written = append(s.written, path)
	_, err := fmt.Fprintf(s.log, "::1 - - [22/Nov/2026:10:00:00 +0000] \"GET %s HTTP/1.1\" 200 1\n", path)
	s.must(err)
	s.must(s.log.Sync())
	s.w.Advance(time.Millisecond) // files of one instant have no order
}

func (s *story) rotate() {
	s.t.Helper()
	for i := 20; i >= 0; i-- {
		from := fmt.Sprintf("%s.%d", logName, i)
		if i == 0 {
			from = logName
		}
		err := s.host.Disk.Rename(from, fmt.Sprintf("%s.%d", logName, i+1))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.t.Fatal(err)
		}
	}
	s.open()
	if s.service != nil {
		s.w.Advance(2 * time.Second) // it is seen, unless nobody looks
	}
}

func (s *story) start() {
	s.t.Helper()
	s.host.Do(func(co *deferred.Co) (err error) {
		if s.store, err = persist.Open(co, s.host.Loop(), persist.Config{Dir: "/state", Name: "weblog"}); err != nil {
			return err
		}
		if s.service == nil {
			c := New()
			c.Log, c.Resume, c.FromStart, c.Listen, c.Page = logName, true, true, []string{"tcp:8888"}, nil
			if s.service, err = c.Service(); err != nil {
				return err
			}
		}
		return s.service.Start(co, service.With(s.host.Loop(), s.store))
	})
}

// note adds what the server has published to the stream, by its numbers.
func (s *story) note() {
	s.t.Helper()
	state := s.service.(*service.Group).Get("memory").(*memory).server.State()
	first := int(state.Next) - len(state.Hits)
	for i, path := range paths(s.t, "<weblog>\n"+strings.Join(state.Hits, "")+"</weblog>") {
		switch number := first + i; {
		case number < len(s.stream):
			if s.stream[number] != path {
				s.t.Fatalf("hit %d is %s, and was %s in a former life", number, path, s.stream[number])
			}
		case number == len(s.stream):
			s.stream = append(s.stream, path)
		default:
			s.t.Fatalf("there is a hit %d, but no hit %d", number, len(s.stream))
		}
	}
	if int(state.Next) < len(s.stream) {
		s.again += len(s.stream) - int(state.Next)
	}
}

func (s *story) stop() {
	s.t.Helper()
	s.host.Do(s.service.Stop)
	s.note()
	s.host.Do(func(co *deferred.Co) error {
		if _, err := s.store.Save("shutdown").Await(co); err != nil {
			return err
		}
		return s.store.Close(co)
	})
	s.service = nil
}

func (s *story) crash() {
	s.t.Helper()
	s.note()
	s.host.Crash()
	s.host.Restart()
	s.service = nil
	s.open()
}

// check requires that the stream is the log: hit i is its line i, in all lives.
func (s *story) check() {
	s.t.Helper()
	if !slices.Equal(s.stream, s.written) {
		s.t.Errorf("published were %d hits of %d, or in another order:\n%v", len(s.stream), len(s.written), s.stream)
	}
}

// Whatever happens to the log, and to the program, and when: each line becomes
// one hit, and has the same number in all lives.
func TestResume(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { resume(t, seed) })
	}
}

func resume(t *testing.T, seed uint64) {
	s := newStory(t, seed)
	s.start()
	s.w.Advance(10 * time.Second)
	chance := s.w.Split("story")
	for range 60 {
		switch chance.IntN(10) {
		case 0:
			s.rotate()
		case 1:
			if s.service != nil {
				s.crash()
			}
		case 2:
			if s.service != nil {
				s.stop()
			}
		case 3, 4:
			if s.service == nil {
				s.start()
			}
		case 5:
			s.w.Advance(time.Duration(chance.IntN(5000)) * time.Millisecond)
		default:
			s.hit()
		}
	}
	if s.service == nil {
		s.start()
	}
	s.w.Advance(10 * time.Minute)
	s.stop()
	s.check()
}

// The stream goes on: who has the last hits replayed gets those of a former
// life, too, and each once, unless that life ended by a crash.
func TestResumeReplay(t *testing.T) {
	s := newStory(t, 0)
	s.start()
	s.hit()
	s.w.Advance(10 * time.Second)
	s.stop()
	s.hit()
	s.start()
	s.hit()
	s.w.Advance(10 * time.Second)
	s.note()
	if got, want := len(s.stream), 4; got != want || s.again > 0 {
		t.Errorf("%d hits are kept, %d came again, want %d and none", got, s.again, want)
	}
	state := s.service.(*service.Group).Get("memory").(*memory).server.State()
	if len(state.Hits) != 4 {
		t.Errorf("%d hits can be replayed, want those of both lives", len(state.Hits))
	}
	s.crash()
	s.start()
	state = s.service.(*service.Group).Get("memory").(*memory).server.State()
	if len(state.Hits) != 0 || state.Next != 4 {
		t.Errorf("after a crash got %d hits up to %d, want none and the numbers of before", len(state.Hits), state.Next)
	}
	s.stop()
	s.check()
}

// A service that was stopped for an upgrade, which then failed, starts again.
func TestResumeTheSameService(t *testing.T) {
	s := newStory(t, 0)
	s.start()
	for range 5 {
		s.hit()
		s.w.Advance(2 * time.Second)
		same := s.service
		s.stop()
		s.hit()
		s.service = same
		s.start()
	}
	s.w.Advance(10 * time.Second)
	s.stop()
	s.check()
}

// While the place cannot be remembered, hits are published all the same; that is
// logged once. When it can be again, it is, and nothing is lost by a crash.
func TestResumeDiskFails(t *testing.T) {
	s := newStory(t, 0)
	s.start()
	failing := true
	s.host.Disk.Before = func(c sim.DiskCall) error {
		if failing && strings.HasPrefix(c.Name, "/state") {
			return syscall.ENOSPC
		}
		return nil
	}
	for range 10 {
		s.hit()
		s.w.Advance(time.Second)
	}
	s.note()
	s.check()
	told := 0
	for _, err := range s.w.Errors() {
		if strings.Contains(err.Error(), "place in the log") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("it was logged %d times, want once", told)
	}
	failing = false
	s.w.Advance(time.Minute)
	s.hit()
	s.w.Advance(10 * time.Second)
	s.crash()
	s.start()
	s.w.Advance(10 * time.Second)
	if s.note(); s.again > 0 {
		t.Errorf("%d hits came again, want the place remembered when the disk worked", s.again)
	}
	s.stop()
	s.check()
}

// The control: without --resume, what is written meanwhile is lost.
func TestWithoutResume(t *testing.T) {
	c := sim.NewClock(t)
	file, _ := c.FS().OpenFile("/tmp/access.log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	first := begin(t, c, "--log=/tmp/access.log", "--listen=tcp:8001")
	if err := do(t, c, first.Stop); err != nil {
		t.Fatal(err)
	}
	file.Write([]byte("::1 - - [22/Nov/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 1\n"))
	second := begin(t, c, "--log=/tmp/access.log", "--listen=tcp:8001", "--replay")
	client := c.Ports()[0].Accept()
	if err := do(t, c, second.Stop); err != nil {
		t.Fatal(err)
	}
	if got := paths(t, client.Written()); len(got) != 0 {
		t.Errorf("got %v, want nothing: the test above would prove nothing", got)
	}
}

func TestResumeWants(t *testing.T) {
	c := New()
	c.Resume = true
	if _, err := c.Service(); err == nil || !strings.Contains(err.Error(), "--log") {
		t.Errorf("without --log: got %v, want it refused", err)
	}
	c.Log = "/tmp/access.log"
	if !c.Remembers() || New().Remembers() || !c.Sole() || !New().Sole() {
		t.Error("want a memory with --resume only, and one process always")
	}
	s, err := c.Service()
	if err != nil {
		t.Fatal(err)
	}
	clock := sim.NewClock(t)
	err = do(t, clock, func(co *deferred.Co) error { return s.Start(co, service.On(clock)) })
	if wrong, ok := errors.AsType[*plugin.Error](err); !ok || wrong.Status != plugin.StatusConfig {
		t.Errorf("without a Store: got %v, want status 78", err)
	}
}
