package dns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// maxZoneFiles is how many zones there may be, by files.
const maxZoneFiles = 100_000

// listZones is the files of --zone and those in --zone-dir, as they are now. What
// is no zone in the directory is told to skip. It blocks.
func (p *plan) listZones(files twistor.FS, skip func(file string)) ([]zoneFile, error) {
	all := slices.Clone(p.zoneFiles)
	if p.ZoneDir == "" {
		return all, nil
	}
	entries, err := files.ReadDir(p.ZoneDir)
	if err != nil {
		return nil, fmt.Errorf("--zone-dir: %w", err)
	}
	if len(entries) > maxZoneFiles {
		return nil, fmt.Errorf("--zone-dir: %s: %d files: want %d at most", p.ZoneDir, len(entries), maxZoneFiles)
	}
	for _, e := range entries {
		name, file := e.Name(), filepath.Join(p.ZoneDir, e.Name())
		switch {
		case e.IsDir(), strings.HasPrefix(name, "."), strings.HasSuffix(name, "~"):
			continue
		case strings.HasSuffix(name, ".zone"), strings.HasPrefix(name, "db."):
		case !hasSOA(files, file):
			skip(file)
			continue
		}
		all = append(all, zoneFile{file: file})
	}
	return all, nil
}

// sniffBytes is how far into a file a zone's SOA record is looked for.
const sniffBytes = 64 << 10

// hasSOA reports whether a file may be a zone's: other files lie beside them.
func hasSOA(files twistor.FS, file string) bool {
	f, err := files.OpenFile(file, os.O_RDONLY, 0)
	if err != nil {
		return true // to be said when it is read
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, sniffBytes))
	return err != nil || slices.ContainsFunc(bytes.Fields(head), func(w []byte) bool { return bytes.EqualFold(w, []byte("SOA")) })
}

// readZone reads the zone of a file. It blocks.
func readZone(files twistor.FS, z zoneFile) (*zone.Zone, error) {
	f, err := files.OpenFile(z.file, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: it is a directory: want a file, or --zone-dir", z.file)
	}
	if z.name == nil {
		if z.name, err = nameOfZone(f, z.file); err != nil {
			return nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return zone.Read(bufio.NewReaderSize(f, 64<<10), zone.Options{Origin: z.name, File: z.file, Include: func(name string) (io.ReadCloser, error) {
		return files.OpenFile(name, os.O_RDONLY, 0)
	}})
}

// nameOfZone is the name of the first record's owner, which is that of the SOA,
// as far as the file says it: relative to its $ORIGIN, or else to the zone that
// the file's name says.
func nameOfZone(r io.Reader, file string) (dns.Name, error) {
	origin, errName := dns.ParseName(nameOfFile(file))
	lines := bufio.NewScanner(io.LimitReader(r, sniffBytes))
	for lines.Scan() {
		line, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), ";")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case strings.EqualFold(words[0], "$ORIGIN") && len(words) > 1:
			if n, err := absolute(words[1], origin); err == nil {
				origin, errName = n, nil
			}
			continue
		case strings.HasPrefix(words[0], "$"):
			continue
		case line[0] == ' ' || line[0] == '\t' || words[0] == "@":
			return origin, named(file, errName)
		}
		n, err := absolute(words[0], origin)
		return n, named(file, err)
	}
	if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
		return nil, err
	}
	return origin, named(file, errName)
}

func named(file string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: it does not say which zone it is: want NAME=%s: %w", file, file, err)
	}
	return nil
}

// absolute reads a name that is relative to origin if it has no final dot.
func absolute(s string, origin dns.Name) (dns.Name, error) {
	if !strings.HasSuffix(s, ".") && s != "@" && len(origin) > 0 {
		s += "." + strings.TrimPrefix(origin.String(), ".")
	}
	if s == "@" {
		return origin, nil
	}
	return dns.ParseName(s)
}

// nameOfFile is the zone that NAME.zone, NAME.db, db.NAME or NAME is the file of.
func nameOfFile(file string) string {
	name := strings.TrimPrefix(path.Base(filepath.ToSlash(file)), "db.")
	for _, ext := range []string{".zone", ".db", ".hosts"} {
		name = strings.TrimSuffix(name, ext)
	}
	return name
}

// isAbsent reports whether err is that of a file that is not there, or may not be
// read.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}
