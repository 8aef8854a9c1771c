package web

import (
	"errors"
	"io"
	"mime"
	"net/url"
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

// FormLimits bound what Request.Form takes; Body.Limit bounds the whole. The zero
// has the defaults.
type FormLimits struct {
	// MaxFields is how many fields a form or a query may have. 0 or less: 10,000.
	MaxFields int
	// MaxParts is how many parts a form with files may have. 0 or less: 1,000.
	MaxParts int
	// MaxPartHeadBytes is how long the head of a part may be. 0 or less: 16 KiB.
	MaxPartHeadBytes int
	// MaxValueBytes is how much memory all values and names of a form with files
	// may have. 0: 1 MiB; negative: no limit.
	MaxValueBytes int64
	// MaxMemoryBytes is how much memory all its files may have; those beyond go
	// to temporary files. 0: 256 KiB; negative: none.
	MaxMemoryBytes int64
	// MaxFileBytes is how long each file may be. 0, or negative: as long as the body.
	MaxFileBytes int64
	// Dir is where temporary files are made. "": that of the system.
	Dir string
}

// The defaults of FormLimits.
const (
	defaultMaxFields   = 10_000
	defaultMaxParts    = 1_000
	defaultMaxPartHead = 16 << 10
	defaultMaxValues   = 1 << 20
	defaultMaxMemory   = 256 << 10
)

// A Submission is a form as a client sent it. Its files are gone when the answer is
// complete. Loop-only.
type Submission struct {
	// Values are the fields of the body, in the order of each name.
	Values url.Values
	// Query are those of the URL.
	Query url.Values
	// Files are those of a multipart form, in order.
	Files []*Upload
}

// Get is the first value of that name, of the body or else of the URL; "": none.
func (s *Submission) Get(name string) string {
	if v := s.Values[name]; len(v) > 0 {
		return v[0]
	}
	return s.Query.Get(name)
}

// File is the first file of the field; nil: none.
func (s *Submission) File(field string) *Upload {
	for _, u := range s.Files {
		if u.Field == field {
			return u
		}
	}
	return nil
}

// Form reads the form that the body is, urlencoded or multipart, and the
// query: strictly, and as it comes. Broken ones, and those beyond limits, fail
// with an *Error of 400, or 413 where bytes are too many; a body of another type with one of 415.
//
//	form, err := r.Form(web.FormLimits{}).Await(co)
//
// Large files lie in temporary ones, which have no name any more once they
// are open, so that nothing remains of them however the request ends.
func (r *Request) Form(limits FormLimits) *deferred.Deferred[*Submission] {
	query, err := parseFields(r.RawQuery(), positive(limits.MaxFields, defaultMaxFields))
	if err != nil {
		return deferred.Failed[*Submission](r.Loop(), err)
	}
	s := &Submission{Query: query, Values: url.Values{}}
	field := r.Header.Get("Content-Type")
	if field == "" && r.Body.Length() == 0 {
		return deferred.Succeeded(s)
	}
	kind, params, err := mime.ParseMediaType(field)
	switch {
	case err == nil && kind == "application/x-www-form-urlencoded":
		return deferred.Then(r.Body.Bytes(-1), func(body []byte) (_ *Submission, err error) {
			s.Values, err = parseFields(string(body), positive(limits.MaxFields, defaultMaxFields))
			return s, err
		})
	case err == nil && kind == "multipart/form-data":
		boundary := params["boundary"]
		if !validBoundary(boundary) {
			return deferred.Failed[*Submission](r.Loop(), badForm("the boundary of the parts is missing or none", nil))
		}
		return deferred.Inline(r.Loop(), func(co *deferred.Co) (*Submission, error) {
			p := partReader{co: co, r: r, limits: limits, form: s}
			return s, p.run(boundary)
		})
	}
	return deferred.Failed[*Submission](r.Loop(), &Error{Status: 415, Public: "want application/x-www-form-urlencoded or multipart/form-data"})
}

// parseFields reads what is urlencoded, strictly: an escape that is none, or a bare
// semicolon, which others take for a separator, is an error.
// https://url.spec.whatwg.org/#application/x-www-form-urlencoded
func parseFields(text string, maxFields int) (url.Values, error) {
	values := url.Values{}
	for n := 1; text != ""; {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		if n++; n-1 > maxFields {
			return nil, badForm("too many fields", nil)
		}
		if strings.IndexByte(pair, ';') >= 0 {
			return nil, badForm("a field has a semicolon that is not escaped", nil)
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err = errors.Join(err, err2); err != nil {
			return nil, badForm("a field has a broken escape", err)
		}
		values[name] = append(values[name], value)
	}
	return values, nil
}

func badForm(public string, err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Status: 400, Public: public, Err: err}
}
