//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/twistor-go/twistor/bench/internal/proc"
	"github.com/twistor-go/twistor/bench/internal/site"
)

// h2 is HTTP/2 under h2load, of nghttp2.
func (w web) h2(p plan, columns []column) suite {
	peers := func(listen string, more ...string) []peer {
		return append(w.ours(more...),
			w.server("net/http", "http-net", more...),
			w.nginx("h2-"+strconv.Itoa(len(more)), listen),
		)
	}
	clear := peers("listen ADDR http2 backlog=4096;", "-h2")
	secure := peers("listen ADDR ssl http2 backlog=4096;"+w.nginxTLS(), append(w.tls(), "-h2")...)
	if _, err := exec.LookPath("h2load"); err != nil {
		for i := range clear {
			clear[i].absent = "no h2load (apt-get install nghttp2-client)"
			secure[i].absent = clear[i].absent
		}
	}
	return suite{name: "h2", figure: "cpu", columns: columns, peers: clear, sample: h2load, cells: []cell{
		{name: "hello, 10 connections of 32 streams", args: []string{"http"}, peers: clear},
		{name: "hello over TLS, 10 connections of 32 streams", args: []string{"https"}, peers: secure},
	}}
}

// h2load measures one sample: a warm-up, and then as many requests as take a
// second or a few. Every one of them must be answered with 200; since h2load
// does not look at bodies, one is looked at before.
func h2load(p plan, x peer, c cell) (map[string]float64, error) {
	warm, n := 5_000, 100_000
	if p.short {
		warm, n = 1_000, 10_000
	}
	return x.serve(func(addr string, pid int) (map[string]float64, error) {
		url := c.args[0] + "://" + addr + "/"
		if err := greeted(url); err != nil {
			return nil, err
		}
		if _, err := ask(url, warm); err != nil {
			return nil, err
		}
		pids := proc.Tree(pid)
		before := proc.CPU(pids)
		v, err := ask(url, n)
		if err != nil {
			return nil, err
		}
		cpu := proc.CPU(pids) - before
		v["cpu"] = cpu / float64(n) * 1e6
		v["busy"] = cpu * v["rate"] / float64(n)
		v["rss"] = float64(proc.RSS(pids, "VmHWM"))
		return v, nil
	})
}

// greeted says what is wrong with the answer that a server gives over HTTP/2.
func greeted(url string) error {
	var p http.Protocols
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	// The certificate is made for this run, by whom we start.
	t := &http.Transport{Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer t.CloseIdleConnections()
	c := http.Client{Transport: t, Timeout: 10 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.ProtoMajor != 2 || r.StatusCode != 200 || r.Header.Get("Date") == "" || r.Header.Get("Content-Type") != "text/plain" || string(body) != site.Hello {
		return fmt.Errorf("got %s %s %v %.40q, want HTTP/2.0 200 with Date, text/plain, %q", r.Proto, r.Status, r.Header, body, site.Hello)
	}
	return nil
}

// ask runs h2load once, on core 1.
func ask(url string, n int) (map[string]float64, error) {
	count := strconv.Itoa(n)
	cmd := exec.Command("taskset", "-c", "1", "h2load", "-t", "1", "-c", "10", "-m", "32", "-n", count, url)
	out, err := cmd.Output()
	if err != nil {
		return nil, failure(err)
	}
	rate, err := readH2load(string(out), count)
	if err != nil {
		return nil, err
	}
	own := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return map[string]float64{"rate": rate, "load": own * rate / float64(n)}, nil
}

var (
	finished = regexp.MustCompile(`finished in .*, ([\d.]+) req/s`)
	statuses = regexp.MustCompile(`status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx`)
	failures = regexp.MustCompile(`(?m)^requests: .*$`)
)

// readH2load finds the requests a second in what h2load says, if count of them
// succeeded.
func readH2load(said, count string) (float64, error) {
	ok, rate := statuses.FindStringSubmatch(said), finished.FindStringSubmatch(said)
	if ok == nil || ok[1] != count || rate == nil {
		return 0, fmt.Errorf("h2load: %q, want %s answers of 200", failures.FindString(said), count)
	}
	return strconv.ParseFloat(rate[1], 64)
}
