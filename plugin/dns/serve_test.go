package dns

import (
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A serving is a server under test, of two loops, and who asks it.
type serving struct {
	t       *testing.T
	w       *sim.World
	host    *sim.Host
	client  *sim.Host
	asking  *dns.Client
	service service.Service
}

// prepare makes a server of a command line, and puts files on its disk.
func prepare(t *testing.T, w *sim.World, name string, files map[string]string, args ...string) *serving {
	t.Helper()
	s := &serving{t: t, w: w, host: w.Host(name), client: w.Host("client of " + name)}
	s.host.LoopCount = 2
	for _, file := range slices.Sorted(maps.Keys(files)) {
		s.write(file, files[file])
	}
	config := parse(t, args...)
	if config.Listen == nil {
		config.Listen = []string{"dns:53"}
	}
	var err error
	if s.service, err = config.Service(); err != nil {
		t.Fatal(err)
	}
	s.asking = &dns.Client{Loop: s.client.Loop(), KeepCase: true, TrustAD: true}
	t.Cleanup(func() { s.asking.Close() })
	return s
}

// serve is prepare, and starts it.
func serve(t *testing.T, w *sim.World, name string, files map[string]string, args ...string) *serving {
	t.Helper()
	s := prepare(t, w, name, files, args...)
	s.host.Do(func(co *deferred.Co) error { return s.service.Start(co, service.On(s.host.Loop())) })
	t.Cleanup(func() {
		if s.service != nil {
			s.host.Do(s.service.Stop)
		}
	})
	return s
}

// start starts it, and returns the error.
func (s *serving) start() (err error) {
	s.t.Helper()
	s.host.Do(func(co *deferred.Co) error {
		err = s.service.Start(co, service.On(s.host.Loop()))
		return nil
	})
	return err
}

func (s *serving) write(name, text string) {
	s.t.Helper()
	files := s.host.Loop().FS()
	if dir := path.Dir(name); dir != "." {
		if err := files.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			s.t.Fatal(err)
		}
	}
	f, err := files.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write([]byte(text))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// tree is what all loops share.
func (s *serving) tree() *tree { return s.service.(*service.Group).Get("names").(*tree) }

// reload reloads it, and returns the error.
func (s *serving) reload() (err error) {
	s.t.Helper()
	s.host.Do(func(co *deferred.Co) error {
		err = s.service.(service.Reloader).Reload(co)
		return nil
	})
	return err
}

// ask asks a question and returns the code and the records of the answer, each
// without what stands before its data.
func (s *serving) ask(question string) string {
	s.t.Helper()
	name, kind, _ := strings.Cut(question, " ")
	m := &dns.Message{Question: []dns.Question{{Name: name, Qclass: dns.ClassIN}}}
	m.RecursionDesired, m.AuthenticatedData = true, true
	for t := dns.Type(1); t < 300; t++ {
		if t.String() == kind {
			m.Question[0].Qtype = uint16(t)
		}
	}
	var said []string
	s.client.Do(func(co *deferred.Co) error {
		a, err := s.asking.Exchange(m, dns.Upstream{Addr: netip.AddrPortFrom(s.host.Addr(), 53)}).Await(co)
		if err != nil {
			said = append(said, err.Error())
			return nil
		}
		said = append(said, dns.Rcode(a.Rcode).String())
		if a.Authoritative {
			said = append(said, "AA")
		}
		if a.AuthenticatedData {
			said = append(said, "AD")
		}
		for _, rr := range a.Answer {
			said = append(said, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		return nil
	})
	return strings.Join(said, " ")
}

func (s *serving) want(question, want string) {
	s.t.Helper()
	if got := s.ask(question); got != want {
		s.t.Errorf("%s: got %q, want %q", question, got, want)
	}
}

// apex is what every zone begins with.
func apex(serial string) string {
	return "$TTL 300\n@ IN SOA ns hostmaster " + serial + " 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
}

// G07, N13: zones of --zone, with a name or without, and of --zone-dir, over UDP
// and TCP, on all loops; nobody else's names.
func TestG07Zones(t *testing.T) {
	s := serve(t, sim.New(t, 1), "server", map[string]string{
		"one":              apex("1") + "www A 192.0.2.1\n",
		"two.example.zone": apex("2") + "www A 192.0.2.2\n",
		"three":            "; a comment\n$ORIGIN example.\nthree 60 IN SOA ns.three x 3 1 1 1 1\nthree 60 NS ns.three\nns.three 60 A 192.0.2.53\nwww.three 60 A 192.0.2.3\n",
		"zones/db.four":    apex("4") + "www A 192.0.2.4\n$INCLUDE more\n",
		"zones/more":       "ftp A 192.0.2.44\n",
		"zones/notes":      "not a zone\n",
		"zones/old~":       "not a zone\n",
		"zones/five":       "five.example. 60 IN SOA ns.five.example. x. 5 1 1 1 1\nfive.example. 60 NS ns.five.example.\nns.five.example. 60 A 192.0.2.5\n",
	}, "--zone", "One.Example=one", "--zone", "two.example.zone", "--zone", "three", "--zone-dir", "zones", "--tsig", "k:c2VjcmV0")
	s.want("www.one.example. A", "NOERROR AA 192.0.2.1")
	s.want("www.two.example. A", "NOERROR AA 192.0.2.2")
	s.want("www.three.example. A", "NOERROR AA 192.0.2.3")
	s.want("www.four. A", "NOERROR AA 192.0.2.4")
	s.want("ftp.four. A", "NOERROR AA 192.0.2.44")
	s.want("ns.five.example. A", "NOERROR AA 192.0.2.5")
	s.want("nobody.one.example. A", "NXDOMAIN AA")
	s.want("www.example.org. A", "REFUSED")
	s.want("one.example. AXFR", "REFUSED")
	if got, want := s.tree().State(), "5 zones"; got != want {
		t.Errorf("state: got %q, want %q", got, want)
	}
}

// G07: what all loops answered is counted, and logged at a reload and at the end.
func TestG07Tally(t *testing.T) {
	s := serve(t, sim.New(t, 4), "server", map[string]string{"a.zone": apex("1")}, "--zone", "a.zone")
	for range 3 {
		s.want("ns.a. A", "NOERROR AA 192.0.2.53")
	}
	s.want("nobody.a. A", "NXDOMAIN AA")
	s.want("b. A", "REFUSED")
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	s.want("b. A", "REFUSED")
	s.host.Do(s.service.Stop)
	s.service = nil
	for _, want := range []string{"5 queries, 3 NOERROR, 1 NXDOMAIN, 1 REFUSED", "6 queries, 3 NOERROR, 1 NXDOMAIN, 2 REFUSED"} {
		if log := s.w.Logged(); !strings.Contains(log, want) {
			t.Errorf("got %q, want %q in the log", log, want)
		}
	}
}

// G07: what is broken when it starts is an error that says where, with a status of
// sysexits.h, and nothing listens.
func TestG07BrokenAtStart(t *testing.T) {
	w := sim.New(t, 2)
	for i, tc := range []struct {
		files  map[string]string
		args   string
		status plugin.Status
		want   string
	}{
		{nil, "--zone|a=none", plugin.StatusNoInput, "--zone: open none: "},
		{nil, "--zone-dir|none", plugin.StatusNoInput, "--zone-dir: "},
		{map[string]string{"a": apex("1") + "www A 192.0.2.256\n"}, "--zone|a.example=a", plugin.StatusConfig, "a:5"},
		{map[string]string{"a": "www A 192.0.2.1\n"}, "--zone|a.example=a", plugin.StatusConfig, "a:"},
		{map[string]string{"a": apex("1"), "b": apex("1")}, "--zone|x=a|--zone|b|--zone|b=b", plugin.StatusConfig, "b: zone b. is in b, too: want one file for it"},
		{map[string]string{"a": apex("1")}, "--zone|a|--secondary|192.0.2.1/a", plugin.StatusConfig, "--secondary: zone a. has a file, too"},
		{nil, "--secondary|192.0.2.1/a|--tsig|keys", plugin.StatusNoInput, "--tsig: open keys: "},
		{map[string]string{"keys": "nonsense"}, "--secondary|192.0.2.1/a|--tsig|keys", plugin.StatusConfig, "--tsig keys: "},
		{map[string]string{"keys": "k:c2VjcmV0\n"}, "--secondary|a=192.0.2.1,key:other|--tsig|keys", plugin.StatusConfig, "key:other: none of --tsig has that name"},
		{nil, "--recursive|--root-hints|none", plugin.StatusNoInput, "--root-hints: "},
		{map[string]string{"hints": "a A 192.0.2.1"}, "--recursive|--root-hints|hints", plugin.StatusConfig, "--root-hints: "},
		{nil, "--hosts|none", plugin.StatusNoInput, "--hosts: open none: "},
		{nil, "--resolv-conf|none", plugin.StatusNoInput, "--resolv-conf: open none: "},
		{nil, "--forward|192.0.2.1|--query-log|none/log", plugin.StatusCannotCreate, "--query-log: "},
	} {
		s := prepare(t, w, "server-"+string(rune('a'+i)), tc.files, strings.Split(tc.args, "|")...)
		err := s.start()
		e, ok := errors.AsType[*plugin.Error](err)
		if !ok || e.Status != tc.status || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v (%T), want status %d with %q", tc.args, err, err, tc.status, tc.want)
		}
	}
}

// G07, S02: a reload serves what changed; a zone that is broken, or whose file has
// gone, stays what it was, and the error says where. A file that has left the
// directory takes its zone with it; a new one brings one.
func TestG07Reload(t *testing.T) {
	s := serve(t, sim.New(t, 3), "server", map[string]string{
		"one":          apex("1") + "www A 192.0.2.1\n",
		"two":          apex("1") + "www A 192.0.2.2\n",
		"d/three.zone": apex("1") + "www A 192.0.2.3\n",
	}, "--zone", "one.example=one", "--zone", "two.example=two", "--zone-dir", "d")
	s.write("one", apex("2")+"www A 192.0.2.11\n")
	s.write("two", apex("2")+"www A 192.0.2.x\n")
	if err := s.reload(); err == nil || !strings.Contains(err.Error(), "two:5") || strings.Contains(err.Error(), " one:") {
		t.Errorf("got %v, want an error about line 5 of two", err)
	}
	s.want("www.one.example. A", "NOERROR AA 192.0.2.11")
	s.want("www.two.example. A", "NOERROR AA 192.0.2.2")
	s.want("two.example. SOA", "NOERROR AA ns.two.example. hostmaster.two.example. 1 3600 600 86400 60")

	s.write("two", apex("3")+"www A 192.0.2.22\n")
	s.write("d/four.zone", apex("1")+"www A 192.0.2.4\n")
	if err := errors.Join(s.host.Loop().FS().Remove("one"), s.host.Loop().FS().Remove("d/three.zone")); err != nil {
		t.Fatal(err)
	}
	if err := s.reload(); err == nil || !strings.Contains(err.Error(), "open one: ") || strings.Contains(err.Error(), "two") {
		t.Errorf("got %v, want an error about one only", err)
	}
	s.want("www.one.example. A", "NOERROR AA 192.0.2.11")
	s.want("www.two.example. A", "NOERROR AA 192.0.2.22")
	s.want("www.three. A", "REFUSED")
	s.want("www.four. A", "NOERROR AA 192.0.2.4")

	// The other zone's name in the file is another zone.
	s.write("one", "$ORIGIN one.example.\n"+apex("5"))
	s.write("d/four.zone", "$ORIGIN five.\n"+apex("1")+"www A 192.0.2.5\n")
	if err := s.reload(); err != nil {
		t.Error(err)
	}
	s.want("www.four. A", "REFUSED")
	s.want("www.five. A", "NOERROR AA 192.0.2.5")
	s.want("one.example. SOA", "NOERROR AA ns.one.example. hostmaster.one.example. 5 3600 600 86400 60")
	if err := s.reload(); err != nil {
		t.Error(err)
	}
}
