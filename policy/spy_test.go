package policy_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A call is a method that was called, with its arguments.
type call struct {
	name string
	args []any
}

// A spy is a Transport that notes every call and answers with odd values, so
// that one which passes through a layer can be told from a default.
type spy struct {
	loop  twistor.Loop
	calls []call
}

func (s *spy) note(name string, args ...any) { s.calls = append(s.calls, call{name, args}) }

// last is the last call of a name, nil if there was none.
func (s *spy) last(name string) *call {
	for i := len(s.calls) - 1; i >= 0; i-- {
		if s.calls[i].name == name {
			return &s.calls[i]
		}
	}
	return nil
}

var (
	spyFile  = deferred.Succeeded[int64](77)
	spyAddr  = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}
	spyState = &tls.ConnectionState{ServerName: "spy"}
)

func (s *spy) Write(p []byte) (int, error) { s.note("Write", string(p)); return len(p), nil }
func (s *spy) SendFile(f *io.SectionReader) *deferred.Deferred[int64] {
	s.note("SendFile", f)
	return spyFile
}
func (s *spy) Close() error                             { s.note("Close"); return nil }
func (s *spy) CloseWrite()                              { s.note("CloseWrite") }
func (s *spy) Abort()                                   { s.note("Abort") }
func (s *spy) Pause()                                   { s.note("Pause") }
func (s *spy) Resume()                                  { s.note("Resume") }
func (s *spy) Full() bool                               { s.note("Full"); return true }
func (s *spy) Buffered() int                            { s.note("Buffered"); return 99 }
func (s *spy) SetLimits(l twistor.Limits)               { s.note("SetLimits", l) }
func (s *spy) TLS() *tls.ConnectionState                { s.note("TLS"); return spyState }
func (s *spy) LocalAddr() net.Addr                      { s.note("LocalAddr"); return spyAddr }
func (s *spy) RemoteAddr() net.Addr                     { s.note("RemoteAddr"); return spyAddr }
func (s *spy) Loop() twistor.Loop                       { s.note("Loop"); return s.loop }
func (s *spy) LogValue() slog.Value                     { s.note("LogValue"); return slog.StringValue("spy") }
func (s *spy) WriteShared(p []byte) error               { s.note("WriteShared", string(p)); return nil }
func (s *spy) SetNoDelay(on bool) error                 { s.note("SetNoDelay", on); return nil }
func (s *spy) SetKeepAlive(c net.KeepAliveConfig) error { return nil }
func (s *spy) WriteFiles(p []byte, files ...*os.File) error {
	s.note("WriteFiles", string(p), files)
	return nil
}
func (s *spy) StartTLS(c *tls.Config, as twistor.Role, unread []byte) error {
	s.note("StartTLS", c, as, string(unread))
	return nil
}
func (s *spy) Switch(p twistor.Protocol, unread []byte) { s.note("Switch", p, string(unread)) }

// A listener is a Protocol with every optional event, which notes them.
type listener struct{ spy }

func (l *listener) Connected()              { l.note("Connected") }
func (l *listener) Received(p []byte)       { l.note("Received", string(p)) }
func (l *listener) ReadClosed()             { l.note("ReadClosed") }
func (l *listener) Drained()                { l.note("Drained") }
func (l *listener) Secured()                { l.note("Secured") }
func (l *listener) Dismissed()              { l.note("Dismissed") }
func (l *listener) FileReceived(f *os.File) { l.note("FileReceived", f) }
func (l *listener) Disconnected(err error)  { l.note("Disconnected", err) }

// A plain is a Protocol without any optional event.
type plain struct{ l *listener }

func (p plain) Connected()             { p.l.note("Connected") }
func (p plain) Received(b []byte)      { p.l.note("Received", string(b)) }
func (p plain) Disconnected(err error) { p.l.note("Disconnected", err) }

// sample is a value of a type that is not zero, where that can be.
func sample(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[[]byte]():
		return reflect.ValueOf([]byte("bytes"))
	case reflect.TypeFor[error]():
		return reflect.ValueOf(&errSample).Elem()
	case reflect.TypeFor[*tls.Config]():
		return reflect.ValueOf(&tls.Config{ServerName: "sample"})
	case reflect.TypeFor[twistor.Role]():
		return reflect.ValueOf(twistor.AsClient)
	case reflect.TypeFor[twistor.Limits]():
		return reflect.ValueOf(twistor.Limits{High: 5, Low: 4, Max: 6})
	case reflect.TypeFor[*io.SectionReader]():
		return reflect.ValueOf(io.NewSectionReader(nil, 0, 0))
	case reflect.TypeFor[*os.File]():
		return reflect.ValueOf(os.Stdin)
	}
	panic("no sample of " + t.String())
}

var errSample error = &net.OpError{Op: "sample", Err: io.ErrNoProgress}

// plainly makes arguments comparable: bytes are strings.
func plainly(args []reflect.Value) (out []any) {
	for _, a := range args {
		if b, ok := a.Interface().([]byte); ok {
			out = append(out, string(b))
			continue
		}
		out = append(out, a.Interface())
	}
	return out
}

var (
	someConfig = &tls.Config{ServerName: "test"}
	someState  = tls.ConnectionState{}
)
