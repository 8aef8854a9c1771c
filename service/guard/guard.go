package guard

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/cred"
)

// A Guard lets only those ask a Handler whom its Portal lets in; A is what the
// Portal's Realm makes of them. Set the fields, then call Handler. Loop-only.
type Guard[A any] struct {
	// Portal says who may. It must have a Realm.
	Portal *cred.Portal[A]
	// Name is shown to people when they are asked for a password, and keeps
	// apart what browsers remember; "": restricted.
	Name string
	// Digester makes and reads Digests; nil: one that offers SHA-256 and MD5, if
	// a Checker takes them. Its Realm is Name if it has none.
	Digester *cred.Digester
	// Clear offers Basic and Bearer also where others can listen in.
	Clear bool
	// Remember is how long what was right by Basic or Bearer is not checked
	// again; 0: a minute; negative: it always is.
	Remember time.Duration
	// Proxy says that it guards a proxy: then it is Proxy-Authorization that
	// counts, and 407 that is answered.
	Proxy bool

	// Owned by the loop.
	kinds  []cred.Kind
	proven proven
}

// key is where a Request has the session of its client.
type key[A any] struct{}

// Of is the avatar of who asks, in a Handler that stands within one of
// Guard[A]; in another one it panics. It is valid until the answer is complete.
func Of[A any](r *web.Request) A {
	s, ok := r.Value(key[A]{}).(*stay[A])
	if !ok {
		panic(fmt.Sprintf("guard: Of: no Guard of %T stands before this Handler", *new(A)))
	}
	return s.avatar
}

// Identity is who asks, and how that was proved. It is the zero Identity where
// no Guard[A] stands before.
func Identity[A any](r *web.Request) cred.Identity {
	if s, ok := r.Value(key[A]{}).(*stay[A]); ok {
		return s.id
	}
	return cred.Identity{}
}

// A stay is that of somebody who was let in, for one request.
type stay[A any] struct {
	id     cred.Identity
	avatar A
}

// Handler serves next to those who are let in. It panics if the Guard could
// let nobody in.
func (g *Guard[A]) Handler(next web.Handler) web.Handler {
	g.prepare()
	return web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		from := g.origin(r)
		c, err := g.read(r, from)
		if err != nil {
			g.answer(w, r, from, err)
			return nil
		}
		return g.admit(w, r, from, c, next)
	})
}

// prepare fills in what the fields leave open.
func (g *Guard[A]) prepare() {
	switch {
	case g.Portal == nil || g.Portal.Realm == nil:
		panic("guard: want a Portal with a Realm")
	case strings.ContainsFunc(g.Name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		panic(fmt.Sprintf("guard: name %q: want no control characters", g.Name))
	}
	if g.Name == "" {
		g.Name = "restricted"
	}
	g.kinds = nil
	for _, k := range g.Portal.Kinds() {
		if k == cred.KindPassword || k == cred.KindDigest || k == KindBearer {
			g.kinds = append(g.kinds, k)
		}
	}
	if len(g.kinds) == 0 {
		panic("guard: want a Checker that takes passwords, digests or tokens")
	}
	if g.Digester == nil {
		g.Digester = &cred.Digester{}
	}
	if g.Digester.Realm == "" {
		g.Digester.Realm = g.Name
	}
	if slices.Contains(g.Digester.QOP, "auth-int") {
		panic("guard: a Digester with auth-int: want auth: bodies are not read before their Handler")
	}
	if g.Remember == 0 {
		g.Remember = time.Minute
	}
	g.proven.life = g.Remember
}

// takes reports whether a kind of credentials can be had from there.
func (g *Guard[A]) takes(k cred.Kind, from cred.Origin) bool {
	return slices.Contains(g.kinds, k) && (k == cred.KindDigest || from.Secure || g.Clear)
}

// origin is where a request comes from. What a trusted proxy has said of it
// counts: see web.Proxies.
func (g *Guard[A]) origin(r *web.Request) cred.Origin {
	o := cred.Origin{Peer: r.Client().Unmap().WithZone(""), TLS: r.TLS()}
	_, local := r.RemoteAddr().(*net.UnixAddr)
	o.Secure = r.Scheme() == "https" || o.Peer.IsLoopback() || local && !o.Peer.IsValid()
	return o
}

// admit lets c in, if it is good, for as long as the answer takes.
func (g *Guard[A]) admit(w *web.ResponseWriter, r *web.Request, from cred.Origin, c cred.Credentials, next web.Handler) *deferred.Signal {
	return deferred.Inline(r.Loop(), func(co *deferred.Co) (none struct{}, err error) {
		id, err := g.check(co, r.Loop(), c, from)
		if err != nil {
			return none, g.refuse(co, w, r, from, err)
		}
		avatar, logout, err := g.Portal.Realm.Avatar(co, id, from)
		if err != nil {
			return none, g.refuse(co, w, r, from, err)
		}
		if logout != nil {
			defer logout()
		}
		if err := co.Err(); err != nil {
			return none, err // the client has left
		}
		r.SetUser(id.User)
		r.SetValue(key[A]{}, &stay[A]{id, avatar})
		if answered := next.Serve(w, r); answered != nil {
			return answered.Await(co)
		}
		return none, nil
	})
}
