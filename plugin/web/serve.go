package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
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
	if len(c.Auth.Chosen) > 0 {
		if _, err := c.Auth.Checkers(); err != nil {
			return nil, err // or help
		}
	}
	t := &tree{plan: p}
	if c.AccessLog != "" {
		t.file = &logsink.File{Name: c.AccessLog}
		var to io.Writer = t.file
		if c.AccessLog == "-" {
			t.file, to = nil, os.Stdout
		}
		t.queue = &logsink.Queue{To: to}
	}
	g := new(service.Group)
	g.Add("site", t)
	if len(c.ACME) > 0 {
		t.certs = &acme.Certificates{
			Domains: c.ACME, Directory: c.ACMEDirectory, TermsAgreed: c.ACMETerms, Contact: c.ACMEContact,
		}
		g.Add("certificates", &authority{Certificates: t.certs, roots: c.ACMERoots})
	}
	for i, at := range p.listen {
		name := "port"
		if i > 0 {
			name += "-" + strconv.Itoa(i+1)
		}
		g.Add(name, service.ListenEach(at, t.factory))
	}
	if p.acmeHTTP != "" {
		g.Add("http", service.Listen(p.acmeHTTP, &web.Server{Handler: t.certs.Handler(web.HandlerFunc(toHTTPS))}))
	}
	return g, nil
}

// A tree is what the ports serve: a site for each loop, and what they share. It
// starts before them.
type tree struct {
	*plan
	queue *logsink.Queue // of the access log; nil: none
	file  *logsink.File  // nil: standard output
	certs *acme.Certificates
	sites []*site // in the order of the loops
}

func (t *tree) Start(co *deferred.Co, h service.Host) error {
	home := h.Loop()
	if t.file != nil {
		_, err := deferred.Go(home, func(context.Context) (struct{}, error) { return struct{}{}, t.file.Open() }).Await(co)
		if err != nil {
			return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--access-log: %w", err)}
		}
	}
	t.sites = nil
	for _, l := range home.Siblings() {
		var log web.AccessLog
		if t.queue != nil {
			log = &web.LineLog{To: t.queue}
		}
		s, err := t.newSite(l, log)
		if err != nil {
			return err
		}
		t.sites = append(t.sites, s)
	}
	for _, s := range t.sites {
		s.all = t.sites
		if _, err := deferred.Ask(home, s.loop, s.open).Await(co); err != nil {
			return errors.Join(noInput(err), t.Stop(co))
		}
	}
	return nil
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

func (t *tree) Stop(co *deferred.Co) error {
	home := co.Loop()
	for _, s := range t.sites {
		deferred.Ask(home, s.loop, func() *deferred.Signal {
			s.close()
			return deferred.Succeeded(struct{}{})
		}).Await(co)
	}
	t.sites = nil
	if t.queue == nil {
		return nil
	}
	_, err := deferred.Go(home, func(ctx context.Context) (struct{}, error) {
		err := t.queue.Flush(ctx)
		if t.file != nil {
			err = errors.Join(err, t.file.Close())
		}
		return struct{}{}, err
	}).Await(co)
	return err
}

// State implements service.Stater.
func (t *tree) State() string {
	if t.certs != nil {
		return t.certs.State()
	}
	return ""
}

// An authority reads the roots by which the authority's server is trusted.
type authority struct {
	*acme.Certificates
	roots string
}

func (a *authority) Start(co *deferred.Co, h service.Host) error {
	if a.roots != "" {
		files := h.Loop().FS()
		pem, err := deferred.Go(h.Loop(), func(context.Context) ([]byte, error) {
			f, err := files.OpenFile(a.roots, os.O_RDONLY, 0)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return io.ReadAll(io.LimitReader(f, 1<<20))
		}).Await(co)
		if err != nil {
			return noInput(fmt.Errorf("--acme-roots: %w", err))
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return &plugin.Error{Status: plugin.StatusConfig, Err: fmt.Errorf("--acme-roots %s: no certificate in it: want PEM", a.roots)}
		}
		a.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Proxy: http.ProxyFromEnvironment}}
	}
	return a.Certificates.Start(co, h)
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
