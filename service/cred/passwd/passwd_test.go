package passwd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
)

// seeded is a salt's randomness that is the same at each run.
func seeded() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

// vectors come from the specifications, where they have some, else from the
// programs named.
var vectors = []struct{ name, record, password string }{
	// https://github.com/P-H-C/phc-winner-argon2/blob/master/src/test.c
	{"argon2id of 256 KiB", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
	{"argon2id of two lanes", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
	// https://www.rfc-editor.org/rfc/rfc7677#section-3
	{"SCRAM-SHA-256", "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=", "pencil"},
	// htpasswd -B, and the same of other programs.
	{"bcrypt 2y", "$2y$05$7/thbcFg0kmpcotAH2E30.M5Cx7mn/.w.TnDwASEooI7CMLL.uVf6", "p"},
	{"bcrypt 2b", "$2b$05$7/thbcFg0kmpcotAH2E30.M5Cx7mn/.w.TnDwASEooI7CMLL.uVf6", "p"},
	// https://www.akkadia.org/drepper/SHA-crypt.txt
	{"SHA-256", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
	{"SHA-256, rounds", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"},
	{"SHA-512", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
	{"SHA-512, rounds", "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1", "a very much longer text to encrypt.  This one even stretches over morethan one line."},
	// libxcrypt and openssl passwd
	{"MD5", "$1$abcdefgh$HxWb8VZZ8HqzOKVuLaoxI.", "p"},
	{"SHA-512 of openssl", "$6$abcdefgh$cbHueVS/UT4Gg0.EnfnwJ27Lzzwf8rUdxRQSZm8iRDJv4TEZFHzD38nDTa.yVwJzbBrkaywt7RtORH2j7O12k1", "p"},
	// https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
	{"apr1", "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "myPassword"},
	// libxcrypt
	{"yescrypt", "$y$j9T$abcdefgh$UGYCVcUwcoG0k8SZZ.Uz3i0RYQNy1YmYj4I4poBPer2", "pw"},
	{"{SHA}", "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "myPassword"},
	{"{plain}", "{plain}a:b $", "a:b $"},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		r, err := Parse(v.record)
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		if !r.Verify(v.password) {
			t.Errorf("%s: the right password is refused", v.name)
		}
		for i, wrong := range []string{v.password + "x", "", v.password + "\x00", strings.ToUpper(v.password) + "!"} {
			if (i == 0 || cheap(r)) && r.Verify(wrong) {
				t.Errorf("%s: %q is accepted", v.name, wrong)
			}
		}
		if r.Text() != v.record {
			t.Errorf("%s: got text %q, want it as parsed", v.name, r.Text())
		}
	}
}

func TestHash(t *testing.T) {
	r, err := Hash("correct horse", seeded())
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(r.Text(), want) {
		t.Errorf("got %s, want %s: 19 MiB, two passes, one lane", r.Text(), want)
	}
	again, err := Parse(r.Text())
	if err != nil {
		t.Fatal(err)
	}
	if !again.Verify("correct horse") || again.Verify("correct horsf") {
		t.Error("want the password to be the only one accepted")
	}
	other, _ := Hash("correct horse", bytes.NewReader(make([]byte, 16)))
	if other.Text() == r.Text() {
		t.Error("two salts made one record")
	}
}

func TestHashErrors(t *testing.T) {
	for name, f := range map[string]func() (Record, error){
		"empty":     func() (Record, error) { return Hash("", seeded()) },
		"too long":  func() (Record, error) { return Hash(strings.Repeat("x", MaxPasswordBytes+1), seeded()) },
		"control":   func() (Record, error) { return Hash("a\x07b", seeded()) },
		"no salt":   func() (Record, error) { return Hash("x", bytes.NewReader(nil)) },
		"expensive": func() (Record, error) { return Argon2id{Passes: 65}.Hash("x", seeded()) },
		"memory":    func() (Record, error) { return Argon2id{MemoryKiB: 2 << 20}.Hash("x", seeded()) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// What looks the same is the same where SASLprep runs; where the form is of
// another program the bytes count.
// https://www.rfc-editor.org/rfc/rfc4013#section-3
func TestSASLprep(t *testing.T) {
	for _, p := range []struct{ typed, same string }{
		{"I\u00adX", "IX"}, {"\u00aa", "a"}, {"\u2168", "IX"}, {"a\u00a0b", "a b"},
	} {
		cheap := Argon2id{MemoryKiB: 64, Passes: 1}
		argon, err := cheap.Hash(p.typed, seeded())
		if err != nil {
			t.Fatal(err)
		}
		scram, err := NewSCRAM(p.typed, 0, seeded())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []Record{argon, scram.Record(), Plain(p.typed)} {
			if !r.Verify(p.same) || !r.Verify(p.typed) {
				t.Errorf("%s: %q and %q differ", r.Form(), p.typed, p.same)
			}
		}
	}
	crypt := Record{&kept{"", &cryptHash{salt: "salt", rounds: 1000, hash: sha256Crypt("\u2168", "salt", 1000), make: sha256Crypt}}}
	if crypt.Verify("IX") || !crypt.Verify("\u2168") {
		t.Error("crypt: want the bytes as typed")
	}
	if _, err := Prepare("a\x00b"); err == nil || strings.Contains(err.Error(), "a") && strings.Contains(err.Error(), "\\x00") {
		t.Errorf("got %v, want a refusal that does not quote", err)
	}
}

// CR09: a password of a kilobyte is the longest that is worth any work.
func TestCR09LongPasswords(t *testing.T) {
	longest := strings.Repeat("x", MaxPasswordBytes)
	if !Plain(longest).Verify(longest) {
		t.Error("1,024 bytes are refused")
	}
	longer := longest + "x"
	if Plain(longer).Verify(longer) {
		t.Error("1,025 bytes are accepted")
	}
}

// CR09: records are made anew when the cost grew, and not when it is enough.
func TestCR09Outdated(t *testing.T) {
	small, err := Argon2id{MemoryKiB: 64, Passes: 1}.Hash("x", seeded())
	if err != nil {
		t.Fatal(err)
	}
	bcrypt, _ := Parse(vectors[3].record)
	scram, _ := Parse(vectors[2].record)
	for _, c := range []struct {
		name   string
		wanted Argon2id
		r      Record
		want   bool
	}{
		{"less memory", Argon2id{}, small, true},
		{"fewer passes", Argon2id{MemoryKiB: 64}, small, true},
		{"enough", Argon2id{MemoryKiB: 64, Passes: 1}, small, false},
		{"more than enough", Argon2id{MemoryKiB: 32, Passes: 1}, small, false},
		{"bcrypt", Argon2id{}, bcrypt, true},
		{"SCRAM", Argon2id{}, scram, false},
		{"plain", Argon2id{}, Plain("x"), false},
		{"none", Argon2id{}, Record{}, false},
	} {
		if got := c.wanted.Outdated(c.r); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	salt22, hash31 := strings.Repeat("a", 22), strings.Repeat("b", 31)
	for _, c := range []struct{ record, want string }{
		{"", "unknown form"},
		{"canary", "unknown form: want"},
		{"$9$canary$x", "unknown form $9$: want"},
		{"{canary}x", "unknown form {canary}: want"},
		{"{}canary", "unknown form: want"},
		{strings.Repeat("x", 1025), "1025 bytes"},
		{"$argon2id$canary", "want $argon2id$v=19"},
		{"$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$bm9ub25vbm9ub25vbm9ubw", "v=19"},
		{"$argon2id$v=19$m=4,t=1,p=1$c29tZXNhbHQ$bm9ub25vbm9ub25vbm9ubw", "m=4: want a number from 8"},
		{"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$bm9ub25vbm9ub25vbm9ubw", "t=0"},
		{"$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$bm9ub25vbm9ub25vbm9ubw", "p=0"},
		{"$argon2id$v=19$m=64,t=1,p=17$c29tZXNhbHQ$bm9ub25vbm9ub25vbm9ubw", "p=17"},
		{"$argon2id$v=19$m=1048577,t=1,p=1$c29tZXNhbHQ$bm9ub25vbm9ub25vbm9ubw", "m="},
		{"$argon2id$v=19$t=1,m=64,p=1$c29tZXNhbHQ$bm9ub25vbm9ub25vbm9ubw", "m="},
		{"$argon2id$v=19$m=64,t=1,p=1$c2Fs$bm9ub25vbm9ub25vbm9ubw", "salt"},
		{"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$bm9", "hash"},
		{"$2y$05$short", "60 characters"},
		{"$2y$18$" + salt22 + hash31, "cost"},
		{"$2y$05$" + salt22 + hash31[1:] + "%", "letters"},
		{"$5$rounds=999$salt$" + strings.Repeat("a", 43), "rounds"},
		{"$5$rounds=1000001$salt$" + strings.Repeat("a", 43), "rounds"},
		{"$6$saltsaltsaltsalts$" + strings.Repeat("a", 86), "salt"},
		{"$6$salt$short", "86 characters"},
		{"$apr1$salt$" + strings.Repeat("*", 22), "letters"},
		{"$1$salt", "salt"},
		{"SCRAM-SHA-256$100:c29tZXNhbHQ=$x:y", "iterations"},
		{"SCRAM-SHA-256$4096:c29tZXNhbHQ=$x:y", "StoredKey"},
		{"SCRAM-SHA-256$canary", "want SCRAM"},
		{"{SHA}canary", "20 bytes"},
		{"{plain}", "empty"},
	} {
		_, err := Parse(c.record)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: got %v, want an error with %q", c.record, err, c.want)
		}
	}
}

// T-28: a record that finds its way into a message, or into something that is
// saved, does not show. The control shows that the search would find it.
func TestT_28RecordsDoNotPrint(t *testing.T) {
	type deep struct {
		hidden Record
		Open   Record
	}
	r := Plain("canary")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "r", r, "in", deep{r, r})
	saved, _ := json.Marshal(deep{r, r})
	all := fmt.Sprintf("%v %+v %#v %s %q %d %x %v %+v %#v", r, r, r, r, r, r, r, deep{r, r}, deep{r, r}, []any{deep{r, r}, &r}) +
		log.String() + string(saved) + fmt.Sprintf("%v %#v %x", SCRAM{Salt: []byte("canary")}, SCRAM{Salt: []byte("canary")}, SCRAM{Salt: []byte("canary")})
	for _, form := range []string{"canary", "Y2FuYXJ5", "63616e617279"} {
		if strings.Contains(all, form) {
			t.Errorf("%s shows in %s", form, all)
		}
	}
	if !strings.Contains(r.Text(), "canary") {
		t.Error("want Text to show it")
	}
}
