//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
)

// A mark is what a figure of ours must be: at most a number, or at most a
// share of what peers need in the same run.
type mark struct {
	suite, cell string // cell "": every cell
	best        bool   // compare the best of the rounds, since noise can only add; else medians
	most        float64
	than        []string // most is a ratio to each of these; none: most is the figure itself
}

var goPeers = []string{"Go net", "gnet", "netpoll", "nbio", "evio"}

// Those that make the changes of many writers durable together; SQLite does not.
var together = []string{"bbolt Update", "bbolt Batch", "Redis", "Redis pipelined"}

// Plain numbers hold on the machine they were set on, an AMD EPYC virtual
// machine with two cores; ratios hold anywhere.
var marks = []mark{
	{"echo", pingPong, true, 4.9, nil},
	{"echo", pingPong, true, 1.06, []string{"C epoll"}},
	{"echo", pingPong, true, 0.93, goPeers},
	{"echo", pipelined, true, 0.31, nil},
	{"echo", thousand, false, 0.42, nil},
	{"echo", bulk, false, 15, nil},
	{"idle", "", false, 450, nil},
	{"tls", "", false, 9 << 10, nil},
	{"timers", "arm and cancel, many pending", true, 0.10, nil},
	{"timers", "arm and fire", true, 0.25, nil},
	{"timers", "reset", true, 0.03, nil},
	{"deferreds", "make, three callbacks, fire", true, 0.08, nil},
	{"coroutines", "await a pending value", true, 0.15, nil},
	// No switch may be made for a value that is there: half of one is the proof.
	{"coroutines", "await a ready value", true, 0.03, nil},
	{"durable", oneWriter, true, 1.15, []string{bareAppend}},
	{"durable", oneWriter, true, 1, []string{"SQLite"}},
	{"durable", oneWriter, true, 1, together},
	{"durable", sixteenWriters, true, 0.9, together},
	{"durable", sixteenWriters, true, 0.15, []string{"SQLite"}},
	{"durable", thousandWriters, true, 0.8, together},
	{"durable", thousandWriters, true, 0.02, []string{"SQLite"}},
}

// A verdict is one mark held against one run.
type verdict struct {
	what       string
	ours, most float64
}

func (v verdict) met() bool { return v.ours <= v.most }

// judge holds a suite's samples against its marks. Cells and peers that were
// not measured have no verdict.
func judge(suite string, got *samples) (verdicts []verdict) {
	figure := map[string]string{"idle": "used", "tls": "used", "durable": "wall"}[suite]
	if figure == "" {
		figure = "cpu"
	}
	for _, m := range marks {
		if m.suite != suite {
			continue
		}
		stat := median
		if m.best {
			stat = slices.Min[[]float64]
		}
		for _, cell := range got.cells {
			ours := got.of(cell, us, figure)
			if m.cell != "" && m.cell != cell || len(ours) == 0 {
				continue
			}
			what := suite + ": " + cell
			if len(m.than) == 0 {
				verdicts = append(verdicts, verdict{what, stat(ours), m.most})
			}
			for _, peer := range m.than {
				if theirs := got.of(cell, peer, figure); len(theirs) > 0 {
					verdicts = append(verdicts, verdict{what + ", × " + peer, stat(ours) / stat(theirs), m.most})
				}
			}
		}
	}
	return verdicts
}

func printVerdicts(w io.Writer, verdicts []verdict) {
	if len(verdicts) == 0 {
		return
	}
	fmt.Fprint(w, "\n### Marks\n\n| mark | ours | at most | |\n|---|---:|---:|---|\n")
	met := 0
	for _, v := range verdicts {
		far := (v.ours/v.most - 1) * 100
		text := fmt.Sprintf("met, %.0f %% below", -far)
		if !v.met() {
			text = fmt.Sprintf("**missed by %.0f %%**", far)
		} else {
			met++
		}
		fmt.Fprintf(w, "| %s | %.3g | %.3g | %s |\n", v.what, v.ours, v.most, text)
	}
	fmt.Fprintf(w, "\n%d of %d marks met.\n", met, len(verdicts))
}
