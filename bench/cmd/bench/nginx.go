//go:build linux

package main

import (
	"os/exec"
	"path/filepath"

	"github.com/twistor-go/twistor/bench/internal/site"
)

// nginx is one worker that does what the others do: no access log, connections
// that are kept however much they ask, hello for every path unless a root is
// set. name tells its files from those of other suites.
func (w web) nginx(name, server string) peer {
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx")
	}
	x := peer{name: "nginx"}
	if err != nil {
		x.absent = "no nginx (apt-get install nginx-light)"
	}
	file := func(kind string) string { return filepath.Join(w.dir, "nginx-"+name+"."+kind) }
	x.words = []string{path, "-p", w.dir, "-e", "stderr", "-c", file("conf")}
	answer := `return 200 "` + site.Hello + `";`
	if name == "files" {
		answer = ""
	}
	x.config = config{file("conf"), `daemon off; master_process off; worker_processes 1;
pid ` + file("pid") + `;
error_log stderr crit;
events { worker_connections 16384; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000000;
	default_type text/plain;
	client_body_temp_path ` + file("body") + `;
	proxy_temp_path ` + file("proxy") + `;
	fastcgi_temp_path ` + file("fastcgi") + `;
	uwsgi_temp_path ` + file("uwsgi") + `;
	scgi_temp_path ` + file("scgi") + `;
	server {
		` + server + `
		location / { ` + answer + ` }
	}
}
`}
	return x
}

// nginxTLS is the TLS of the others. OpenSSL 3.0 knows no post-quantum key
// exchange; load asks all servers for the same.
func (w web) nginxTLS() string {
	return " ssl_protocols TLSv1.3; ssl_certificate " + w.cert + "; ssl_certificate_key " + w.key + ";"
}
