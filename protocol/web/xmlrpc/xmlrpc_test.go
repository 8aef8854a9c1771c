package xmlrpc_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/xmlrpc"
	"github.com/twistor-go/twistor/sim"
)

// between serves h on one simulated host and has talk ask it from another.
func between(t *testing.T, w *sim.World, h web.Handler, talk func(co *deferred.Co, p *xmlrpc.Proxy) error) {
	t.Helper()
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: h, Log: slog.New(slog.DiscardHandler)})
	client := w.Host("client")
	over := false
	client.Do(func(co *deferred.Co) error {
		c := &web.Client{Loop: client.Loop()}
		defer c.Close()
		defer func() { over = true }()
		return talk(co, &xmlrpc.Proxy{URL: "http://server/RPC2", Client: c})
	})
	w.Run(func() bool { return over })
}

// V34, V35: both ends, over networks that cut and delay.
func TestV34OverSeeds(t *testing.T) {
	sim.Seeds(t, 10, func(t *testing.T, w *sim.World) {
		s := validator1()
		s.Nil = true
		between(t, w, s, func(co *deferred.Co, p *xmlrpc.Proxy) error {
			p.Nil = true
			err := validate(co, p)
			if err != nil && strings.HasPrefix(err.Error(), "fail:") {
				return nil // that method is of python's server
			}
			return err
		})
	})
}

type user struct {
	Name  string `xmlrpc:"name"`
	Admin *bool  `xmlrpc:"admin"`
	Note  string `xmlrpc:"-"`
}

// accounts has the methods of TestV34Methods.
type accounts struct{ loop deferred.Loop }

func (a *accounts) Greet(u user) string { return "hello " + u.Name }
func (a *accounts) Unnamed(chan int)    {}
func (a *accounts) Later(n int) *deferred.Deferred[int] {
	d := deferred.New[int](a.loop)
	a.loop.CallLater(10*time.Second, func() { d.Succeed(2 * n) })
	return d
}

// V34: each shape of function, Deferred results, sub-servers, and what goes wrong.
func TestV34Methods(t *testing.T) {
	w := sim.New(t, 1)
	var log strings.Builder
	s := &xmlrpc.Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
	s.HandleAll(&accounts{w.Host("server").Loop()})
	s.Handle("waits", func(co *deferred.Co, r *web.Request, d float64) (string, error) {
		err := co.Sleep(time.Duration(d * float64(time.Second)))
		return r.Path(), err
	})
	s.Handle("sum", func(all ...int) (n int) {
		for _, i := range all {
			n += i
		}
		return n
	})
	s.Handle("nothing", func() {})
	s.Handle("signal", func() *deferred.Signal { return deferred.Succeeded(struct{}{}) })
	s.Handle("secret", func() error { return errors.New("password is hunter2") })
	s.Handle("lost", func() *deferred.Deferred[int] { return nil })
	s.Handle("large", func() string { return strings.Repeat("x", 5<<20) })
	s.Handle("nan", func() float64 { return math.NaN() })
	s.Handle("small", func(n int8) int { return int(n) })
	deep := &xmlrpc.Server{}
	deep.Handle("c.d", func() string { return "deep" })
	sub := &xmlrpc.Server{}
	sub.Sub("b", deep)
	s.Sub("a", sub)
	between(t, w, s, func(co *deferred.Co, p *xmlrpc.Proxy) error {
		for _, c := range []struct {
			method string
			args   []any
			want   any
		}{
			{"greet", []any{user{Name: "ann", Admin: new(bool)}}, "hello ann"},
			{"greet", []any{map[string]any{"name": "bob", "more": 1}}, "hello bob"},
			{"later", []any{21}, 42},
			{"waits", []any{1.5}, "/RPC2"},
			{"waits", []any{1}, "/RPC2"}, // an int is a double, too
			{"sum", []any{1, 2, 3}, 6},
			{"sum", nil, 0},
			{"nothing", nil, ""},
			{"signal", nil, ""},
			{"a.b.c.d", nil, "deep"},
			{"none", nil, "8001 there is no method none"},
			{"a.b.c", nil, "8001 there is no method a.b.c"},
			{"system.listMethods", nil, "8001 there is no method system.listMethods"},
			{"secret", nil, "8002 error"},
			{"lost", nil, "8002 error"},
			{"nan", nil, "8002 error"},
			{"sum", []any{"x"}, "8002 parameter 1: string: want int"},
			{"small", []any{128}, "8002 parameter 1: int: want int"},
			{"greet", nil, "8002 got 0 parameters, want 1"},
			{"greet", []any{[]int{1}}, "8002 parameter 1: array of 1: want struct"},
			{"system.multicall", []any{1}, "8002 want an array of calls"},
			{"system.multicall", []any{make([]int, 101)}, "8002 got 101 calls, want at most 100"},
		} {
			got, err := p.Call(c.method, c.args...).Await(co)
			if f, ok := err.(*xmlrpc.Fault); ok {
				got, err = fmt.Sprint(f.Code, " ", f.Text), nil
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s%v: got %v, %v, want %v", c.method, c.args, got, err, c.want)
			}
		}
		many, err := xmlrpc.Call[[]any](p, "system.multicall", []map[string]any{
			{"methodName": "sum", "params": []int{1, 2}}, {"methodName": "none", "params": []int{}}, {"methodName": "system.multicall", "params": []int{}}, {"params": 1},
			{"methodName": "nan", "params": []int{}}, {"methodName": "later", "params": []int{1}},
		}).Await(co)
		if got, want := fmt.Sprint(many, err), "[[3] map[faultCode:8001 faultString:there is no method none] map[faultCode:8002 faultString:want no multicall within one] "+
			"map[faultCode:8002 faultString:want a struct of methodName and params] map[faultCode:8002 faultString:error] [2]] <nil>"; got != want {
			t.Errorf("multicall: got %s, want %s", got, want)
		}
		p.MaxBytes = 6 << 20
		if large, err := xmlrpc.Call[string](p, "large").Await(co); len(large) != 5<<20 || err != nil {
			t.Errorf("large: got %d bytes and %v, want 5 MiB", len(large), err)
		}
		if n, err := xmlrpc.Call[uint16](p, "sum", 40, 2).Await(co); n != 42 || err != nil {
			t.Errorf("Call: got %d, %v", n, err)
		}
		if _, err := xmlrpc.Call[bool](p, "sum").Await(co); err == nil || !strings.Contains(err.Error(), "int: want boolean") {
			t.Errorf("Call as bool: got %v", err)
		}
		return nil
	})
	if !strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "op=secret") {
		t.Errorf("log: got %s, want why the method failed", log.String())
	}
}

// V35: what is no answer has its own errors; a call can be cancelled, takes no longer
// than it may, and sends what has a place in XML only.
func TestV35Errors(t *testing.T) {
	w := sim.New(t, 1)
	var status int
	kind, body, auth, cancelled := "text/xml", "", "", false
	h := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		user, password, _ := r.BasicAuth()
		auth = user + ":" + password.Reveal()
		if status == 0 {
			return deferred.New[struct{}](r.Loop()).OnCancel(func() { cancelled = true })
		}
		w.SetHeader("Content-Type", kind)
		w.WriteHeader(status)
		w.WriteString(body)
		return nil
	})
	answer := func(value string) string {
		return "<?xml version='1.0'?><methodResponse><params><param>" + value + "</param></params></methodResponse>"
	}
	between(t, w, h, func(co *deferred.Co, p *xmlrpc.Proxy) error {
		p.User, p.Password = "ann", twistor.Conceal("s3cret")
		p.Timeout = 10 * time.Second
		call := func(s int, k, b string) (any, error) {
			status, kind, body = s, k, b
			return p.Call("m").Await(co)
		}
		if v, err := call(200, "text/xml; charset=utf-8", answer("<value>x</value>")+"\n<!-- end -->\n"); v != "x" || err != nil || auth != "ann:s3cret" {
			t.Errorf("control: got %v, %v, auth %q", v, err, auth)
		}
		if v, err := call(200, "text/xml", "<?xml version='1.0' encoding='ISO-8859-1'?>"+answer("<value>\xe9</value>")[21:]); v != "é" || err != nil {
			t.Errorf("ISO 8859-1: got %v, %v", v, err)
		}
		if _, err := call(503, "text/xml", answer("<value>x</value>")); err == nil || err.(*xmlrpc.StatusError).Status != 503 {
			t.Errorf("503: got %v", err)
		}
		for _, c := range []struct{ name, kind, body, want string }{
			{"type", "text/html", answer("<value>x</value>"), "want text/xml"},
			{"empty", "text/xml", "", "ends too early"},
			{"cut", "text/xml", answer("<value>x</value>")[:60], "at byte"},
			{"a document type", "text/xml", "<!DOCTYPE x [<!ENTITY a 'b'>]>" + answer("<value>&a;</value>"), "no document type"},
			{"an entity", "text/xml", answer("<value>&a;</value>"), "invalid character entity"},
			{"two values", "text/xml", answer("<value>x</value></param><param><value>y</value>"), "2 values"},
			{"type unknown", "text/xml", answer("<value><foo>1</foo></value>"), "want a type"},
			{"int", "text/xml", answer("<value><int>2147483648</int></value>"), "32 bits"},
			{"int with text", "text/xml", answer("<value><int>1x</int></value>"), "32 bits"},
			{"boolean", "text/xml", answer("<value><boolean>true</boolean></value>"), "0 or 1"},
			{"double", "text/xml", answer("<value><double>Inf</double></value>"), "want a number"},
			{"time", "text/xml", answer("<value><dateTime.iso8601>now</dateTime.iso8601></value>"), "want one such as"},
			{"base64", "text/xml", answer("<value><base64>!</base64></value>"), "base64"},
			{"members twice", "text/xml", answer("<value><struct><member><name>a</name><value>1</value></member><member><name>a</name><value>1</value></member></struct></value>"), "two members"},
			{"text before a type", "text/xml", answer("<value>x<int>1</int></value>"), "before <int>"},
			{"element in text", "text/xml", answer("<value><string>a<b/></string></value>"), "want text"},
			{"behind it", "text/xml", answer("<value>x</value>") + "<x/>", "behind the message"},
			{"encoding", "text/xml", "<?xml version='1.0' encoding='utf-7'?>" + answer("<value>x</value>")[21:], "want utf-8"},
			{"fault", "text/xml", "<methodResponse><fault><value>x</value></fault></methodResponse>", "faultCode"},
			{"depth", "text/xml", answer(strings.Repeat("<value><array><data>", 65) + strings.Repeat("</data></array></value>", 65)), "64 deep"},
			{"values", "text/xml", answer("<value><array><data>" + strings.Repeat("<value/>", 100_001) + "</data></array></value>"), "100000 values"},
		} {
			_, err := call(200, c.kind, c.body)
			if _, ok := errors.AsType[*xmlrpc.ProtocolError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.want)
			}
		}
		p.MaxBytes = 100_000
		if _, err := call(200, "text/xml", answer("<value>"+strings.Repeat("x", 100_000)+"</value>")); !errors.Is(err, web.ErrTooLarge) {
			t.Errorf("beyond MaxBytes: got %v, want %v", err, web.ErrTooLarge)
		}
		if _, err := call(0, "", ""); !errors.Is(err, deferred.ErrTimeout) {
			t.Errorf("silence: got %v, want a timeout", err)
		}
		co.Sleep(time.Second)
		if !cancelled {
			t.Errorf("the server was not left after the timeout")
		}
		cancelled = false
		d := p.Call("m")
		co.Sleep(time.Second)
		d.Cancel()
		co.Sleep(time.Second)
		if !cancelled {
			t.Errorf("the server was not left after Cancel")
		}
		cycle := []any{nil}
		cycle[0] = cycle
		for _, v := range []any{math.NaN(), math.Inf(1), 1 << 40, nil, "a\x00", "a\xff", make(chan int), map[int]int{}, cycle, time.Time{}.AddDate(-5, 0, 0)} {
			status, auth = 200, "unasked"
			if _, err := p.Call("m", v).Await(co); err == nil || auth != "unasked" {
				t.Errorf("%T: got %v, want an error before anything is sent", v, err)
			}
		}
		if _, err := p.Call("a b").Await(co); err == nil {
			t.Errorf("method with a space: got no error")
		}
		return nil
	})
}

// V34: POST of XML only, within limits.
func TestV34Refuses(t *testing.T) {
	w := sim.New(t, 1)
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: validator1(), Log: slog.New(slog.DiscardHandler)})
	ask := func(method, kind, body string) string {
		p := w.Host("client").Dial("server:80")
		p.Send(fmt.Sprintf("%s / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", method, kind, len(body), body))
		p.WaitGone()
		return p.Take()
	}
	call := "<methodCall><methodName>none</methodName></methodCall>"
	for _, c := range []struct{ method, kind, body, status, says string }{
		{"POST", "text/xml", call, "200", "<int>8001</int>"},
		{"POST", "application/xml; charset=utf-8", call, "200", "<int>8001</int>"},
		{"GET", "text/xml", "", "405", "Allow: POST"},
		{"POST", "text/plain", call, "415", ""},
		{"POST", "application/x-www-form-urlencoded", call, "415", ""},
		{"POST", "text/xml", "<methodCall>", "200", "<int>8002</int>"},
		{"POST", "text/xml", "<!DOCTYPE a>" + call, "200", "no document type"},
		{"POST", "text/xml", "<methodCall><methodName>a b</methodName></methodCall>", "200", "<int>8002</int>"},
		{"POST", "text/xml", call + strings.Repeat(" ", 1<<20), "413", ""},
	} {
		got := ask(c.method, c.kind, c.body)
		if !strings.HasPrefix(got, "HTTP/1.1 "+c.status) || !strings.Contains(got, c.says) {
			t.Errorf("%s %s %.60q: got %.400q, want %s %q", c.method, c.kind, c.body, got, c.status, c.says)
		}
	}
}

func TestHandlePanics(t *testing.T) {
	for name, f := range map[string]func(s *xmlrpc.Server){
		"no function":    func(s *xmlrpc.Server) { s.Handle("a", 1) },
		"channel":        func(s *xmlrpc.Server) { s.Handle("a", func(chan int) {}) },
		"reader":         func(s *xmlrpc.Server) { s.Handle("a", func(error) {}) },
		"two values":     func(s *xmlrpc.Server) { s.Handle("a", func() (int, int) { return 1, 2 }) },
		"map of ints":    func(s *xmlrpc.Server) { s.Handle("a", func(map[int]int) {}) },
		"no name":        func(s *xmlrpc.Server) { s.Handle("", func() {}) },
		"twice":          func(s *xmlrpc.Server) { s.Handle("a", func() {}); s.Handle("a", func() {}) },
		"no methods":     func(s *xmlrpc.Server) { s.HandleAll(struct{}{}) },
		"sub of itself":  func(s *xmlrpc.Server) { s.Sub("a", s) },
		"prefix and dot": func(s *xmlrpc.Server) { s.Sub("a.b", &xmlrpc.Server{}) },
	} {
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.HasPrefix(fmt.Sprint(v), "xmlrpc: ") {
					t.Errorf("%s: got panic %v", name, v)
				}
			}()
			f(&xmlrpc.Server{})
		}()
	}
}
