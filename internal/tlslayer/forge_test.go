package tlslayer_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
)

// A forger is a client that has shaken hands, and now writes whatever records a
// test wants, rightly encrypted. It gets the keys from crypto/tls's key log.
type forger struct {
	conn    net.Conn
	version uint16
	secret  []byte // of TLS 1.3
	aead    cipher.AEAD
	iv      []byte
	seq     uint64
}

// forge connects a forger to s; body runs in its coroutine.
func forge(t *testing.T, v uint16, s *talker, body func(f *forger)) *link {
	l, p := serverAnd(t, s, func(conn net.Conn) error {
		var log bytes.Buffer
		spy := &recorder{Conn: conn}
		cc := at(v, ca.Client("a.test"))
		cc.KeyLogWriter = &log
		cc.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		tc := tls.Client(spy, cc)
		if err := tc.Handshake(); err != nil {
			return err
		}
		f := &forger{conn: conn, version: v}
		switch tc.ConnectionState().CipherSuite {
		case tls.TLS_AES_128_GCM_SHA256:
			f.secret = logged(log.String(), "CLIENT_TRAFFIC_SECRET_0 ")
			f.rekey()
		case tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
			f.keys12(logged(log.String(), "CLIENT_RANDOM "), clientRandom(log.String()), spy.in.Bytes()[5+4+2:][:32])
			f.seq = 1 // Finished was 0
		default:
			return nil // no AES in this processor
		}
		body(f)
		return nil
	})
	if p.got != nil {
		t.Error(p.got)
	}
	return l
}

// A recorder keeps what was read.
type recorder struct {
	net.Conn
	in bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.in.Write(p[:n])
	return n, err
}

// logged is the secret on the line that begins with label.
func logged(log, label string) []byte {
	_, line, _ := strings.Cut(log, label)
	line, _, _ = strings.Cut(line, "\n")
	_, secret, _ := strings.Cut(line, " ")
	b, _ := hex.DecodeString(secret)
	return b
}

func clientRandom(log string) []byte {
	_, line, _ := strings.Cut(log, "CLIENT_RANDOM ")
	b, _ := hex.DecodeString(line[:64])
	return b
}

// expand is HKDF-Expand-Label of https://www.rfc-editor.org/rfc/rfc8446#section-7.1
func expand(secret []byte, label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 "+label)))
	info = append(info, "tls13 "+label...)
	info = append(info, 0)
	b, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		panic(err)
	}
	return b
}

func (f *forger) rekey() {
	f.setKey(expand(f.secret, "key", 16))
	f.iv, f.seq = expand(f.secret, "iv", 12), 0
}

func (f *forger) setKey(key []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	f.aead, _ = cipher.NewGCM(block)
}

// keys12 expands a master secret: https://www.rfc-editor.org/rfc/rfc5246#section-6.3
func (f *forger) keys12(master, client, server []byte) {
	seed := append(append([]byte("key expansion"), server...), client...)
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, master)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	var block []byte
	for a := mac(seed); len(block) < 40; a = mac(a) {
		block = append(block, mac(a, seed)...)
	}
	f.setKey(block[:16])
	f.iv = block[32:36]
}

// record writes one record.
func (f *forger) record(kind byte, text string) {
	header := []byte{kind, 3, 3, 0, 0}
	var body []byte
	if f.version == tls.VersionTLS13 {
		nonce := bytes.Clone(f.iv)
		for i := range 8 {
			nonce[4+i] ^= byte(f.seq >> (56 - 8*i))
		}
		header[0] = 23
		binary.BigEndian.PutUint16(header[3:], uint16(len(text)+1+16))
		body = f.aead.Seal(nil, nonce, append([]byte(text), kind), header)
	} else {
		explicit := binary.BigEndian.AppendUint64(nil, f.seq)
		aad := binary.BigEndian.AppendUint64(nil, f.seq)
		aad = append(aad, kind, 3, 3, byte(len(text)>>8), byte(len(text)))
		body = append(explicit, f.aead.Seal(nil, append(bytes.Clone(f.iv), explicit...), []byte(text), aad)...)
		binary.BigEndian.PutUint16(header[3:], uint16(len(body)))
	}
	f.seq++
	f.conn.Write(append(header, body...))
}

// keyUpdate announces the next key: https://www.rfc-editor.org/rfc/rfc8446#section-7.2
func (f *forger) keyUpdate(request byte) {
	f.record(22, string([]byte{24, 0, 0, 1, request}))
	f.secret = expand(f.secret, "traffic upd", 32)
	f.rekey()
}

// TestTLS_08UselessRecords: crypto/tls takes 16 records that say nothing, of any
// kind, in a row, and data between them begins the count anew. This test fails
// when a new Go changes that.
func TestTLS_08UselessRecords(t *testing.T) {
	const most = 16
	v12, v13 := uint16(tls.VersionTLS12), uint16(tls.VersionTLS13)
	for _, test := range []struct {
		name string
		v    uint16
		one  func(f *forger)
	}{
		{"KeyUpdate", v13, func(f *forger) { f.keyUpdate(0) }},
		{"KeyUpdate that asks for one", v13, func(f *forger) { f.keyUpdate(1) }},
		{"empty record", v13, func(f *forger) { f.record(23, "") }},
		{"user_canceled", v13, func(f *forger) { f.record(21, "\x01\x5a") }},
		{"empty record", v12, func(f *forger) { f.record(23, "") }},
		{"warning", v12, func(f *forger) { f.record(21, "\x01\x70") }},
	} {
		for _, n := range []int{most, most + 1} {
			var s talker
			l := forge(t, test.v, &s, func(f *forger) {
				for range 100 { // with data between them it may go on for ever
					test.one(f)
					f.record(23, "x")
				}
				for range n {
					test.one(f)
				}
				f.record(23, "y")
				io.Copy(io.Discard, f.conn)
			})
			said := strings.Repeat("x", 100)
			switch {
			case len(s.heard) == 0:
				t.Skip("this processor prefers another cipher")
			case n == most && (string(s.heard) != said+"y" || s.err != nil):
				t.Errorf("%s, %s, %d: heard %d bytes, ended with %v; want %d, and no end",
					tls.VersionName(test.v), test.name, n, len(s.heard), s.err, len(said)+1)
			case n > most && (string(s.heard) != said || s.err == nil || !strings.Contains(s.err.Error(), "too many")):
				t.Errorf("%s, %s, %d: heard %d bytes, ended with %v; want %d, and a word on too many",
					tls.VersionName(test.v), test.name, n, len(s.heard), s.err, len(said))
			}
			l.Close()
		}
	}
}

// TestTLS_08Records: short records are slow and nothing else; long, broken and
// misplaced ones end the connection.
func TestTLS_08Records(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for _, test := range []struct {
			name string
			say  func(f *forger)
			want string // of the error, "any" word; "": none
		}{
			{"1-byte records", func(f *forger) {
				for range 5000 {
					f.record(23, "x")
				}
			}, ""},
			{"16,384 bytes", func(f *forger) { f.record(23, strings.Repeat("x", 16384)) }, ""},
			{"16,385 bytes", func(f *forger) { f.record(23, strings.Repeat("x", 16385)) }, "record overflow"},
			{"wrong key", func(f *forger) { f.seq += 5; f.record(23, "x") }, "bad record MAC"},
			{"in clear", func(f *forger) { f.conn.Write([]byte("\x17\x03\x03\x00\x01x")) }, "bad record MAC"},
			{"unknown type", func(f *forger) { f.record(99, "x") }, "unexpected message"},
			{"a second hello", func(f *forger) { f.record(22, "\x01\x00\x00\x01x") }, "any"},
			{"fatal alert", func(f *forger) { f.record(21, "\x02\x28") }, "handshake failure"},
		} {
			var s talker
			l := forge(t, v, &s, func(f *forger) { test.say(f); io.Copy(io.Discard, f.conn) })
			switch {
			case test.want == "" && (s.err != nil || len(s.heard) < 5000):
				t.Errorf("%s: heard %d bytes, ended with %v; want all, and no end", test.name, len(s.heard), s.err)
			case test.want == "any" && s.err != nil:
			case test.want != "" && (s.err == nil || len(s.heard) > 0 || !strings.Contains(s.err.Error(), test.want)):
				t.Errorf("%s: heard %d bytes, ended with %v; want %q", test.name, len(s.heard), s.err, test.want)
			}
			l.Close()
		}
	})
}
