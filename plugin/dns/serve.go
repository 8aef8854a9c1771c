package dns

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/doh"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/logsink"
	"github.com/twistor-go/twistor/service/zonejournal"
)

// Service implements plugin.Config.
func (c *Config) Service() (service.Service, error) {
	p, err := c.plan()
	if err != nil {
		return nil, err
	}
	t := &tree{plan: p, log: queryLog{logsink.Output{Name: p.QueryLog}, p.Verbose}}
	g := new(service.Group)
	g.Add("names", t)
	for i, at := range p.listen {
		name := "port"
		if i > 0 {
			name += "-" + strconv.Itoa(i+1)
		}
		g.Add(name, t.port(at))
	}
	if c.bare() {
		g.Add("hint", hint{p.listen[0].endpoint})
	}
	return g, nil
}

// port is the service of a place.
func (t *tree) port(at place) service.Service {
	switch at.by {
	case datagrams:
		return service.ListenPacketEach(at.endpoint, func(l twistor.Loop) twistor.PacketProtocol { return t.on(l).Packets() })
	case https:
		return service.ListenEach(at.endpoint, func(l twistor.Loop) twistor.Factory {
			mux := new(web.Mux)
			mux.Handle("/dns-query", &doh.Server{DNS: t.on(l)})
			return &web.Server{Handler: mux}
		})
	default:
		return service.ListenEach(at.endpoint, func(l twistor.Loop) twistor.Factory { return t.on(l).Factory() })
	}
}

// A tree is what the ports serve: a site for each loop, and what they share. It
// starts before them. Loop-only.
type tree struct {
	*plan
	home twistor.Loop
	log  queryLog
	keys *dns.Keyring
	trusts
	journal *zonejournal.Journal // of updates; nil: none
	auth    *authority.Authority
	zones   []served // of files, in the order in which they came
	sites   []*site  // in the order of the loops; nil: it does not run
}

func (t *tree) Start(co *deferred.Co, h service.Host) (err error) {
	t.home = h.Loop()
	if t.keys, err = t.readKeyring(co); err != nil {
		return err
	}
	if t.trusts, err = t.readTrusts(co); err != nil {
		return noInput(err)
	}
	if err := t.findNamed(co); err != nil {
		return noInput(err)
	}
	if err := t.log.open(co, t.home); err != nil {
		return err
	}
	cookies, err := dns.NewCookies(t.home.Rand())
	if err != nil {
		return errors.Join(err, t.Stop(co))
	}
	if err := t.openAuthority(co, h.Store()); err != nil {
		return errors.Join(err, t.Stop(co))
	}
	for _, l := range t.home.Siblings() {
		t.sites = append(t.sites, t.newSite(l, cookies))
	}
	if err := t.load(co); err != nil {
		return errors.Join(err, t.Stop(co))
	}
	if err := t.each(co, (*site).open); err != nil {
		return errors.Join(noInput(err), t.Stop(co))
	}
	return nil
}

// each calls f on the loop of each site. The error is the first one: what is wrong
// is so on all loops.
func (t *tree) each(co *deferred.Co, f func(*site, *deferred.Co) error) (first error) {
	for _, s := range t.sites {
		_, err := deferred.Ask(t.home, s.loop, func() *deferred.Signal {
			return deferred.Inline(s.loop, func(co *deferred.Co) (struct{}, error) { return struct{}{}, f(s, co) })
		}).Await(co)
		if first == nil {
			first = err
		}
	}
	return first
}

// noInput is a failure of a file that the command line names: it is not there, or
// what is in it is wrong.
func noInput(err error) error {
	if e, ok := errors.AsType[*plugin.Error](err); ok {
		return e
	}
	status := plugin.StatusConfig
	switch {
	case errors.Is(err, fs.ErrNotExist):
		status = plugin.StatusNoInput
	case errors.Is(err, fs.ErrPermission):
		status = plugin.StatusNoPermission
	}
	return &plugin.Error{Status: status, Err: err}
}

// on is the Server of a loop.
func (t *tree) on(at twistor.Loop) *dns.Server {
	for _, s := range t.sites {
		if s.loop == at {
			return s.Server
		}
	}
	panic("dns: internal error: a loop without a site")
}

// Reload implements service.Reloader. It logs what was answered so far. Hosts files and a resolv.conf are looked at
// by themselves.
func (t *tree) Reload(co *deferred.Co) error {
	t.logTally(co)
	return t.reload(co)
}

func (t *tree) Stop(co *deferred.Co) error {
	t.logTally(co)
	err := t.each(co, (*site).end)
	if t.auth != nil {
		err = errors.Join(err, t.auth.Stop(co))
	}
	t.sites, t.zones, t.auth = nil, nil, nil
	return errors.Join(err, t.log.close(co, t.home))
}

// State implements service.Stater.
func (t *tree) State() string {
	state := ""
	if t.auth != nil {
		state = t.zonesState()
	}
	if t.journal != nil && t.journal.Err() != nil {
		state += fmt.Sprintf(", updates are not kept: %v", t.journal.Err())
	}
	if lost := t.log.lost(); lost != "" {
		state += ", " + lost
	}
	return strings.TrimPrefix(state, ", ")
}

// A hint tells who typed no option what there is now, once the ports are open.
type hint struct{ endpoint string }

func (h hint) Start(_ *deferred.Co, host service.Host) error {
	host.Loop().Log().Info("looking names up by the system's servers, for this host", "try", dig(h.endpoint))
	return nil
}

func (hint) Stop(*deferred.Co) error { return nil }

// dig is how to ask at a place, such as udp:127.0.0.1:8053.
func dig(endpoint string) string {
	_, at, _ := strings.Cut(endpoint, ":")
	host, port, ok := strings.Cut(at, ":")
	if !ok {
		host, port = "127.0.0.1", at
	}
	return "dig @" + host + " -p " + port + " example.com"
}
