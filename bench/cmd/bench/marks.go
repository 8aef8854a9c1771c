//go:build linux

package main

import (
	"cmp"
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
	ours        string   // which of ours; "": twistor
	figure      string   // which column; "": what the suite compares
}

var goPeers = []string{"Go net", "gnet", "netpoll", "nbio", "evio"}

// Those that make the changes of many writers durable together; SQLite does not.
var together = []string{"bbolt Update", "bbolt Batch", "Redis", "Redis pipelined"}

// Plain numbers hold on the machine they were set on, an AMD EPYC virtual
// machine with two cores; ratios hold anywhere.
var marks = []mark{
	{suite: "echo", cell: pingPong, best: true, most: 4.9},
	{suite: "echo", cell: pingPong, best: true, most: 1.06, than: []string{"C epoll"}},
	{suite: "echo", cell: pingPong, best: true, most: 0.93, than: goPeers},
	{suite: "echo", cell: pipelined, best: true, most: 0.31},
	{suite: "echo", cell: thousand, most: 0.42},
	{suite: "echo", cell: bulk, most: 15},
	{suite: "idle", most: 450},
	{suite: "tls", most: 9 << 10},
	{suite: "timers", cell: "arm and cancel, many pending", best: true, most: 0.10},
	{suite: "timers", cell: "arm and fire", best: true, most: 0.25},
	{suite: "timers", cell: "reset", best: true, most: 0.03},
	{suite: "deferreds", cell: "make, three callbacks, fire", best: true, most: 0.08},
	{suite: "coroutines", cell: "await a pending value", best: true, most: 0.15},
	// No switch may be made for a value that is there: half of one is the proof.
	{suite: "coroutines", cell: "await a ready value", best: true, most: 0.03},
	{suite: "durable", cell: oneWriter, best: true, most: 1.15, than: []string{bareAppend}},
	{suite: "durable", cell: oneWriter, best: true, most: 1, than: []string{"SQLite"}},
	{suite: "durable", cell: oneWriter, best: true, most: 1, than: together},
	{suite: "durable", cell: sixteenWriters, best: true, most: 0.9, than: together},
	{suite: "durable", cell: sixteenWriters, best: true, most: 0.15, than: []string{"SQLite"}},
	{suite: "durable", cell: thousandWriters, best: true, most: 0.8, than: together},
	{suite: "durable", cell: thousandWriters, best: true, most: 0.02, than: []string{"SQLite"}},

	{suite: "dns", cell: answers, best: true, most: 4.5},
	{suite: "dns", cell: extended, best: true, most: 4.5},
	{suite: "dns", cell: answersOf, best: true, most: 4.5},
	{suite: "dns", cell: flooded, best: true, most: 4.5},
	{suite: "dns", cell: answers, best: true, most: 1.05, than: []string{"nsd"}},
	{suite: "dns", cell: extended, best: true, most: 1.05, than: []string{"nsd"}},
	{suite: "dns", cell: answersOf, best: true, most: 1, than: []string{"nsd"}},
	// nsd's tree sees at one of the first letters that a random name is not there;
	// a hash table looks at a place that no cache has.
	{suite: "dns", cell: flooded, best: true, most: 1.4, than: []string{"nsd"}},
	{suite: "dns", cell: pipelines, best: true, most: 0.3, than: []string{"nsd"}},
	{suite: "dns", best: true, most: 1, than: []string{"knot", "miekg/dns", "Twisted"}},
	{suite: "dns", cell: answersOf, most: 1, than: []string{"nsd", "knot"}, figure: "name"},
	{suite: "dns", cell: answersOf, most: 1, than: []string{"nsd", "knot"}, figure: "name", ours: usDNS},
	{suite: "dns", best: true, most: 1.1, than: []string{us}, ours: usDNS},

	{suite: "http", cell: helloMany, best: true, most: 5.6},
	{suite: "http", cell: helloMany, best: true, most: 1, than: []string{"net/http", "nginx", "fasthttp", "nbio"}},
	{suite: "http", cell: helloMany, best: true, most: 9, ours: usHTTP},
	{suite: "http", cell: helloMany, best: true, most: 0.91, than: []string{"net/http"}, ours: usHTTP},
	{suite: "http", cell: helloBrowser, best: true, most: 1, than: []string{"net/http", "nginx", "fasthttp", "nbio"}},
	{suite: "http", cell: helloPipelined, best: true, most: 0.65},
	{suite: "http", cell: helloPipelined, best: true, most: 0.7, than: []string{"fasthttp"}},
	{suite: "files", best: true, most: 1, than: []string{"net/http"}},
	{suite: "https", best: true, most: 1, than: []string{"net/http", "nginx"}},
	{suite: "h2", best: true, most: 1, than: []string{"net/http", "nginx"}},
	{suite: "websocket", best: true, most: 1, than: []string{"gobwas/ws", "coder/websocket", "nbio"}},
	{suite: "slow", most: 0, figure: "failed"},
	{suite: "slow", most: 50, figure: "p99"},
	{suite: "slow", most: 120 << 10, figure: "rss"},
	{suite: "slow", most: 0, figure: "left"},
	{suite: "slow", most: headTime.Seconds() + 1, figure: "suffered"},
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
	for _, m := range marks {
		if m.suite != suite {
			continue
		}
		figure := cmp.Or(m.figure, map[string]string{"idle": "used", "tls": "used", "durable": "wall"}[suite], "cpu")
		stat := median
		if m.best {
			stat = slices.Min[[]float64]
		}
		for _, cell := range got.cells {
			ours := got.of(cell, cmp.Or(m.ours, us), figure)
			if m.cell != "" && m.cell != cell || len(ours) == 0 {
				continue
			}
			what := suite + ": " + cell
			if m.figure != "" {
				what += ", " + m.figure
			}
			if m.ours != "" {
				what += ", " + m.ours
			}
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
		switch {
		case v.most == 0 && v.met():
			text = "met"
		case v.most == 0:
			text = "**missed**"
		case !v.met():
			text = fmt.Sprintf("**missed by %.0f %%**", far)
		}
		if v.met() {
			met++
		}
		fmt.Fprintf(w, "| %s | %.3g | %.3g | %s |\n", v.what, v.ours, v.most, text)
	}
	fmt.Fprintf(w, "\n%d of %d marks met.\n", met, len(verdicts))
}
