package framing_test

import (
	"testing"

	"github.com/twistor-go/twistor/framing"
)

func TestB01Lines(t *testing.T) {
	r := play(t, lines(framing.Lines{}), nil, "a\r\nb\n\r\n\nc\rd\n", "e\r", "\n", "part")
	wantEvents(t, r, "connected", `line "a"`, `line "b"`, `line ""`, `line ""`, `line "c\rd"`, `line "e"`,
		"disconnected: unexpected EOF")
}
