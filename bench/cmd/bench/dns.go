//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/bench/internal/hosts"
	"github.com/twistor-go/twistor/bench/internal/proc"
)

// Ours as a person starts it.
const usDNS = us + " dns"

// The dns suite's cells, by which the marks find them.
const (
	answers   = "A, over UDP, 1,000 names"
	extended  = "A, over UDP, 1,000 names, with EDNS"
	answersOf = "A, over UDP, 1,000,000 names"
	flooded   = "NXDOMAIN, over UDP, random names in 1,000,000"
	pipelines = "A, over TCP, 1,000 names, 32 connections, 16 in flight"
)

// A nameservers makes the servers of the suite dns.
type nameservers struct {
	built map[string]binary
	dir   string
}

func dnsSuite(p plan, built map[string]binary, dir string) suite {
	n := nameservers{built, dir}
	small, large := 1_000, 1_000_000
	if p.short {
		large = 100_000
	}
	reflect := built["reflect"]
	floor := peer{name: "C recvmmsg", words: []string{reflect.path, "ADDR"}, absent: reflect.absent}
	ours := built[command]
	peers := []peer{
		n.server(us, "dns-twistor"),
		{name: usDNS, absent: ours.absent,
			words: []string{ours.path, "dns", "--zone", hosts.Zone + "=ZONE", "--listen", "udp:ADDR", "--listen", "tcp:ADDR"}},
		n.nsd(),
		n.knot(),
		n.server("miekg/dns", "dns-miekg"),
		{name: "Twisted", words: []string{"/usr/bin/python3", filepath.Join(p.root, "py", "dns_twisted.py"), "ADDR", "ZONE"}, absent: python("twisted")},
	}
	over := func(title string, mode string, in int, peers []peer, more ...string) cell {
		args := append([]string{n.zone(in), "-mode", mode, "-names", strconv.Itoa(in)}, more...)
		return cell{name: title, args: append(args, p.window()...), peers: peers}
	}
	udp := []string{"-c", "8", "-depth", "16"}
	reflected := append(peers[:len(peers):len(peers)], floor)
	denying := slices.Clone(peers)
	denying[len(denying)-1].absent = "it says NXDOMAIN without a SOA"
	return suite{name: "dns", figure: "cpu", limit: floor.name, peers: reflected, sample: n.sample,
		columns: []column{{"cpu", "CPU µs", "%.2f"}, {"rate", "answers/s", "%.0f"}, {"busy", "server busy", "%.2f"}, {"load", "load busy", "%.2f"}, {"lost", "lost %", "%.2f"}, {"name", "bytes a name", "%.0f"}},
		prepare: func() error {
			for _, count := range []int{0, small, large} {
				if err := n.write(count); err != nil {
					return err
				}
			}
			return nil
		},
		cells: []cell{
			over(answers, "dns", small, nil, udp...),
			over(extended, "dns", small, peers, append(udp[:4:4], "-edns")...),
			over(answersOf, "dns", large, nil, udp...),
			over(flooded, "dns", large, denying, append(udp[:4:4], "-flood")...),
			over(pipelines, "dns-tcp", small, peers, "-c", "32", "-depth", "16"),
		}}
}

func (n nameservers) zone(names int) string {
	return filepath.Join(n.dir, fmt.Sprintf("zone%d", names))
}

func (n nameservers) write(count int) error {
	f, err := os.Create(n.zone(count))
	if err != nil {
		return err
	}
	if err := hosts.Write(f, count); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// server is a Go program of this folder.
func (n nameservers) server(name, program string) peer {
	b := n.built[program]
	return peer{name: name, words: []string{b.path, "ADDR", "ZONE"}, absent: b.absent}
}

// installed is the path of a server of Debian's.
func installed(name, pkg string) (path, absent string) {
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		return "", fmt.Sprintf("no %s (apt-get install %s)", name, pkg)
	}
	return path, ""
}

// nsd is one server process, which adds no more to an answer than the others.
func (n nameservers) nsd() peer {
	path, absent := installed("nsd", "nsd")
	conf := filepath.Join(n.dir, "nsd.conf")
	return peer{name: "nsd", words: []string{path, "-d", "-c", conf}, absent: absent, config: config{conf, fmt.Sprintf(`server:
 ip-address: 127.0.0.1@PORT
 server-count: 1
 minimal-responses: yes
 username: ""
 chroot: ""
 database: ""
 pidfile: ""
 zonesdir: %[1]q
 xfrdir: %[1]q
 xfrdfile: ""
 zonelistfile: "%[1]s/nsd.list"
 verbosity: 0
 rrl-ratelimit: 0
 rrl-whitelist-ratelimit: 0
remote-control:
 control-enable: no
zone:
 name: %[2]q
 zonefile: "ZONE"
`, n.dir, hosts.Zone)}}
}

// knot has one worker for each network.
func (n nameservers) knot() peer {
	path, absent := installed("knotd", "knot")
	conf := filepath.Join(n.dir, "knot.conf")
	return peer{name: "knot", words: []string{path, "-c", conf}, absent: absent, config: config{conf, fmt.Sprintf(`server:
 rundir: %[1]q
 listen: 127.0.0.1@PORT
 udp-workers: 1
 tcp-workers: 1
 background-workers: 1
log:
 - target: stderr
   any: error
database:
 storage: %[1]q
zone:
 - domain: %[2]s
   file: "ZONE"
   zonefile-sync: -1
   zonefile-load: whole
   journal-content: none
`, n.dir, hosts.Zone)}}
}

// of is the peer with a zone of so many names.
func (n nameservers) of(x peer, zone string) peer {
	place := strings.NewReplacer("ZONE", zone)
	words := make([]string, len(x.words))
	for i, w := range x.words {
		words[i] = place.Replace(w)
	}
	x.words, x.config.text = words, place.Replace(x.config.text)
	return x
}

// sample measures one cell. Memory is that of the server under load beyond that
// of the same with an empty zone.
func (n nameservers) sample(p plan, x peer, c cell) (map[string]float64, error) {
	zone, args := c.args[0], c.args[1:]
	var memory int
	v, err := n.of(x, zone).serve(func(addr string, pid int) (map[string]float64, error) {
		v, err := load(p, addr, pid, args)
		memory = proc.PSS(proc.Tree(pid))
		return v, err
	})
	if err != nil || c.name != answersOf || x.name == "C recvmmsg" {
		return v, err
	}
	_, err = n.of(x, n.zone(0)).serve(func(_ string, pid int) (map[string]float64, error) {
		memory -= proc.PSS(proc.Tree(pid))
		return nil, nil
	})
	count, _ := strconv.Atoi(strings.TrimPrefix(filepath.Base(zone), "zone"))
	v["name"] = float64(memory) * 1024 / float64(count)
	return v, err
}
