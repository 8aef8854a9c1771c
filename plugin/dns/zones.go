package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A served is a zone of a file.
type served struct {
	*zone.Zone
	file    string
	signing *authority.Signing // nil: it is served as it is
}

// A reading is what came of the files.
type reading struct {
	zones  []served
	of     map[string]string // origin to file
	files  []string          // that were looked at, also those that are broken
	broken []error
}

// load serves all zones. One that is broken is an error.
func (t *tree) load(co *deferred.Co) error {
	r, err := t.read(co)
	if err := errors.Join(append(r.broken, err)...); err != nil {
		return noInput(err)
	}
	if t.ZoneDir != "" && len(r.zones) == 0 {
		t.home.Log().Warn("no zone is in the directory", "dir", t.ZoneDir)
	}
	for _, z := range r.zones {
		if err := t.begin(co, z); err != nil {
			return noInput(err)
		}
	}
	for _, z := range t.secondaries {
		if slices.ContainsFunc(t.zones, func(o served) bool { return string(o.Origin()) == string(z.name) }) {
			return noInput(fmt.Errorf("--secondary: zone %s has a file, too: want one of them", z.name))
		}
		s := authority.Secondary{Transfer: t.transfer.grants(), Notify: t.peers(t.notify)}
		s.Primaries = t.peers(z.primaries)
		if _, err := t.auth.AddSecondary(z.name, s).Await(co); err != nil {
			return err
		}
		t.home.Log().Info("following", "zone", z.name.String(), "primaries", len(s.Primaries))
	}
	return t.tell(co)
}

// begin serves a zone that is new.
func (t *tree) begin(co *deferred.Co, z served) error {
	p := authority.Primary{Transfer: t.transfer.grants(), Notify: t.peers(t.notify)}
	for _, u := range t.updates {
		if u.within == nil || u.within.In(z.Origin()) || z.Origin().In(u.within) {
			g := authority.UpdateGrant{Grant: authority.Grant{Key: u.key}}
			if u.within != nil {
				g.Names = []dns.Name{u.within}
			}
			p.Update = append(p.Update, g)
		}
	}
	var err error
	if z.signing, err = t.signing(co, z.Zone); err != nil {
		return err
	}
	p.Signing = z.signing
	if _, err := t.auth.AddPrimary(z.Zone, p).Await(co); err != nil {
		return fmt.Errorf("%s: %w", z.file, err)
	}
	t.zones = append(t.zones, z)
	served := t.auth.Zone(z.Origin()) // with changes since the file was written, and signatures
	t.home.Log().Info("serving", "zone", z.Origin().String(), "serial", served.Serial(), "records", served.Records(), "file", z.file)
	return nil
}

// read reads all files, on the pool.
func (t *tree) read(co *deferred.Co) (reading, error) {
	files, log := t.home.FS(), t.home.Log()
	return deferred.Go(t.home, func(context.Context) (r reading, err error) {
		list, err := t.listZones(files, func(file string) { log.Info("passed by: there is no SOA record in it", "file", file) })
		if err != nil {
			return r, err
		}
		for _, f := range list {
			r.add(files, f)
		}
		return r, nil
	}).Await(co)
}

// add reads one file. It blocks.
func (r *reading) add(files twistor.FS, f zoneFile) {
	r.files = append(r.files, f.file)
	z, err := readZone(files, f)
	if isAbsent(err) {
		err = fmt.Errorf("--zone: %w", err)
	}
	if err != nil {
		r.broken = append(r.broken, err)
		return
	}
	if other, ok := r.of[string(z.Origin())]; ok {
		r.broken = append(r.broken, fmt.Errorf("%s: zone %s is in %s, too: want one file for it", f.file, z.Origin(), other))
		return
	}
	if r.of == nil {
		r.of = make(map[string]string)
	}
	r.of[string(z.Origin())] = f.file
	r.zones = append(r.zones, served{Zone: z, file: f.file})
}

// reload reads all files again. A zone whose file is broken, or not there any
// more, stays what it was; one whose file has left --zone-dir ends.
func (t *tree) reload(co *deferred.Co) error {
	r, err := t.read(co)
	if err != nil {
		return err
	}
	broken := r.broken
	at := make(map[string]int, len(t.zones)) // in t.zones, by origin
	for i := range t.zones {
		at[string(t.zones[i].Origin())] = i
	}
	good := make(map[string]bool, len(r.zones)) // files
	for _, z := range r.zones {
		good[z.file] = true
		i, ok := at[string(z.Origin())]
		if !ok {
			if err := t.begin(co, z); err != nil {
				broken = append(broken, err)
			}
			continue
		}
		was := t.auth.Zone(z.Origin()).Serial()
		t.zones[i].Zone, t.zones[i].file = z.Zone, z.file
		if _, err := t.auth.Replace(z.Zone).Await(co); err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", z.file, err))
			continue
		}
		if err := t.resign(co, &t.zones[i]); err != nil {
			broken = append(broken, err)
		}
		if is := t.auth.Zone(z.Origin()).Serial(); is != was {
			t.home.Log().Info("serving", "zone", z.Origin().String(), "serial", is, "was", was, "file", z.file)
		}
	}
	listed := make(map[string]bool, len(r.files))
	for _, file := range r.files {
		listed[file] = true
	}
	t.zones = slices.DeleteFunc(t.zones, func(o served) bool {
		_, stays := r.of[string(o.Origin())]
		stays = stays || listed[o.file] && !good[o.file]
		if !stays {
			t.auth.Remove(o.Origin())
			t.home.Log().Info("serving no more", "zone", o.Origin().String(), "file", o.file)
		}
		return !stays
	})
	return errors.Join(errors.Join(broken...), t.tell(co))
}

// tell tells all loops which names are those of zones.
func (t *tree) tell(co *deferred.Co) error {
	origins := map[string]bool{}
	for _, z := range t.zones {
		origins[string(z.Origin())] = true
	}
	for _, z := range t.secondaries {
		origins[string(z.name)] = true
	}
	return t.each(co, func(s *site, _ *deferred.Co) error {
		s.origins = origins
		return nil
	})
}

// grants are rights as an Authority has them.
func (r *rights) grants() (all []authority.Grant) {
	for _, n := range r.networks {
		all = append(all, authority.Grant{From: n})
	}
	for _, k := range r.keys {
		all = append(all, authority.Grant{Key: k})
	}
	return all
}

// peers are servers as an Authority has them.
func (t *tree) peers(all []remote) (peers []authority.Peer) {
	for _, r := range all {
		peers = append(peers, authority.Peer{Addr: r.addr, Key: t.keys.Find(r.key)})
	}
	return peers
}

// zonesState says how the zones are doing; "": there are none.
func (t *tree) zonesState() string {
	all := t.auth.Status()
	missing := 0
	for _, s := range all {
		if !s.Served {
			missing++
		}
	}
	switch {
	case len(all) == 0:
		return ""
	case missing > 0 && len(all) == 1:
		return fmt.Sprintf("zone %s, which is not here", all[0].Origin)
	case missing > 0:
		return fmt.Sprintf("%d zones, %d of them not here", len(all), missing)
	case len(all) == 1:
		return fmt.Sprintf("zone %s, serial %d", all[0].Origin, all[0].Serial)
	}
	return fmt.Sprintf("%d zones", len(all))
}
