package static

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxSmall is how large a file may be that is kept in memory; larger ones
	// are kept open.
	maxSmall = 16 << 10
	// maxUnseekable is how large a file of an fs.FS may be that cannot be read at an
	// offset, and so is kept in memory while it is used. A larger one fails with 500.
	maxUnseekable = 16 << 20
)

var (
	errNotRegular = errors.New("static: not a regular file")
	errTooLarge   = errors.New("static: a file of an fs.FS without ReadAt is larger than 16 MiB")
)

// A content is a file's: in memory, or open. All but users and gone is
// immutable after first use.
type content struct {
	name     string
	size     int64
	modified time.Time   // zero: unknown
	info     fs.FileInfo // as it was; nil: none
	ctype    string
	etag     string // strong; "": none, as of a listing
	policy   string // Content-Security-Policy; "": none
	all      []byte // in memory, if at is nil
	at       io.ReaderAt
	file     fs.File // what at reads

	// Owned by the loop.

	users int  // answers under way, and 1 for the cache
	gone  bool // closed
}

// is says whether the file that info is of, now, is the one of c.
func (c *content) is(name string, info fs.FileInfo) bool {
	if c.info == nil || c.name != name || c.size != info.Size() || !c.info.ModTime().Equal(info.ModTime()) {
		return false
	}
	// Files of an fs.FS have no identity but this.
	return os.SameFile(c.info, info) || c.info.Sys() == nil || inode(c.info) == 0
}

// read opens a file, on the pool.
func (q *question) read(name, typed string) (*content, error) {
	file, err := q.src.open(name)
	if err != nil {
		return nil, err
	}
	c, err := q.take(file, name, typed)
	if err != nil || c.at == nil {
		file.Close()
	}
	return c, err
}

func (q *question) take(file fs.File, name, typed string) (*content, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// Of the open file, so that nobody can exchange it any more.
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	c := &content{name: name, size: info.Size(), modified: info.ModTime(), info: info}
	if s, ok := q.src.(*single); ok {
		typed = s.file
	}
	at, seekable := file.(io.ReaderAt)
	switch {
	case c.size <= maxSmall || !seekable:
		if c.size > maxUnseekable {
			return nil, errTooLarge
		}
		c.all = make([]byte, c.size)
		if _, err := io.ReadFull(file, c.all); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // it became shorter
			}
			return nil, err
		}
	default:
		c.at, c.file = at, file
	}
	head := c.all
	if c.at != nil {
		head = make([]byte, 512)
		n, err := c.at.ReadAt(head, 0)
		if err != nil && err != io.EOF {
			return nil, err
		}
		head = head[:n]
	}
	c.ctype = q.typeOf(typed, head[:min(len(head), 512)])
	return c, c.identify()
}

// identify gives c its ETag and date.
func (c *content) identify() error {
	if c.modified.IsZero() || c.modified.Unix() <= 0 {
		// What a program carries has no date: its bytes are its identity.
		sum := sha256.New()
		if _, err := io.Copy(sum, c.section(0, c.size)); err != nil {
			return err
		}
		c.etag, c.modified = fmt.Sprintf("\"%x\"", sum.Sum(nil)[:12]), time.Time{}
		return nil
	}
	c.etag = fmt.Sprintf("\"%x-%x-%x\"", c.size, c.modified.UnixNano(), inode(c.info))
	return nil
}

// section is a part of c, to be read on the pool or sent.
func (c *content) section(off, n int64) *io.SectionReader {
	if c.at == nil {
		return io.NewSectionReader(bytes.NewReader(c.all), off, n)
	}
	return io.NewSectionReader(c.at, off, n)
}

// hold keeps c open until release.
func (c *content) hold() { c.users++ }

func (c *content) release() {
	c.users--
	if c.users <= 0 && !c.gone && c.file != nil {
		c.gone = true
		c.file.Close()
	}
}

// typeOf is the content type of a file by its name; what has no known extension is text
// if its beginning looks so, and never a page: who can write a file here cannot
// make it one by what stands in it.
func (q *question) typeOf(name string, head []byte) string {
	ext := path.Ext(name)
	t := q.known(ext)
	if t == "" {
		if t = "application/octet-stream"; isText(head) {
			t = "text/plain"
		}
	}
	return withCharset(t, q.charset)
}

// known is the type of an extension; "": unknown.
func (q *question) known(ext string) string {
	ext = strings.ToLower(ext)
	if t := q.types[ext]; t != "" {
		return t
	}
	return byExtension[ext]
}

// validPrefix says whether p is UTF-8, but for a last rune that is cut.
func validPrefix(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n <= 1 {
			return !utf8.FullRune(p)
		}
		p = p[n:]
	}
	return true
}
