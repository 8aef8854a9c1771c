package service

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twistor-go/twistor/sim"
)

// A10 too: the delays grow by a factor up to the longest, with jitter.
func TestP05Backoff(t *testing.T) {
	none := Backoff{Jitter: -1}
	var got []string
	for n := 1; n <= 13; n++ {
		d, again := none.Delay(n, nil)
		if !again {
			t.Fatalf("try %d: want another", n)
		}
		got = append(got, d.Round(10*time.Millisecond).String())
	}
	want := []string{"1s", "1.5s", "2.25s", "3.38s", "5.06s", "7.59s", "11.39s", "17.09s", "25.63s", "38.44s", "57.67s", "1m0s", "1m0s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}

	if d, again := (Backoff{MaxTries: 3, Min: time.Hour, Max: time.Second, Factor: 0.1, Jitter: -1}).Delay(3, nil); d != time.Hour || !again {
		t.Errorf("got %v %v, want an hour and another try", d, again)
	}
	if _, again := (Backoff{MaxTries: 3}).Delay(4, nil); again {
		t.Error("a fourth try of three")
	}
	if d, _ := (Backoff{}).Delay(1<<40, bytes.NewReader(make([]byte, 8))); d != 48*time.Second {
		t.Errorf("got %v, want the longest less all of the jitter: 48s", d)
	}
	rand := sim.NewClock(t).Rand()
	least, most := time.Hour, time.Duration(0)
	for range 1000 {
		d, _ := Backoff{}.Delay(1, rand)
		least, most = min(least, d), max(most, d)
	}
	if least < 800*time.Millisecond || least > 810*time.Millisecond || most > 1200*time.Millisecond || most < 1190*time.Millisecond {
		t.Errorf("got delays from %v to %v, want about 0.8 s to 1.2 s", least, most)
	}
}

func ExampleBackoff() {
	b := Backoff{Min: time.Second, Max: 10 * time.Second, Factor: 2, Jitter: -1, MaxTries: 5}
	for n := 1; ; n++ {
		d, again := b.Delay(n, nil)
		if !again {
			break
		}
		fmt.Println(d)
	}
	// Output:
	// 1s
	// 2s
	// 4s
	// 8s
	// 10s
}
