package xmlrpc

import (
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Server is a web.Handler that has functions called. Register them before it
// serves. Loop-only.
type Server struct {
	Rules
	// Introspection has it tell what methods there are: system.listMethods,
	// system.methodHelp, system.methodSignature.
	Introspection bool
	// MaxCalls is how many calls one system.multicall may have. 0: 100; negative:
	// there is no such method.
	MaxCalls int
	// Log hears why calls failed. Nil: the loop's.
	Log *slog.Logger

	methods map[string]*method
	subs    map[string]*Server
}

// Handle registers f for calls of name; see the package for what f may be. It
// panics if f is no such function, or the name is taken or none. help is for
// system.methodHelp, "" if there is none to give.
func (s *Server) Handle(name string, f any, help ...string) {
	m, err := methodOf(f)
	if err == nil && !validMethod(name) {
		err = errors.New("want a name of 1 to 255 letters, digits, or any of _ . : /")
	}
	if err == nil && s.methods[name] != nil {
		err = errors.New("there is one of that name")
	}
	if err != nil {
		panic(fmt.Sprintf("xmlrpc: method %q: %v", name, err))
	}
	m.help = strings.Join(help, "\n")
	if s.methods == nil {
		s.methods = map[string]*method{}
	}
	s.methods[name] = m
}

// HandleAll registers each exported method of receiver that can be one, by its
// name with a small first letter: AddUser as "addUser".
func (s *Server) HandleAll(receiver any) {
	v := reflect.ValueOf(receiver)
	n := 0
	for i := range v.NumMethod() {
		f := v.Method(i).Interface()
		if _, err := methodOf(f); err != nil {
			continue
		}
		name := []rune(v.Type().Method(i).Name)
		name[0] = unicode.ToLower(name[0])
		s.Handle(string(name), f)
		n++
	}
	if n == 0 {
		panic(fmt.Sprintf("xmlrpc: %T has no methods that can be called", receiver))
	}
}

// Sub has o serve what begins with prefix and a dot, which o does not see.
func (s *Server) Sub(prefix string, o *Server) {
	if o == s || s.subs[prefix] != nil || !validMethod(prefix) || strings.Contains(prefix, ".") {
		panic(fmt.Sprintf("xmlrpc: prefix %q: want a name of its own, without a dot, and another Server", prefix))
	}
	if s.subs == nil {
		s.subs = map[string]*Server{}
	}
	s.subs[prefix] = o
}

// Serve answers one call.
func (s *Server) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	if r.Method != "POST" {
		w.SetHeader("Allow", "POST")
		web.Refuse(w, r, 405, "")
		return nil
	}
	// A page of another site can send a form, or plain text, without being asked
	// whether it may; XML it cannot.
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "text/xml" && kind != "application/xml" {
		web.Refuse(w, r, 415, "want text/xml")
		return nil
	}
	return deferred.Inline(r.Loop(), func(co *deferred.Co) (none struct{}, err error) {
		r.Body.Limit(s.maxBytes())
		c := call{s: s, co: co, r: r}
		answer, err := c.answer()
		if err != nil {
			return none, err
		}
		w.SetHeader("Content-Type", "text/xml; charset=utf-8")
		w.SetHeader("Content-Length", strconv.Itoa(len(answer)))
		return none, send(co, w, answer)
	})
}

// send writes p as fast as the client takes it: a connection queues 1 MiB at most.
func send(co *deferred.Co, w *web.ResponseWriter, p []byte) error {
	for len(p) > 0 {
		n, err := w.Write(p[:min(len(p), 32<<10)])
		if err != nil {
			return err
		}
		p = p[n:]
		if w.Full() {
			if _, err := w.Ready().Await(co); err != nil {
				return err
			}
		}
	}
	return nil
}

// A call is one request under way.
type call struct {
	s  *Server
	co *deferred.Co
	r  *web.Request
}

// answer reads the call and makes the answer.
func (c *call) answer() ([]byte, error) {
	d := newDecoder(c.r.Body.Reader(c.co), &c.s.Rules)
	name, params, err := d.call()
	if p, ok := errors.AsType[*ProtocolError](err); ok {
		return c.s.appendFault(nil, &Fault{Failure, p.Error()}), nil
	}
	if err != nil {
		return nil, err
	}
	var answer []byte
	v, err := c.do(name, params)
	if err == nil {
		answer, err = c.s.appendResult(nil, v)
	}
	if err == nil {
		return answer, nil
	}
	if err := c.co.Err(); err != nil {
		return nil, err
	}
	return c.s.appendFault(nil, c.fault(name, err)), nil
}

// fault is what the caller hears of err; the log hears all.
func (c *call) fault(name string, err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	log := c.s.Log
	if log == nil {
		log = c.r.Loop().Log()
	}
	log.Error("xmlrpc: method failed", "op", name, "err", err)
	return &Fault{Failure, "error"}
}

// do has the method called. Without an error the value is nil where the method
// returns nothing.
func (c *call) do(name string, params []any) (any, error) {
	m := c.s.find(name)
	if m == nil {
		if system := c.system(name); system != nil {
			return system(params)
		}
		return nil, &Fault{NotFound, fmt.Sprintf("there is no method %s", name)}
	}
	return m.call(c, params)
}

// find looks for the method, here and below.
func (s *Server) find(name string) *method {
	if m := s.methods[name]; m != nil {
		return m
	}
	prefix, rest, _ := strings.Cut(name, ".")
	if sub := s.subs[prefix]; sub != nil && rest != "" {
		return sub.find(rest)
	}
	return nil
}

// names are all methods, sorted.
func (s *Server) names() (names []string) {
	for name := range s.methods { //sim:unordered sorted below
		names = append(names, name)
	}
	for prefix, sub := range s.subs { //sim:unordered sorted below
		for _, name := range sub.names() {
			names = append(names, prefix+"."+name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
