//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// print writes one table a cell. Beside the figures it says how far each peer
// is from the limit, and how ours compares with it: below 1 we are better.
func (s suite) print(w io.Writer, got *samples) {
	for _, cell := range got.cells {
		fmt.Fprintf(w, "\n### %s: %s\n\n| peer |", s.name, cell)
		for _, c := range s.columns {
			fmt.Fprintf(w, " %s |", c.title)
		}
		limitName := s.limitOf(cell)
		limit := got.of(cell, limitName, s.figure)
		ours := got.of(cell, us, s.figure)
		columns := len(s.columns) + 1
		if len(limit) > 0 {
			fmt.Fprintf(w, " × %s |", limitName)
			columns++
		}
		fmt.Fprintf(w, " %s ÷ it |\n|---|%s\n", us, strings.Repeat("---:|", columns))
		for _, peer := range got.peers {
			v := got.of(cell, peer, s.figure)
			if len(v) == 0 {
				continue
			}
			fmt.Fprintf(w, "| %s |", peer)
			for i, c := range s.columns {
				fmt.Fprintf(w, " %s |", c.of(got.of(cell, peer, c.key), i == 0))
			}
			if len(limit) > 0 {
				fmt.Fprintf(w, " %s |", ratio(v, limit))
			}
			fmt.Fprintf(w, " %s |\n", ratio(ours, v))
		}
	}
}

// limitOf is the peer that is the limit of a cell.
func (s suite) limitOf(name string) string {
	for _, c := range s.cells {
		if c.name == name && c.limit != "" {
			return c.limit
		}
	}
	return s.limit
}

// of formats the median; with spread, if there is more than one, least and
// most too.
func (c column) of(v []float64, spread bool) string {
	if len(v) == 0 {
		return "–"
	}
	text := fmt.Sprintf(c.format, median(v))
	if spread && len(v) > 1 {
		text += fmt.Sprintf(" ["+c.format+" "+c.format+"]", slices.Min(v), slices.Max(v))
	}
	return text
}

func ratio(v, of []float64) string {
	if len(v) == 0 || len(of) == 0 || median(of) == 0 {
		return "–"
	}
	r := median(v) / median(of)
	switch {
	case r < 0.1:
		return fmt.Sprintf("%.1g", r)
	case r >= 100:
		return fmt.Sprintf("%.0f", r)
	}
	return fmt.Sprintf("%.2f", r)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}
