package acme

import (
	"net/http"
	"time"
)

// NewAuthority is an authority for examples, at https://ca.example/dir.
func NewAuthority(now func() time.Time) http.RoundTripper { return newAuthority(now) }
