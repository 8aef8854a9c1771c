package dnssec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
)

// MaxKeys is how many keys a zone may have.
const MaxKeys = 64

// ReadKeys reads the keys of a zone from the files of a folder that BIND's
// dnssec-keygen, or Write, wrote: Kexample.+013+12345.key, and beside it .private.
// One without .private is published but does not sign. They come in the order
// of algorithm and tag; none is no error. Errors name the file. It waits for
// the disk: call it on the pool.
func ReadKeys(fsys twistor.FS, dir string, zone dns.Name) ([]*Key, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("dnssec: %w", err)
	}
	var keys []*Key
	prefix := "K" + fileLabels(zone) + "+"
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), ".key") {
			continue
		}
		if len(keys) == MaxKeys {
			return nil, fmt.Errorf("dnssec: %s: want up to %d keys of %s", dir, MaxKeys, zone)
		}
		base := path.Join(dir, strings.TrimSuffix(e.Name(), ".key"))
		k, err := readKey(fsys, base, zone)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *Key) int { return strings.Compare(a.String(), b.String()) })
	return keys, nil
}

func readKey(fsys twistor.FS, base string, zone dns.Name) (*Key, error) {
	text, err := readFile(fsys, base+".key")
	if err != nil {
		return nil, fmt.Errorf("dnssec: %w", err)
	}
	k, err := parsePublic(text, base+".key")
	if err != nil {
		return nil, fmt.Errorf("dnssec: %w", err)
	}
	text, err = readFile(fsys, base+".private")
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("dnssec: %w", err)
	default:
		var a Algorithm
		if k.Signer, a, k.Timing, err = parsePrivate(text); err == nil && a != k.Algorithm() {
			err = fmt.Errorf("algorithm %s: want %s, as the .key file has", a, k.Algorithm())
		}
		if err != nil {
			return nil, fmt.Errorf("dnssec: %s.private: %w", base, err)
		}
	}
	if _, err := newSigner(k, zone); err != nil {
		return nil, fmt.Errorf("%w (%s.key)", err, base)
	}
	return k, nil
}

// parsePublic reads a DNSKEY record, and the times in the comments before it.
func parsePublic(text []byte, name string) (*Key, error) {
	k := &Key{}
	file := dns.ReadZone(strings.NewReader(string(text)), dns.ZoneFileOptions{File: name, DefaultTTL: DefaultKeyTTL})
	for rr, ok := file.Next(); ok; rr, ok = file.Next() {
		record, is := rr.(*dns.DNSKEY)
		if !is || k.DNSKEY != nil {
			return nil, fmt.Errorf("%s: want one record, DNSKEY", name)
		}
		k.DNSKEY = record
	}
	if err := file.Err(); err != nil {
		return nil, err
	}
	if k.DNSKEY == nil {
		return nil, fmt.Errorf("%s: want a DNSKEY record, found none", name)
	}
	k.DNSKEY.Hdr.Name = strings.ToLower(k.DNSKEY.Hdr.Name)
	var fields []field
	for line := range strings.Lines(string(text)) {
		if comment, ok := strings.CutPrefix(line, ";"); ok {
			if name, value, ok := strings.Cut(comment, ":"); ok {
				fields = append(fields, field{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
			}
		}
	}
	var err error
	if k.Timing, err = parseTiming(fields); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return k, nil
}

// Write writes k's two files into dir, each atomically and durably; the private
// one can be read by its owner only. Files of the same key are replaced; it fails
// if another key of the same tag has them. It waits for the disk: call it on the
// pool.
func Write(fsys twistor.FS, dir string, k *Key) error {
	zone, err := dns.ParseName(k.DNSKEY.Hdr.Name)
	if err != nil {
		return err
	}
	if k.Signer == nil {
		return fmt.Errorf("dnssec: key %s: want the private half", k)
	}
	private, err := privateText(k)
	if err != nil {
		return fmt.Errorf("dnssec: key %s: %w", k, err)
	}
	base := path.Join(dir, fmt.Sprintf("K%s+%03d+%05d", fileLabels(zone), k.DNSKEY.Algorithm, k.Tag()))
	if old, err := readFile(fsys, base+".key"); err == nil {
		if x, err := parsePublic(old, base+".key"); err != nil || x.DNSKEY.PublicKey != k.DNSKEY.PublicKey {
			return fmt.Errorf("dnssec: %s.key is another key's: want one of another tag (KeyOptions.Beside)", base)
		}
	}
	// First the private one: a public one without it would be published and not sign.
	if err := replace(fsys, base+".private", private, 0o600); err != nil {
		return fmt.Errorf("dnssec: %w", err)
	}
	if err := replace(fsys, base+".key", publicText(k), 0o644); err != nil {
		return fmt.Errorf("dnssec: %w", err)
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("dnssec: sync %s: %w", dir, err)
	}
	return nil
}

// fileLabels is a zone's name as a part of files' names: nothing in it leads
// elsewhere.
func fileLabels(zone dns.Name) string {
	if zone.IsRoot() {
		return "."
	}
	var b strings.Builder
	for n := zone; !n.IsRoot(); n = n.Parent() {
		for _, c := range n[1 : 1+n[0]] {
			if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

func readFile(fsys twistor.FS, name string) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFileBytes+1))
	if err == nil && len(text) > maxKeyFileBytes {
		err = fmt.Errorf("%s: want up to %d bytes", name, maxKeyFileBytes)
	}
	return text, err
}

// replace makes text the content of a file: who reads it finds the old or the new.
func replace(fsys twistor.FS, name string, text []byte, perm fs.FileMode) error {
	temporary := name + ".new"
	if err := fsys.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // one that a crash has left
	}
	f, err := fsys.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = fsys.Rename(temporary, name)
	}
	if err != nil {
		fsys.Remove(temporary)
	}
	return err
}
