package certtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
)

// TestChain: what an intermediate authority issues carries what is needed to
// verify it, and nothing verifies it without.
func TestChain(t *testing.T) {
	root := certtest.New()
	cert := root.Intermediate().Intermediate().Issue(certtest.Leaf{Names: []string{"a.test", "192.0.2.1"}})
	if got := len(cert.Certificate); got != 3 {
		t.Fatalf("chain of %d, want 3: the leaf and two authorities", got)
	}
	between := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		between.AddCert(c)
	}
	for _, name := range []string{"a.test", "192.0.2.1"} {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: root.Pool(), Intermediates: between}); err != nil {
			t.Error(err)
		}
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: root.Pool()}); err == nil {
			t.Error("verified without the authorities between")
		}
	}
}

// TestPEM: files hold what was issued, with every kind of key.
func TestPEM(t *testing.T) {
	ca := certtest.New()
	for _, leaf := range []certtest.Leaf{{}, {Key: certtest.NewEd25519()}, {Key: certtest.RSA()}} {
		want := ca.Intermediate().Issue(leaf)
		chain, key := certtest.PEM(want)
		got, err := tls.X509KeyPair(chain, key)
		if err != nil || len(got.Certificate) != 2 || !got.Leaf.Equal(want.Leaf) {
			t.Errorf("%T: got a chain of %d, %v", leaf.Key, len(got.Certificate), err)
		}
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(ca.PEM()) {
		t.Error("no roots in the authority's PEM")
	}
}

func ExampleNew() {
	ca := certtest.New()
	server, client := ca.Mutual(ca.Server("mail.example"), ca.Client("mail.example"))
	fmt.Println(server.Certificates[0].Leaf.DNSNames, client.Certificates[0].Leaf.Subject.CommonName)
	// Output: [mail.example] client
}
