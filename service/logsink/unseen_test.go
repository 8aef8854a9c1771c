package logsink

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
)

const canary = "hunter2-canary"

type login struct {
	User     string
	Password twistor.Secret
}

type hidden struct {
	user     string
	password twistor.Secret
}

// RULES 4.6, P17: a Secret is not seen, whatever prints it. The positive control
// is the same with a string.
func TestSecretIsNotSeen(t *testing.T) {
	secret := twistor.Conceal(canary)
	shown := func(secret, open any) (all []string) {
		for _, x := range []any{secret, open} {
			var b strings.Builder
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T", "%10.3s"} {
				fmt.Fprintf(&b, verb+" ", x)
				fmt.Fprintf(&b, verb+" ", []any{x})
				fmt.Fprintf(&b, verb+" ", &x)
			}
			p, _ := json.Marshal(x)
			b.Write(p)
			p, _ = xml.Marshal(x)
			b.Write(p)
			var text, object, replayed bytes.Buffer
			h := new(History)
			log := slog.New(Fanout(NewText(&text, nil), NewJSON(&object, nil), slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&object, nil), h))
			log.With("s", x).Info("m", "v", x, slog.Group("g", "s", x), "list", []any{x})
			log.Info(fmt.Sprint("m ", x))
			h.Replay(t.Context(), NewText(&replayed, nil))
			all = append(all, b.String()+text.String()+object.String()+replayed.String())
		}
		return all
	}
	for _, tc := range []struct {
		name         string
		secret, open any
	}{
		{"itself", secret, canary},
		{"pointer", &secret, new(string)},
		{"field", login{"u", secret}, struct{ Password string }{canary}},
		{"pointer to struct", &login{"u", secret}, &struct{ Password string }{canary}},
		{"unexported field", hidden{"u", secret}, struct{ password string }{canary}},
		{"map", map[string]twistor.Secret{"p": secret}, map[string]string{"p": canary}},
		{"map key", map[twistor.Secret]int{secret: 1}, map[string]int{canary: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all := shown(tc.secret, tc.open)
			hex := fmt.Sprintf("%x", canary)
			for _, c := range []string{canary, canary[:3], hex, strings.ToUpper(hex)} {
				if strings.Contains(all[0], c) {
					t.Errorf("%q is seen in %s", c, all[0])
				}
			}
			if tc.name != "pointer" && !strings.Contains(all[1], canary) {
				t.Errorf("the control shows nothing: %s", all[1])
			}
		})
	}
}

func TestSecret(t *testing.T) {
	s := twistor.Conceal(canary)
	if s.String() != "[redacted]" || s.GoString() != "[redacted]" {
		t.Error("it says what it is")
	}
	if s.Reveal() != canary || (twistor.Secret{}).Reveal() != "" || !s.Equal(twistor.Conceal(canary)) || s.Equal(twistor.Secret{}) {
		t.Errorf("it does not hold what it was given")
	}
	var config struct{ Password twistor.Secret }
	if err := json.Unmarshal([]byte(`{"Password":"`+canary+`"}`), &config); err != nil || config.Password.Reveal() != canary {
		t.Errorf("got %q, %v", config.Password.Reveal(), err)
	}
	saved, err := json.Marshal(config)
	if err != nil || string(saved) != `{"Password":"[redacted]"}` {
		t.Errorf("got %s, %v", saved, err)
	}
	if err := json.Unmarshal(saved, &config); err == nil || !strings.Contains(err.Error(), "redacted") || config.Password.Reveal() != canary {
		t.Errorf("got %v, want what was redacted to be refused", err)
	}
}
