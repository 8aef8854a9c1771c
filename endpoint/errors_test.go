package endpoint

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/errors.golden anew")

// wrongListeners and wrongDialers are endpoints that are none; what is said of
// them is in testdata/errors.golden, to be read by people.
var wrongListeners = []string{
	"",
	"8080",
	"tcp",
	"tcp:",
	"tcp:70000",
	"tcp:-1",
	"tcp:+80",
	"tcp:http",
	"tcp:127.0.0.1",
	"tcp:8080:127.0.0.1",
	"tcp:1:2:3",
	"tcp:80:host=300.1.1.1",
	"tcp:80:host=exa mple",
	"tcp:80:host=bücher.example",
	"tcp:80:host=[1.2.3.4]",
	"tcp:[::1:80",
	"tcp:80:port=80",
	"tcp:80:backlog=many",
	"tcp:80:backlog=0",
	"tcp:80:backlog=1:backlog=2",
	"tcp:80:backlgo=5",
	"tcp:80:interface=1.2.3.4",
	"tcp:80:reuseport=perhaps",
	`tcp:80\`,
	"tpc:80",
	"http:80",
	"onion:80",
	"TCP:80",
	"ssl:443",
	"tls:443",
	"tls:cert=a.pem",
	"tls:443:key=a.key",
	"tls:443:cert=",
	"tls:443:cert=a.pem:min=1.1",
	"tls:443:cert=a.pem:alpn=h2,,http/1.1",
	`tls:443:cert=a.pem:endpoint=unix\:/run/x`,
	`tls:cert=a.pem:endpoint=udp\:53`,
	`tls:cert=a.pem:endpoint=tpc\:53`,
	"unix:",
	"unix:/run/x:mode=999",
	"unix:/run/x:mode=1000",
	"unix:/run/x:lockfile=1",
	"unix:/run/\x00",
	"udp:53:backlog=5",
	"udp:53:packet=65536",
	"stdio:1",
	"stdio:x=1",
	"fd:0",
	"fd:three",
	"systemd:",
	"systemd:index=0:name=web",
	"systemd:index=1024",
	"systemd:name=",
	"proxy:",
	"proxy:from=10.0.0.0/8",
	"proxy:tcp:70000",
	"proxy:from=10.0.0.0/33:tcp:80",
	"proxy:timeout=0:tcp:80",
	"proxy:udp:53",
	"proxy:stdio:",
	"proxy:proxy:tcp:80",
	"process:/bin/cat",
	"tcp:" + strings.Repeat("9", 5000),
	"tcp" + strings.Repeat(":1", 65),
	strings.Repeat("proxy:", 20) + "tcp:80",
}

var wrongDialers = []string{
	"tcp:example.com",
	"tcp:80",
	"tcp:example.com:0",
	"tcp::80",
	"tcp:-bad-.example:80",
	"tcp:1.2.3:80",
	"tcp:example.com:80:timeout=soon",
	"tcp:example.com:80:timeout=-1s",
	"tcp:example.com:80:timeout=25h",
	"tcp:example.com:80:bind=eth0",
	"tcp:example.com:80:bind=1.2.3.4:5",
	"tls:example.com",
	"tls:example.com:443:name=",
	"tls:example.com:443:key=a.pem",
	"tls:example.com:443:verify=no",
	"process:",
	"process::argument",
	"process:errors=keep:/bin/cat",
	"process:dir=:/bin/cat",
	`tls:example.com:443:endpoint=unix\:/run/x`,
	`tls:endpoint=unix\:/run/x`,
	"unix:/run/x:mode=600",
	"udp:example.com:53",
	"systemd:index=0",
}

// messages is what is said of each.
func messages(t *testing.T) []string {
	var list []string
	add := func(side, s string, err error) {
		if e, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%s %q: got error %v, want an *Error", side, shorten(s), err)
		} else if e.Endpoint != s {
			t.Errorf("%s %q: got Endpoint %q, want it", side, shorten(s), e.Endpoint)
		}
		list = append(list, fmt.Sprintf("%s: %v", side, err))
	}
	for _, s := range wrongListeners {
		_, err := ParseListener(s)
		add("listen", s, err)
	}
	for _, s := range wrongDialers {
		_, err := ParseDialer(s)
		add("dial", s, err)
	}
	return list
}

// E04, E05: what is wrong is named, and what was wanted.
func TestE04Errors(t *testing.T) {
	const name = "testdata/errors.golden"
	got := messages(t)
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var want []string
	for s := bufio.NewScanner(f); s.Scan(); {
		want = append(want, s.Text())
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("got no message, want %s", want[i])
		case i >= len(want):
			t.Errorf("got message %s, want no more", got[i])
		case got[i] != want[i]:
			t.Errorf("got %s\nwant %s", got[i], want[i])
		}
	}
}
