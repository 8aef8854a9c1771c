package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
)

// maxSites is how many server names one directory may have.
const maxSites = 4096

// sites are the server names of a listener and their certificates. Immutable,
// but for the keys of tickets.
type sites struct {
	list   []*site
	byName map[string]*site
}

// A site is one server name.
type site struct {
	sitePaths
	stamps [4]stamp
	config *tls.Config
	keys   [][32]byte // of tickets, the newest first; owned by the loop of Certificates
}

// sitePaths are the files of a site; "" where there is none.
type sitePaths struct {
	name                       string // in lower case; "": all that are not known
	cert, key, chain, clientCA string
}

// A stamp is how a file looked from outside.
type stamp struct {
	size     int64
	modified int64 // nanoseconds, by the file's clock
}

// find is the site of that name, of all names one label below the same, or of
// those not known; nil if there is none.
func (s *sites) find(name string) *site {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if at, ok := s.byName[name]; ok {
		return at
	}
	if _, above, ok := strings.Cut(name, "."); ok {
		if at, ok := s.byName["*."+above]; ok {
			return at
		}
	}
	return s.byName[""]
}

// read reads the sites that changed since old; nil if none did. A site that
// cannot be read stays as it was in old, and the error says why.
func (c *Certificates) read(files twistor.FS, old *sites) (*sites, error) {
	all, err := c.paths(files)
	if err != nil {
		return nil, err
	}
	next := &sites{byName: make(map[string]*site, len(all))}
	changed := false
	var failures []error
	for _, paths := range all {
		before := old.byName[paths.name]
		at, err := c.readSite(files, paths, before)
		if err != nil {
			failures = append(failures, err)
			at = before
		}
		if at == nil {
			continue
		}
		changed = changed || at != before
		next.list = append(next.list, at)
		next.byName[at.name] = at
	}
	if len(next.list) == 0 && len(failures) == 0 {
		failures = append(failures, fmt.Errorf("%s: no NAME.pem in it: want one or more", c.Dir))
	}
	changed = changed || len(next.list) != len(old.list)
	if !changed || len(next.list) == 0 {
		next = nil
	}
	return next, errors.Join(failures...)
}

// readSite reads one site, or returns before if its files look the same.
func (c *Certificates) readSite(files twistor.FS, paths sitePaths, before *site) (*site, error) {
	at := &site{sitePaths: paths}
	for i, name := range []string{paths.cert, paths.key, paths.chain, paths.clientCA} {
		if name == "" {
			continue
		}
		// Before they are read: what is written meanwhile will look different.
		stat, err := files.Stat(name)
		if err != nil {
			return nil, err
		}
		at.stamps[i] = stamp{stat.Size(), stat.ModTime().UnixNano()}
	}
	if before != nil && before.sitePaths == paths && before.stamps == at.stamps {
		return before, nil
	}
	pair, err := readPair(files, paths.cert, paths.key, paths.chain)
	if err != nil {
		return nil, err
	}
	at.config = c.Template.Clone()
	at.config.Certificates = []tls.Certificate{pair}
	if paths.clientCA != "" {
		text, err := readFile(files, paths.clientCA)
		if err != nil {
			return nil, err
		}
		at.config.ClientCAs = x509.NewCertPool()
		if !at.config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: %w", paths.clientCA, errNoCertificate)
		}
		at.config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return at, nil
}

// paths lists the sites there are, by name.
func (c *Certificates) paths(files twistor.FS) ([]sitePaths, error) {
	var all []sitePaths
	if c.Cert != "" {
		all = append(all, sitePaths{cert: c.Cert, key: c.Key, chain: c.Chain, clientCA: c.ClientCA})
	}
	if c.Dir == "" {
		return all, nil
	}
	entries, err := files.ReadDir(c.Dir)
	if err != nil {
		return nil, err
	}
	var certs []string
	clientCAs := make(map[string]string)
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".ca.pem"); ok {
			clientCAs[name] = filepath.Join(c.Dir, e.Name())
		} else if name, ok := strings.CutSuffix(e.Name(), ".pem"); ok && isName(strings.TrimPrefix(name, "*.")) {
			certs = append(certs, name)
		}
	}
	if len(certs) > maxSites {
		return nil, fmt.Errorf("%s: %d names: want at most %d", c.Dir, len(certs), maxSites)
	}
	for _, name := range certs {
		clientCA, ok := clientCAs[name]
		if !ok {
			clientCA = c.ClientCA
		}
		all = append(all, sitePaths{
			name:     strings.ToLower(name),
			cert:     filepath.Join(c.Dir, name+".pem"),
			clientCA: clientCA,
		})
	}
	slices.SortStableFunc(all, func(a, b sitePaths) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b sitePaths) bool { return a.name == b.name }), nil
}
