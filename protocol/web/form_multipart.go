package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

// A partReader reads a multipart form on a coroutine.
// https://www.rfc-editor.org/rfc/rfc7578
type partReader struct {
	co     *deferred.Co
	r      *Request
	limits FormLimits
	form   *Submission

	body   error // what the body said, beside io.EOF
	head   int   // how much may still be read of a part's head; -1: it is no head
	values int64 // bytes of names and values so far
	memory int64 // bytes of files in memory so far
	piece  []byte
}

// readAhead is how much package mime/multipart reads beyond what it is asked.
const readAhead = 5 << 10

var errPartHead = errors.New("web: the head of a part is too long")

func (p *partReader) run(boundary string) error {
	if p.limits.MaxMemoryBytes == 0 {
		p.limits.MaxMemoryBytes = defaultMaxMemory
	}
	if p.limits.MaxValueBytes == 0 {
		p.limits.MaxValueBytes = defaultMaxValues
	}
	p.piece = make([]byte, 32<<10)
	parts := multipart.NewReader(p, boundary)
	for n := 1; ; n++ {
		p.head = positive(p.limits.MaxPartHeadBytes, defaultMaxPartHead) + readAhead
		part, err := parts.NextRawPart()
		p.head = -1
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return p.because(err, "the form is broken, or cut")
		}
		if n > positive(p.limits.MaxParts, defaultMaxParts) {
			return badForm("too many parts", nil)
		}
		if err := p.take(part); err != nil {
			return err
		}
	}
}

// Read is for package multipart: the body, as it comes.
func (p *partReader) Read(b []byte) (int, error) {
	if p.head == 0 {
		return 0, errPartHead
	}
	if p.head > 0 {
		b = b[:min(len(b), p.head)]
	}
	n, err := p.r.Body.Read(p.co, b)
	if p.head > 0 {
		p.head -= n
	}
	if err != nil && err != io.EOF {
		p.body = err
	}
	return n, err
}

// because is the reason for err: what the body said, or that the form is none.
func (p *partReader) because(err error, public string) error {
	if p.body != nil {
		return p.body
	}
	return badForm(public, err)
}

// take takes one part.
func (p *partReader) take(part *multipart.Part) error {
	kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil || kind != "form-data" {
		return badForm("a part is not form-data", err)
	}
	field := params["name"]
	name, isFile := params["filename"]
	p.values += int64(len(field))
	if isFile {
		return p.takeFile(part, &Upload{Field: field, Name: baseName(name), Type: part.Header.Get("Content-Type")})
	}
	var value []byte
	for {
		n, err := part.Read(p.piece)
		value = append(value, p.piece[:n]...)
		if p.values += int64(n); p.limits.MaxValueBytes > 0 && p.values > p.limits.MaxValueBytes {
			return &Error{Status: 413, Public: "the values are too large"}
		}
		if err == io.EOF {
			p.form.Values[field] = append(p.form.Values[field], string(value))
			return nil
		}
		if err != nil {
			return p.because(err, "the form is cut")
		}
	}
}

// takeFile takes a part that is a file. One without name and content is what
// browsers send where none was chosen.
func (p *partReader) takeFile(part *multipart.Part, u *Upload) error {
	for {
		n, err := part.Read(p.piece)
		u.Size += int64(n)
		if most := p.limits.MaxFileBytes; most > 0 && u.Size > most {
			return &Error{Status: 413, Public: "the file is too large"}
		}
		if n > 0 {
			if err := p.keep(u, p.piece[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			if u.Name != "" || u.Size > 0 {
				p.form.Files = append(p.form.Files, u)
			}
			return nil
		}
		if err != nil {
			return p.because(err, "the form is cut")
		}
	}
}

// keep adds b to u: in memory as long as there is room, else in a temporary file.
func (p *partReader) keep(u *Upload, b []byte) error {
	if u.spool == nil {
		if p.memory += int64(len(b)); p.memory <= p.limits.MaxMemoryBytes {
			u.memory = append(u.memory, b...)
			return nil
		}
		p.memory -= int64(len(u.memory) + len(b))
		u.spool = newSpool(p.r, p.limits.Dir)
		if _, err := u.spool.write(u.memory).Await(p.co); err != nil {
			return err
		}
		u.memory = nil
	}
	_, err := u.spool.write(b).Await(p.co)
	return err
}

// validBoundary follows https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1
func validBoundary(b string) bool {
	if b == "" || len(b) > 70 || b[len(b)-1] == ' ' {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if letter := 'a' <= c|0x20 && c|0x20 <= 'z'; !letter && !('0' <= c && c <= '9') && !strings.ContainsRune("'()+_,-./:=? ", rune(c)) {
			return false
		}
	}
	return true
}

// baseName is the last element of a name that a client gave, as Windows and others
// write it: for showing. It is never "." or "..", and has no control characters.
func baseName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, name)
	if name == "." || name == ".." {
		return ""
	}
	return name
}
