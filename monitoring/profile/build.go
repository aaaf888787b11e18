// Package profile turns rows into frozen summaries and compares two of them. A
// reference fixes the bin edges or categories of each column; windows are counted
// into the same bins, so that profiles of one reference merge by adding and no rows
// are kept.
package profile

import (
	"math"
	"slices"
	"sort"

	"aiforge.dev/forge/monitoring"
)

const (
	// Fine is the number of quantile bins of a number column.
	Fine = 256
	// Categories is the number of categories that are counted apart; the rest is
	// counted together.
	Categories = 100
	// buffered is how many values are kept to choose edges or categories from; later
	// ones are counted into what was chosen.
	buffered = 100_000
)

// Prediction is the name of the column that holds the model's output.
const Prediction = "prediction"

// Builder makes a reference from observations. Memory is bounded whatever their
// number.
type Builder struct {
	columns []*column
	rows    int64
}

type column struct {
	profile monitoring.Profile
	numbers []float64 // until the edges are fixed
	labels  map[string]int64
	mean    welford
}

// NewBuilder makes a builder for the given columns: name → whether it is a number.
// The model's output is added by itself.
func NewBuilder(number map[string]bool) *Builder {
	b := &Builder{}
	names := make([]string, 0, len(number))
	for name := range number {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		kind := "category"
		if number[name] {
			kind = "number"
		}
		b.columns = append(b.columns, newColumn(name, kind))
	}
	b.columns = append(b.columns, newColumn(Prediction, "number"))
	return b
}

func newColumn(name, kind string) *column {
	c := &column{profile: monitoring.Profile{Column: name, Kind: kind, Min: math.Inf(1), Max: math.Inf(-1)}}
	if kind == "category" {
		c.labels = map[string]int64{}
	}
	return c
}

// Add takes rows. A Score of NaN says that the model's output is not known for a row.
func (b *Builder) Add(rows []monitoring.Observation) {
	for _, r := range rows {
		b.rows++
		for _, c := range b.columns {
			if c.profile.Column != Prediction {
				c.add(r.Features[c.profile.Column])
			} else if !math.IsNaN(r.Score) {
				c.add(r.Score)
			}
		}
	}
}

// Reference freezes what was added.
func (b *Builder) Reference() monitoring.Reference {
	ref := monitoring.Reference{Rows: b.rows}
	for _, c := range b.columns {
		ref.Profiles = append(ref.Profiles, c.freeze())
	}
	return ref
}

func (c *column) add(v any) {
	c.profile.N++
	if c.profile.Kind == "category" {
		c.addCategory(v)
		return
	}
	x, ok := Number(v)
	if !ok {
		c.profile.Nulls++
		return
	}
	c.mean.add(x)
	c.profile.Min, c.profile.Max = min(c.profile.Min, x), max(c.profile.Max, x)
	if c.profile.Edges != nil {
		c.profile.Bins[bin(c.profile.Edges, x)]++
		return
	}
	if c.numbers = append(c.numbers, x); len(c.numbers) == buffered {
		c.fixEdges()
	}
}

func (c *column) addCategory(v any) {
	s, ok := Category(v)
	switch {
	case !ok:
		c.profile.Nulls++
	case c.profile.Labels != nil:
		countLabel(&c.profile, s)
	default:
		if c.labels[s]++; len(c.labels) == buffered {
			c.fixLabels()
		}
	}
}

func (c *column) freeze() monitoring.Profile {
	if c.profile.Kind == "category" && c.profile.Labels == nil {
		c.fixLabels()
	}
	if c.profile.Kind == "number" && c.profile.Edges == nil {
		c.fixEdges()
	}
	p := c.profile
	p.Mean, p.Std = c.mean.mean, c.mean.std()
	if p.Kind == "category" || p.N == p.Nulls {
		p.Min, p.Max = 0, 0
	}
	return p
}

// fixEdges takes up to Fine distinct quantiles as upper edges; with fewer distinct
// values each value gets a bin of its own.
func (c *column) fixEdges() {
	slices.Sort(c.numbers)
	edges := []float64{}
	for i := range Fine {
		if len(c.numbers) == 0 {
			break
		}
		at := (i + 1) * len(c.numbers) / Fine
		v := c.numbers[max(at-1, 0)]
		if len(edges) == 0 || v > edges[len(edges)-1] {
			edges = append(edges, v)
		}
	}
	if distinct := slices.Compact(slices.Clone(c.numbers)); len(distinct) <= Fine {
		edges = distinct
	}
	c.profile.Edges, c.profile.Bins = edges, make([]int64, len(edges)+1)
	for _, x := range c.numbers {
		c.profile.Bins[bin(edges, x)]++
	}
	c.numbers = nil
}

func (c *column) fixLabels() {
	names := make([]string, 0, len(c.labels))
	for name := range c.labels {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := c.labels[names[i]], c.labels[names[j]]
		return a > b || a == b && names[i] < names[j]
	})
	top := names[:min(len(names), Categories)]
	c.profile.Labels, c.profile.Counts = append([]string{}, top...), make([]int64, len(top)+1)
	for i, name := range names {
		c.profile.Counts[min(i, len(top))] += c.labels[name]
	}
	c.labels = nil
}

// bin is the index of x: bin i holds edges[i-1] < x ≤ edges[i].
func bin(edges []float64, x float64) int { return sort.SearchFloat64s(edges, x) }

func countLabel(p *monitoring.Profile, s string) {
	i := slices.Index(p.Labels, s)
	if i < 0 {
		i = len(p.Labels)
	}
	p.Counts[i]++
}

// Number reads a feature value as a number; NaN and infinities count as missing.
func Number(v any) (float64, bool) {
	var x float64
	switch v := v.(type) {
	case float64:
		x = v
	case int64:
		x = float64(v)
	case bool:
		if v {
			x = 1
		}
	default:
		return 0, false
	}
	return x, !math.IsNaN(x) && !math.IsInf(x, 0)
}

// Category reads a feature value as a category; the empty text counts as missing.
func Category(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// welford keeps a running mean and variance.
type welford struct {
	n        float64
	mean, m2 float64
}

func (w *welford) add(x float64) {
	w.n++
	d := x - w.mean
	w.mean += d / w.n
	w.m2 += d * (x - w.mean)
}

func (w *welford) std() float64 {
	if w.n < 2 {
		return 0
	}
	return math.Sqrt(w.m2 / w.n)
}
