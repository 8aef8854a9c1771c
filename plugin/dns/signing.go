package dns

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// signing is how a zone is to be signed; nil: not at all, because nobody wants it,
// or because its file is signed already.
func (t *tree) signing(co *deferred.Co, z *zone.Zone) (*authority.Signing, error) {
	if t.DNSSEC == "" {
		return nil, nil
	}
	if z.Signed() {
		t.home.Log().Info("zone comes signed: it stays as it is", "zone", z.Origin().String())
		return nil, nil
	}
	keys, err := t.readZoneKeys(co, z.Origin())
	if err == nil && len(keys) == 0 {
		keys, err = t.makeKey(co, z.Origin())
	}
	if err != nil {
		return nil, fmt.Errorf("--dnssec: %w", err)
	}
	return &authority.Signing{Keys: keys, Policy: dnssec.Policy{NSEC3: t.NSEC3}}, nil
}

// readZoneKeys reads the keys that there are of a zone.
func (t *tree) readZoneKeys(co *deferred.Co, origin dns.Name) ([]*dnssec.Key, error) {
	files := t.home.FS()
	return deferred.Go(t.home, func(context.Context) ([]*dnssec.Key, error) {
		if err := files.Mkdir(t.DNSSEC, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, &plugin.Error{Status: plugin.StatusCannotCreate, Err: err}
		}
		return dnssec.ReadKeys(files, t.DNSSEC, origin)
	}).Await(co)
}

// makeKey makes the one key of a zone, which signs everything, and says what the
// zone above is to be told.
func (t *tree) makeKey(co *deferred.Co, origin dns.Name) ([]*dnssec.Key, error) {
	now := t.home.Now()
	key, err := dnssec.Generate(t.home.Rand(), dnssec.KeyOptions{
		Zone: origin, KSK: true, Timing: dnssec.Timing{Created: now, SyncPublish: now},
	})
	if err != nil {
		return nil, err
	}
	files := t.home.FS()
	if _, err := deferred.Go(t.home, func(context.Context) (struct{}, error) {
		return struct{}{}, dnssec.Write(files, t.DNSSEC, key)
	}).Await(co); err != nil {
		return nil, &plugin.Error{Status: plugin.StatusCannotCreate, Err: err}
	}
	ds, err := dnssec.NewDS(key.DNSKEY, dnssec.DigestSHA256)
	if err != nil {
		return nil, err
	}
	t.home.Log().Info("made a key: tell the zone above its DS record", "zone", origin.String(), "key", key.String(), "ds", strings.ReplaceAll(ds.String(), "\t", " "))
	return []*dnssec.Key{key}, nil
}

// resign takes other keys, if there are, and other times of theirs.
func (t *tree) resign(co *deferred.Co, z *served) error {
	s, err := t.signing(co, z.Zone)
	if err != nil || sameKeys(s, z.signing) {
		return err
	}
	var to authority.Signing // without keys: signatures are taken away
	if s != nil {
		to = *s
	}
	if _, err := t.auth.SetSigning(z.Origin(), to).Await(co); err != nil {
		return err
	}
	z.signing = s
	return nil
}

func sameKeys(a, b *authority.Signing) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.EqualFunc(a.Keys, b.Keys, func(a, b *dnssec.Key) bool {
		return a.String() == b.String() && a.Timing == b.Timing && (a.Signer == nil) == (b.Signer == nil)
	})
}
