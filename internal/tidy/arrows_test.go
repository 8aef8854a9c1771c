package tidy

import (
	"fmt"
	"strings"
	"testing"
)

// A row says what a package may import of this module. The first that matches
// a package holds; a package without a row may not exist.
type row struct {
	from  string
	may   []string
	tests []string // what its tests may import besides sim and packages named ...test
	why   string
}

var arrows = []row{
	{"deferred", nil, nil,
		"names its need of a loop as an interface, so that any loop can serve it"},
	{".", []string{"deferred"}, []string{"reactor", "framing"},
		"has the nouns and no behaviour"},
	{"internal/poll", nil, nil,
		"makes system calls and knows nothing of protocols"},
	{"internal/tlslayer/certtest", nil, nil,
		"makes certificates for tests"},
	{"internal/tlslayer", []string{".", "deferred"}, []string{"reactor"},
		"runs over any Transport, so it sees no reactor"},
	{"internal/peertest", nil, nil,
		"finds programs for tests, and knows of none of ours"},
	{"internal/daemon", nil, nil,
		"makes a process a daemon before there is a loop, and knows of none"},
	{"internal/systemd", nil, nil,
		"speaks with whoever started the process, and knows of no loop"},
	{"reactor", []string{".", "deferred", "internal/poll", "internal/tlslayer"}, []string{"endpoint"},
		"is the loop: it deals in nouns and readiness"},
	{"sim/...", []string{".", "deferred", "reactor", "internal/poll", "internal/tlslayer", "sim/..."}, []string{"framing", "policy"},
		"is the same reactor on another world"},
	{"framing/...", []string{".", "deferred", "framing/..."}, nil,
		"turns bytes into messages above any Transport"},
	{"policy", []string{".", "deferred", "internal/tlslayer"}, []string{"framing", "reactor"},
		"wraps any factory; policy.TLS is the layer over any Transport"},
	{"netconn", []string{".", "deferred"}, []string{"reactor", "framing"},
		"turns a Transport into a net.Conn and back"},
	{"endpoint", []string{".", "deferred", "policy", "framing"}, []string{"reactor"},
		"turns strings into Listen and Dial"},
	{"protocol/web/...", []string{".", "deferred", "framing/...", "policy", "netconn", "endpoint", "protocol/web/..."}, []string{"reactor", "protocol/web/..."},
		"is one protocol in several packages, and sees a twistor.Loop only"},
	{"protocol/websocket", []string{".", "deferred", "framing/...", "protocol/web"}, []string{"reactor"},
		"runs over web, as its RFC does; the real network only in tests of peers"},
	{"protocol/dns/dnstest", []string{"internal/peertest"}, []string{".", "protocol/dns/...", "reactor"},
		"starts other people's name servers for tests; package dns's own import it, so it knows none of ours"},
	{"protocol/dns/...", []string{".", "deferred", "framing/...", "policy", "netconn", "endpoint", "protocol/dns/...", "protocol/web"}, []string{"reactor"},
		"is one protocol in several packages; over HTTPS it runs over web, as its RFC does"},
	{"protocol/...", []string{".", "deferred", "framing/...", "policy", "netconn", "endpoint"}, nil,
		"sees a twistor.Loop only: testable in the simulator, portable; protocols do not import each other"},
	{"service/app", []string{".", "deferred", "endpoint", "framing/...", "service/...", "plugin", "reactor", "internal/daemon", "internal/systemd"}, nil,
		"joins services, plugins and the reactor into a program"},
	{"service/database", []string{".", "deferred", "service", "service/database/..."}, []string{"reactor", "framing"},
		"asks databases on the loop's workers; the real ones only in tests"},
	{"service/cred/...", []string{".", "deferred", "service/cred/..."}, []string{"reactor"},
		"says who may to any protocol, and knows none; the real pool only in tests"},
	{"service/persist", []string{".", "deferred"}, []string{"reactor"},
		"keeps state on an FS and knows nothing of services"},
	{"service/...", []string{".", "deferred", "framing/...", "policy", "netconn", "endpoint", "protocol/...", "service/..."}, []string{"reactor"},
		"starts and stops protocols; only service/app knows the reactor"},
	{"plugin/...", []string{".", "deferred", "framing/...", "policy", "netconn", "endpoint", "protocol/...", "service/...", "plugin/..."}, nil,
		"turns flags into a service"},
	{"cmd/...", []string{".", "deferred", "plugin/...", "service/...", "reactor"}, []string{"endpoint", "protocol/..."},
		"is a few lines that join a plugin and the real world"},
	{"examples/...", []string{".", "deferred", "framing/...", "policy", "netconn", "endpoint", "protocol/...", "service/...", "plugin/...", "reactor"}, nil,
		"are users' programs: everything public"},
	{"docs/...", []string{".", "deferred", "framing/...", "policy", "netconn", "endpoint", "protocol/...", "service/...", "plugin/...", "reactor"}, nil,
		"are users' programs: everything public"},
	{"internal/tidy/...", nil, nil,
		"reads the code and runs none of it"},
}

// exceptionsOfArrows are single imports beyond the rows: for a protocol the one
// that its RFC runs over.
var exceptionsOfArrows = []struct{ from, to, why string }{}

// A foreign is a module that some packages may import, and why it is better
// than what we would write.
type foreign struct {
	module string
	from   []string
	tests  bool // tests of any package may
	why    string
}

var modules = []foreign{
	{"golang.org/x/sys", []string{"internal/poll", "internal/daemon", "internal/systemd"}, true, "system calls that package syscall lacks: epoll, kqueue, recvmmsg, prctl, landlock"},
	{"github.com/spf13/cobra", []string{"service/app", "cmd/..."}, false, "commands, help and completion as people know them"},
	{"github.com/spf13/pflag", []string{"service/app", "service/cred", "plugin/...", "cmd/..."}, false, "the flags of cobra's commands"},
	{"github.com/jackc/pgx/v5", nil, true, "PostgreSQL's driver; programs choose their own"},
	{"modernc.org/sqlite", nil, true, "SQLite without C: a real database for tests and examples"},
	{"golang.org/x/crypto/argon2", []string{"service/cred/passwd"}, false, "a hash that is costly to guess, well reviewed"},
	{"golang.org/x/crypto/bcrypt", []string{"service/cred/passwd"}, false, "the hash of most files of users that there are"},
	{"golang.org/x/crypto/acme", []string{"service/acme"}, false, "the signed messages of RFC 8555, well reviewed; on the pool"},
	{"github.com/xdg-go/scram", []string{"service/cred"}, false, "SCRAM's messages and proofs, without a connection"},
	{"github.com/xdg-go/stringprep", []string{"service/cred/passwd"}, false, "SASLprep and its tables of Unicode"},
	{"github.com/rogpeppe/go-internal/testscript", nil, true, "sessions as a person types them"},
	{"github.com/klauspost/compress/zstd", []string{"protocol/web/compress"}, false, "zstd, with bounds for its window and its memory"},
	{"github.com/klauspost/compress/flate", []string{"protocol/websocket"}, false, "deflate with a window of a size agreed on, and with a dictionary for short messages"},
	{"github.com/coder/websocket", nil, true, "a peer of websocket's tests"},
	{"golang.org/x/net/http2/hpack", []string{"protocol/web/internal/h2"}, true, "the compression of HTTP/2's headers: tables and a decoder that many have attacked"},
	{"golang.org/x/net/http2", nil, true, "a peer and an oracle for our frames; it would link a second server and client"},
	{"golang.org/x/net/http/httpproxy", []string{"protocol/web"}, false, "what the variables of the environment say of proxies, as all programs read them"},
	{"golang.org/x/net/publicsuffix", []string{"protocol/web"}, false, "which names are nobody's own, so that cookies stay with their site"},
	{"github.com/miekg/dns", []string{"protocol/dns"}, false, "records of every type, zone files and TSIG, used by most of Go's DNS; behind package dns's own names"},
	{"golang.org/x/net/dns/dnsmessage", []string{"protocol/dns/dnstest"}, false, "one query and its answer, for what may not import package dns"},
	{"golang.org/x/net/nettest", nil, true, "the conformance suite of net.Conn"},
}

func checkArrows(t *tree) (found []finding) {
	for _, p := range t.packages {
		r := rowOf(p.path)
		for _, f := range p.files {
			if r == nil {
				found = append(found, finding{f.name, 1, "package " + p.path + " has no row in the table of arrows"})
				continue
			}
			for _, spec := range f.ast.Imports {
				to := strings.Trim(spec.Path.Value, `"`)
				if what := r.forbids(p.path, to, f.test); what != "" {
					found = append(found, finding{f.name, t.line(spec), what})
				}
			}
		}
	}
	return found
}

func rowOf(p string) *row {
	for i := range arrows {
		if match(arrows[i].from, p) {
			return &arrows[i]
		}
	}
	return nil
}

// forbids says what is wrong with an import; "" is nothing.
func (r *row) forbids(from, to string, test bool) string {
	if first, _, _ := strings.Cut(to, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	p, ours := local(to)
	if !ours {
		for _, m := range modules {
			if to == m.module || strings.HasPrefix(to, m.module+"/") {
				if test && m.tests || matchAny(m.from, from) {
					return ""
				}
				return fmt.Sprintf("%s may not import %s: it is for %v", from, to, m.from)
			}
		}
		return fmt.Sprintf("%s imports %s, a module without a row in the table", from, to)
	}
	if p == from || matchAny(r.may, p) || test && (match("sim/...", p) || strings.HasSuffix(p, "test") || matchAny(r.tests, p)) {
		return ""
	}
	for _, x := range exceptionsOfArrows {
		if x.from == from && x.to == p {
			return ""
		}
	}
	return fmt.Sprintf("%s may not import %s: it %s", from, p, r.why)
}

func TestArrows(t *testing.T) { holds(t, checkArrows) }

func TestArrowsControl(t *testing.T) {
	finds(t, checkArrows, map[string]string{
		"protocol/a/a.go":      "package a\n\nimport (\n\t\"net/textproto\"\n\t\"" + module + "/framing\"\n\t_ \"" + module + "/reactor\" // want\n)\n",
		"protocol/a/a_test.go": "package a\n\nimport (\n\t_ \"" + module + "/sim\"\n\t_ \"" + module + "/reactor\" // want\n)\n",
		"protocol/b/b.go":      "package b\n\nimport _ \"" + module + "/protocol/a\" // want\n",
		"policy/p.go":          "package policy\n\nimport _ \"" + module + "/sim\" // want\n",
		"framing/f.go":         "package framing\n\nimport _ \"example.com/elsewhere\" // want\n",
		"reactor/r.go":         "package reactor\n\nimport _ \"golang.org/x/sys/unix\" // want\n",
		"internal/poll/p.go":   "package poll\n\nimport _ \"golang.org/x/sys/unix\"\n",
		"util/u.go":            "package util // want\n",
	})
}

// Every row must have its reason, and no exception may outlive its import.
func TestArrowsAreReasoned(t *testing.T) {
	for _, r := range arrows {
		if r.why == "" {
			t.Errorf("row %s has no reason", r.from)
		}
	}
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range exceptionsOfArrows {
		used := false
		for _, p := range tree.packages {
			for _, f := range p.files {
				for _, to := range f.imports() {
					if l, ok := local(to); ok && p.path == x.from && l == x.to {
						used = true
					}
				}
			}
		}
		if !used || x.why == "" {
			t.Errorf("the exception %s -> %s is not needed, or has no reason", x.from, x.to)
		}
	}
}
