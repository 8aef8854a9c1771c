//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
)

// clientTLS asks for one key exchange that all servers know, so that all do the
// same work. The certificate is made for this run, by whom we start: there is
// nothing to verify but that the server has its key, which crypto/tls does.
func clientTLS() *tls.Config {
	return &tls.Config{
		ServerName:         "localhost",
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
	}
}

// alike says what differs from what is compared: TLS 1.3, AES-128-GCM, X25519.
func alike(s tls.ConnectionState) error {
	const version, suite, curve = tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, tls.X25519
	if s.Version != version || s.CipherSuite != suite || s.CurveID != curve {
		return fmt.Errorf("got %s, %s, %v; want %s, %s, %v", tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite),
			s.CurveID, tls.VersionName(version), tls.CipherSuiteName(suite), curve)
	}
	return nil
}
