package static

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxListed is how many names a listing shows; the page says that there are more.
const maxListed = 10_000

// A line is one name of a listing.
type line struct {
	name string
	info fs.FileInfo
}

// listing makes the page of a directory, on the pool. What cannot be served is
// not shown.
func (q *question) listing() (*content, error) {
	file, err := q.src.open(q.name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	d, ok := file.(fs.ReadDirFile)
	if !ok {
		return nil, fs.ErrNotExist
	}
	entries, err := d.ReadDir(maxListed + 1)
	if err != nil && err != io.EOF {
		return nil, err
	}
	more := len(entries) > maxListed
	lines := make([]line, 0, len(entries))
	for _, e := range entries[:min(len(entries), maxListed)] {
		if l, ok := q.line(e); ok {
			lines = append(lines, l)
		}
	}
	slices.SortFunc(lines, func(a, b line) int {
		if a.info.IsDir() != b.info.IsDir() {
			if a.info.IsDir() {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.name, b.name)
	})
	all := q.page(lines, more)
	return &content{name: q.name, size: int64(len(all)), all: all, ctype: "text/html; charset=utf-8", policy: listingPolicy}, nil
}

// listingPolicy lets the page do nothing but be seen.
const listingPolicy = "default-src 'none'; style-src 'unsafe-inline'"

// line is what the listing has for e. Not ok: nothing.
func (q *question) line(e fs.DirEntry) (line, bool) {
	name := e.Name()
	if !q.dots && name[0] == '.' && name != ".well-known" || strings.ContainsRune(name, '\\') {
		return line{}, false
	}
	info, err := e.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if !q.links {
			return line{}, false
		}
		info, err = q.src.stat(path.Join(q.name, name))
	}
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
		return line{}, false
	}
	return line{name, info}, true
}

func (q *question) page(lines []line, more bool) []byte {
	title := "/"
	if q.name != "." {
		title += printable(q.name) + "/"
	}
	title = html.EscapeString(title)
	b := &bytes.Buffer{}
	fmt.Fprintf(b, listingHead, title, title)
	if q.name != "." {
		b.WriteString("<tr><td><a href=\"../\">../</a><td><td><td>\n")
	}
	for _, l := range lines {
		slash, size, kind := "", sizeText(l.info.Size()), ""
		if l.info.IsDir() {
			slash, size, kind = "/", "", "directory"
		} else {
			kind = q.known(path.Ext(l.name))
		}
		modified := ""
		if t := l.info.ModTime(); t.Unix() > 0 {
			modified = t.UTC().Format("2006-01-02 15:04")
		}
		fmt.Fprintf(b, "<tr><td><a href=\"./%s%s\">%s%s</a><td>%s<td>%s<td>%s\n",
			url.PathEscape(l.name), slash, html.EscapeString(printable(l.name)), slash, size, html.EscapeString(kind), modified)
	}
	b.WriteString("</table>\n")
	if more {
		fmt.Fprintf(b, "<p>Only %d names are shown.\n", maxListed)
	}
	return b.Bytes()
}

const listingHead = `<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>%s</title>
<style>
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem}
h1{font-size:1.3rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%%}
td,th{padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top}
td:first-child{overflow-wrap:anywhere}
td:nth-child(2),th:nth-child(2){text-align:right;white-space:nowrap}
td:nth-child(n+3){opacity:.7;white-space:nowrap}
@media(max-width:40rem){td:nth-child(n+3),th:nth-child(n+3){display:none}td{padding:.6rem .6rem .6rem 0}}
</style>
<h1>%s</h1>
<table>
<tr><th>Name<th>Size<th>Type<th>Modified (UTC)
`

// printable is a name as people can see it: what is no UTF-8, no letter and no
// sign stands as a question mark.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		// Marks that turn the direction of text make a name look like another.
		if r == utf8.RuneError || r < ' ' || r == 0x7f || r >= 0x80 && r <= 0x9f || r >= 0x200e && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, name)
}

// sizeText is a size as people read it.
func sizeText(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f /= 1024; f < 1024 {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
	}
	return fmt.Sprintf("%.0f PiB", f/1024)
}
