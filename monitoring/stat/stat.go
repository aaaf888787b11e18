// Package stat computes the distances and tests by which two distributions are
// compared. p and q are shares over the same bins (they sum to one), a and b are
// counts. Sources: PSI as in credit scoring with empty bins floored; Jensen-Shannon
// as the square root of the divergence, natural logarithm; the Kolmogorov-Smirnov
// p-value by the limiting distribution at the effective size; chi-square with the
// reference scaled to the window's size.
package stat

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Floor is the share that an empty bin counts as in PSI.
const Floor = 1e-4

// PSI is the population stability index Σ (p−q)·ln(p/q), empty bins floored.
func PSI(p, q []float64) float64 {
	var s float64
	for i := range p {
		a, b := max(p[i], Floor), max(q[i], Floor)
		s += (a - b) * math.Log(a/b)
	}
	return s
}

// JS is the Jensen-Shannon distance, from 0 to √ln 2 ≈ 0.8326.
func JS(p, q []float64) float64 {
	var s float64
	for i := range p {
		m := (p[i] + q[i]) / 2
		s += half(p[i], m) + half(q[i], m)
	}
	return math.Sqrt(max(s/2, 0))
}

func half(x, m float64) float64 {
	if x == 0 {
		return 0
	}
	return x * math.Log(x/m)
}

// Hellinger is the Hellinger distance, from 0 to 1.
func Hellinger(p, q []float64) float64 {
	var s float64
	for i := range p {
		s += math.Sqrt(p[i] * q[i])
	}
	return math.Sqrt(max(1-s, 0))
}

// KSBins is the Kolmogorov-Smirnov distance of two binned distributions: the largest
// gap of the cumulative shares at the bin edges, a lower bound of the exact one that
// is off by at most the largest share inside one bin.
func KSBins(p, q []float64) float64 {
	var a, b, d float64
	for i := range p {
		a += p[i]
		b += q[i]
		d = max(d, math.Abs(a-b))
	}
	return d
}

// KS is the exact two-sample Kolmogorov-Smirnov distance; both samples are sorted in
// place.
func KS(x, y []float64) float64 {
	sort.Float64s(x)
	sort.Float64s(y)
	var i, j int
	var d float64
	for i < len(x) && j < len(y) {
		v := min(x[i], y[j])
		for i < len(x) && x[i] == v {
			i++
		}
		for j < len(y) && y[j] == v {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(x))-float64(j)/float64(len(y))))
	}
	return d
}

// KSPValue is the chance of a distance of at least d between samples of m and n from
// one distribution.
func KSPValue(d float64, m, n int64) float64 {
	if m == 0 || n == 0 {
		return 1
	}
	lambda := d * math.Sqrt(float64(m)*float64(n)/float64(m+n))
	if lambda < 0.2 {
		return 1 // the series below converges slowly; the value is 1 to 12 digits
	}
	var s float64
	for k := 1; k <= 100; k++ {
		term := math.Exp(-2 * float64(k*k) * lambda * lambda)
		if k%2 == 0 {
			term = -term
		}
		s += term
		if math.Abs(term) < 1e-18 {
			break
		}
	}
	return min(max(2*s, 0), 1)
}

// WassersteinBins is the first Wasserstein distance of two binned distributions whose
// mass sits at the given points (ascending).
func WassersteinBins(points, p, q []float64) float64 {
	var a, b, w float64
	for i := 0; i+1 < len(points); i++ {
		a += p[i]
		b += q[i]
		w += math.Abs(a-b) * (points[i+1] - points[i])
	}
	return w
}

// Wasserstein is the exact first Wasserstein distance of two samples, which are
// sorted in place.
func Wasserstein(x, y []float64) float64 {
	sort.Float64s(x)
	sort.Float64s(y)
	var i, j int
	var w float64
	prev := math.Min(x[0], y[0])
	for i < len(x) || j < len(y) {
		v := math.Inf(1)
		if i < len(x) {
			v = x[i]
		}
		if j < len(y) {
			v = min(v, y[j])
		}
		w += math.Abs(float64(i)/float64(len(x))-float64(j)/float64(len(y))) * (v - prev)
		for i < len(x) && x[i] == v {
			i++
		}
		for j < len(y) && y[j] == v {
			j++
		}
		prev = v
	}
	return w
}

// ChiSquare tests the window's counts b against the reference's a, scaled to the
// window's size. Bins that the reference lacks are expected with half an observation,
// so that one new category does not make the statistic infinite. p is 1 with fewer
// than two bins.
func ChiSquare(a, b []int64) (chi2, p float64) {
	var na, nb float64
	for i := range a {
		na += float64(a[i])
		nb += float64(b[i])
	}
	if na == 0 || nb == 0 {
		return 0, 1
	}
	df := -1.0
	for i := range a {
		if a[i] == 0 && b[i] == 0 {
			continue
		}
		expected := max(float64(a[i])*nb/na, 0.5)
		d := float64(b[i]) - expected
		chi2 += d * d / expected
		df++
	}
	if df < 1 {
		return chi2, 1
	}
	return chi2, distuv.ChiSquared{K: df}.Survival(chi2)
}

// Proportions tests whether a share k of n differs between two samples: the pooled
// two-proportion z test, two-sided.
func Proportions(k1, n1, k2, n2 int64) (p float64) {
	if n1 == 0 || n2 == 0 {
		return 1
	}
	a, b := float64(k1)/float64(n1), float64(k2)/float64(n2)
	pool := float64(k1+k2) / float64(n1+n2)
	se := math.Sqrt(pool * (1 - pool) * (1/float64(n1) + 1/float64(n2)))
	if se == 0 {
		return 1
	}
	return math.Erfc(math.Abs(a-b) / se / math.Sqrt2)
}

// BenjaminiHochberg returns the p-values adjusted for looking at all of them.
func BenjaminiHochberg(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return p[order[a]] < p[order[b]] })
	out := make([]float64, len(p))
	least := 1.0
	for i := len(order) - 1; i >= 0; i-- {
		least = min(least, p[order[i]]*float64(len(p))/float64(i+1))
		out[order[i]] = least
	}
	return out
}

// Shares turns counts into shares; all zero when there is nothing.
func Shares(counts []int64) []float64 {
	var n int64
	for _, c := range counts {
		n += c
	}
	out := make([]float64, len(counts))
	if n > 0 {
		for i, c := range counts {
			out[i] = float64(c) / float64(n)
		}
	}
	return out
}
