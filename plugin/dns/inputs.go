package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
	"github.com/twistor-go/twistor/protocol/dns/resolver"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/service/zonejournal"
)

// openAuthority makes what keeps the zones, and opens what it remembers.
func (t *tree) openAuthority(co *deferred.Co, store *persist.Store) error {
	c := authority.Config{Dir: t.CopyDir}
	if t.CopyDir != "" {
		files := t.home.FS()
		_, err := deferred.Go(t.home, func(context.Context) (none struct{}, err error) {
			if err := files.Mkdir(t.CopyDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return none, err
			}
			return none, nil
		}).Await(co)
		if err != nil {
			return &plugin.Error{Status: plugin.StatusCannotCreate, Err: fmt.Errorf("--copy-dir: %w", err)}
		}
	}
	switch {
	case len(t.updates) == 0:
	case store == nil:
		t.home.Log().Warn("updates last as long as the process: there is nowhere to keep them")
	default:
		if t.journal == nil {
			j := new(zonejournal.Journal)
			if err := j.Open(co, store); err != nil {
				return err
			}
			t.journal = j
		}
		c.Journal = t.journal
	}
	t.auth = authority.New(t.home, c)
	return nil
}

// readKeyring reads the keys of --tsig, and looks whether all that are spoken of
// are there.
func (t *tree) readKeyring(co *deferred.Co) (*dns.Keyring, error) {
	files := t.home.FS()
	keys, err := deferred.Go(t.home, func(context.Context) (keys []*dns.TSIGKey, err error) {
		for _, name := range t.keyFiles {
			f, err := files.OpenFile(name, os.O_RDONLY, 0)
			if err != nil {
				return nil, fmt.Errorf("--tsig: %w", err)
			}
			more, err := dns.ReadTSIGKeys(f)
			f.Close()
			if err != nil {
				return nil, fmt.Errorf("--tsig %s: %w", name, err)
			}
			keys = append(keys, more...)
		}
		return keys, nil
	}).Await(co)
	if err != nil {
		return nil, noInput(err)
	}
	ring, err := dns.NewKeyring(append(keys, t.spelledKeys...)...)
	if err != nil {
		return nil, &plugin.Error{Status: plugin.StatusConfig, Err: fmt.Errorf("--tsig: %w", err)}
	}
	for _, name := range t.neededKeys {
		if ring.Find(name) == nil {
			return nil, &plugin.Error{Status: plugin.StatusConfig, Err: fmt.Errorf("key:%s: none of --tsig has that name", strings.TrimSuffix(name.String(), "."))}
		}
	}
	return ring, nil
}

// trusts are where looking names up begins: servers and keys.
type trusts struct {
	hints   []dns.RR  // nil: those of the Internet
	anchors []*dns.DS // nil: the root's
}

// readTrusts reads the files of --root-hints and --trust-anchor.
func (t *tree) readTrusts(co *deferred.Co) (trusts, error) {
	if t.RootHints == "" && t.TrustAnchor == "" {
		return trusts{}, nil
	}
	files := t.home.FS()
	return deferred.Go(t.home, func(context.Context) (r trusts, err error) {
		read := func(option, name string, parse func(io.Reader) error) {
			if name == "" || err != nil {
				return
			}
			var f twistor.File
			if f, err = files.OpenFile(name, os.O_RDONLY, 0); err == nil {
				err = parse(f)
				f.Close()
			}
			if err != nil {
				err = fmt.Errorf("--%s: %w", option, err)
			}
		}
		read("root-hints", t.RootHints, func(f io.Reader) (err error) {
			r.hints, err = resolver.ReadHints(f, t.RootHints)
			return err
		})
		read("trust-anchor", t.TrustAnchor, func(f io.Reader) (err error) {
			r.anchors, err = dnssec.ReadAnchors(f, t.TrustAnchor)
			return err
		})
		return r, err
	}).Await(co)
}

// findNamed looks whether the files of --hosts and --resolv-conf can be read: a
// slip of the keyboard would block no name, and nobody would know. They may go and
// come later; those that nobody named need not be there.
func (t *tree) findNamed(co *deferred.Co) error {
	if len(t.Config.Hosts) == 0 && t.ResolvConf == "" {
		return nil
	}
	files := t.home.FS()
	_, err := deferred.Go(t.home, func(context.Context) (none struct{}, err error) {
		find := func(option, name string) {
			f, failed := files.OpenFile(name, os.O_RDONLY, 0)
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("--%s: %w", option, failed))
				return
			}
			f.Close()
		}
		for _, name := range t.Config.Hosts {
			find("hosts", name)
		}
		if t.ResolvConf != "" {
			find("resolv-conf", t.ResolvConf)
		}
		return none, err
	}).Await(co)
	return err
}
