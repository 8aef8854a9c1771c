package cred_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/sim"
)

const sha512P = "$6$abcdefgh$cbHueVS/UT4Gg0.EnfnwJ27Lzzwf8rUdxRQSZm8iRDJv4TEZFHzD38nDTa.yVwJzbBrkaywt7RtORH2j7O12k1" // of p

// CR08: accounts of the machine, by passwd and shadow.
func TestCR08UNIX(t *testing.T) {
	day := int(sim.Epoch.Unix() / 86400)
	d := newDesk(t, &cred.UNIX{})
	var passwdText, shadowText strings.Builder
	entry := func(name, inPasswd, inShadow string) {
		fmt.Fprintf(&passwdText, "%s:%s:1000:1000::/home/%s:/bin/sh\n", name, inPasswd, name)
		if inShadow != "" {
			fmt.Fprintf(&shadowText, "%s:%s\n", name, inShadow)
		}
	}
	entry("good", "x", sha512P+":19000:0:99999:7:::")
	entry("old", sha512P, "")
	entry("debian", "x", "$y$j9T$abcdefgh$UGYCVcUwcoG0k8SZZ.Uz3i0RYQNy1YmYj4I4poBPer2:19000:0:99999:7:::")
	entry("strange", "x", "$gy$j9T$x$y:19000:0:99999:7:::")
	entry("locked", "x", "!"+sha512P+":19000:0:99999:7:::")
	entry("never", "x", "*:19000:0:99999:7:::")
	entry("empty", "x", ":19000:0:99999:7:::")
	entry("open", "", "")
	entry("plain", "x", "{plain}p:19000:0:99999:7:::")
	entry("stray", "x", "")
	entry("ends", "x", fmt.Sprintf("%s:19000:0:99999:7::%d:", sha512P, day+1))
	entry("ended", "x", fmt.Sprintf("%s:19000:0:99999:7::%d:", sha512P, day))
	entry("change", "x", sha512P+":0:0:99999:7:::")
	entry("stale", "x", fmt.Sprintf("%s:%d:0:30:7:::", sha512P, day-31))
	entry("fresh", "x", fmt.Sprintf("%s:%d:0:30:7:::", sha512P, day-30))
	entry("odd", "x", sha512P+":19000:0:99999:7::soon:")
	shadowText.WriteString("gone:" + sha512P + ":19000:0:99999:7:::\nbroken\n")
	write(t, d.clock.FS(), "/etc/passwd", passwdText.String(), 0o644)
	write(t, d.clock.FS(), "/etc/shadow", shadowText.String(), 0o600)
	for name, want := range map[string]error{
		"good": nil, "old": nil, "ends": nil, "fresh": nil,
		"locked": cred.ErrUnauthorized, "never": cred.ErrUnauthorized, "plain": cred.ErrUnauthorized,
		"stray": cred.ErrUnauthorized, "gone": cred.ErrUnauthorized, "nobody": cred.ErrUnauthorized,
		"ended": cred.ErrDenied, "change": cred.ErrDenied, "stale": cred.ErrDenied, "odd": cred.ErrDenied,
	} {
		if _, err := d.login(password(name, "p")); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	if _, err := d.login(password("debian", "pw")); err != nil {
		t.Errorf("debian: %v", err)
	}
	// Who has expired is told so only with the right password.
	for _, name := range []string{"good", "ended", "empty", "open"} {
		for _, wrong := range []string{"q", ""} {
			if _, err := d.login(password(name, wrong)); !errors.Is(err, cred.ErrUnauthorized) {
				t.Errorf("%s with %q: got %v, want %v", name, wrong, err, cred.ErrUnauthorized)
			}
		}
	}
	if log := d.clock.Logged(); !strings.Contains(log, `account \"strange\": passwd: unknown form $gy$`) {
		t.Errorf("nobody is told of a password that cannot be read:\n%s", log)
	}
	if strings.Contains(d.clock.Logged(), "$6$abc") {
		t.Errorf("the log shows a hash:\n%s", d.clock.Logged())
	}
	write(t, d.clock.FS(), "/etc/shadow", "", 0o600)
	if _, err := d.login(password("good", "p")); !errors.Is(err, cred.ErrUnauthorized) {
		t.Errorf("after the shadow line has gone: got %v", err)
	}
	d.clock.Advance(time.Hour)
	d.clock.FS().Remove("/etc/shadow")
	d.tries(map[string]bool{"old p": true})
	d.clock.FS().Remove("/etc/passwd")
	if _, err := d.login(password("old", "p")); !errors.Is(err, cred.ErrUnavailable) {
		t.Errorf("without a passwd file: got %v, want %v", err, cred.ErrUnavailable)
	}
}
