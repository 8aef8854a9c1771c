//go:build linux

package main

import (
	"cmp"
	"strings"
	"testing"
)

func sampled() *samples {
	s := newSamples()
	for _, v := range []float64{5.0, 4.0, 9.0} {
		s.add(pingPong, us, "cpu", v)
	}
	for _, v := range []float64{10, 10, 8} {
		s.add(pingPong, "gnet", "cpu", v)
	}
	s.add(pingPong, "C epoll", "cpu", 4)
	return s
}

func TestTablesShowMediansSpreadAndRatios(t *testing.T) {
	s := suite{name: "echo", figure: "cpu", limit: "C epoll", columns: []column{{"cpu", "CPU µs", "%.2f"}}}
	var b strings.Builder
	s.print(&b, sampled())
	for _, want := range []string{
		"| twistor | 5.00 [4.00 9.00] | 1.25 | 1.00 |",
		"| gnet | 10.00 [8.00 10.00] | 2.50 | 0.50 |",
		"| C epoll | 4.00 | 1.00 | 1.25 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
}

func TestMarksSayByHowMuch(t *testing.T) {
	var b strings.Builder
	printVerdicts(&b, judge("echo", sampled()))
	for _, want := range []string{
		"| echo: " + pingPong + " | 4 | 4.9 | met, 18 % below |",
		"× gnet | 0.5 | 0.93 | met, 46 % below |",
		"× C epoll | 1 | 1.06 | met, 6 % below |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
	slow := newSamples()
	slow.add("19000 connections", us, "used", 900)
	b.Reset()
	printVerdicts(&b, judge("idle", slow))
	if want := "| 900 | 450 | **missed by 100 %** |"; !strings.Contains(b.String(), want) {
		t.Errorf("no line %q in\n%s", want, b.String())
	}
}

// Nothing is allowed where the most is nothing.
func TestMarksOfNothing(t *testing.T) {
	for failed, want := range map[float64]string{0: ", failed | 0 | 0 | met |", 0.5: ", failed | 0.5 | 0 | **missed** |"} {
		s := newSamples()
		s.add("10000 attackers", us, "failed", failed)
		var b strings.Builder
		printVerdicts(&b, judge("slow", s))
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// A mark may speak of another one of ours.
func TestMarksOfOtherDoors(t *testing.T) {
	s := newSamples()
	s.add(helloMany, usHTTP, "cpu", 8)
	s.add(helloMany, "net/http", "cpu", 10)
	var b strings.Builder
	printVerdicts(&b, judge("http", s))
	if want := "http: " + helloMany + ", " + usHTTP + ", × net/http | 0.8 | 0.91 | met"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

// Each mark must speak of a suite and a cell that are measured.
func TestMarksNameWhatIsMeasured(t *testing.T) {
	all, err := suites(plan{}, map[string]binary{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range marks {
		found := false
		for _, s := range all {
			if s.name != m.suite {
				continue
			}
			found = m.cell == "" || s.cells == nil
			for _, c := range s.cells {
				found = found || c.name == m.cell
			}
			for _, than := range append([]string{cmp.Or(m.ours, us)}, m.than...) {
				if !strings.Contains(names(s.peers), "|"+than+"|") {
					t.Errorf("%s: no peer %q", m.suite, than)
				}
			}
		}
		if !found {
			t.Errorf("no suite %q with cell %q", m.suite, m.cell)
		}
	}
}

func names(peers []peer) string {
	all := "|"
	for _, x := range peers {
		all += x.name + "|"
	}
	return all
}
