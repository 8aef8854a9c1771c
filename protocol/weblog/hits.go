package weblog

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"strconv"
)

// maxElementBytes is how much of a document a reader takes without coming to
// the end of an element: a line of a log is at most 64 KiB, and each byte of it
// becomes at most six.
const maxElementBytes = 1 << 20

// A LostError says that a pull server has forgotten hits before they were asked
// for. More hits follow it.
type LostError struct{ Count uint64 }

func (e *LostError) Error() string { return fmt.Sprintf("weblog: %d hits were lost", e.Count) }

// Hits reads a weblog's document from r and yields each hit as soon as it is
// there; r may be a connection, or the Reader of a framing.Conn. It ends after
// the server's good-bye. A *LostError is yielded in its place among the hits;
// any other error is the last thing yielded: io.ErrUnexpectedEOF if the
// document was cut off, a *ProtocolError if it is no weblog, or r's own.
func Hits(r io.Reader) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		limited := &elementReader{r: r}
		d := xml.NewDecoder(limited)
		for open := false; ; {
			limited.taken = 0
			token, err := d.RawToken()
			if err != nil {
				yield(Hit{}, documentError(err))
				return
			}
			switch token := token.(type) {
			case xml.StartElement:
				switch name := token.Name.Local; {
				case !open && name == "weblog":
					open = true
				case open && name == "hit":
					hit, err := hitOf(token.Attr)
					if !yield(hit, err) || err != nil {
						return
					}
				case open && name == "lost":
					if n, err := lostOf(token.Attr); !yield(Hit{}, err) || n == 0 {
						return
					}
				case open: // <none/>, or what a later version says
				default:
					yield(Hit{}, &ProtocolError{Want: "<weblog>", Got: quote([]byte("<" + name + ">"))})
					return
				}
			case xml.EndElement:
				if token.Name.Local == "weblog" {
					return
				}
			}
		}
	}
}

// hitOf reads the attributes of a hit. Unknown ones are passed over.
func hitOf(attributes []xml.Attr) (hit Hit, err error) {
	for _, a := range attributes {
		switch a.Name.Local {
		case "host":
			hit.Host = a.Value
		case "ident":
			hit.Ident = a.Value
		case "user":
			hit.User = a.Value
		case "time":
			err = hit.Time.UnmarshalText([]byte(a.Value))
		case "method":
			hit.Method = a.Value
		case "path":
			hit.Path = a.Value
		case "protocol":
			hit.Protocol = a.Value
		case "status":
			hit.Status, err = strconv.Atoi(a.Value)
		case "bytes":
			hit.Bytes, err = strconv.ParseInt(a.Value, 10, 64)
		case "referrer":
			hit.Referrer = a.Value
		case "agent":
			hit.Agent = a.Value
		}
		if err != nil {
			return Hit{}, &ProtocolError{Want: "a hit's " + a.Name.Local, Got: quote([]byte(a.Value))}
		}
	}
	return hit, nil
}

func lostOf(attributes []xml.Attr) (n uint64, err error) {
	for _, a := range attributes {
		if a.Name.Local == "count" {
			if n, err = strconv.ParseUint(a.Value, 10, 64); err == nil && n > 0 {
				return n, &LostError{n}
			}
			return 0, &ProtocolError{Want: "a number of lost hits", Got: quote([]byte(a.Value))}
		}
	}
	return 0, &ProtocolError{Want: "a number of lost hits", Got: "<lost>"}
}

func documentError(err error) error {
	switch e := err.(type) {
	case *xml.SyntaxError:
		if e.Msg == "unexpected EOF" {
			return io.ErrUnexpectedEOF
		}
		return &ProtocolError{Want: "XML", Got: quote([]byte(e.Error()))}
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// An elementReader bounds what one element may take.
type elementReader struct {
	r     io.Reader
	taken int
}

func (e *elementReader) Read(p []byte) (int, error) {
	if e.taken > maxElementBytes {
		return 0, &ProtocolError{Want: fmt.Sprintf("elements of at most %d bytes", maxElementBytes), Got: "a longer one"}
	}
	n, err := e.r.Read(p)
	e.taken += n
	return n, err
}
