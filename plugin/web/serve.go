package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/acme"
	"github.com/twistor-go/twistor/service/logsink"
)

// Service implements plugin.Config.
func (c *Config) Service() (service.Service, error) {
	p, err := c.plan()
	if err != nil {
		return nil, err
	}
	t := &tree{plan: p, log: accessLog{logsink.Output{Name: p.AccessLog}}}
	g := new(service.Group)
	g.Add("site", t)
	if len(p.ACME) > 0 {
		t.certs = &acme.Certificates{
			Domains: p.ACME, Directory: p.ACMEDirectory, TermsAgreed: p.ACMETerms, Contact: p.ACMEContact,
		}
		g.Add("certificates", &authority{Certificates: t.certs, roots: p.ACMERoots})
	}
	for i, at := range p.listen {
		name := "port"
		if i > 0 {
			name += "-" + strconv.Itoa(i+1)
		}
		g.Add(name, service.ListenEach(at, t.factory))
	}
	if p.acmeHTTP != "" {
		t.plain = &web.Server{Handler: t.certs.Handler(web.HandlerFunc(toHTTPS))}
		g.Add("http", service.Listen(p.acmeHTTP, t.plain))
	}
	if p.bare() {
		g.Add("streams", farewell{t}) // the last one stops first
	}
	return g, nil
}

// A tree is what the ports serve: a site for each loop, and what they share. It
// starts before them. Loop-only.
type tree struct {
	*plan
	home  twistor.Loop
	log   accessLog
	certs *acme.Certificates // nil: by --listen only
	plain *web.Server        // at --acme-http; nil: none
	sites []*site            // in the order of the loops; nil: it does not run
}

func (t *tree) Start(co *deferred.Co, h service.Host) error {
	t.home = h.Loop()
	if err := t.check(co); err != nil {
		return err
	}
	if err := t.log.open(co, t.home); err != nil {
		return err
	}
	for _, l := range t.home.Siblings() {
		s, err := t.newSite(l, t.log.of())
		if err != nil {
			return errors.Join(err, t.Stop(co))
		}
		t.sites = append(t.sites, s)
	}
	for _, s := range t.sites {
		if s.welcome != nil {
			s.welcome.all, s.welcome.begun = t.sites, t.home.Now()
		}
	}
	if t.plain != nil {
		t.plain.AccessLog = t.log.of()
	}
	if err := t.each(co, (*site).open); err != nil {
		return errors.Join(noInput(err), t.Stop(co))
	}
	return nil
}

// check looks at what is read when it is asked for only, and would then be
// missed by clients: the directories of --cgi and the files of users.
func (t *tree) check(co *deferred.Co) error {
	files := t.home.FS()
	_, err := deferred.Go(t.home, func(context.Context) (none struct{}, err error) {
		for _, c := range t.cgi {
			info, err := files.Stat(c.value)
			if err == nil && !info.IsDir() {
				err = fmt.Errorf("%s: want a directory", c.value)
			}
			if err != nil {
				return none, fmt.Errorf("--cgi: %w", err)
			}
		}
		for _, name := range t.users {
			f, err := files.OpenFile(name, os.O_RDONLY, 0)
			if err != nil {
				return none, fmt.Errorf("--auth file: %w", err)
			}
			f.Close()
		}
		return none, nil
	}).Await(co)
	if err != nil {
		return noInput(err)
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

// noInput is a failure of a file that the command line names.
func noInput(err error) error {
	status := plugin.StatusNoInput
	if errors.Is(err, fs.ErrPermission) {
		status = plugin.StatusNoPermission
	}
	return &plugin.Error{Status: status, Err: err}
}

// factory is the one of a loop.
func (t *tree) factory(at twistor.Loop) twistor.Factory {
	for _, s := range t.sites {
		if s.loop == at {
			if t.certs != nil {
				return t.certs.Factory(s.Server)
			}
			return s.Server
		}
	}
	return nil
}

// Reload implements service.Reloader.
func (t *tree) Reload(co *deferred.Co) error { return t.each(co, (*site).reload) }

func (t *tree) Stop(co *deferred.Co) error {
	err := t.each(co, (*site).close)
	t.sites = nil
	return errors.Join(err, t.log.close(co, t.home))
}

// State implements service.Stater.
func (t *tree) State() string { return t.log.lost() }

// A farewell ends the answers that would not end by themselves, before the ports
// wait for them.
type farewell struct{ t *tree }

func (farewell) Start(*deferred.Co, service.Host) error { return nil }

// Stop lets pages come back, to whoever listens then.
func (f farewell) Stop(co *deferred.Co) error {
	return f.t.each(co, func(s *site, _ *deferred.Co) error {
		if s.welcome != nil {
			s.welcome.end()
		}
		return nil
	})
}

// toHTTPS redirects to the same place at port 443.
func toHTTPS(w *web.ResponseWriter, r *web.Request) {
	host := r.Host()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
		if strings.Contains(h, ":") {
			host = "[" + h + "]"
		}
	}
	if host == "" {
		web.WriteError(w, r, 400, "", "")
		return
	}
	web.Redirect(w, r, 308, "https://"+host+r.Target())
}
