package endpoint

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
)

// E04, E07, E08, E10: places to listen, and what they say to the loop.
func TestE04ParseListener(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want twistor.ListenConfig
	}{
		{"tcp:8080", twistor.ListenConfig{Network: "tcp", Address: ":8080"}},
		{"tcp::8080", twistor.ListenConfig{Network: "tcp", Address: ":8080"}},
		{"tcp:0", twistor.ListenConfig{Network: "tcp", Address: ":0"}},
		{"tcp:127.0.0.1:8888", twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:8888"}},
		{"tcp:8080:host=127.0.0.1", twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:8080"}},
		{"tcp:host=localhost:port=8080", twistor.ListenConfig{Network: "tcp", Address: "localhost:8080"}},
		{"tcp:port=8080:localhost", twistor.ListenConfig{Network: "tcp", Address: "localhost:8080"}},
		{"tcp:[::1]:80", twistor.ListenConfig{Network: "tcp", Address: "[::1]:80"}},
		{"tcp:80:host=[::1]", twistor.ListenConfig{Network: "tcp", Address: "[::1]:80"}},
		{`tcp:80:host=\:\:1`, twistor.ListenConfig{Network: "tcp", Address: "[::1]:80"}},
		{"tcp:[fe80::1%eth0]:80", twistor.ListenConfig{Network: "tcp", Address: "[fe80::1%eth0]:80"}},
		{"tcp4:80:backlog=50", twistor.ListenConfig{Network: "tcp4", Address: ":80", Backlog: 50}},
		{"tcp6:80:connections=7", twistor.ListenConfig{Network: "tcp6", Address: ":80", MaxConnections: 7}},
		{"tcp:80:reuseport=yes", twistor.ListenConfig{Network: "tcp", Address: ":80", ReusePort: true}},
		{"tcp:80:reuseport=no", twistor.ListenConfig{Network: "tcp", Address: ":80"}},
		{"unix:/run/x", twistor.ListenConfig{Network: "unix", Address: "/run/x"}},
		{"unix:/run/x:mode=660", twistor.ListenConfig{Network: "unix", Address: "/run/x", Mode: 0o660}},
		{"unix:/run/x:mode=0660", twistor.ListenConfig{Network: "unix", Address: "/run/x", Mode: 0o660}},
		{"unix:/run/a=b", twistor.ListenConfig{Network: "unix", Address: "/run/a=b"}},
		{`unix:a\=b`, twistor.ListenConfig{Network: "unix", Address: "a=b"}},
		{`unix:C\:\\run`, twistor.ListenConfig{Network: "unix", Address: `C:\run`}},
		{"unix:@abstract", twistor.ListenConfig{Network: "unix", Address: "@abstract"}},
		{"udp:53", twistor.ListenConfig{Network: "udp", Address: ":53"}},
		{"udp4:0.0.0.0:53:packet=512:broadcast=yes", twistor.ListenConfig{Network: "udp4", Address: "0.0.0.0:53", MaxPacketBytes: 512, Broadcast: true}},
		{"unixgram:/dev/log:mode=666", twistor.ListenConfig{Network: "unixgram", Address: "/dev/log", Mode: 0o666}},
	} {
		n, err := ParseListener(tt.in)
		if err != nil {
			t.Errorf("%s: got error %v", tt.in, err)
			continue
		}
		if got := n.Config; got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.in, got, tt.want)
		}
		if got := n.String(); got != tt.in {
			t.Errorf("got String %q, want %q", got, tt.in)
		}
	}
}

// E05, E15, E18: places to dial; host and port by position or name, in any mix.
func TestE05ParseDialer(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want twistor.DialConfig
	}{
		{"tcp:example.com:80", twistor.DialConfig{Network: "tcp", Address: "example.com:80"}},
		{"tcp:host=example.com:port=80", twistor.DialConfig{Network: "tcp", Address: "example.com:80"}},
		{"tcp:port=80:example.com", twistor.DialConfig{Network: "tcp", Address: "example.com:80"}},
		{"tcp:80:host=example.com", twistor.DialConfig{Network: "tcp", Address: "example.com:80"}},
		{"tcp:[::1]:80:timeout=5s", twistor.DialConfig{Network: "tcp", Address: "[::1]:80", Timeout: 5 * time.Second}},
		{"tcp6:[2001:db8::1]:80", twistor.DialConfig{Network: "tcp6", Address: "[2001:db8::1]:80"}},
		{"tcp:1.2.3.4:80:timeout=none", twistor.DialConfig{Network: "tcp", Address: "1.2.3.4:80", Timeout: -1}},
		{"tcp4:a.example.:80:bind=127.0.0.1", twistor.DialConfig{Network: "tcp4", Address: "a.example.:80", Local: "127.0.0.1:0"}},
		{"tcp:a:80:bind=[::1]", twistor.DialConfig{Network: "tcp", Address: "a:80", Local: "[::1]:0"}},
		{"unix:/run/x:timeout=500ms", twistor.DialConfig{Network: "unix", Address: "/run/x", Timeout: 500 * time.Millisecond}},
	} {
		n, err := ParseDialer(tt.in)
		if err != nil {
			t.Errorf("%s: got error %v", tt.in, err)
			continue
		}
		if got := n.Config; got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.in, got, tt.want)
		}
	}
}

// E09, E17: TLS is on, from 1.2 up, with the name to verify.
func TestE17ParseTLS(t *testing.T) {
	n, err := ParseDialer("tls:example.com:443:alpn=h2,http/1.1:min=1.3:timeout=3s")
	if err != nil {
		t.Fatal(err)
	}
	c := n.Config.TLS
	if got, want := c.ServerName, "example.com"; got != want {
		t.Errorf("got name %q, want %q", got, want)
	}
	if c.InsecureSkipVerify || c.MinVersion != tls.VersionTLS13 || len(c.NextProtos) != 2 {
		t.Errorf("got %+v, want verified TLS 1.3 with two protocols", c)
	}
	if got, want := n.Config.Address, "example.com:443"; got != want {
		t.Errorf("got address %q, want %q", got, want)
	}
	if n, err = ParseDialer("tls:[::1]:443:name=example.com"); err != nil {
		t.Fatal(err)
	}
	if got, want := n.Config.TLS.ServerName, "example.com"; got != want {
		t.Errorf("got name %q, want %q", got, want)
	}
	s, err := ParseListener("tls:443:cert=site.pem")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Config.TLS.MinVersion, uint16(tls.VersionTLS12); got != want {
		t.Errorf("got version %x, want %x", got, want)
	}
}
