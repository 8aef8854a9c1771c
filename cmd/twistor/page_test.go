//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A watch reads the weblog's page as a browser does: when the stream ends it
// comes back, and says where it was.
type watch struct {
	t    *testing.T
	url  string
	last string // id
	next uint64 // number of the next hit
	body *bufio.Scanner
	end  func()
	anew int // how often it had to begin anew
	came int // connections
}

func (w *watch) connect() {
	for late := time.Now().Add(patience); ; {
		ask, err := http.NewRequestWithContext(w.t.Context(), "GET", w.url, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		if w.last != "" {
			ask.Header.Set("Last-Event-ID", w.last)
		}
		answer, err := http.DefaultClient.Do(ask)
		if err == nil && answer.StatusCode == 200 {
			w.body, w.end = bufio.NewScanner(answer.Body), func() { answer.Body.Close() }
			w.body.Buffer(nil, 1<<20)
			w.came++
			return
		}
		if time.Now().After(late) {
			w.t.Fatalf("it does not come back: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// read returns the paths of the next event's hits that are new.
func (w *watch) read() (paths []string) {
	w.t.Helper()
	if w.body == nil {
		w.connect()
	}
	var kind string
	for {
		if !w.body.Scan() {
			w.end()
			w.connect()
			continue
		}
		name, value, _ := strings.Cut(w.body.Text(), ": ")
		switch name {
		case "id":
			w.last = value
		case "event":
			kind = value
		case "":
			kind = ""
		case "data":
			var event struct {
				Anew       bool
				From, Next uint64
				Hits       [][]any
			}
			if err := json.Unmarshal([]byte(value), &event); err != nil {
				w.t.Fatalf("%q: %v", value, err)
			}
			if kind == "hello" {
				if event.Anew {
					w.anew++
					w.next = event.From
				}
				continue
			}
			for _, h := range event.Hits {
				if uint64(h[0].(float64)) >= w.next {
					paths = append(paths, h[5].(string))
				}
			}
			w.next = event.Next
			return paths
		}
	}
}

// TestF38PageGoesOn: who watches the page misses nothing and sees nothing twice
// when the program is upgraded, as it comes back by itself.
func TestF38PageGoesOn(t *testing.T) {
	at := freeAddr(t)
	log := filepath.Join(t.TempDir(), "access.log")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := startDaemon(t, "weblog", "--log", log, "--page", "tcp:"+at, "--listen", "tcp:"+freeAddr(t), "--resume", "--every", "20ms")
	w := &watch{t: t, url: "http://" + at + "/hits"}
	w.connect()
	upgrades := scale(2, 4, 20)
	number, seen := 0, 0
	hits := func() {
		for range 10 {
			fmt.Fprint(file, line(fmt.Sprint("/", number)))
			number++
		}
	}
	for range upgrades {
		hits()
		d.command("upgrade")
		hits()
		for seen < number {
			for _, path := range w.read() {
				if want := fmt.Sprint("/", seen); path != want {
					t.Fatalf("after %d connections: got %s, want %s", w.came, path, want)
				}
				seen++
			}
		}
	}
	if w.anew != 1 || w.came != upgrades+1 {
		t.Errorf("it began anew %d times of %d connections, want once of %d", w.anew, w.came, upgrades+1)
	}
}
