package dns

import (
	"context"
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// zones are those that are served, in the order in which they were said.
type zones struct {
	all []served
}

// A served is a zone and its file.
type served struct {
	*zone.Zone
	file string
}

// load reads all zones. One that is broken is an error.
func (t *tree) load(co *deferred.Co) error {
	if len(t.zoneFiles) == 0 && t.ZoneDir == "" {
		return nil
	}
	all, err := t.read(co)
	if err != nil {
		return noInput(err)
	}
	t.zones.all = all
	for _, z := range all {
		t.home.Log().Info("serving", "zone", z.Origin().String(), "serial", z.Serial(), "records", z.Records(), "file", z.file)
	}
	return t.publish(co)
}

// A reading is what came of a file.
type reading struct {
	served
	err error
}

// read reads all files, on the pool. What it returns with an error is what could
// be read.
func (t *tree) read(co *deferred.Co) (all []served, err error) {
	files, home := t.home.FS(), t.home
	read, err := deferred.Go(home, func(context.Context) (all []reading, err error) {
		list, err := t.listZones(files, func(file string) { home.Log().Info("passed by: it has no SOA record", "file", file) })
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			z, err := readZone(files, f)
			all = append(all, reading{served{z, f.file}, err})
		}
		return all, nil
	}).Await(co)
	if err != nil {
		return nil, err
	}
	for _, r := range read {
		if r.err != nil {
			err = errors.Join(err, r.err)
			continue
		}
		for _, other := range all {
			if string(other.Origin()) == string(r.Origin()) {
				err = errors.Join(err, fmt.Errorf("--zone: %s: zone %s is in %s, too: want one file for it", r.file, r.Origin(), other.file))
			}
		}
		all = append(all, r.served)
	}
	return all, err
}

// reload reads all zones again. One that cannot be read stays what it was.
func (t *tree) reload(co *deferred.Co) error {
	return nil
}

// publish has all loops serve the zones.
func (t *tree) publish(co *deferred.Co) error {
	all := t.zones.all
	return t.each(co, func(s *site, _ *deferred.Co) error {
		s.zones = map[string]dns.Handler{}
		for _, z := range all {
			s.zones[string(z.Origin())] = z
		}
		return nil
	})
}

func (z *zones) state() string {
	if len(z.all) == 0 {
		return ""
	}
	return fmt.Sprintf("%d zones", len(z.all))
}
