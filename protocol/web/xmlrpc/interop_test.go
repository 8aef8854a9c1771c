package xmlrpc_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/xmlrpc"
	"github.com/twistor-go/twistor/reactor"
)

// python starts Python with a program.
func python(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, peertest.Program(t, "python3"), append([]string{"-c", program}, args...)...)
}

// V34: python's xmlrpc.client calls all of validator1, and what only it may find.
func TestV34PythonCalls(t *testing.T) {
	s := validator1()
	s.Introspection, s.Nil, s.Long = true, true, true
	s.Handle("echo", func(v any) any { return v })
	s.Handle("fail", func() error { return &xmlrpc.Fault{Code: 42, Text: "<&>"} })
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: s})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() {
		cancel()
		<-done
		r.Close()
	}()
	out, err := python(t, `
import sys, datetime, xmlrpc.client as x
p = x.ServerProxy(sys.argv[1], allow_none=True, use_builtin_types=True)
v = p.validator1
stooge = lambda m, l, c: {"moe": m, "larry": l, "curly": c}
assert v.arrayOfStructsTest([stooge(1, 2, 3), stooge(4, 5, -6), stooge(0, 0, 10)]) == 7
assert v.countTheEntities("<<>&'''\"\"x") == {"ctLeftAngleBrackets": 2, "ctRightAngleBrackets": 1, "ctAmpersands": 1, "ctApostrophes": 3, "ctQuotes": 2}
assert v.easyStructTest(stooge(1, 2, 3)) == 6
s = {"a": stooge(1, 2, 3), "b": [1, "<x>", 2.5, True], "": "é\u20ac\U0001f600"}
assert v.echoStructTest(s) == s
at = datetime.datetime(2026, 11, 22, 12, 30, 1)
many = [7, False, "tex\tt\nand that", -3.25, at, b"\x00\xff bytes"]
assert v.manyTypesTest(*many) == many, v.manyTypesTest(*many)
assert v.moderateSizeArrayCheck(["w%d" % i for i in range(150)]) == "w0w149"
assert v.nestedStructTest({"2000": {"04": {"01": stooge(10, 20, 30), "02": stooge(1, 1, 1)}}}) == 60
assert v.simpleStructReturnTest(3) == {"times10": 30, "times100": 300, "times1000": 3000}
assert p.echo(None) is None
assert p.echo(1e100) == 1e100
assert p.echo([]) == [] and p.echo({}) == {} and p.echo("") == "" and p.echo(b"") == b""
assert "validator1.easyStructTest" in p.system.listMethods() and "system.multicall" in p.system.listMethods()
assert p.system.methodHelp("validator1.arrayOfStructsTest") == "the sum of all members curly"
assert p.system.methodSignature("validator1.manyTypesTest") == [["array", "int", "boolean", "string", "double", "dateTime.iso8601", "base64"]]
m = x.MultiCall(p)
m.echo(1); m.fail(); m.echo([2])
r = m()
assert r[0] == 1 and r[2] == [2]
def fault(f):
    try: f()
    except x.Fault as e: return e.faultCode, e.faultString
assert fault(lambda: r[1]) == (42, "<&>"), fault(lambda: r[1])
assert fault(p.fail) == (42, "<&>")
assert fault(p.none)[0] == 8001
assert fault(lambda: v.easyStructTest(1)) == (8002, "parameter 1: int: want struct")
assert fault(lambda: p.echo(1, 2)) == (8002, "got 2 parameters, want 1")
print("ok")
`, "http://"+port.Addr().String()+"/RPC2").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("%v: %s", err, out)
	}
}

// V35: our Proxy calls all of validator1 of python's xmlrpc.server.
func TestV35PythonServes(t *testing.T) {
	cmd := python(t, `
import sys, threading, xmlrpc.client, xmlrpc.server as x
class V:
    def arrayOfStructsTest(self, a): return sum(s["curly"] for s in a)
    def countTheEntities(self, s): return {"ctLeftAngleBrackets": s.count("<"), "ctRightAngleBrackets": s.count(">"), "ctAmpersands": s.count("&"), "ctApostrophes": s.count("'"), "ctQuotes": s.count('"')}
    def easyStructTest(self, s): return s["moe"] + s["larry"] + s["curly"]
    def echoStructTest(self, s): return s
    def manyTypesTest(self, *a): return list(a)
    def moderateSizeArrayCheck(self, a): return a[0] + a[-1]
    def nestedStructTest(self, c): d = c["2000"]["04"]["01"]; return d["moe"] + d["larry"] + d["curly"]
    def simpleStructReturnTest(self, n): return {"times10": 10*n, "times100": 100*n, "times1000": 1000*n}
    def fail(self): raise xmlrpc.client.Fault(42, "<&>")
class S: validator1 = V()
s = x.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, allow_none=True)
s.register_instance(S(), allow_dotted_names=True)
s.register_introspection_functions()
print(s.server_address[1], flush=True)
threading.Thread(target=s.serve_forever, daemon=True).start()
sys.stdin.read()
`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	r := reactor.New(nil)
	defer r.Close()
	client := &web.Client{Loop: r.Loop()}
	p := &xmlrpc.Proxy{URL: "http://127.0.0.1:" + strings.TrimSpace(port) + "/RPC2", Client: client, Rules: xmlrpc.Rules{Nil: true}}
	ctx, cancel := context.WithCancel(context.Background())
	talk := deferred.Inline(r.Loop(), func(co *deferred.Co) (none struct{}, err error) {
		defer cancel()
		defer client.Close()
		return none, validate(co, p)
	})
	talk.Done(func(_ struct{}, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err := r.Run(ctx); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

// validate calls validator1.
func validate(co *deferred.Co, p *xmlrpc.Proxy) error {
	type day map[string]int
	stooge := func(m, l, c int) day { return day{"moe": m, "larry": l, "curly": c} }
	at := time.Date(2026, 11, 22, 12, 30, 1, 0, time.UTC)
	many := []any{7, false, "tex\tt\nand that", -3.25, at, []byte("\x00\xff bytes")}
	var words []string
	for i := range 150 {
		words = append(words, fmt.Sprint("w", i))
	}
	nested := map[string]any{"a": map[string]any{"b": []any{1, "<x>", 2.5, true}}, "": "é€😀", "n": nil}
	for _, c := range []struct {
		method string
		args   []any
		want   any
	}{
		{"arrayOfStructsTest", []any{[]day{stooge(1, 2, 3), stooge(4, 5, -6), stooge(0, 0, 10)}}, 7},
		{"countTheEntities", []any{"<<>&'''\"\"x"}, map[string]any{"ctLeftAngleBrackets": 2, "ctRightAngleBrackets": 1, "ctAmpersands": 1, "ctApostrophes": 3, "ctQuotes": 2}},
		{"easyStructTest", []any{stooge(1, 2, 3)}, 6},
		{"echoStructTest", []any{nested}, nested},
		{"manyTypesTest", many, many},
		{"moderateSizeArrayCheck", []any{words}, "w0w149"},
		{"nestedStructTest", []any{map[string]map[string]map[string]day{"2000": {"04": {"01": stooge(10, 20, 30)}}}}, 60},
		{"simpleStructReturnTest", []any{3}, map[string]any{"times10": 30, "times100": 300, "times1000": 3000}},
	} {
		got, err := p.Call("validator1."+c.method, c.args...).Await(co)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			return fmt.Errorf("%s: got %v, %v, want %v", c.method, got, err, c.want)
		}
	}
	_, err := p.Call("validator1.fail").Await(co)
	if f, ok := err.(*xmlrpc.Fault); !ok || f.Code != 42 || f.Text != "<&>" {
		return fmt.Errorf("fail: got %v, want fault 42", err)
	}
	return nil
}
