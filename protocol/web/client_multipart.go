package web

import (
	"encoding/hex"
	"io"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Part is a field of a form with files.
type Part struct {
	Name     string
	FileName string // "": it is no file
	Content  Content
}

// Multipart is parts as the fields of an HTML form that may have files
// (https://www.rfc-editor.org/rfc/rfc7578). Nothing is put together before: each part is sent as
// its own Content sends it. The boundary between them is drawn from l's Rand, so that no part can
// guess it.
func Multipart(l twistor.Loop, parts ...Part) Content {
	var b [16]byte
	io.ReadFull(l.Rand(), b[:])
	return &multipartContent{boundary: hex.EncodeToString(b[:]), parts: parts}
}

type multipartContent struct {
	boundary string
	parts    []Part
}

func (c *multipartContent) ContentType() string { return "multipart/form-data; boundary=" + c.boundary }

func (c *multipartContent) Length() int64 {
	total := int64(len(c.end()))
	for i := range c.parts {
		n := c.parts[i].Content.Length()
		if n < 0 {
			return -1
		}
		total += int64(len(c.head(i))) + n + int64(len(crlf))
	}
	return total
}

func (c *multipartContent) SendsOnce() bool {
	for _, p := range c.parts {
		if sendsOnce(p.Content) {
			return true
		}
	}
	return false
}

// quoteEscaper keeps names within their quotes, and out of new lines, as browsers do:
// https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
var quoteEscaper = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

// head is what comes before the content of a part.
func (c *multipartContent) head(i int) string {
	p := &c.parts[i]
	s := "--" + c.boundary + "\r\nContent-Disposition: form-data; name=\"" + quoteEscaper.Replace(p.Name) + "\""
	contentType := ""
	if t, ok := p.Content.(interface{ ContentType() string }); ok {
		contentType = t.ContentType()
	}
	if p.FileName != "" {
		s += "; filename=\"" + quoteEscaper.Replace(p.FileName) + "\""
		if contentType == "" {
			contentType = "application/octet-stream"
		}
	}
	if contentType != "" {
		s += "\r\nContent-Type: " + quoteEscaper.Replace(contentType)
	}
	return s + "\r\n\r\n"
}

func (c *multipartContent) end() string { return "--" + c.boundary + "--\r\n" }

func (c *multipartContent) Send(l twistor.Loop, w BodyWriter) *deferred.Signal {
	return deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
		for i := range c.parts {
			if _, err := io.WriteString(w, c.head(i)); err != nil {
				return struct{}{}, err
			}
			if done := c.parts[i].Content.Send(l, w); done != nil {
				if _, err := done.Await(co); err != nil {
					return struct{}{}, err
				}
			}
			if _, err := w.Write(crlf); err != nil {
				return struct{}{}, err
			}
			if _, err := w.Ready().Await(co); err != nil {
				return struct{}{}, err
			}
		}
		_, err := io.WriteString(w, c.end())
		return struct{}{}, err
	})
}
