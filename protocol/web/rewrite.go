package web

import (
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

// Rewrite is h behind rules: each gets the path, decoded, and returns the one
// that is meant, in order. The query stays.
func Rewrite(h Handler, rules ...func(path string) string) Handler {
	return Later(func(w *ResponseWriter, r *Request) *deferred.Signal {
		was := r.Path()
		path := was
		for _, rule := range rules {
			path = rule(path)
		}
		if path != was {
			r.SetPath(path)
		}
		return h.Serve(w, r)
	})
}

// Alias is a rule for Rewrite: from, and all below, means to.
func Alias(from, to string) func(path string) string {
	from, to = strings.TrimSuffix(from, "/"), strings.TrimSuffix(to, "/")
	return func(path string) string {
		if rest, ok := strings.CutPrefix(path, from); ok && (rest == "" || rest[0] == '/') {
			return to + rest
		}
		return path
	}
}

// Tilde is a rule for Rewrite: "/~name" means name below users, such as "/users/name".
func Tilde(users string) func(path string) string {
	users = strings.TrimSuffix(users, "/")
	return func(path string) string {
		if rest, ok := strings.CutPrefix(path, "/~"); ok && rest != "" && rest[0] != '/' {
			return users + "/" + rest
		}
		return path
	}
}
