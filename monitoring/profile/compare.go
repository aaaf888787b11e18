package profile

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/stat"
)

// Window counts observations into the bins of a reference.
type Window struct {
	ref      monitoring.Reference
	profiles []monitoring.Profile
	index    []map[string]int // category → bin
	rows     int64
}

// NewWindow makes an empty window of a reference.
func NewWindow(ref monitoring.Reference) *Window {
	w := &Window{ref: ref}
	for _, p := range ref.Profiles {
		w.profiles = append(w.profiles, monitoring.Profile{
			Column: p.Column, Kind: p.Kind, Edges: p.Edges, Labels: p.Labels,
			Bins: make([]int64, len(p.Bins)), Counts: make([]int64, len(p.Counts)), Min: math.Inf(1), Max: math.Inf(-1),
		})
		m := map[string]int{}
		for i, l := range p.Labels {
			m[l] = i
		}
		w.index = append(w.index, m)
	}
	return w
}

// Add counts rows.
func (w *Window) Add(rows []monitoring.Observation) {
	for i := range rows {
		w.rows++
		for k := range w.profiles {
			p := &w.profiles[k]
			if p.Column == Prediction {
				w.count(k, p, rows[i].Score)
			} else {
				w.count(k, p, rows[i].Features[p.Column])
			}
		}
	}
}

// Rows is how many were added.
func (w *Window) Rows() int64 { return w.rows }

func (w *Window) count(k int, p *monitoring.Profile, v any) {
	p.N++
	if p.Kind == "number" {
		x, ok := Number(v)
		if !ok {
			p.Nulls++
			return
		}
		p.Bins[bin(p.Edges, x)]++
		p.Min, p.Max = min(p.Min, x), max(p.Max, x)
		return
	}
	s, ok := Category(v)
	if !ok {
		p.Nulls++
		return
	}
	i, known := w.index[k][s]
	if !known {
		i = len(p.Labels)
	}
	p.Counts[i]++
}

// Compare compares every column with the reference. A column has drifted when its
// p-value, adjusted for the number of columns (Benjamini-Hochberg), is at most alpha
// and its PSI at least psi: the p-value alone is too eager on big windows, the
// distance alone too deaf on small ones.
func (w *Window) Compare(psi, alpha float64) []monitoring.Drift {
	out := make([]monitoring.Drift, len(w.profiles))
	p := make([]float64, len(w.profiles))
	for i := range w.profiles {
		out[i], p[i] = compare(w.ref.Profiles[i], w.profiles[i])
	}
	for i, adjusted := range stat.BenjaminiHochberg(p) {
		out[i].PValue = adjusted
		out[i].Drifted = adjusted <= alpha && out[i].Effect >= psi
	}
	return out
}

func compare(ref, cur monitoring.Profile) (monitoring.Drift, float64) {
	d := monitoring.Drift{Column: ref.Column, Kind: ref.Kind, Stats: map[string]float64{}}
	nulls := stat.Proportions(ref.Nulls, ref.N, cur.Nulls, cur.N)
	d.Stats["nulls"] = share(cur.Nulls, cur.N) - share(ref.Nulls, ref.N)
	var p float64
	if ref.Kind == "number" {
		p = compareNumber(&d, ref, cur)
	} else {
		p = compareCategory(&d, ref, cur)
	}
	d.Effect = d.Stats["psi"]
	if nulls < p { // two looks at one column
		p = nulls
	}
	return d, min(2*p, 1)
}

func compareCategory(d *monitoring.Drift, ref, cur monitoring.Profile) float64 {
	a, b := append(slices.Clone(ref.Counts), ref.Nulls), append(slices.Clone(cur.Counts), cur.Nulls)
	distances(d, a, b)
	chi2, p := stat.ChiSquare(a, b)
	d.Stats["chi2"], d.Stats["chi2_p"] = chi2, p
	labels := append(append([]string{}, ref.Labels...), "other", "missing")
	d.Reference, d.Current = top(labels, a, b)
	return p
}

// distances fills psi, js and hellinger from counts over the same bins.
func distances(d *monitoring.Drift, a, b []int64) {
	p, q := stat.Shares(a), stat.Shares(b)
	d.Stats["psi"], d.Stats["js"], d.Stats["hellinger"] = stat.PSI(p, q), stat.JS(p, q), stat.Hellinger(p, q)
}

// top keeps the ten largest bins of the reference for drawing.
func top(labels []string, a, b []int64) (ref, cur monitoring.Histogram) {
	pa, pb := stat.Shares(a), stat.Shares(b)
	var restA, restB float64
	for i, l := range labels {
		switch {
		case a[i] == 0 && b[i] == 0:
		case i < 10 || l == "missing":
			ref.Labels, ref.Shares = append(ref.Labels, l), append(ref.Shares, pa[i])
			cur.Shares = append(cur.Shares, pb[i])
		default:
			restA, restB = restA+pa[i], restB+pb[i]
		}
	}
	if restA+restB > 0 {
		ref.Labels, ref.Shares = append(ref.Labels, "other"), append(ref.Shares, restA)
		cur.Shares = append(cur.Shares, restB)
	}
	cur.Labels = ref.Labels
	return ref, cur
}

// coarse merges neighbouring fine bins until each holds a tenth of the reference, so
// that PSI does not measure the noise of hundreds of bins; it returns the index of
// each coarse bin's last fine bin.
func coarse(ref monitoring.Profile) []int {
	var n, in int64
	for _, c := range ref.Bins {
		n += c
	}
	var ends []int
	for i, c := range ref.Bins {
		if in += c; in*10 >= n && n > 0 {
			ends, in = append(ends, i), 0
		}
	}
	last := len(ref.Bins) - 1
	switch {
	case len(ends) == 0:
		return []int{last}
	case ends[len(ends)-1] == last:
		return ends
	case len(ends) > 1 && in*20 < n && in > 0: // a crumb joins its neighbour
		ends[len(ends)-1] = last
		return ends
	}
	return append(ends, last)
}

func merge(bins []int64, ends []int) []int64 {
	out := make([]int64, len(ends))
	k := 0
	for i, c := range bins {
		if i > ends[k] {
			k++
		}
		out[k] += c
	}
	return out
}

// compareNumber compares the fine bins (Kolmogorov-Smirnov, Wasserstein in standard
// deviations of the reference) and the coarse ones with the missing values (PSI,
// Jensen-Shannon, Hellinger).
func compareNumber(d *monitoring.Drift, ref, cur monitoring.Profile) float64 {
	ends := coarse(ref)
	a, b := append(merge(ref.Bins, ends), ref.Nulls), append(merge(cur.Bins, ends), cur.Nulls)
	distances(d, a, b)
	fineA, fineB := stat.Shares(ref.Bins), stat.Shares(cur.Bins)
	ks := stat.KSBins(fineA, fineB)
	p := stat.KSPValue(ks, ref.N-ref.Nulls, cur.N-cur.Nulls)
	d.Stats["ks"], d.Stats["ks_p"] = ks, p
	if cur.N > cur.Nulls && ref.Std > 0 {
		points := append(slices.Clone(ref.Edges), max(ref.Max, cur.Max))
		d.Stats["wasserstein"] = stat.WassersteinBins(points, fineA, fineB) / ref.Std
	}
	labels := append(ranges(ref, cur, ends), "missing")
	d.Reference = monitoring.Histogram{Labels: labels, Shares: stat.Shares(a)}
	d.Current = monitoring.Histogram{Labels: labels, Shares: stat.Shares(b)}
	return p
}

// ranges names the coarse bins: "30 – 41".
func ranges(ref, cur monitoring.Profile, ends []int) []string {
	out := make([]string, len(ends))
	from, highest := ref.Min, ref.Max
	if cur.N > cur.Nulls {
		from, highest = min(from, cur.Min), max(highest, cur.Max)
	}
	for i, end := range ends {
		to := highest
		if end < len(ref.Edges) && i < len(ends)-1 {
			to = ref.Edges[end]
		}
		out[i] = number(from) + " – " + number(to)
		from = to
	}
	return out
}

func number(x float64) string {
	if math.Abs(x) >= 1000 || x == math.Trunc(x) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return fmt.Sprintf("%.3g", x)
}

func share(k, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}
