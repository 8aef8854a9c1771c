package authority

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A copy is where on the disk a zone is kept: NAME.zone is a zone file,
// NAME.refreshed the time at which it was known to be the newest.
type copy struct {
	fs  twistor.FS
	dir string
	at  string // without what follows the last dot
}

const (
	maxFileNameBytes = 150
	maxTimeBytes     = 64
	noteAtMost       = time.Hour // how old the time on the disk may be
)

// copyOf is where the zone is kept.
func (a *Authority) copyOf(origin dns.Name) *copy {
	return &copy{fs: a.home.FS(), dir: a.c.Dir, at: filepath.Join(a.c.Dir, fileName(origin))}
}

// fileName is a name as one of a file: letters, digits, - and _ as they are, all
// else as %XX; the end of a long one is a hash.
func fileName(origin dns.Name) string {
	if origin.IsRoot() {
		return "root"
	}
	var b strings.Builder
	for _, c := range []byte(strings.TrimSuffix(origin.String(), ".")) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && b.Len() > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() <= maxFileNameBytes {
		return b.String()
	}
	sum := sha256.Sum256(origin)
	return b.String()[:maxFileNameBytes-40] + "%" + hex.EncodeToString(sum[:16])
}

// read reads the copy. The error is fs.ErrNotExist if there is none. It blocks.
func (c *copy) read(origin dns.Name, maxRecords int) (*zone.Zone, time.Time, error) {
	f, err := c.fs.OpenFile(c.at+".zone", os.O_RDONLY, 0)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	z, err := zone.Read(f, zone.Options{Origin: origin, File: c.at + ".zone", MaxRecords: maxRecords})
	if err != nil {
		return nil, time.Time{}, err
	}
	return z, c.readTime(), nil
}

// readTime is the zero time if none is kept: then the zone has expired.
func (c *copy) readTime() time.Time {
	f, err := c.fs.OpenFile(c.at+".refreshed", os.O_RDONLY, 0)
	if err != nil {
		return time.Time{}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxTimeBytes))
	if err != nil {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// write replaces the copy, so that a crash leaves the former one or this. It
// blocks.
func (c *copy) write(z *zone.Zone) error {
	return c.replace(".zone", func(w io.Writer) error { _, err := z.WriteTo(w); return err })
}

// writeTime replaces the time.
func (c *copy) writeTime(t time.Time) error {
	return c.replace(".refreshed", func(w io.Writer) error { _, err := fmt.Fprintln(w, t.Unix()); return err })
}

// replace replaces one of the files.
func (c *copy) replace(suffix string, write func(io.Writer) error) error {
	name := c.at + suffix
	f, err := c.fs.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := c.fs.Rename(name+".new", name); err != nil {
		return err
	}
	dir := c.dir
	if dir == "" {
		dir = "."
	}
	return c.fs.SyncDir(dir)
}
