package acme

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An authority is an ACME server without a network: a RoundTripper that checks
// what RFC 8555 has it check, and fails as a test says.
type authority struct {
	now  func() time.Time
	life time.Duration // of a certificate
	back time.Duration // how long before now they begin

	offered []string // challenges
	bind    []byte   // the MAC key of the binding that is wanted; nil: none
	// fail, if not nil, may answer in place of the authority.
	fail func(path string, n int) *http.Response
	// look is what the authority finds; the answer to a challenge is text.
	look func(way, domain, token, text string) error

	// identifies is the name that authorizations are of; "": the order's.
	identifies string
	// change, if not nil, changes what is signed; it returns the key.
	change func(t *x509.Certificate, key any) any

	root     *x509.Certificate
	key      *ecdsa.PrivateKey
	serial   int
	nonces   map[string]bool
	accounts map[string]*ecdsa.PublicKey // by URL
	orders   []*caOrder
	asked    []string // "POST /order"
	count    map[string]int
}

type caOrder struct {
	domain, token string
	status        string // of the order: pending, ready, valid, invalid
	authz         string // of the authorization
	problem       error
	chain         []byte
}

const caHost = "https://ca.example"

func newAuthority(now func() time.Time) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test root"},
		NotBefore: now().Add(-time.Hour), NotAfter: now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &authority{
		now: now, life: 90 * 24 * time.Hour, offered: []string{"dns-01", HTTP, TLSALPN},
		look: func(string, string, string, string) error { return nil },
		root: root, key: key, serial: 1, nonces: map[string]bool{}, accounts: map[string]*ecdsa.PublicKey{}, count: map[string]int{},
	}
}

func (ca *authority) client() *http.Client { return &http.Client{Transport: ca} }

// RoundTrip answers a request as the CA.
func (ca *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	path := r.URL.Path
	ca.asked = append(ca.asked, r.Method+" "+path)
	ca.count[path]++
	resp := ca.serve(r)
	resp.Request = r
	resp.Header.Set("Replay-Nonce", ca.nonce())
	return resp, nil
}

func (ca *authority) serve(r *http.Request) *http.Response {
	path := r.URL.Path
	if ca.fail != nil {
		if resp := ca.fail(path, ca.count[path]); resp != nil {
			return resp
		}
	}
	switch path {
	case "/dir":
		return reply(200, map[string]any{
			"newNonce": caHost + "/nonce", "newAccount": caHost + "/account", "newOrder": caHost + "/order",
			"revokeCert": caHost + "/revoke", "keyChange": caHost + "/key",
			"meta": map[string]any{"termsOfService": caHost + "/terms", "externalAccountRequired": ca.bind != nil},
		})
	case "/nonce":
		return reply(200, nil)
	}
	m, problem := ca.verify(r)
	if problem != nil {
		return problem
	}
	var index int
	switch {
	case path == "/account":
		return ca.account(m)
	case path == "/order":
		return ca.newOrder(m)
	case scan(path, "/order/%d", &index):
		return ca.order(index, 200)
	case scan(path, "/authz/%d", &index):
		return ca.authz(index)
	case scan(path, "/challenge/%d/", &index):
		return ca.challenge(index, path[strings.LastIndexByte(path, '/')+1:], m)
	case scan(path, "/finalize/%d", &index):
		return ca.finalize(index, m)
	case scan(path, "/cert/%d", &index):
		return raw(200, "application/pem-certificate-chain", ca.orders[index].chain)
	}
	return refuse(404, "malformed", "no such place")
}

func scan(path, format string, index *int) bool {
	n, err := fmt.Sscanf(path, format, index)
	return n == 1 && err == nil
}

// A message is a verified request.
type message struct {
	payload []byte
	jwk     json.RawMessage
	key     *ecdsa.PublicKey
	kid     string
}

// verify checks a JWS as https://www.rfc-editor.org/rfc/rfc8555#section-6.2 and
// section 6.5 say: signature, URL, nonce, account.
func (ca *authority) verify(r *http.Request) (*message, *http.Response) {
	var jws struct{ Protected, Payload, Signature string }
	if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
		return nil, refuse(400, "malformed", err.Error())
	}
	var head struct {
		Alg, Nonce, URL, KID string
		JWK                  json.RawMessage
	}
	if err := json.Unmarshal(unbase64(jws.Protected), &head); err != nil {
		return nil, refuse(400, "malformed", err.Error())
	}
	if !ca.nonces[head.Nonce] {
		return nil, refuse(400, "badNonce", "nonce is not known")
	}
	delete(ca.nonces, head.Nonce)
	if want := caHost + r.URL.Path; head.URL != want {
		return nil, refuse(401, "unauthorized", "url "+head.URL)
	}
	m := &message{payload: unbase64(jws.Payload), jwk: head.JWK, kid: head.KID}
	if head.JWK != nil {
		m.key = keyOf(head.JWK)
	} else if m.key = ca.accounts[head.KID]; m.key == nil {
		return nil, refuse(400, "accountDoesNotExist", "no account "+head.KID)
	}
	sum := sha256.Sum256([]byte(jws.Protected + "." + jws.Payload))
	sig := unbase64(jws.Signature)
	if head.Alg != "ES256" || len(sig) != 64 ||
		!ecdsa.Verify(m.key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return nil, refuse(400, "badSignatureAlgorithm", "signature is wrong")
	}
	return m, nil
}

func keyOf(jwk []byte) *ecdsa.PublicKey {
	var k struct{ X, Y string }
	json.Unmarshal(jwk, &k)
	point := slices.Concat([]byte{4}, unbase64(k.X), unbase64(k.Y)) // uncompressed
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		panic(err)
	}
	return key
}

func (ca *authority) account(m *message) *http.Response {
	var ask struct {
		TermsOfServiceAgreed   bool
		OnlyReturnExisting     bool
		Contact                []string
		ExternalAccountBinding struct{ Protected, Payload, Signature string }
	}
	json.Unmarshal(m.payload, &ask)
	for url, key := range ca.accounts {
		if key.Equal(m.key) {
			return with(reply(200, map[string]any{"status": "valid"}), "Location", url)
		}
	}
	switch {
	case ask.OnlyReturnExisting:
		return refuse(400, "accountDoesNotExist", "no account for this key")
	case !ask.TermsOfServiceAgreed:
		return refuse(403, "userActionRequired", "agree to the terms")
	}
	if ca.bind != nil {
		b := ask.ExternalAccountBinding
		mac := hmac.New(sha256.New, ca.bind)
		io.WriteString(mac, b.Protected+"."+b.Payload)
		if !hmac.Equal(mac.Sum(nil), unbase64(b.Signature)) {
			return refuse(403, "externalAccountRequired", "binding is wrong")
		}
	}
	url := fmt.Sprintf("%s/account/%d", caHost, len(ca.accounts)+1)
	ca.accounts[url] = m.key
	return with(reply(201, map[string]any{"status": "valid", "contact": ask.Contact}), "Location", url)
}

func (ca *authority) newOrder(m *message) *http.Response {
	var ask struct {
		Identifiers []struct{ Type, Value string }
	}
	json.Unmarshal(m.payload, &ask)
	if len(ask.Identifiers) != 1 || ask.Identifiers[0].Type != "dns" {
		return refuse(400, "malformed", "want one name")
	}
	o := &caOrder{domain: ask.Identifiers[0].Value, token: fmt.Sprintf("token-%d", len(ca.orders)), status: "pending", authz: "pending"}
	ca.orders = append(ca.orders, o)
	return ca.order(len(ca.orders)-1, 201)
}

func (ca *authority) order(i, status int) *http.Response {
	o := ca.orders[i]
	return with(reply(status, map[string]any{
		"status":      o.status,
		"identifiers": []map[string]string{{"type": "dns", "value": o.domain}}, "authorizations": []string{fmt.Sprintf("%s/authz/%d", caHost, i)},
		"finalize": fmt.Sprintf("%s/finalize/%d", caHost, i), "certificate": fmt.Sprintf("%s/cert/%d", caHost, i),
	}), "Location", fmt.Sprintf("%s/order/%d", caHost, i))
}

func (ca *authority) authz(i int) *http.Response {
	o := ca.orders[i]
	var all []map[string]any
	for _, way := range ca.offered {
		ch := map[string]any{"type": way, "url": fmt.Sprintf("%s/challenge/%d/%s", caHost, i, way), "token": o.token, "status": o.authz}
		if o.problem != nil {
			ch["error"] = map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": o.problem.Error(), "status": 403}
		}
		all = append(all, ch)
	}
	of := o.domain
	if ca.identifies != "" {
		of = ca.identifies
	}
	return reply(200, map[string]any{"status": o.authz, "identifier": map[string]string{"type": "dns", "value": of}, "challenges": all})
}

// challenge looks at once.
func (ca *authority) challenge(i int, way string, m *message) *http.Response {
	o := ca.orders[i]
	if !slices.Contains(ca.offered, way) {
		return refuse(400, "malformed", "not offered")
	}
	o.problem = ca.look(way, o.domain, o.token, o.token+"."+thumbprint(ca.accounts[m.kid]))
	o.status, o.authz = "ready", "valid"
	if o.problem != nil {
		o.status, o.authz = "invalid", "invalid"
	}
	return reply(200, map[string]any{"type": way, "url": caHost, "token": o.token, "status": "processing"})
}

// thumbprint is that of https://www.rfc-editor.org/rfc/rfc7638#section-3.
func thumbprint(k *ecdsa.PublicKey) string {
	point, err := k.Bytes()
	if err != nil {
		panic(err)
	}
	x, y := point[1:33], point[33:]
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`,
		base64.RawURLEncoding.EncodeToString(x), base64.RawURLEncoding.EncodeToString(y)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (ca *authority) finalize(i int, m *message) *http.Response {
	o := ca.orders[i]
	if o.status != "ready" {
		return refuse(403, "orderNotReady", "order is "+o.status)
	}
	var ask struct{ CSR string }
	json.Unmarshal(m.payload, &ask)
	csr, err := x509.ParseCertificateRequest(unbase64(ask.CSR))
	if err != nil || csr.CheckSignature() != nil || !slices.Equal(csr.DNSNames, []string{o.domain}) {
		return refuse(400, "badCSR", fmt.Sprint(err))
	}
	ca.serial++
	leaf, key := &x509.Certificate{
		SerialNumber: big.NewInt(int64(ca.serial)), DNSNames: csr.DNSNames,
		NotBefore: ca.now().Add(-ca.back), NotAfter: ca.now().Add(ca.life - ca.back),
	}, csr.PublicKey
	if ca.change != nil {
		key = ca.change(leaf, key)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.root, key, ca.key)
	if err != nil {
		panic(err)
	}
	o.chain = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	o.chain = append(o.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})...)
	o.status = "valid"
	return ca.order(i, 200)
}

func (ca *authority) nonce() string {
	text := rand.Text()
	ca.nonces[text] = true
	return text
}

func reply(status int, v any) *http.Response {
	text, _ := json.Marshal(v)
	return raw(status, "application/json", text)
}

func refuse(status int, problem, detail string) *http.Response {
	return reply(status, map[string]any{"type": "urn:ietf:params:acme:error:" + problem, "detail": detail, "status": status})
}

func raw(status int, kind string, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func with(r *http.Response, key, value string) *http.Response {
	r.Header.Set(key, value)
	return r
}

func unbase64(s string) []byte {
	p, _ := base64.RawURLEncoding.DecodeString(s)
	return p
}
